import { ACCESSIBLE } from './hall.ts';
import { SEAT, type Show } from './show.ts';
import { leavesOrphan } from './windows.ts';

/** So many banks are looked at for one party before the best of them is taken. */
export const MAX_BANKS_EXAMINED = 256;
/** The same for each further group of a party that has to be split. */
export const MAX_BANKS_EXAMINED_NEAR = 32;
/** How much being apart from the rest of a split party weighs: a whole hall's length costs this many spreads. */
const APART_PENALTY = 2;

export interface BestQuery {
  readonly quantity: number;
  /** Category indices to choose from. */
  readonly categories: readonly number[];
  readonly accessible: boolean;
  /** Whether a choice that leaves a single seat between taken ones counts at all. */
  readonly avoidOrphans: boolean;
}

/**
 * The best seats for a party, or null when there are not enough. Neighbours if at all possible, else the fewest and
 * nearest groups. A choice that leaves a single seat between taken ones is made only when none of the banks looked at has
 * another.
 *
 * Banks are visited in order of the least cost they could offer, and the search ends when no further bank can beat
 * what was found (branch and bound), so the cost does not grow with the house.
 */
export function findBest(show: Show, query: BestQuery): number[] | null {
  if (query.accessible) return findAccessible(show, query);
  const whole = findTogether(show, query, query.quantity, null);
  if (whole !== null) return range(whole, query.quantity);
  return query.avoidOrphans ? null : findApart(show, query);
}

/** The best window of neighbours, or null. Never leaves a single seat between taken ones while another window does not. */
function findTogether(show: Show, query: BestQuery, quantity: number, near: number | null): number | null {
  const { banks, freeRuns } = show;
  const distance = near === null ? null : (first: number): number => apart(show, first, near);
  let bestCost = Number.POSITIVE_INFINITY;
  let best = -1;
  let fallbackCost = Number.POSITIVE_INFINITY;
  let fallback = -1;
  let left = near === null ? MAX_BANKS_EXAMINED : MAX_BANKS_EXAMINED_NEAR;
  for (const category of query.categories) {
    const list = banks.byCategory[category];
    let rank = freeRuns.nextRank(category, 0, quantity);
    for (; rank >= 0 && left > 0; rank = freeRuns.nextRank(category, rank + 1, quantity)) {
      const bank = list[rank];
      if (banks.bound[bank] >= bestCost) break;
      left--;
      const found =
        distance === null ? show.windows.best(bank, quantity) : show.windows.bestNear(bank, quantity, distance);
      if (found.cost < bestCost) {
        bestCost = found.cost;
        best = found.first;
      }
      if (found.orphaningCost < fallbackCost) {
        fallbackCost = found.orphaningCost;
        fallback = found.orphaningFirst;
      }
    }
  }
  if (best >= 0) return best;
  return query.avoidOrphans || fallback < 0 ? null : fallback;
}

/** Splits a party that fits nowhere as a whole; avoids leaving one person alone where the numbers allow it. */
function findApart(show: Show, query: BestQuery): number[] | null {
  let free = 0;
  for (const category of query.categories) free += freeUnreserved(show, category, query.quantity - free);
  if (free < query.quantity) return null;
  const chosen: number[] = [];
  let left = query.quantity;
  while (left > 0) {
    let longest = 0;
    for (const category of query.categories) longest = Math.max(longest, show.freeRuns.longestIn(category));
    if (longest === 0) break;
    let size = Math.min(left, longest);
    if (left - size === 1 && size > 2) size--;
    const first = findTogether(show, query, size, chosen.length > 0 ? chosen[0] : null);
    if (first === null) break;
    for (let seat = first; seat < first + size; seat++) {
      chosen.push(seat);
      // Taken only for the rest of this search: put back below.
      show.status[seat] = SEAT.blocked;
      show.freeRuns.update(seat);
    }
    left -= size;
  }
  for (const seat of chosen) {
    show.status[seat] = SEAT.free;
    show.freeRuns.update(seat);
  }
  return left === 0 ? chosen : null;
}

/** Free seats of the category outside the accessible places, counted no further than `enough`. */
function freeUnreserved(show: Show, category: number, enough: number): number {
  if (show.freeRuns.longestIn(category) >= enough) return enough;
  let free = 0;
  const list = show.banks.byCategory[category];
  for (let rank = show.freeRuns.nextRank(category, 0, 1); rank >= 0 && free < enough; ) {
    const bank = list[rank];
    for (let seat = show.banks.start[bank]; seat < show.banks.end[bank]; seat++) {
      if (show.status[seat] === SEAT.free) free++;
    }
    rank = show.freeRuns.nextRank(category, rank + 1, 1);
  }
  return Math.min(free, enough);
}

/**
 * A window of neighbours with at least one accessible seat, by the accessible seat's cost; one that leaves a single seat
 * between taken ones only when there is no other.
 */
function findAccessible(show: Show, query: BestQuery): number[] | null {
  const { hall, banks } = show;
  let best = -1;
  let bestCost = Number.POSITIVE_INFINITY;
  let fallback = -1;
  let fallbackCost = Number.POSITIVE_INFINITY;
  for (const category of query.categories) {
    for (const seat of banks.accessible[category]) {
      if (hall.cost[seat] >= bestCost) break;
      if (show.status[seat] !== SEAT.free) continue;
      const block = hall.blockOf[seat];
      const from = Math.max(hall.blockStart[block], seat - query.quantity + 1);
      const to = Math.min(hall.blockStart[block + 1] - query.quantity, seat);
      for (let first = from; first <= to; first++) {
        if (!isFreeIn(show, first, query.quantity, category)) continue;
        // The fewer other accessible seats the party takes, the more are left for those who need them.
        const cost = hall.cost[seat] + (accessibleIn(show, first, query.quantity) - 1) * banks.costSpread;
        if (leavesOrphan(show, first, query.quantity)) {
          if (cost < fallbackCost) {
            fallbackCost = cost;
            fallback = first;
          }
        } else if (cost < bestCost) {
          bestCost = cost;
          best = first;
        }
      }
    }
  }
  if (best < 0 && !query.avoidOrphans) best = fallback;
  return best < 0 ? null : range(best, query.quantity);
}

function isFreeIn(show: Show, first: number, quantity: number, category: number): boolean {
  for (let seat = first; seat < first + quantity; seat++) {
    if (show.status[seat] !== SEAT.free || show.hall.categoryOf[seat] !== category) return false;
  }
  return true;
}

function accessibleIn(show: Show, first: number, quantity: number): number {
  let count = 0;
  for (let seat = first; seat < first + quantity; seat++) {
    if ((show.hall.features[seat] & ACCESSIBLE) !== 0) count++;
  }
  return count;
}

function apart(show: Show, seat: number, near: number | null): number {
  if (near === null) return 0;
  const distance = Math.hypot(show.hall.x[seat] - show.hall.x[near], show.hall.y[seat] - show.hall.y[near]);
  return (distance / show.banks.extent) * APART_PENALTY * show.banks.costSpread;
}

function range(first: number, quantity: number): number[] {
  return Array.from({ length: quantity }, (_, i) => first + i);
}
