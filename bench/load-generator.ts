/**
 * A process of its own that puts a load on a server and reports what it saw. Forked by `load-process.ts`: takes one
 * {@link LoadOrder} over IPC, answers with one {@link LoadReport} and ends.
 *
 * Closed loop: each connection sends its next request when the last is answered. All randomness comes from the seed,
 * and requests are dealt from one sequence, so every subject is asked the same in the same order.
 */

import type { DoorLoadOrder, DoorLoadReport } from './door-load.ts';
import { runDoorLoad } from './door-load.ts';
import type { HoldLoadOrder, HoldLoadReport } from './hold-load.ts';
import { runHoldLoad } from './hold-load.ts';
import type { SaleLoadOrder, SaleLoadReport } from './sale-load.ts';
import { runSaleLoad } from './sale-load.ts';
import type { WebhookLoadOrder, WebhookLoadReport } from './webhook-load.ts';
import { runWebhookLoad } from './webhook-load.ts';

export type LoadOrder = HoldLoadOrder | SaleLoadOrder | WebhookLoadOrder | DoorLoadOrder;
export type LoadReport = HoldLoadReport | SaleLoadReport | WebhookLoadReport | DoorLoadReport;

type Outcome = { readonly report: LoadReport } | { readonly error: string };

function load(order: LoadOrder): Promise<LoadReport> {
  switch (order.kind) {
    case 'holds':
      return runHoldLoad(order);
    case 'sale':
      return runSaleLoad(order);
    case 'webhooks':
      return runWebhookLoad(order);
    case 'doors':
      return runDoorLoad(order);
  }
}

async function run(order: LoadOrder): Promise<Outcome> {
  try {
    return { report: await load(order) };
  } catch (error) {
    return { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

process.once('message', async (order: LoadOrder) => {
  const outcome = await run(order);
  process.send?.(outcome, undefined, undefined, () => process.disconnect?.());
});
// The bench has ended, however: so do we.
process.once('disconnect', () => process.exit());
