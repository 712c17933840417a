import type { Hall } from '../allocator/hall.ts';

/** One byte a seat, in the order of the plan document: these ASCII letters. */
export const SEAT_LETTERS = { available: 97, held: 104, sold: 115, blocked: 98 } as const; // a h s b

export interface AreaCount {
  readonly id: string;
  readonly capacity: number;
  readonly available: number;
}

/** The durable, published state of a show's seats: read by any request, written only after a turn is durable. */
export interface SeatMap {
  readonly showId: string;
  readonly hall: Hall;
  /** The journal's seq: grows with every turn. */
  readonly version: number;
  /** ms since the epoch of that turn. */
  readonly asOf: number;
  /** A letter a seat, by the seat's place in the plan document. Live: copy what is kept over an await. */
  readonly letters: Uint8Array;
  /** The version at which each seat (by its place in the document) last changed. */
  readonly changedAt: Uint32Array;
  readonly areas: readonly AreaCount[];
  /** Minor units; the cheapest price that is still to be had, or null. */
  readonly fromPrice: number | null;
  readonly currency: string;
  readonly available: number;
  readonly capacity: number;
}
