import fc from 'fast-check';
import type { ShowTerms } from '../../src/allocator/events.ts';
import type { PlanRow, PlanSeat } from '../../src/allocator/plan.ts';

/** When every trial begins, ms since the epoch. */
export const START = 1_790_000_000_000;
const CATEGORIES = ['Front', 'Back', 'Closed'] as const;
const PITCH = 10;
const AISLE = 40;

interface RowParts {
  readonly seats: number;
  /** An aisle before this seat; none at 0. */
  readonly aisle: number;
  readonly category: number;
  /** Seats from here on are of the next category. */
  readonly changesAt: number;
  /** An accessible seat with its companion's beside it; none at -1. */
  readonly accessible: number;
}

const row: fc.Arbitrary<RowParts> = fc.record({
  seats: fc.integer({ min: 1, max: 7 }),
  aisle: fc.nat({ max: 4 }),
  category: fc.constantFrom(0, 0, 0, 1, 1, 1, 2),
  changesAt: fc.constantFrom(99, 99, 99, 3, 4),
  accessible: fc.constantFrom(-1, -1, -1, 0, 2),
});

const area = fc.record({ category: fc.constantFrom(0, 1, 1, 2), capacity: fc.integer({ min: 1, max: 9 }) });

/** A plan of one to four short rows with aisles, three categories of which "Closed" has no price, and up to two areas. */
export const smallPlan: fc.Arbitrary<unknown> = fc
  .record({
    rows: fc.array(row, { minLength: 1, maxLength: 4, size: 'max' }),
    areas: fc.array(area, { maxLength: 2, size: 'max' }),
  })
  .map(({ rows, areas }) => ({
    name: 'Small hall',
    size: { width: 1000, height: 1000 },
    categories: CATEGORIES.map((name) => ({ name })),
    zones: [{ name: 'Stalls', position: { x: 100, y: 100 }, rows: rows.map(planRow) }],
    usher: {
      focal: { x: 130, y: 0 },
      areas: areas.map(({ category, capacity }, i) => ({
        id: `area-${i}`,
        name: `Standing ${i}`,
        category: CATEGORIES[category],
        capacity,
      })),
    },
  }));

function planRow(parts: RowParts, number: number): PlanRow {
  const seats: PlanSeat[] = [];
  for (let i = 0; i < parts.seats; i++) {
    const x = i * PITCH + (parts.aisle > 0 && i >= parts.aisle ? AISLE : 0);
    const category = CATEGORIES[(parts.category + (i >= parts.changesAt ? 1 : 0)) % CATEGORIES.length];
    const flag = i === parts.accessible ? 'accessible' : i === parts.accessible + 1 ? 'companion' : null;
    seats.push({
      seat_guid: `${number + 1}-${i + 1}`,
      seat_number: String(i + 1),
      position: { x, y: 0 },
      category,
      ...(parts.accessible >= 0 && flag !== null ? { usher: { [flag]: true } } : {}),
    });
  }
  return { row_number: String(number + 1), position: { x: 0, y: number * 12 }, seats };
}

/** Terms with free and dear seats, short and long holds, sales that open later and close during the trial. */
export const smallTerms: fc.Arbitrary<ShowTerms> = fc.record(
  {
    planId: fc.constant('pln_01k9zxh3m4q8r2v6w7y0t5b1cd'),
    planHash: fc.constant('0'.repeat(64)),
    currency: fc.constant('EUR'),
    prices: fc
      .tuple(fc.constantFrom(4_550, 4_550, 0), fc.constantFrom(2_000, 2_000, 0))
      .map(([Front, Back]) => ({ Front, Back })),
    onSaleAt: fc.constantFrom(START, START, START, START, START, START + 60_000),
    offSaleAt: fc.constantFrom(
      START + 400 * 86_400_000,
      START + 400 * 86_400_000,
      START + 400 * 86_400_000,
      START + 900_000,
    ),
    perHold: fc.constantFrom(6, 6, 3),
    perBuyer: fc.constantFrom(10, 4, 3, 2),
    holdSeconds: fc.constantFrom(600, 60),
  },
  { noNullPrototype: true },
);

/** The same, some of shows that are drafts until somebody publishes them. */
export const draftTerms: fc.Arbitrary<ShowTerms> = fc
  .tuple(smallTerms, fc.constantFrom(false, false, false, true))
  .map(([terms, isDraft]) => (isDraft ? { ...terms, publishAt: null } : terms));
