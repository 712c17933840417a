import { Gauge, type Registry } from 'prom-client';
import type { Settlement } from '../payments/settlement.ts';

type Figures = Pick<Settlement, 'pending' | 'oldestMs' | 'failedRefunds'>;

/** Adds what is known of settlement in the background to the metrics; read when they are scraped. */
export function registerSettlementMetrics(registry: Registry, settlement: Figures): void {
  const gauge = (name: string, help: string, value: () => number): void => {
    const metric: Gauge = new Gauge({ name, help, registers: [registry], collect: () => metric.set(value()) });
  };
  gauge('usher_settlement_waiting', 'Orders that settlement works on or is to repeat', () => settlement.pending);
  gauge(
    'usher_settlement_oldest_seconds',
    'How long the oldest of these orders has been with this node',
    () => settlement.oldestMs / 1_000,
  );
  gauge(
    'usher_refunds_failed_total',
    'Times that the payment provider could not give money back, for people to see to',
    () => settlement.failedRefunds,
  );
}
