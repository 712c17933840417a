import { endListing } from './apply-moves.ts';
import { endHold, endTicket, endUnpaid } from './apply-places.ts';
import type { DisputeStatus } from './commands.ts';
import { HOLD } from './holds.ts';
import { ensure } from './invariants.ts';
import { ORDER } from './orders.ts';
import { REFUND } from './refunds.ts';
import { type Dispute, SEAT, type Show } from './show.ts';
import { OWNED, TICKET } from './tickets.ts';

/** Takes tickets of one paid order back, whoever has them, frees their places, and owes their price. */
export function applyRefunding(
  show: Show,
  refund: number,
  order: number,
  tickets: readonly number[],
  amount: number,
  reason: string | null,
  at: number,
): void {
  const { refunds, orders } = show;
  ensure(refund === refunds.count + 1, 'I2', () => `refund ${refund} is not the next, ${refunds.count + 1}`);
  ensure(orders.state[order] === ORDER.paid, 'I10', () => `order ${order} is refunded, but was not paid`);
  let price = 0;
  for (const ticket of tickets) {
    ensure(
      show.tickets.order[ticket] === order && OWNED.includes(show.tickets.state[ticket]),
      'I10',
      () => `refund ${refund} takes ticket ${ticket} back, which is no valid one of order ${order}`,
    );
    price += show.tickets.price[ticket];
    endTicket(show, ticket, TICKET.refunded, at);
    refunds.ofTicket.set(ticket, refund);
  }
  ensure(price === amount, 'I10', () => `refund ${refund} owes ${amount} for tickets of ${price}`);
  refunds.add(at, order, amount);
  if (reason !== null) refunds.reasons.set(refund, reason);
  // Or the show's own refunds would come to it again, with nothing to give back.
  if (!show.isToRefund(order)) show.toRefund.delete(order);
  // Of a free order nothing is owed.
  if (amount === 0) refunds.end(refund, REFUND.done);
}

/** One refund for each of these orders of a cancelled show, of all its tickets that are somebody's. */
export function applyRefundingAll(show: Show, first: number, orders: readonly number[], at: number): void {
  for (const [i, order] of orders.entries()) {
    ensure(show.toRefund.has(order), 'I10', () => `order ${order} is not to be refunded`);
    const tickets = show.ticketsOf(order, ...OWNED);
    const amount = tickets.reduce((sum, ticket) => sum + show.tickets.price[ticket], 0);
    applyRefunding(show, first + i, order, tickets, amount, null, at);
  }
}

export function endRefund(show: Show, refund: number, state: number): void {
  const { refunds } = show;
  ensure(
    refunds.has(refund) && refunds.state[refund] === REFUND.due,
    'I10',
    () => `refund ${refund} ends, but is not due`,
  );
  refunds.end(refund, state);
}

export function returnRefund(show: Show, refund: number): void {
  const { refunds } = show;
  ensure(
    refunds.has(refund) && refunds.state[refund] === REFUND.done,
    'I10',
    () => `refund ${refund} comes back, but was not given`,
  );
  refunds.comeBack(refund);
}

/**
 * While a dispute is open nobody gets in with the order's tickets, and what of them is offered or listed is so no more; only
 * a listed seat that a buyer has by now stays theirs. When the last is won, they are valid again; one that is lost makes the
 * money the buyer's, and the places free.
 */
export function applyDisputed(show: Show, order: number, dispute: string, status: DisputeStatus, at: number): void {
  const { tickets, moves } = show;
  const disputes = noteDispute(show, order, { id: dispute, status });
  if (status === 'open') {
    for (const ticket of show.ticketsOf(order, ...OWNED)) {
      if (tickets.state[ticket] !== TICKET.listed) tickets.invalidate(ticket, TICKET.suspended, at);
      else if (show.status[tickets.seat[ticket]] === SEAT.listed) endListing(show, ticket, TICKET.suspended);
      moves.offers.delete(ticket);
    }
    show.toRefund.delete(order);
  } else if (status === 'won') {
    if (disputes.some((one) => one.status === 'open')) return;
    for (const ticket of show.ticketsOf(order, TICKET.suspended)) tickets.validate(ticket);
    if (show.cancelled !== null && show.isToRefund(order)) show.toRefund.add(order);
  } else {
    for (const ticket of show.ticketsOf(order, TICKET.suspended, ...OWNED)) endTicket(show, ticket, TICKET.void, at);
    show.toRefund.delete(order);
  }
}

/** All the order's disputes with this one, where it first stood. */
function noteDispute(show: Show, order: number, dispute: Dispute): readonly Dispute[] {
  const before = show.disputes.get(order) ?? [];
  const known = before.findIndex(({ id }) => id === dispute.id);
  const disputes = known < 0 ? [...before, dispute] : before.with(known, dispute);
  show.disputes.set(order, disputes);
  return disputes;
}

/** Everything that is live ends; what is paid is to be refunded, what is committed once it is paid. */
export function applyShowCancelled(show: Show, holds: readonly number[], reason: string, at: number): void {
  ensure(show.cancelled === null, 'I2', () => 'the show is cancelled twice');
  for (const hold of holds) {
    const place = show.holds.place(hold);
    ensure(place >= 0 && show.holds.isLive(place), 'I9', () => `hold ${hold} ends with the show, but is not live`);
    const order = show.holds.order[place];
    if (order === 0) {
      endHold(show, hold, place, HOLD.released);
      continue;
    }
    endUnpaid(show, order, ORDER.cancelled, HOLD.released);
    show.orders.reasons.set(order, reason);
  }
  show.cancelled = { at, reason };
  show.findOrdersToRefund();
}
