import { ACCESSIBLE, COMPANION, type Hall, isFormerSeat } from './hall.ts';

/**
 * The hall as best-available sees it: **banks**, the parts of blocks that have one category and no accessible or
 * companion seats. A party is seated within one bank. Computed once a hall and shared by its shows.
 */
export interface Banks {
  readonly count: number;
  /** Bank b is the seats [start[b], end[b]). */
  readonly start: Uint32Array;
  readonly end: Uint32Array;
  /** The bank of each seat, or -1. */
  readonly bankOf: Int32Array;
  readonly categoryOf: Uint16Array;
  /** The least cost of any seat of the bank: no window in it can do better. */
  readonly bound: Float32Array;
  /** For each category its banks, best bound first. */
  readonly byCategory: readonly Uint32Array[];
  /** The place of each bank in its category's list. */
  readonly rank: Uint32Array;
  /** Accessible seats of each category, best first. */
  readonly accessible: readonly Uint32Array[];
  /** Length of the hall's diagonal, ≥ 1, in the plan's unit. */
  readonly extent: number;
  /** Spread of costs over the hall: the scale on which penalties are set. */
  readonly costSpread: number;
}

const RESERVED = ACCESSIBLE | COMPANION;
const known = new WeakMap<Hall, Banks>();

export function banksOf(hall: Hall): Banks {
  let banks = known.get(hall);
  if (banks === undefined) {
    banks = divide(hall);
    known.set(hall, banks);
  }
  return banks;
}

function divide(hall: Hall): Banks {
  const starts: number[] = [];
  const ends: number[] = [];
  const bankOf = new Int32Array(hall.seatCount).fill(-1);
  for (let seat = 0; seat < hall.seatCount; seat++) {
    if ((hall.features[seat] & RESERVED) !== 0 || isFormerSeat(hall, seat)) continue;
    const follows =
      seat > 0 &&
      bankOf[seat - 1] >= 0 &&
      hall.blockOf[seat - 1] === hall.blockOf[seat] &&
      hall.categoryOf[seat - 1] === hall.categoryOf[seat];
    if (follows) {
      ends[ends.length - 1] = seat + 1;
    } else {
      starts.push(seat);
      ends.push(seat + 1);
    }
    bankOf[seat] = starts.length - 1;
  }
  const count = starts.length;
  const bound = new Float32Array(count);
  const categoryOf = new Uint16Array(count);
  let least = Number.POSITIVE_INFINITY;
  let most = 0;
  for (let bank = 0; bank < count; bank++) {
    let best = Number.POSITIVE_INFINITY;
    for (let seat = starts[bank]; seat < ends[bank]; seat++) {
      best = Math.min(best, hall.cost[seat]);
      most = Math.max(most, hall.cost[seat]);
    }
    bound[bank] = best;
    least = Math.min(least, best);
    categoryOf[bank] = hall.categoryOf[starts[bank]];
  }
  const rank = new Uint32Array(count);
  const banksOfEach = hall.categories.map((): number[] => []);
  for (let bank = 0; bank < count; bank++) banksOfEach[categoryOf[bank]].push(bank);
  const byCategory = banksOfEach.map((list) => {
    list.sort((a, b) => bound[a] - bound[b] || a - b);
    for (let i = 0; i < list.length; i++) rank[list[i]] = i;
    return Uint32Array.from(list);
  });
  const accessibleOfEach = hall.categories.map((): number[] => []);
  for (let seat = 0; seat < hall.seatCount; seat++) {
    const isFound = (hall.features[seat] & ACCESSIBLE) !== 0 && !isFormerSeat(hall, seat);
    if (isFound) accessibleOfEach[hall.categoryOf[seat]].push(seat);
  }
  const accessible = accessibleOfEach.map((list) =>
    Uint32Array.from(list.sort((a, b) => hall.cost[a] - hall.cost[b] || a - b)),
  );
  return {
    count,
    start: Uint32Array.from(starts),
    end: Uint32Array.from(ends),
    bankOf,
    categoryOf,
    bound,
    byCategory,
    rank,
    accessible,
    extent: extentOf(hall),
    costSpread: count === 0 ? 0 : most - least,
  };
}

function extentOf(hall: Hall): number {
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let seat = 0; seat < hall.seatCount; seat++) {
    if (isFormerSeat(hall, seat)) continue;
    left = Math.min(left, hall.x[seat]);
    right = Math.max(right, hall.x[seat]);
    top = Math.min(top, hall.y[seat]);
    bottom = Math.max(bottom, hall.y[seat]);
  }
  return hall.planSeats === 0 ? 1 : Math.max(1, Math.hypot(right - left, bottom - top));
}
