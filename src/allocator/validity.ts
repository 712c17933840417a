import type { Show } from './show.ts';
import { TICKET } from './tickets.ts';

/** Whether a ticket can be used, could be at a time, and for which place: what the doors ask. */

/**
 * Whether a ticket could be used at that time (ms). One that is valid could: while it was offered or listed in between,
 * nobody else had its place. One that is not could before it ceased to be.
 */
export function wasValid({ tickets, refunds }: Show, ticket: number, at: number): boolean {
  const state = tickets.state[ticket];
  if (state === TICKET.valid) return true;
  const refund = state === TICKET.refunded ? refunds.ofTicket.get(ticket) : undefined;
  const since = refund === undefined ? tickets.invalidSince.get(ticket) : refunds.at[refund];
  return since !== undefined && at < since;
}

/** What all tickets that are, or were, for the same place have in common: a seat, or of an area the first of a transfer. */
export function placeAtDoor({ tickets, moves }: Show, ticket: number): number {
  const seat = tickets.seat[ticket];
  if (seat >= 0) return seat;
  let first = ticket;
  for (let before = moves.predecessorOf(first); before !== undefined; before = moves.predecessorOf(first))
    first = before;
  return -first;
}

/**
 * The entry with which somebody came in by this ticket, or by one of the same place whose right was passed on (transferred
 * or resold): a right that was used before it was passed on is not there to be used again. 0 if there is none.
 */
export function standingFor(show: Show, ticket: number): number {
  const { doors } = show;
  const own = doors.admissionOf(ticket);
  if (own > 0) return own;
  for (const other of doors.ticketsAt(placeAtDoor(show, ticket))) {
    const entry = wasPassedOn(show, other) ? doors.admissionOf(other) : 0;
    if (entry > 0) return entry;
  }
  return 0;
}

function wasPassedOn({ tickets, refunds }: Show, ticket: number): boolean {
  const state = tickets.state[ticket];
  return state === TICKET.transferred || (state === TICKET.void && refunds.ofTicket.has(ticket));
}
