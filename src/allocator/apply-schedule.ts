import type { Rescheduled } from './events.ts';
import { ensure } from './invariants.ts';
import type { Show } from './show.ts';

export function applyRescheduled(show: Show, { onSaleAt, offSaleAt, publishAt }: Rescheduled): void {
  ensure(onSaleAt < offSaleAt, 'I7', () => `the sale of ${show.id} is to end at ${offSaleAt}, before it begins`);
  const { terms } = show;
  show.terms = {
    ...terms,
    onSaleAt,
    offSaleAt,
    ...(publishAt === undefined ? undefined : { publishAt }),
    revision: (terms.revision ?? 0) + 1,
  };
}
