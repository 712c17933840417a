import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { registerSettlementMetrics } from '../../src/http/settlement-metrics.ts';
import { registerWebhookMetrics } from '../../src/http/webhook-metrics.ts';

/** The metrics of a registry as a scrape reads them, without what explains them. */
async function scraped(registry: Registry): Promise<string[]> {
  return (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

test('settlement tells what waits, for how many seconds, and what people have to give back', async () => {
  const registry = new Registry();
  const settlement = { pending: 3, oldestMs: 90_500, failedRefunds: 1 };
  registerSettlementMetrics(registry, settlement);
  expect(await scraped(registry)).toEqual([
    'usher_settlement_waiting 3',
    'usher_settlement_oldest_seconds 90.5',
    'usher_refunds_failed_total 1',
  ]);
  settlement.pending = 0;
  expect(await scraped(registry)).toContain('usher_settlement_waiting 0');
});

test("the inbox of the provider's events tells each of its figures under a name of its own", async () => {
  const registry = new Registry();
  registerWebhookMetrics(registry, () => ({
    ...{ stored: 1, duplicates: 2, refused: 3, missed: 4, processed: 5, failed: 6, givenUp: 7 },
    backlogMs: 9_500,
  }));
  expect(await scraped(registry)).toEqual([
    'usher_webhooks_stored_total 1',
    'usher_webhooks_duplicate_total 2',
    'usher_webhooks_refused_total 3',
    'usher_webhooks_missed_total 4',
    'usher_webhooks_processed_total 5',
    'usher_webhooks_failed_total 6',
    'usher_webhooks_given_up_total 7',
    'usher_webhooks_backlog_seconds 9.5',
  ]);
});
