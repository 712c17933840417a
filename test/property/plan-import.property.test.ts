import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Hall } from '../../src/allocator/hall.ts';
import type { PlanPoint } from '../../src/allocator/plan.ts';
import { generatePlan, HALL_KINDS } from '../../src/allocator/plan-generate.ts';
import { importPlan } from '../../src/allocator/plan-import.ts';
import { blocksOf, hallOf, planOf, resolvePointer, row, zone } from '../support/plan-fixtures.ts';

/** What holds of every compiled hall. */
function expectSound(hall: Hall): void {
  const { seatCount, blockOf, blockStart, documentOrder, rowOf } = hall;
  expect(new Set(documentOrder).size).toBe(seatCount);
  expect(documentOrder.every((place) => place < seatCount)).toBe(true);
  expect(blockStart[0]).toBe(0);
  expect(blockStart[blockStart.length - 1]).toBe(seatCount);
  for (let b = 0; b + 1 < blockStart.length; b++) {
    expect(blockStart[b + 1]).toBeGreaterThan(blockStart[b]);
    for (let i = blockStart[b]; i < blockStart[b + 1]; i++) {
      expect(blockOf[i]).toBe(b);
      expect(rowOf[i]).toBe(rowOf[blockStart[b]]);
    }
  }
  expect(hall.seatIds.every((id, i) => hall.seatIndex(id) === i)).toBe(true);
  expect(hall.cost.every((cost) => cost >= 0 && Number.isFinite(cost))).toBe(true);
  expect(hall.categoryOf.every((category) => category < hall.categories.length)).toBe(true);
}

/** What holds of every import: all or nothing, faults that lead somewhere, and the same again. */
function expectAnswered(document: unknown): void {
  const imported = importPlan(document);
  if (!imported.ok) {
    expect(imported.faults.length).toBeGreaterThan(0);
    for (const { pointer } of imported.faults) expect(() => resolvePointer(document, pointer)).not.toThrow();
    return;
  }
  for (const { pointer } of imported.warnings) expect(() => resolvePointer(document, pointer)).not.toThrow();
  const again = importPlan(JSON.parse(JSON.stringify(imported.plan)));
  expect(again.ok && JSON.stringify(again.plan)).toBe(JSON.stringify(imported.plan));
  expectSound(hallOf(imported.plan));
}

/** Every place in a document, as the object or array it is in and its key. */
function placesIn(document: object): [Record<string, unknown>, string][] {
  const places: [Record<string, unknown>, string][] = [];
  const open = [document as Record<string, unknown>];
  for (let owner = open.pop(); owner !== undefined; owner = open.pop()) {
    for (const key of Object.keys(owner)) {
      places.push([owner, key]);
      const value = owner[key];
      if (typeof value === 'object' && value !== null) open.push(value as Record<string, unknown>);
    }
  }
  return places;
}

const request = fc.record({
  kind: fc.constantFrom(...HALL_KINDS),
  seats: fc.integer({ min: 20, max: 400 }),
  tiers: fc.integer({ min: 1, max: 3 }),
  betweenAisles: fc.integer({ min: 4, max: 30 }),
  standing: fc.constantFrom(0, 50),
});
const position = fc.record({ x: fc.integer({ min: 0, max: 1000 }), y: fc.integer({ min: 0, max: 1000 }) });

describe('importing a plan', () => {
  test('answers any value at all', () => {
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true }),
        (value) => void importPlan(value),
      ),
      { numRuns: 1_000 },
    );
  });

  test('answers any JSON value inside the form of a plan', () => {
    const json = fc.jsonValue({ maxDepth: 3 });
    const seats = fc.record({
      seats: fc.oneof(json, fc.array(json)),
      row_number: fc.oneof(json, fc.string()),
      position: json,
    });
    const zones = fc.record({
      rows: fc.oneof(json, fc.array(fc.oneof(json, seats))),
      position: fc.oneof(json, position),
      areas: json,
    });
    const plan = fc.record(
      {
        name: fc.oneof(json, fc.string()),
        categories: fc.oneof(json, fc.array(json)),
        zones: fc.array(fc.oneof(json, zones)),
        usher: json,
        size: json,
      },
      { requiredKeys: ['zones'] },
    );
    fc.assert(fc.property(plan, expectAnswered), { numRuns: 1_000 });
  });

  test('names the place of whatever was broken in a good plan', () => {
    const broken = fc.tuple(request, fc.nat(), fc.oneof(fc.jsonValue(), fc.constant(undefined)), fc.boolean());
    fc.assert(
      fc.property(broken, ([hall, where, value, twice]) => {
        const document = structuredClone(generatePlan({ ...hall, seats: Math.min(hall.seats, 60) }));
        const places = placesIn(document);
        const [owner, key] = places[where % places.length];
        if (twice && Array.isArray(owner)) owner.push(structuredClone(owner[Number(key)]));
        else if (value === undefined && !Array.isArray(owner)) delete owner[key];
        else owner[key] = value ?? null;
        expectAnswered(document);
      }),
      { numRuns: 500 },
    );
  });
});

describe('compiling a hall', () => {
  test('is sound for every generated plan', () => {
    fc.assert(
      fc.property(request, (hall) => {
        const compiled = hallOf(generatePlan(hall));
        expect(compiled.seatCount).toBe(hall.seats);
        expectSound(compiled);
      }),
      { numRuns: 100 },
    );
  });

  test('is sound wherever the seats stand', () => {
    const rows = fc.array(fc.array(position, { maxLength: 12 }), { maxLength: 6 });
    fc.assert(
      fc.property(rows, rows, position, (one, two, last) => {
        const named = (prefix: string, list: PlanPoint[][]) => list.map((places, i) => row(prefix, String(i), places));
        expectSound(
          hallOf(planOf(zone('1', ...named('1', one)), zone('2', ...named('2', two), row('2', 'x', [last])))),
        );
      }),
      { numRuns: 500 },
    );
  });

  test('finds the neighbours of a row however it is turned, bent, numbered and listed', () => {
    const bent = fc.record({
      left: fc.integer({ min: 4, max: 20 }),
      right: fc.integer({ min: 4, max: 20 }),
      pitch: fc.integer({ min: 10, max: 20 }),
      aisle: fc.double({ min: 1.75, max: 4, noNaN: true }),
      sweep: fc.double({ min: 0.01, max: 4.5, noNaN: true }),
      turn: fc.double({ min: 0, max: 6.28, noNaN: true }),
      shuffle: fc.infiniteStream(fc.nat(1_000_000)),
    });
    fc.assert(
      fc.property(bent, ({ left, right, pitch, aisle, sweep, turn, shuffle }) => {
        const along = Array.from({ length: left + right }, (_, i) => pitch * (i + (i < left ? 0 : aisle - 1)));
        const length = along[along.length - 1];
        const radius = length / sweep;
        // A row almost straight lies on a circle far outside the plan: put its middle into the middle of the plan.
        const places = along.map((at) => {
          const angle = turn + ((at - length / 2) / length) * sweep;
          return {
            x: 5_000 + radius * (Math.cos(angle) - Math.cos(turn)),
            y: 5_000 + radius * (Math.sin(angle) - Math.sin(turn)),
          };
        });
        const listed = places
          .map((place, i) => ({ place, i, key: shuffle.next().value }))
          .sort((a, b) => a.key - b.key);
        const plan = {
          ...planOf(
            zone(
              'Z',
              row(
                'z',
                'A',
                listed.map(({ place }) => place),
              ),
            ),
          ),
          size: { width: 10_000, height: 10_000 },
        };
        const found = blocksOf(hallOf(plan)).map((block) => block.map((id) => listed[Number(id.split('-')[2]) - 1].i));
        const expected = [Array.from({ length: left }, (_, i) => i), Array.from({ length: right }, (_, i) => left + i)];
        if (found[0].includes(left)) found.reverse();
        for (const block of found) if (block[0] > block[block.length - 1]) block.reverse();
        expect(found).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });
});
