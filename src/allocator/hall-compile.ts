import { ACCESSIBLE, COMPANION, type Hall, RESTRICTED_VIEW, type RowName } from './hall.ts';
import type { PlanSeat, SeatingPlan } from './plan.ts';
import { canJudge, gapsAlong, orderAlongRow, usualPitch, widestNeighbourGap } from './row-order.ts';
import { defaultFocal, type Positions, RESTRICTED_COST, type RowSpan, seatCosts } from './seat-cost.ts';
import { seatIndexOf } from './seat-index.ts';

/**
 * Compiles a plan that `importPlan` accepted. Rows keep the order of the document; within a row, seats stand in the
 * order of its curve, from left to right (top to bottom in upright rows), cut into blocks where the gap between two is
 * wider than 1.6 × the row's usual pitch. Rows of the document are never joined, also if they share a name.
 * The best seat is the one nearest to `usher.focal`, or else to the point that the rows face (see `defaultFocal`).
 * Pure, and keeps nothing of the plan but its texts.
 */
export function compileHall(plan: SeatingPlan): Hall {
  const { seats, positions } = flatten(plan);
  const { order, blockStart, pitch } = dealIndices(positions);
  const costs = seatCosts(positions, plan.usher?.focal ?? defaultFocal(positions), pitch);
  const categories = plan.categories.map((category) => category.name);
  const categoryIndex = new Map(categories.map((name, index) => [name, index]));
  const categoryNamed = (name: string): number => {
    const index = categoryIndex.get(name);
    if (index === undefined) throw new RangeError(`compileHall: the plan has no category ${JSON.stringify(name)}`);
    return index;
  };

  const count = seats.length;
  const x = new Float32Array(count);
  const y = new Float32Array(count);
  const cost = new Float32Array(count);
  const features = new Uint8Array(count);
  const categoryOf = new Uint16Array(count);
  const seatIds: string[] = new Array(count);
  const seatNumbers: string[] = new Array(count);
  const shared = new Map<string, string>();
  for (let i = 0; i < count; i++) {
    const place = order[i];
    const seat = seats[place];
    x[i] = positions.x[place];
    y[i] = positions.y[place];
    features[i] = featuresOf(seat);
    cost[i] = costs[place] + (features[i] & RESTRICTED_VIEW ? RESTRICTED_COST : 0);
    categoryOf[i] = categoryNamed(seat.category);
    seatIds[i] = seat.seat_guid;
    seatNumbers[i] = sharedText(seat.seat_number, shared);
  }
  return {
    name: plan.name,
    seatCount: count,
    seatIds,
    seatIndex: seatIndexOf(seatIds),
    categories,
    categoryOf,
    blockOf: blockOfEach(blockStart, count),
    blockStart,
    x,
    y,
    cost,
    features,
    documentOrder: order,
    planSeats: count,
    rowOf: rowOfEach(positions.rows, count),
    rows: rowNames(plan, shared),
    seatNumbers,
    areas: (plan.usher?.areas ?? []).map(({ id, name, category, capacity }) => ({
      id,
      name,
      category: categoryNamed(category),
      capacity,
    })),
    laterPlans: [],
    formerCategories: new Set(),
    formerAreas: new Set(),
  };
}

/** All seats in the order of the document, with absolute positions. */
function flatten(plan: SeatingPlan): { seats: PlanSeat[]; positions: Positions } {
  const seats: PlanSeat[] = [];
  const rows: RowSpan[] = [];
  const origins: number[] = [];
  for (const [zone, { position, rows: zoneRows }] of plan.zones.entries()) {
    for (const row of zoneRows) {
      const from = seats.length;
      for (const seat of row.seats) seats.push(seat);
      rows.push({ zone, name: row.row_number, from, to: seats.length });
      origins.push(position.x + (row.position?.x ?? 0), position.y + (row.position?.y ?? 0));
    }
  }
  const x = new Float64Array(seats.length);
  const y = new Float64Array(seats.length);
  for (const [r, { from, to }] of rows.entries()) {
    for (let i = from; i < to; i++) {
      x[i] = origins[2 * r] + seats[i].position.x;
      y[i] = origins[2 * r + 1] + seats[i].position.y;
    }
  }
  return { seats, positions: { x, y, rows } };
}

interface Deal {
  /** The place in the document of each seat index. */
  readonly order: Uint32Array;
  readonly blockStart: Uint32Array;
  /** The usual distance between neighbours in the whole plan. */
  readonly pitch: number;
}

function dealIndices({ x, y, rows }: Positions): Deal {
  const order = new Uint32Array(x.length);
  const gapsOf: Float64Array[] = [];
  for (const { from, to } of rows) {
    const along = orderAlongRow(x, y, from, to);
    order.set(along, from);
    gapsOf.push(gapsAlong(along, x, y));
  }
  const pitch = usualPitch(joined(gapsOf));
  const around = usualOfZones(rows, gapsOf, pitch);
  const starts: number[] = [];
  for (const [r, { from, to, zone }] of rows.entries()) {
    if (from === to) continue;
    starts.push(from);
    const gaps = gapsOf[r];
    const widest = widestNeighbourGap(gaps, around[zone]);
    for (let i = 0; i < gaps.length; i++) {
      if (gaps[i] > widest) starts.push(from + i + 1);
    }
  }
  starts.push(x.length);
  return { order, blockStart: Uint32Array.from(starts), pitch };
}

/** The usual pitch of each zone by its place, or of the plan where a zone has too few gaps to tell. */
function usualOfZones(rows: readonly RowSpan[], gapsOf: readonly Float64Array[], whole: number): number[] {
  const usual: number[] = [];
  for (let start = 0; start < rows.length; ) {
    let end = start;
    while (end < rows.length && rows[end].zone === rows[start].zone) end++;
    const gaps = joined(gapsOf.slice(start, end));
    usual[rows[start].zone] = canJudge(gaps.length) ? usualPitch(gaps) : whole;
    start = end;
  }
  return usual;
}

function joined(lists: readonly Float64Array[]): Float64Array {
  let size = 0;
  for (const list of lists) size += list.length;
  const all = new Float64Array(size);
  let offset = 0;
  for (const list of lists) {
    all.set(list, offset);
    offset += list.length;
  }
  return all;
}

function featuresOf({ usher }: PlanSeat): number {
  if (usher === undefined) return 0;
  return (
    (usher.accessible ? ACCESSIBLE : 0) |
    (usher.companion ? COMPANION : 0) |
    (usher.restrictedView ? RESTRICTED_VIEW : 0)
  );
}

function blockOfEach(blockStart: Uint32Array, count: number): Uint32Array {
  const blockOf = new Uint32Array(count);
  for (let b = 0; b + 1 < blockStart.length; b++) blockOf.fill(b, blockStart[b], blockStart[b + 1]);
  return blockOf;
}

function rowOfEach(rows: readonly RowSpan[], count: number): Uint32Array {
  const rowOf = new Uint32Array(count);
  for (const [r, { from, to }] of rows.entries()) rowOf.fill(r, from, to);
  return rowOf;
}

function rowNames(plan: SeatingPlan, shared: Map<string, string>): RowName[] {
  return plan.zones.flatMap(({ name, rows }) =>
    rows.map((row) => ({ zone: sharedText(name ?? '', shared), row: sharedText(row.row_number, shared) })),
  );
}

/** One copy of a text that many seats share: "1" to "40" need not be there two thousand times. */
function sharedText(text: string, shared: Map<string, string>): string {
  const known = shared.get(text);
  if (known !== undefined) return known;
  shared.set(text, text);
  return text;
}
