import type { ShowEvent } from '../allocator/events.ts';
import type { Folds } from './fold.ts';
import { endWithHold } from './fold-sales.ts';
import { orderRefunded } from './news.ts';
import type { OrderRow, RefundRow, TicketRow } from './rows.ts';
import { ProjectionFault, type ShowModel } from './show-model.ts';

/** Money that goes back, and shows that are called off. */
export const REFUNDS: Pick<
  Folds,
  'refunding' | 'refunding-all' | 'refunded' | 'refund-failed' | 'refund-returned' | 'disputed' | 'show-cancelled'
> = {
  refunding(model, event) {
    const order = model.order(event.order);
    const wanted = new Set(event.tickets);
    const tickets = model.ticketsOf(order).filter(({ number }) => wanted.has(number));
    if (tickets.length !== wanted.size)
      throw new ProjectionFault(`refund ${event.refund} is of tickets of other orders`);
    takeBack(model, event.refund, order, tickets, event.reason);
  },
  // The event names the orders only: of each all valid tickets go back.
  'refunding-all'(model, event) {
    for (const [i, number] of event.orders.entries()) {
      const order = model.order(number);
      const tickets = model.ticketsOf(order).filter(({ state }) => state === 'valid');
      takeBack(model, event.refund + i, order, tickets, null);
    }
  },
  refunded(model, event) {
    end(model, model.refund(event.refund), 'done');
  },
  'refund-failed'(model, event) {
    const refund = model.refund(event.refund);
    refund.reason = event.reason;
    end(model, refund, 'failed');
  },
  'refund-returned'(model, event) {
    for (const number of event.refunds) end(model, model.refund(number), 'due');
  },
  disputed,
  'show-cancelled'(model, event) {
    model.projection.cancelled_at = model.projection.at;
    model.projection.cancel_reason = event.reason;
    for (const hold of event.holds) endWithHold(model, hold, 'cancelled', event.reason);
  },
};

function takeBack(
  model: ShowModel,
  number: number,
  order: OrderRow,
  tickets: readonly TicketRow[],
  reason: string | null,
): void {
  let amount = 0;
  for (const ticket of tickets) {
    ticket.state = 'refunded';
    ticket.refund_number = number;
    amount += ticket.price;
    model.addSales(ticket.category, { returned: 1, refunded: ticket.price });
  }
  model.changed(order);
  const { at } = model.projection;
  const refund: RefundRow = { number, order_number: order.number, made_at: at, amount, state: 'due', reason };
  model.setRefund(refund);
  // Of a free order nothing is owed.
  if (amount === 0) end(model, refund, 'done');
}

function end(model: ShowModel, refund: RefundRow, state: RefundRow['state']): void {
  refund.state = state;
  model.setRefund(refund);
  if (state === 'done') orderRefunded(model, refund);
}

/** See `applyDisputed` of the allocator. */
function disputed(model: ShowModel, event: Extract<ShowEvent, { type: 'disputed' }>): void {
  const order = model.order(event.order);
  const known = order.disputes.find(({ id }) => id === event.dispute);
  if (known === undefined) order.disputes.push({ id: event.dispute, status: event.status });
  else known.status = event.status;
  model.changed(order);
  const tickets = model.ticketsOf(order);
  if (event.status === 'open') {
    for (const ticket of tickets) if (ticket.state === 'valid') ticket.state = 'suspended';
  } else if (event.status === 'won') {
    if (order.disputes.some(({ status }) => status === 'open')) return;
    for (const ticket of tickets) if (ticket.state === 'suspended') ticket.state = 'valid';
  } else {
    for (const ticket of tickets) {
      if (ticket.state !== 'valid' && ticket.state !== 'suspended') continue;
      ticket.state = 'void';
      model.addSales(ticket.category, { returned: 1, lost: ticket.price });
    }
  }
}
