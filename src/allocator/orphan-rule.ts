import { findBest } from './best-available.ts';
import { ACCESSIBLE, COMPANION } from './hall.ts';
import { SEAT, type Show } from './show.ts';
import { leavesOrphan } from './windows.ts';

/** The rule ends when no more than this share of the seats that are for sale (free, held or sold) is free. */
export const ORPHAN_RULE_ENDS_AT_FREE = 0.1;

export interface OrphanRefusal {
  /** The seat that would be left alone. */
  readonly orphan: number;
  /** Seats for the same party that leave none. */
  readonly instead: readonly number[];
}

/** Late in the sale any seat may be taken: better a single seat left than a buyer turned away. */
export function orphanRuleApplies(show: Show): boolean {
  const forSale = show.hall.seatCount - show.seatCounts[SEAT.blocked];
  return show.seatCounts[SEAT.free] > forSale * ORPHAN_RULE_ENDS_AT_FREE;
}

/**
 * The orphan rule on free seats that a buyer picked: no single free seat may be left between taken ones. Relaxed when
 * no other neighbouring seats for a party of this size in this category avoid it, for accessible and companion seats
 * (whoever needs one has little choice), and late in the sale. Null: the pick is fine.
 */
export function checkPick(show: Show, seats: readonly number[]): OrphanRefusal | null {
  if (seats.length === 0 || !orphanRuleApplies(show) || seats.some((seat) => isReserved(show, seat))) return null;
  const orphan = orphanOf(show, seats);
  if (orphan < 0) return null;
  const instead = shifted(show, seats) ?? elsewhere(show, seats);
  return instead === null ? null : { orphan, instead };
}

/** The first single seat that the pick would leave between taken ones, or -1. */
function orphanOf(show: Show, seats: readonly number[]): number {
  const { blockOf, blockStart } = show.hall;
  const isTaken = (seat: number): boolean => show.status[seat] !== SEAT.free || seats.includes(seat);
  for (const seat of seats) {
    const start = blockStart[blockOf[seat]];
    const end = blockStart[blockOf[seat] + 1];
    if (seat - 2 >= start && !isTaken(seat - 1) && isTaken(seat - 2)) return seat - 1;
    if (seat + 2 < end && !isTaken(seat + 1) && isTaken(seat + 2)) return seat + 1;
  }
  return -1;
}

/** The nearest window of the same length in the same free run that leaves no orphan: the smallest mend. */
function shifted(show: Show, seats: readonly number[]): number[] | null {
  const first = Math.min(...seats);
  const quantity = seats.length;
  const block = show.hall.blockOf[first];
  // Places one apart may still have an aisle or a row's end between them.
  if (seats.some((seat) => seat >= first + quantity || show.hall.blockOf[seat] !== block)) return null;
  let start = first;
  while (start > show.hall.blockStart[block] && show.status[start - 1] === SEAT.free) start--;
  let end = first + quantity;
  while (end < show.hall.blockStart[block + 1] && show.status[end] === SEAT.free) end++;
  let best = -1;
  for (let from = start; from + quantity <= end; from++) {
    if (leavesOrphan(show, from, quantity) || !isLike(show, from, quantity, first)) continue;
    if (best < 0 || Math.abs(from - first) < Math.abs(best - first)) best = from;
  }
  return best < 0 ? null : Array.from({ length: quantity }, (_, i) => best + i);
}

/** Whether the window can be offered instead of `as`: of its category, and nobody's reserved place. */
function isLike(show: Show, from: number, quantity: number, as: number): boolean {
  for (let seat = from; seat < from + quantity; seat++) {
    if (show.hall.categoryOf[seat] !== show.hall.categoryOf[as] || isReserved(show, seat)) return false;
  }
  return true;
}

function isReserved(show: Show, seat: number): boolean {
  return (show.hall.features[seat] & (ACCESSIBLE | COMPANION)) !== 0;
}

function elsewhere(show: Show, seats: readonly number[]): number[] | null {
  return findBest(show, {
    quantity: seats.length,
    categories: [show.hall.categoryOf[seats[0]]],
    accessible: false,
    avoidOrphans: true,
  });
}
