import { describe, expect, test } from 'vitest';
import { ACCESSIBLE, COMPANION, RESTRICTED_VIEW } from '../../src/allocator/hall.ts';
import type { PlanPoint } from '../../src/allocator/plan.ts';
import { planHash } from '../../src/allocator/plan-hash.ts';
import { seatIndexOf } from '../../src/allocator/seat-index.ts';
import { blocksOf, hallOf, line, planOf, row, zone } from '../support/plan-fixtures.ts';

/** Blocks of one row, as the numbers of its seats. */
function blocksOfRow(...places: readonly PlanPoint[]): number[][] {
  const hall = hallOf(planOf(zone('Z', row('z', 'A', places))));
  return blocksOf(hall).map((block) => block.map((id) => Number(id.split('-')[2])));
}

function around(count: number, radius: number, from: number, to: number): PlanPoint[] {
  return Array.from({ length: count }, (_, i) => {
    const angle = ((from + ((to - from) * i) / (count - 1)) * Math.PI) / 180;
    return { x: 500 + radius * Math.cos(angle), y: 500 + radius * Math.sin(angle) };
  });
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

describe('neighbours', () => {
  test('follow positions, not numbers', () => {
    expect(blocksOfRow(...line(100, 60, 40, 80, 20))).toEqual([[4, 2, 1, 3]]);
  });

  test('end at a gap wider than 1.6 × the usual pitch, and not before', () => {
    expect(blocksOfRow(...line(100, 0, 20, 40, 60, 92, 112))).toEqual([[1, 2, 3, 4, 5, 6]]);
    expect(blocksOfRow(...line(100, 0, 20, 40, 60, 93, 113))).toEqual([
      [1, 2, 3, 4],
      [5, 6],
    ]);
  });

  test('stand in upright and slanting rows', () => {
    expect(blocksOfRow({ x: 9, y: 60 }, { x: 9, y: 20 }, { x: 9, y: 40 }, { x: 9, y: 140 })).toEqual([[2, 3, 1], [4]]);
    expect(blocksOfRow({ x: 60, y: 120 }, { x: 20, y: 40 }, { x: 40, y: 80 })).toEqual([[2, 3, 1]]);
  });

  test('stand in curved rows, horseshoes and almost closed rings', () => {
    expect(blocksOfRow(...around(20, 300, 200, 340))).toEqual([upTo(20)]);
    expect(blocksOfRow(...around(30, 300, -40, 220))).toEqual([upTo(30)]);
    expect(blocksOfRow(...around(40, 300, 100, 430))).toEqual([upTo(40)]);
  });

  test('stand around a table', () => {
    const blocks = blocksOfRow(...around(9, 40, 0, 360).slice(0, 8));
    expect(blocks.map((block) => block.length)).toEqual([8]);
  });

  test('are two seats of a box, but not two that face each other over the aisle of their zone', () => {
    expect(blocksOfRow(...line(100, 0, 70))).toEqual([[1, 2]]);
    expect(blocksOfRow(...line(100, 0))).toEqual([[1]]);
    const hall = hallOf(planOf(zone('Z', row('z', 'A', line(100, 0, 20, 40, 60)), row('z', 'B', line(140, 20, 60)))));
    expect(blocksOf(hall)).toEqual([['z-A-1', 'z-A-2', 'z-A-3', 'z-A-4'], ['z-B-1'], ['z-B-2']]);
  });

  test('are never of two rows, also if these have one name and touch', () => {
    const left = row('l', 'A', line(100, 0, 20, 40));
    const right = { ...row('r', 'A', line(100, 60, 80, 100)) };
    const numbered = { ...right, seats: right.seats.map((seat, i) => ({ ...seat, seat_number: String(i + 4) })) };
    const hall = hallOf(planOf(zone('Z', left, numbered)));
    expect(blocksOf(hall)).toEqual([
      ['l-A-1', 'l-A-2', 'l-A-3'],
      ['r-A-1', 'r-A-2', 'r-A-3'],
    ]);
  });

  test('do not matter to seats that all stand on one spot', () => {
    expect(blocksOfRow(...line(100, 5, 5, 5))).toEqual([[1, 2, 3]]);
  });
});

describe('a compiled hall', () => {
  test('tells what each seat is', () => {
    const plan = {
      ...planOf({
        name: 'Z',
        position: { x: 100, y: 10 },
        rows: [
          {
            row_number: 'A',
            position: { x: 0, y: 5 },
            seats: [
              {
                seat_guid: 'b',
                seat_number: '2',
                position: { x: 20, y: 0 },
                category: 'B',
                usher: { companion: true, restrictedView: true },
              },
              {
                seat_guid: 'a',
                seat_number: '1',
                position: { x: 0, y: 0 },
                category: 'A',
                usher: { accessible: true, companion: false },
              },
            ],
          },
        ],
      }),
      categories: [{ name: 'A' }, { name: 'B' }],
    };
    const hall = hallOf(plan);
    expect(hall.seatIds).toEqual(['a', 'b']);
    expect(hall.seatNumbers).toEqual(['1', '2']);
    expect([...hall.documentOrder]).toEqual([1, 0]);
    expect([...hall.categoryOf]).toEqual([0, 1]);
    expect([...hall.x]).toEqual([100, 120]);
    expect([...hall.y]).toEqual([15, 15]);
    expect([...hall.features]).toEqual([ACCESSIBLE, COMPANION | RESTRICTED_VIEW]);
    expect(hall.rows[hall.rowOf[0]]).toEqual({ zone: 'Z', row: 'A' });
    expect(hall.cost[1] - hall.cost[0]).toBeGreaterThan(0.4);
  });
});

describe('the best seats', () => {
  const best = (plan: unknown) => {
    const hall = hallOf(plan);
    return hall.seatIds[[...hall.cost.keys()].sort((a, b) => hall.cost[a] - hall.cost[b])[0]];
  };
  const house = (names: readonly string[]) =>
    planOf(zone('Z', ...names.map((name, i) => row('z', name, line(100 + 40 * i, 0, 20, 40, 60, 80)))));

  test('are nearest to the focal point of the plan', () => {
    expect(best({ ...house(['A', 'B', 'C']), usher: { focal: { x: 80, y: 180 } } })).toBe('z-C-5');
  });

  test('are else in the middle of the first row, wherever that stands', () => {
    expect(best(house(['A', 'B', 'C']))).toBe('z-A-3');
    expect(best(house(['C', 'B', 'A']))).toBe('z-A-3');
    expect(best(house(['10', '9A', '9']))).toBe('z-9-3');
    expect(best(house(['AA', 'Z', 'Y']))).toBe('z-Y-3');
  });

  test('are at the top of the plan if the names of rows have no order', () => {
    expect(best(house(['Odd', 'Even', 'Sofa']))).toBe('z-Odd-3');
  });

  test('are at the middle of a bowl, where first rows face each other', () => {
    const north = zone('N', row('n', '2', line(100, 400, 500, 600)), row('n', '1', line(300, 400, 500, 600)));
    const south = zone('S', row('s', '1', line(700, 400, 500, 600)), row('s', '2', line(900, 400, 500, 600)));
    expect(['n-1-2', 's-1-2']).toContain(best(planOf(north, south)));
  });

  test('are in the stalls and not on the balcony that is drawn over them', () => {
    const rows = (prefix: string) => ['A', 'B'].map((name, i) => row(prefix, name, line(100 + 40 * i, 0, 20, 40, 60)));
    const hall = hallOf(planOf(zone('Stalls', ...rows('s')), zone('Balcony', ...rows('b'))));
    const worst = Math.max(...hall.cost.slice(0, 4));
    expect(hall.cost[hall.seatIndex('b-A-2')]).toBeGreaterThan(worst);
    expect(hall.cost[hall.seatIndex('b-A-2')] - hall.cost[hall.seatIndex('s-A-2')]).toBeCloseTo(0.5, 5);
  });
});

describe('looking seats up', () => {
  test('finds every id and no other', () => {
    const ids = Array.from({ length: 5_000 }, (_, i) => `seat-${i}`);
    const indexOf = seatIndexOf(ids);
    expect(ids.every((id, i) => indexOf(id) === i)).toBe(true);
    expect(indexOf('seat-5000')).toBe(-1);
    expect(indexOf('')).toBe(-1);
    expect(seatIndexOf([])('x')).toBe(-1);
  });

  test('is not slowed down by ids that were made to collide', () => {
    const ids = collidingIds(16);
    expect(new Set(ids).size).toBe(65_536);
    const started = performance.now();
    const indexOf = seatIndexOf(ids);
    const found = ids.every((id, i) => indexOf(id) === i);
    // Walking through all collisions would be 4,000,000,000 steps.
    expect(performance.now() - started).toBeLessThan(2_000);
    expect(found).toBe(true);
  });
});

/** 2^`blocks` texts with one FNV-1a hash: pairs of two characters that lead from one state to the same next one. */
function collidingIds(blocks: number): string[] {
  const step = (state: number, unit: number) => Math.imul(state ^ unit, 0x01000193);
  let state = 0x811c9dc5 | 0;
  let ids = [''];
  for (let block = 0; block < blocks; block++) {
    const seen = new Map<number, number>();
    let pair: [string, string, number] | null = null;
    for (let unit = 0x4e00; pair === null; unit++) {
      const next = step(state, unit);
      const other = seen.get(next >>> 16);
      seen.set(next >>> 16, unit);
      if (other === undefined) continue;
      const second = 0x5000;
      const twin = second ^ ((next ^ step(state, other)) & 0xffff);
      if (twin >= 0xd800 && twin < 0xe000) continue;
      pair = [String.fromCharCode(unit, second), String.fromCharCode(other, twin), step(next, second)];
    }
    const [one, two, after] = pair;
    ids = ids.flatMap((id) => [id + one, id + two]);
    state = after;
  }
  return ids;
}

test('the hash of a plan is the SHA-256 of its text', () => {
  expect(planHash('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});
