import { orderRefunded } from './news.ts';
import type { RefundRow } from './rows.ts';
import type { ShowModel } from './show-model.ts';

/** From now on this refund is due; one of nothing is done at once. */
export function owe(model: ShowModel, refund: RefundRow): void {
  model.setRefund(refund);
  if (refund.amount === 0) endRefund(model, refund, 'done');
}

export function endRefund(model: ShowModel, refund: RefundRow, state: RefundRow['state']): void {
  refund.state = state;
  model.setRefund(refund);
  if (state === 'done') orderRefunded(model, refund);
}
