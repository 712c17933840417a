import type { ShowEvent } from '../allocator/events.ts';
import type { Folds } from './fold.ts';
import { endListing, unlist } from './fold-moves.ts';
import { endRefund, owe } from './fold-owed.ts';
import { endWithHold } from './fold-sales.ts';
import type { OrderRow, TicketRow, TicketState } from './rows.ts';
import { ProjectionFault, type ShowModel } from './show-model.ts';

/** Tickets that are somebody's, see the allocator's. */
const OWNED: readonly TicketState[] = ['valid', 'offered', 'listed'];

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
  // The event names the orders only: of each all tickets that are somebody's go back.
  'refunding-all'(model, event) {
    for (const [i, number] of event.orders.entries()) {
      const order = model.order(number);
      const tickets = model.ticketsOf(order).filter(({ state }) => OWNED.includes(state));
      takeBack(model, event.refund + i, order, tickets, null);
    }
  },
  refunded(model, event) {
    endRefund(model, model.refund(event.refund), 'done');
  },
  'refund-failed'(model, event) {
    const refund = model.refund(event.refund);
    refund.reason = event.reason;
    endRefund(model, refund, 'failed');
  },
  'refund-returned'(model, event) {
    for (const number of event.refunds) endRefund(model, model.refund(number), 'due');
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
    if (ticket.state === 'listed') endListing(model, ticket);
    ticket.state = 'refunded';
    ticket.refund_number = number;
    amount += ticket.price;
    model.addSales(ticket.category, { returned: 1, refunded: ticket.price });
  }
  model.changed(order);
  const { at } = model.projection;
  owe(model, { number, order_number: order.number, made_at: at, amount, state: 'due', reason });
}

/** See `applyDisputed` of the allocator. */
function disputed(model: ShowModel, event: Extract<ShowEvent, { type: 'disputed' }>): void {
  const order = model.order(event.order);
  const isLost = order.disputes.some(({ status }) => status === 'lost');
  const known = order.disputes.find(({ id }) => id === event.dispute);
  if (known === undefined) order.disputes.push({ id: event.dispute, status: event.status });
  else known.status = event.status;
  model.changed(order);
  const tickets = model.ticketsOf(order);
  if (event.status === 'open') {
    for (const ticket of tickets) {
      // A buyer who has it keeps it.
      if (OWNED.includes(ticket.state) && ticket.taken_by === null) unlist(ticket, 'suspended');
    }
  } else if (event.status === 'won') {
    if (order.disputes.some(({ status }) => status === 'open')) return;
    for (const ticket of tickets) if (ticket.state === 'suspended') ticket.state = 'valid';
  } else {
    for (const ticket of tickets) {
      if (ticket.state === 'suspended' || OWNED.includes(ticket.state)) {
        if (ticket.state === 'listed') endListing(model, ticket);
        ticket.state = 'void';
        model.addSales(ticket.category, { returned: 1, lost: ticket.price });
      } else if (ticket.state === 'void' && ticket.refund_number !== null && !isLost) {
        // Resold: what it brought less than it had cost was not given back yet.
        model.addSales(ticket.category, { lost: ticket.price - (ticket.list_price ?? 0) });
      }
    }
  }
}
