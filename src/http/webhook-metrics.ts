import { Gauge, type Registry } from 'prom-client';
import type { WebhookFigures } from '../payments/webhooks/webhooks.ts';

/** Adds what the node counts of the payment provider's events to the metrics; read when they are scraped. */
export function registerWebhookMetrics(registry: Registry, figures: () => WebhookFigures): void {
  const gauge = (name: string, help: string, value: (figures: WebhookFigures) => number): void => {
    const metric: Gauge = new Gauge({ name, help, registers: [registry], collect: () => metric.set(value(figures())) });
  };
  gauge('usher_webhooks_stored_total', 'Events that webhooks brought', (now) => now.stored);
  gauge('usher_webhooks_duplicate_total', 'Webhooks that brought an event again', (now) => now.duplicates);
  gauge('usher_webhooks_refused_total', 'Webhooks that the provider had not signed', (now) => now.refused);
  gauge('usher_webhooks_missed_total', "Events that only the provider's list brought", (now) => now.missed);
  gauge('usher_webhooks_processed_total', 'Events processed', (now) => now.processed);
  gauge('usher_webhooks_failed_total', 'Attempts at events that are to be repeated', (now) => now.failed);
  gauge('usher_webhooks_given_up_total', 'Events given up, for people to see to', (now) => now.givenUp);
  gauge(
    'usher_webhooks_backlog_seconds',
    'How long the oldest event of the cluster has waited to be processed',
    (now) => now.backlogMs / 1_000,
  );
}
