import { describe, expect, test } from 'vitest';
import { ACCESSIBLE, COMPANION, type Hall, RESTRICTED_VIEW } from '../../src/allocator/hall.ts';
import { generatePlan, HALL_KINDS } from '../../src/allocator/plan-generate.ts';
import { importPlan } from '../../src/allocator/plan-import.ts';
import { hallOf } from '../support/plan-fixtures.ts';

/** The least distance between two seats, by a grid, so that it takes no time on 80,000. */
function closest(hall: Hall): number {
  const grid = new Map<string, number[]>();
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < hall.seatCount; i++) {
    const column = Math.floor(hall.x[i] / 30);
    const line = Math.floor(hall.y[i] / 30);
    for (const dx of [-1, 0, 1]) {
      for (const dy of [-1, 0, 1]) {
        for (const other of grid.get(`${column + dx},${line + dy}`) ?? []) {
          least = Math.min(least, Math.hypot(hall.x[i] - hall.x[other], hall.y[i] - hall.y[other]));
        }
      }
    }
    const cell = `${column},${line}`;
    grid.set(cell, [...(grid.get(cell) ?? []), i]);
  }
  return least;
}

const count = (hall: Hall, feature: number) => hall.features.filter((bits) => bits & feature).length;

describe.each([
  ['theatre', 1_200],
  ['arena', 15_000],
  ['stadium', 80_000],
] as const)('a generated %s', (kind, seats) => {
  const plan = generatePlan({ kind });
  const hall = hallOf(plan);

  test(`has exactly ${seats} seats and is imported without a warning`, () => {
    expect(hall.seatCount).toBe(seats);
    expect(importPlan(JSON.parse(JSON.stringify(plan)))).toEqual({ ok: true, plan, warnings: [] });
  });

  test('has no two seats closer than the pitch', () => {
    expect(closest(hall)).toBeGreaterThan(24.5);
  });

  test('has an accessible seat beside each companion seat', () => {
    expect(count(hall, ACCESSIBLE)).toBe(seats / 200);
    expect(count(hall, COMPANION)).toBe(seats / 200);
    for (let i = 0; i < seats; i++) {
      if (!(hall.features[i] & ACCESSIBLE)) continue;
      const beside = [i - 1, i + 1].filter((j) => hall.blockOf[j] === hall.blockOf[i] && hall.features[j] & COMPANION);
      expect(beside.length).toBeGreaterThan(0);
    }
  });

  test('is the same each time', () => {
    expect(JSON.stringify(generatePlan({ kind }))).toBe(JSON.stringify(plan));
  });
});

describe('the plan generator', () => {
  test('makes a standing area with seats behind the stage restricted', () => {
    const hall = hallOf(generatePlan({ kind: 'arena', seats: 3_000, standing: 500 }));
    expect(hall.areas).toEqual([
      { id: 'standing', name: 'Standing', category: hall.categories.indexOf('Standing'), capacity: 500 },
    ]);
    expect(count(hall, RESTRICTED_VIEW)).toBeGreaterThan(0);
    expect(hallOf(generatePlan({ kind: 'arena', seats: 3_000, standing: 0 })).areas).toEqual([]);
  });

  test('cuts a theatre row by aisles, a section of a bowl by none', () => {
    const theatre = hallOf(generatePlan({ kind: 'theatre', seats: 600, tiers: 1, betweenAisles: 10 }));
    expect(theatre.blockStart.length - 1).toBeGreaterThan(2 * theatre.rows.length);
    const stadium = hallOf(generatePlan({ kind: 'stadium', seats: 5_000 }));
    expect(stadium.blockStart.length - 1).toBe(stadium.rows.length);
  });

  test('gives the dearest category to the nearest seats', () => {
    const hall = hallOf(generatePlan({ kind: 'stadium', seats: 20_000 }));
    const mean = (category: number) => {
      const costs = hall.cost.filter((_, i) => hall.categoryOf[i] === category);
      return costs.reduce((sum, cost) => sum + cost, 0) / costs.length;
    };
    const means = hall.categories.map((_, category) => mean(category));
    expect(means).toEqual([...means].sort((a, b) => a - b));
  });

  test.each(HALL_KINDS.flatMap((kind) => [20, 21, 333, 4_096].map((seats) => [kind, seats] as const)))(
    'meets the number of seats exactly: %s of %i',
    (kind, seats) => {
      const imported = importPlan(generatePlan({ kind, seats }));
      expect(imported).toMatchObject({ ok: true, warnings: [] });
      expect(hallOf(generatePlan({ kind, seats })).seatCount).toBe(seats);
    },
  );

  test.each([
    [{ seats: 19 }, 'seats'],
    [{ seats: 200_001 }, 'seats'],
    [{ seats: 100.5 }, 'seats'],
    [{ tiers: 0 }, 'tiers'],
    [{ betweenAisles: 3 }, 'betweenAisles'],
    [{ standing: -1 }, 'standing'],
    [{ accessiblePairs: 9_000 }, 'accessiblePairs'],
    [{ categories: [] }, 'categories'],
    [{ categories: ['A', 'A'] }, 'categories'],
  ])('refuses %j', (wrong, named) => {
    expect(() => generatePlan({ kind: 'stadium', ...wrong })).toThrow(new RegExp(`^${named} must`));
  });
});
