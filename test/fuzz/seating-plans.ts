import fc from 'fast-check';
import type { SeatingPlan } from '../../src/allocator/plan.ts';
import { generatePlan, HALL_KINDS } from '../../src/allocator/plan-generate.ts';
import { exampleHall } from '../support/plan-fixtures.ts';
import { jsonMutations, mutated } from './json-mutations.ts';

/** Every member that a plan can have. */
function fullPlan(): SeatingPlan {
  const position = { x: 10, y: 20 };
  const seat = (n: number, usher = {}) => ({
    ...{ seat_guid: `g-${n}`, seat_number: `${n}`, position: { x: 30 * n, y: 0 }, category: 'A', radius: 8 },
    usher: { accessible: n === 1, companion: n === 2, restrictedView: false, ...usher },
  });
  return {
    name: 'Everything',
    size: { width: 1_000, height: 1_000 },
    categories: [{ name: 'A', color: '#aabbcc' }, { name: 'B' }],
    zones: [
      {
        ...{ name: 'Stalls', zone_id: 'stalls', position },
        rows: [
          {
            row_number: '1',
            row_label: 'Row 1',
            row_number_position: 'both',
            position,
            seats: [1, 2, 3, 4].map((n) => seat(n)),
          },
          { row_number: '2', seats: [5, 6, 7].map((n) => ({ ...seat(n), category: 'B' })) },
        ],
        areas: [{ shape: 'text', text: { text: 'Stage', size: 12 }, position, points: [position, { x: 1, y: 1 }] }],
      },
      { position: { x: 0, y: 500 }, rows: [{ row_number: '', seats: [8, 9].map((n) => seat(n)) }] },
    ],
    usher: {
      focal: { x: 500, y: 0 },
      areas: [{ id: 'floor', name: 'Floor', category: 'B', capacity: 40, zone: 'Stalls' }],
    },
  };
}

/** The real hall of the examples, with the first few rows of each zone. */
function fewRowsOfExample(): unknown {
  const plan = exampleHall() as { zones: { rows: unknown[] }[] };
  for (const zone of plan.zones) zone.rows = zone.rows.slice(0, 2);
  return plan;
}

const GOOD: readonly unknown[] = [
  fullPlan(),
  fewRowsOfExample(),
  ...HALL_KINDS.map((kind) => generatePlan({ kind, seats: 30, standing: 20, accessiblePairs: 2 })),
];

/** Plans of which each was right before some things in it were changed. */
export const brokenPlans: fc.Arbitrary<unknown> = fc
  .tuple(fc.constantFrom(...GOOD), jsonMutations(4))
  .map(([plan, mutations]) => mutated(plan, mutations));

/** What may be nearly anything in a plan that is right. */
const FREE = new Set([
  'x',
  'y',
  'radius',
  'accessible',
  'companion',
  'color',
  'row_label',
  'row_number',
  'capacity',
  'focal',
]);

/** Plans that mostly stay right, but are not what anybody would draw: seats stand anywhere, and are called anything. */
export const strangePlans: fc.Arbitrary<unknown> = fc
  .tuple(fc.constantFrom(...GOOD), jsonMutations(20, ['swap', 'graft', 'edge']))
  .map(([plan, mutations]) => mutated(withoutSize(plan), mutations, FREE));

/** Without a size no place is off the plan. */
function withoutSize(plan: unknown): unknown {
  const { size: _, ...rest } = plan as SeatingPlan;
  return rest;
}
