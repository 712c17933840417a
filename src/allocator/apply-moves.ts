import { setSeat } from './apply-places.ts';
import type { Resale, ShowEvent } from './events.ts';
import { ensure } from './invariants.ts';
import { REFUND } from './refunds.ts';
import { resalesOf } from './resales.ts';
import { SEAT, type Show } from './show.ts';
import { TICKET } from './tickets.ts';

type EventOf<T extends ShowEvent['type']> = Extract<ShowEvent, { type: T }>;

/** The ticket, which has to be in this state. */
function ticketIn(show: Show, ticket: number, state: number): number {
  const { tickets } = show;
  ensure(
    tickets.has(ticket) && tickets.state[ticket] === state,
    'I11',
    () => `ticket ${ticket} moves in state ${tickets.state[ticket]}, not ${state}`,
  );
  return ticket;
}

/** A valid ticket ends, and another of its order takes its place: offered, still its sender's. */
export function applyTransferred(show: Show, event: EventOf<'transferred'>, at: number): void {
  const { tickets, moves, orders } = show;
  const old = ticketIn(show, event.ticket, TICKET.valid);
  const order = tickets.order[old];
  const seat = tickets.seat[old];
  const holder = show.holderOf(old);
  const ticket = tickets.add(order, seat, tickets.price[old]);
  ensure(ticket === event.to, 'I2', () => `ticket ${event.to} is not the next, ${ticket}`);
  tickets.invalidate(old, TICKET.transferred, at);
  tickets.state[ticket] = TICKET.offered;
  tickets.invalidSince.set(ticket, 0);
  moves.follow(old, ticket);
  moves.hand(ticket, holder, holder === orders.buyer[order]);
  moves.offers.set(ticket, event.address);
  if (seat < 0) return;
  ensure(
    show.status[seat] === SEAT.sold && show.claim[seat] === old,
    'I1',
    () => `ticket ${old} hands seat ${seat} on, which it does not own`,
  );
  setSeat(show, seat, SEAT.sold, ticket);
}

export function applyTransferAccepted(show: Show, { ticket, buyer }: EventOf<'transfer-accepted'>): void {
  const { buyers, moves, orders, tickets } = show;
  ticketIn(show, ticket, TICKET.offered);
  const receiver = buyers.meet(buyer);
  buyers.places[show.holderOf(ticket)]--;
  buyers.places[receiver]++;
  moves.hand(ticket, receiver, receiver === orders.buyer[tickets.order[ticket]]);
  moves.offers.delete(ticket);
  tickets.validate(ticket);
}

/** Withdrawn or declined: the ticket is the sender's. */
export function applyTransferEnded(show: Show, ticket: number): void {
  show.tickets.validate(ticketIn(show, ticket, TICKET.offered));
  show.moves.offers.delete(ticket);
}

export function applyListed(show: Show, { ticket, price }: EventOf<'listed'>, at: number): void {
  const { tickets, moves } = show;
  const seat = tickets.seat[ticketIn(show, ticket, TICKET.valid)];
  ensure(price <= tickets.price[ticket], 'I11', () => `ticket ${ticket} is listed above what was paid for it`);
  ensure(
    seat >= 0 && show.status[seat] === SEAT.sold && show.claim[seat] === ticket && !moves.listings.has(seat),
    'I1',
    () => `ticket ${ticket} lists seat ${seat}, which it does not own`,
  );
  tickets.invalidate(ticket, TICKET.listed, at);
  moves.listings.set(seat, { ticket, price });
  setSeat(show, seat, SEAT.listed, ticket);
}

/** The listing of a seat that no buyer has ends: the ticket is its owner's, valid or suspended. */
export function endListing(show: Show, ticket: number, state: typeof TICKET.valid | typeof TICKET.suspended): void {
  const seat = show.tickets.seat[ticketIn(show, ticket, TICKET.listed)];
  ensure(
    show.status[seat] === SEAT.listed && show.claim[seat] === ticket,
    'I1',
    () => `ticket ${ticket} withdraws seat ${seat}, which a buyer has`,
  );
  show.moves.listings.delete(seat);
  if (state === TICKET.valid) show.tickets.validate(ticket);
  else show.tickets.state[ticket] = state;
  setSeat(show, seat, SEAT.sold, ticket);
}

/**
 * The order is paid: what it bought from sellers is its buyer's alone. Their tickets are void in this very turn, and what
 * the buyer paid for them is owed to them.
 */
export function applyResales(show: Show, order: number, resales: readonly Resale[], at: number): void {
  const due = resalesOf(show, order);
  ensure(
    due.length === resales.length && due.every((one, i) => isSame(one, resales[i])),
    'I11',
    () => `order ${order} resells ${JSON.stringify(resales)}, not ${JSON.stringify(due)}`,
  );
  for (const resale of resales) applyResale(show, resale, at);
}

function applyResale(show: Show, { ticket, refund, amount }: Resale, at: number): void {
  const { tickets, moves, refunds, buyers, orders } = show;
  const order = tickets.order[ticketIn(show, ticket, TICKET.listed)];
  ensure(amount <= tickets.price[ticket], 'I11', () => `ticket ${ticket} is resold above what was paid for it`);
  ensure(refund === refunds.count + 1, 'I2', () => `refund ${refund} is not the next, ${refunds.count + 1}`);
  let given = amount;
  for (const before of refunds.of(order)) given += refunds.amount[before];
  ensure(given <= orders.total[order], 'I10', () => `order ${order} is refunded ${given} of ${orders.total[order]}`);
  tickets.state[ticket] = TICKET.void;
  buyers.places[show.holderOf(ticket)]--;
  moves.listings.delete(tickets.seat[ticket]);
  refunds.ofTicket.set(ticket, refund);
  refunds.add(at, order, amount);
  if (!show.isToRefund(order)) show.toRefund.delete(order);
  if (amount === 0) refunds.end(refund, REFUND.done);
}

function isSame(one: Resale, other: Resale): boolean {
  return one.ticket === other.ticket && one.refund === other.refund && one.amount === other.amount;
}
