import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { banksOf } from '../../src/allocator/banks.ts';
import { type BestQuery, findBest } from '../../src/allocator/best-available.ts';
import { ACCESSIBLE, type Hall } from '../../src/allocator/hall.ts';
import { SEAT, Show } from '../../src/allocator/show.ts';
import { leavesOrphan } from '../../src/allocator/windows.ts';
import { smallPlan } from '../property/small-halls.ts';
import { hallOf, line, planOf, row, zone } from '../support/plan-fixtures.ts';
import { rowsOfTen, SHOW_ID, take, termsOf } from '../support/small-show.ts';

const EDGE_SEAT_PENALTY = 0.02;
const PRICES = { Front: 4_550, Back: 2_000 };

function query(parts: Partial<BestQuery> = {}): BestQuery {
  return { quantity: 2, categories: [0], accessible: false, avoidOrphans: false, ...parts };
}

function showOf(hall: Hall, taken: readonly number[] = []): Show {
  const show = new Show(SHOW_ID, hall, termsOf({ prices: { ...PRICES, A: 1_000 } }));
  take(show, taken);
  return show;
}

const ids = (show: Show, seats: readonly number[] | null): string[] | undefined =>
  seats?.map((seat) => show.hall.seatIds[seat]);

/** The cost of every window that would do, as the rules of the choice count it; windows that leave an orphan apart. */
function allWindows(show: Show, { quantity, categories }: BestQuery): { fine: number[]; orphaning: number[] } {
  const { hall } = show;
  const { start, end, categoryOf, costSpread, count } = banksOf(hall);
  const found = { fine: [] as number[], orphaning: [] as number[] };
  for (let bank = 0; bank < count; bank++) {
    if (!categories.includes(categoryOf[bank])) continue;
    for (let first = start[bank]; first + quantity <= end[bank]; first++) {
      const window = Array.from({ length: quantity }, (_, i) => first + i);
      if (window.some((seat) => show.status[seat] !== SEAT.free)) continue;
      (leavesOrphan(show, first, quantity) ? found.orphaning : found.fine).push(costOf(show, window, costSpread));
    }
  }
  return found;
}

function costOf(show: Show, window: readonly number[], spread: number): number {
  const { hall } = show;
  const mean = window.reduce((sum, seat) => sum + hall.cost[seat], 0) / window.length;
  const first = window[0];
  const last = window[window.length - 1];
  if (leavesOrphan(show, first, window.length)) return mean;
  const isEdge = (seat: number, beyond: number): boolean =>
    hall.blockOf[seat] === hall.blockOf[first] &&
    hall.blockOf[beyond] !== hall.blockOf[first] &&
    show.status[seat] === SEAT.free;
  const edges = Number(isEdge(first - 1, first - 2)) + Number(isEdge(last + 1, last + 2));
  return mean + edges * EDGE_SEAT_PENALTY * spread;
}

describe('the best seats for a party', () => {
  const taken = fc.array(fc.nat({ max: 27 }), { maxLength: 24, size: 'max' });
  const parts = fc.record({ quantity: fc.integer({ min: 1, max: 5 }), categories: fc.constantFrom([0], [1], [0, 1]) });

  test('cost as little as the best that a search of all windows finds', () => {
    fc.assert(
      fc.property(smallPlan, taken, parts, (plan, places, asked) => {
        const hall = hallOf(plan);
        const show = showOf(
          hall,
          places.map((place) => place % hall.seatCount),
        );
        const best = query(asked);
        const { fine, orphaning } = allWindows(show, best);
        const chosen = findBest(show, best);
        if (fine.length + orphaning.length === 0) return;
        expect(chosen).not.toBeNull();
        const cost = costOf(show, chosen as number[], banksOf(hall).costSpread);
        expect(leavesOrphan(show, (chosen as number[])[0], best.quantity)).toBe(fine.length === 0);
        expect(cost).toBeCloseTo(Math.min(...(fine.length > 0 ? fine : orphaning)), 5);
      }),
      { numRuns: 2_000 },
    );
  });

  test('are apart only when no place has them together, free, and as many as asked for', () => {
    fc.assert(
      fc.property(smallPlan, taken, parts, (plan, places, asked) => {
        const hall = hallOf(plan);
        const show = showOf(
          hall,
          places.map((place) => place % hall.seatCount),
        );
        const before = show.status.slice();
        const best = query(asked);
        const chosen = findBest(show, best);
        const free = Array.from({ length: hall.seatCount }, (_, seat) => seat).filter(
          (seat) =>
            show.status[seat] === SEAT.free &&
            banksOf(hall).bankOf[seat] >= 0 &&
            best.categories.includes(hall.categoryOf[seat]),
        );
        expect(chosen === null).toBe(free.length < best.quantity);
        if (chosen !== null) {
          expect(new Set(chosen).size).toBe(best.quantity);
          expect(chosen.every((seat) => free.includes(seat))).toBe(true);
        }
        expect(show.status).toEqual(before);
        expect(findBest(show, best)).toEqual(chosen);
      }),
      { numRuns: 1_000 },
    );
  });

  test('are in the middle of the front row while it is empty', () => {
    const show = showOf(rowsOfTen(3));
    expect(ids(show, findBest(show, query({ quantity: 4 })))).toEqual(['S-A-4', 'S-A-5', 'S-A-6', 'S-A-7']);
  });

  test('leave no single seat between taken ones when another window does not', () => {
    const show = showOf(rowsOfTen(1), [2]);
    // The middle two of what is free, 5 and 6, would be nearer to the best if 4 were not left alone.
    expect(ids(show, findBest(show, query({ quantity: 3 })))).toEqual(['S-A-4', 'S-A-5', 'S-A-6']);
  });

  test('are split into pairs rather than with one person alone', () => {
    const show = showOf(rowsOfTen(2), [3, 7, 8, 9, 13, 17, 18, 19]);
    const chosen = findBest(show, query({ quantity: 4 })) as number[];
    const sizes = new Map<number, number>();
    for (const seat of chosen) {
      const run = Math.floor(seat / 10) * 10 + (seat % 10 < 3 ? 0 : 5);
      sizes.set(run, (sizes.get(run) ?? 0) + 1);
    }
    expect([...sizes.values()]).toEqual([2, 2]);
  });

  test('have an accessible seat when one is asked for, and none is taken otherwise', () => {
    const seats = row('S', 'A', line(0, 0, 10, 20, 30, 40));
    const flagged = seats.seats.map((seat, i) => (i === 2 ? { ...seat, usher: { accessible: true } } : seat));
    const hall = hallOf(planOf(zone('Stalls', { ...seats, seats: flagged })));
    const show = showOf(hall);
    const accessible = findBest(show, query({ accessible: true })) as number[];
    expect(accessible.some((seat) => (hall.features[seat] & ACCESSIBLE) !== 0)).toBe(true);
    expect(ids(show, findBest(show, query({ quantity: 4 })))).not.toContain('S-A-3');
    expect(findBest(show, query({ quantity: 5 }))).toBeNull();
    take(show, [2]);
    expect(findBest(show, query({ accessible: true }))).toBeNull();
  });
});
