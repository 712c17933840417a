import { SEAT, SEAT_STATES, type Show } from './show.ts';

/**
 * The part of a snapshot that tells of tickets that moved. A show in which none did has none: its bytes are those that older
 * versions read.
 */
export interface MovesHeader {
  /** By ticket, the address (a digest) to which it is offered. */
  readonly offers: readonly (readonly [ticket: number, address: string])[];
}

/** Numbers of one entry in each of the columns. */
const PAIR = 2;
const LISTING = 3;
/** The states of places that there were before tickets moved. No place of an area is ever in a later one. */
const STATES_BEFORE = SEAT.blocked + 1;

export function movesHeader({ moves }: Show): MovesHeader | null {
  if (moves.isEmpty) return null;
  return { offers: sorted(moves.offers) };
}

/** Successors, holders, listings and the sellers of lines. */
export function movesColumns({ moves }: Show): readonly Uint32Array[] {
  const listings = sorted(moves.listings).map(([seat, { ticket, price }]) => [seat, ticket, price]);
  return [
    Uint32Array.from(sorted(moves.successors).flat()),
    Uint32Array.from(sorted(moves.holders).flat()),
    Uint32Array.from(listings.flat()),
    Uint32Array.from(sorted(moves.boughtFrom).flat()),
  ];
}

/** To be called once orders, tickets and seats are there. @throws Error when a number leads nowhere. */
export function restoreMoves(show: Show, header: MovesHeader, next: () => Uint32Array): void {
  const { moves, tickets, orders, buyers } = show;
  const [successors, holders, listings, boughtFrom] = [next(), next(), next(), next()];
  const ticketOf = (ticket: number): number => known(tickets.has(ticket), ticket, 'ticket');
  for (const [ticket, successor] of entries(successors, PAIR)) {
    // Always to a later one, so that a walk along them ends.
    known(successor > ticket, successor, 'successor');
    moves.follow(ticketOf(ticket), ticketOf(successor));
  }
  for (const [ticket, holder] of entries(holders, PAIR)) {
    known(holder < buyers.count, holder, 'holder');
    moves.hand(ticketOf(ticket), holder, holder === orders.buyer[tickets.order[ticket]]);
  }
  for (const [seat, ticket, price] of entries(listings, LISTING)) {
    known(seat < show.hall.seatCount, seat, 'seat');
    moves.listings.set(seat, { ticket: ticket === 0 ? 0 : ticketOf(ticket), price });
  }
  for (const [ticket, from] of entries(boughtFrom, PAIR)) moves.boughtFrom.set(ticketOf(ticket), ticketOf(from));
  for (const [ticket, address] of header.offers) moves.offers.set(ticketOf(ticket), address);
}

function known(isSo: boolean, number: number, what: string): number {
  if (!isSo) throw new Error(`the snapshot has ${what} ${number} among its moves`);
  return number;
}

function* entries(column: Uint32Array, fields: number): IterableIterator<Uint32Array> {
  if (column.length % fields !== 0) throw new Error('the snapshot has a part of the moves');
  for (let at = 0; at < column.length; at += fields) yield column.subarray(at, at + fields);
}

function sorted<T>(map: ReadonlyMap<number, T>): [number, T][] {
  return [...map].sort(([a], [b]) => a - b);
}

/** Counts by state, without those of listed seats, which `status` tells. */
export function packedCounts(counts: Uint32Array | Int32Array): Uint32Array | Int32Array {
  const groups = counts.length / SEAT_STATES;
  const packed =
    counts instanceof Int32Array ? new Int32Array(groups * STATES_BEFORE) : new Uint32Array(groups * STATES_BEFORE);
  for (let group = 0; group < groups; group++) {
    packed.set(counts.subarray(group * SEAT_STATES, group * SEAT_STATES + STATES_BEFORE), group * STATES_BEFORE);
  }
  return packed;
}

export function unpackCounts(into: Uint32Array | Int32Array, packed: Uint32Array | Int32Array): void {
  const groups = into.length / SEAT_STATES;
  if (packed.length !== groups * STATES_BEFORE) throw new Error(`the snapshot has ${packed.length} counts of places`);
  for (let group = 0; group < groups; group++) {
    into.set(packed.subarray(group * STATES_BEFORE, (group + 1) * STATES_BEFORE), group * SEAT_STATES);
  }
}

export function countListed(show: Show): void {
  let listed = 0;
  for (const state of show.status) if (state === SEAT.listed) listed++;
  show.seatCounts[SEAT.listed] = listed;
}
