import { Gauge, type Registry } from 'prom-client';
import type { DeliveryFigures } from '../webhooks/deliverer.ts';

/** Adds what the node counts of the webhooks that it sends to the metrics; read when they are scraped. */
export function registerDeliveryMetrics(registry: Registry, figures: () => DeliveryFigures): void {
  const gauge = (name: string, help: string, value: (of: DeliveryFigures) => number): void => {
    const metric: Gauge = new Gauge({ name, help, registers: [registry], collect: () => metric.set(value(figures())) });
  };
  gauge('usher_deliveries_delivered_total', "Webhooks that organisers' systems took", ({ delivered }) => delivered);
  gauge('usher_deliveries_failed_total', 'Attempts that failed', ({ failed }) => failed);
  gauge('usher_deliveries_given_up_total', 'Webhooks that are not tried any more', ({ givenUp }) => givenUp);
  gauge('usher_deliveries_disabled_total', 'Endpoints that were disabled', ({ disabled }) => disabled);
  gauge(
    'usher_deliveries_oldest_seconds',
    'How long the oldest webhook of the cluster waits, those included that are tried again',
    ({ oldestMs }) => oldestMs / 1_000,
  );
}
