import type { Hall } from '../../src/allocator/hall.ts';
import type { PlanArea, PlanRow, PlanSeat, SeatingPlan } from '../../src/allocator/plan.ts';
import { hallOf } from '../support/plan-fixtures.ts';

/** What another plan of the same place may have that the first has not, or not have. Any of them go together. */
const CHANGES: readonly ((plan: SeatingPlan) => SeatingPlan)[] = [
  // One more seat at the end of each row.
  (plan) =>
    withRows(plan, (row) => ({
      ...row,
      seats: [...row.seats, { ...row.seats[row.seats.length - 1], ...placed(row, 1, `${row.row_number}-new`) }],
    })),
  // A row of a category that the first plan has not, and a larger area.
  (plan) => {
    const [first] = plan.zones[0].rows;
    const seats = first.seats.map(({ usher: _, ...seat }) => ({
      ...seat,
      seat_guid: `box-${seat.seat_guid}`,
      category: 'Box',
    }));
    const box: PlanRow = { row_number: 'Box', position: { x: 0, y: -24 }, seats };
    return {
      ...withAreas(plan, (area) => [{ ...area, capacity: area.capacity + 2 }]),
      categories: [...plan.categories, { name: 'Box' }],
      zones: [{ ...plan.zones[0], rows: [box, ...plan.zones[0].rows] }],
    };
  },
  // The last seat of each row of several goes, and of each area one place, or the area.
  (plan) =>
    withAreas(
      withRows(plan, (row) => ({ ...row, seats: row.seats.length > 1 ? row.seats.slice(0, -1) : row.seats })),
      (area) => (area.capacity > 1 ? [{ ...area, capacity: area.capacity - 1 }] : []),
    ),
  // An aisle after the second seat, and a seat of another category, accessible, at the beginning.
  (plan) =>
    withRows(plan, (row) => {
      const seats = row.seats.map((seat, i) =>
        i < 2 ? seat : { ...seat, position: { ...seat.position, x: seat.position.x + 40 } },
      );
      return { ...row, seats: [{ ...seats[0], category: 'Back', usher: { accessible: true } }, ...seats.slice(1)] };
    }),
];

/** The ids of the plans that may replace a trial's first. */
export const VARIANTS: readonly string[] = Array.from(
  { length: 2 ** CHANGES.length },
  (_, bits) => `pln_variant${String(bits).padStart(2, '0')}`,
);

const known = new WeakMap<object, Readonly<Record<string, Hall>>>();

/** The halls of the variants of a plan, by their ids; the first is the plan itself once more. */
export function variantsOf(document: unknown): Readonly<Record<string, Hall>> {
  const plan = document as SeatingPlan;
  let variants = known.get(plan);
  if (variants === undefined) {
    variants = Object.fromEntries(
      VARIANTS.map((id, bits) => {
        const changes = CHANGES.filter((_, bit) => (bits & (1 << bit)) !== 0);
        return [id, hallOf(changes.reduce((changed, change) => change(changed), plan))];
      }),
    );
    known.set(plan, variants);
  }
  return variants;
}

function placed(row: PlanRow, steps: number, guid: string): Pick<PlanSeat, 'seat_guid' | 'seat_number' | 'position'> {
  const last = row.seats[row.seats.length - 1];
  return { seat_guid: guid, seat_number: guid, position: { ...last.position, x: last.position.x + 10 * steps } };
}

function withRows(plan: SeatingPlan, change: (row: PlanRow) => PlanRow): SeatingPlan {
  return { ...plan, zones: plan.zones.map((zone) => ({ ...zone, rows: zone.rows.map(change) })) };
}

function withAreas(plan: SeatingPlan, change: (area: PlanArea) => readonly PlanArea[]): SeatingPlan {
  return { ...plan, usher: { ...plan.usher, areas: (plan.usher?.areas ?? []).flatMap(change) } };
}
