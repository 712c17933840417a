import type { Resale } from './events.ts';
import type { Listing } from './moves.ts';
import { SEAT, type Show } from './show.ts';
import { TICKET } from './tickets.ts';

/** The listing of a seat that somebody sells; undefined if the seat is the organiser's to sell, or nobody's. */
export function sellerOf(show: Show, seat: number): Listing | undefined {
  const listing = show.moves.listings.get(seat);
  return listing === undefined || listing.ticket === 0 ? undefined : listing;
}

/** The resales that are done once this order is paid: what its sellers are owed, by refunds from the next number on. */
export function resalesOf(show: Show, order: number): readonly Resale[] {
  const { orders, tickets, moves, refunds } = show;
  if (moves.boughtFrom.size === 0) return NONE;
  const resales: Resale[] = [];
  const end = orders.firstTicket[order] + orders.quantity[order];
  for (let ticket = orders.firstTicket[order]; ticket < end; ticket++) {
    const seat = tickets.seat[ticket];
    const from = moves.boughtFrom.get(ticket);
    if (from === undefined || seat < 0 || moves.listings.get(seat)?.ticket !== from) continue;
    resales.push({ ticket: from, refund: refunds.count + 1 + resales.length, amount: tickets.price[ticket] });
  }
  return resales;
}

const NONE: readonly Resale[] = [];

/** Whether the line of an expired order that bought from a seller can be had again: from the same one, for the same price. */
export function isStillListed(show: Show, line: number, from: number): boolean {
  const seat = show.tickets.seat[line];
  const listing = show.moves.listings.get(seat);
  return show.status[seat] === SEAT.listed && listing?.ticket === from && listing.price === show.tickets.price[line];
}

/**
 * What sellers had paid above what they sold for: it stays with the organiser, unless the seller's bank has taken all that
 * was left of the payment back.
 */
export function keptFromResales(show: Show): number {
  const { refunds, tickets, disputes } = show;
  let kept = 0;
  for (const [ticket, refund] of refunds.ofTicket) {
    const isWithdrawn = disputes.get(tickets.order[ticket])?.some(({ status }) => status !== 'won') === true;
    if (tickets.state[ticket] === TICKET.void && !isWithdrawn) kept += tickets.price[ticket] - refunds.amount[refund];
  }
  return kept;
}
