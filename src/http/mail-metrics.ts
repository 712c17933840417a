import { Gauge, type Registry } from 'prom-client';
import type { MailFigures } from '../mail/mailer.ts';

/** Adds what the node counts of mail to the metrics; read when they are scraped. */
export function registerMailMetrics(registry: Registry, figures: () => MailFigures): void {
  const gauge = (name: string, help: string, value: (of: MailFigures) => number): void => {
    const metric: Gauge = new Gauge({ name, help, registers: [registry], collect: () => metric.set(value(figures())) });
  };
  gauge('usher_mail_sent_total', 'Mails sent', ({ sent }) => sent);
  gauge('usher_mail_failed_total', 'Attempts to send a mail that failed and are repeated', ({ failed }) => failed);
  gauge('usher_mail_given_up_total', 'Mails that are not sent at all', ({ givenUp }) => givenUp);
  gauge(
    'usher_mail_oldest_seconds',
    'How long the oldest mail of the cluster waits that the mail server has not refused',
    ({ oldestMs }) => oldestMs / 1_000,
  );
}
