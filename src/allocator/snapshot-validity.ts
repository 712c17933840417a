import { ORDER } from './orders.ts';
import type { Show } from './show.ts';
import { TICKET } from './tickets.ts';

/** The part of a snapshot that tells since when tickets are not valid: ticket and time in turn, by ticket. */

export function validityColumn({ tickets }: Show): Float64Array {
  return Float64Array.from([...tickets.invalidSince].sort(([a], [b]) => a - b).flat());
}

/** @throws Error when the column does not tell of just those tickets that it has to. */
export function restoreValidity(show: Show, column: Float64Array): void {
  for (let i = 0; i + 1 < column.length; i += 2) show.tickets.invalidSince.set(column[i], column[i + 1]);
  const due = ticketsWithTime(show);
  if (column.length !== 2 * due || show.tickets.invalidSince.size !== due)
    throw new Error(`the snapshot tells of ${column.length / 2} tickets since when they are not valid, not of ${due}`);
}

/** How many tickets have a time since which they are not valid. */
export function ticketsWithTime({ tickets, orders }: Show): number {
  let count = 0;
  for (let ticket = 1; ticket <= tickets.count; ticket++) {
    const state = tickets.state[ticket];
    if (state === TICKET.none || state === TICKET.valid || state === TICKET.refunded) continue;
    // Of an order that was never paid they were never tickets.
    if (orders.state[tickets.order[ticket]] === ORDER.paid) count++;
  }
  return count;
}
