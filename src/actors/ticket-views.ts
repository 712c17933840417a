import type { Question } from '../allocator/commands.ts';
import type { ShowEvent } from '../allocator/events.ts';
import { SEAT, type Show } from '../allocator/show.ts';
import { TICKET } from '../allocator/tickets.ts';
import { scopedId } from '../ids.ts';
import { rfc3339 } from '../rfc3339.ts';
import { money } from './hold-views.ts';
import { isPaid, ordersOf, seatName } from './order-views.ts';
import type { Listed, ListingView, TicketStatus, TicketView } from './shows.ts';

/** Tickets as those see them who have, had, or are offered them; and what is for resale. */

const STATUS: Readonly<Record<number, TicketStatus>> = {
  [TICKET.valid]: 'valid',
  [TICKET.void]: 'void',
  [TICKET.refunded]: 'refunded',
  [TICKET.suspended]: 'suspended',
  [TICKET.offered]: 'offered',
  [TICKET.listed]: 'listed',
  [TICKET.transferred]: 'transferred',
};

export function ticketStatus({ doors, tickets }: Show, ticket: number): TicketStatus {
  const state = tickets.state[ticket];
  return state === TICKET.valid && doors.admissionOf(ticket) > 0 ? 'used' : STATUS[state];
}

/** The ticket as whoever sees all of the show sees it: also who came in where. */
export function wholeTicketView(show: Show, ticket: number): TicketView {
  const view = ticketView(show, ticket, true);
  return view.status === 'used' ? { ...view, ...admissionOf(show, ticket) } : view;
}

function admissionOf({ doors }: Show, ticket: number): Pick<TicketView, 'admittedAt' | 'gate'> {
  const admission = doors.admissionOf(ticket);
  const gate = doors.gateName(admission);
  return { admittedAt: rfc3339(doors.at[admission]), ...(gate === '' ? {} : { gate }) };
}

/** @param isPayer whether whoever looks may know of its order. */
export function ticketView(show: Show, ticket: number, isPayer: boolean): TicketView {
  const status = ticketStatus(show, ticket);
  const listing = status === 'listed' ? show.moves.listings.get(show.tickets.seat[ticket]) : undefined;
  return viewOf(show, ticket, isPayer, status, listing?.price);
}

function viewOf(show: Show, ticket: number, isPayer: boolean, status: TicketStatus, listedFor?: number): TicketView {
  const { orders, tickets } = show;
  const order = tickets.order[ticket];
  return {
    id: scopedId('tkt', orders.at[order], show.id, ticket),
    showId: show.id,
    ...(isPayer ? { orderId: scopedId('ord', orders.at[order], show.id, order) } : {}),
    seat: seatName(show, tickets.seat[ticket]),
    price: money(show, tickets.price[ticket]),
    status,
    ...(listedFor === undefined ? {} : { listing: { price: money(show, listedFor) } }),
  };
}

/** The ticket as its owner sees it: who got it by a transfer sees nothing of the order. */
export function ownTicketView(show: Show, ticket: number): TicketView {
  return ticketView(show, ticket, !show.moves.holders.has(ticket));
}

/** The new ticket as the transfer made it. Whose the old one was does not change any more. */
export function transferredView(show: Show, { ticket, to }: Extract<ShowEvent, { type: 'transferred' }>): TicketView {
  return viewOf(show, to, !show.moves.holders.has(ticket), 'offered');
}

/** The ticket as it was when it was listed: by whoever paid for it. */
export function listedView(show: Show, { ticket, price }: Extract<ShowEvent, { type: 'listed' }>): TicketView {
  return viewOf(show, ticket, true, 'listed', price);
}

/** A page of these tickets. */
function page<T>(
  found: readonly number[],
  { offset, limit }: { readonly offset: number; readonly limit: number },
  view: (one: number) => T,
): Listed<T> {
  return { total: found.length, items: found.slice(offset, offset + limit).map(view) };
}

type ListTickets = Extract<Question, { type: 'list-tickets' }>;

export function ticketsFor(show: Show, question: ListTickets): Listed<TicketView> {
  const { viewer } = question;
  const found: number[] = [];
  if (viewer.all) {
    for (let ticket = show.tickets.count; ticket >= 1; ticket--)
      if (isPaid(show, show.tickets.order[ticket])) found.push(ticket);
    return page(found, question, (ticket) => wholeTicketView(show, ticket));
  }
  const buyer = show.buyers.find(viewer.user);
  for (const order of ordersOf(show, viewer.user)) {
    if (isPaid(show, order)) for (const ticket of linesOf(show, order)) found.push(ticket);
  }
  found.push(...show.moves.receivedBy(buyer));
  const own = found.filter((ticket) => show.holderOf(ticket) === buyer);
  const { order } = show.tickets;
  // The newest order first, and what took the place of its tickets after them.
  own.sort((a, b) => order[b] - order[a] || a - b);
  return page(own, question, (ticket) => ownTicketView(show, ticket));
}

/** The order's tickets, each line followed by what took its place. */
function* linesOf(show: Show, order: number): IterableIterator<number> {
  const first = show.orders.firstTicket[order];
  for (let line = first; line < first + show.orders.quantity[order]; line++) {
    for (let ticket: number | undefined = line; ticket !== undefined; ticket = show.moves.successors.get(ticket))
      yield ticket;
  }
}

/** What is offered to whoever has the address. */
export function offersTo(show: Show, question: Extract<Question, { type: 'list-offers' }>): Listed<TicketView> {
  const found: number[] = [];
  for (const [ticket, address] of show.moves.offers) if (address === question.address) found.push(ticket);
  return page(found.reverse(), question, (ticket) => ticketView(show, ticket, false));
}

/** What can be bought from sellers at this time, cheapest first: nothing while the show is not on sale. */
export function listingsOf(
  show: Show,
  question: Extract<Question, { type: 'list-listings' }>,
  at: number,
): Listed<ListingView> {
  const { moves, status } = show;
  const priceOf = (seat: number): number => moves.listings.get(seat)?.price ?? 0;
  const isOpen = show.isOnSale(at);
  const seats = [...moves.listings.keys()].filter((seat) => isOpen && status[seat] === SEAT.listed);
  seats.sort((a, b) => priceOf(a) - priceOf(b) || a - b);
  return page(seats, question, (seat) => ({ seat: seatName(show, seat), price: money(show, priceOf(seat)) }));
}
