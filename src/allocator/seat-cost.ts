import type { PlanPoint } from './plan.ts';

/** One row of the plan: the seats [from, to) by their place in the document. */
export interface RowSpan {
  /** The zone's place in the plan. */
  readonly zone: number;
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** Seats by their place in the document. */
export interface Positions {
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly rows: readonly RowSpan[];
}

/** What the mean distance of its row adds to a seat's own: a row counts as a whole, so that good rows fill first. */
const ROW_WEIGHT = 0.25;
/** What each floor above the ground adds; the distance to the farthest seat is 1. */
const FLOOR_COST = 0.5;
export const RESTRICTED_COST = 0.5;
/** How much of the house must look to the same side for the hall to have a front. */
const FRONT_SHARE = 0.5;
/** How many of a zone's seats must be drawn upon another zone's for the two to be floors. */
const FLOOR_SHARE = 0.5;

/**
 * The cost of each seat by its place in the document: its distance to the focal point and, with less weight, that of
 * its row, so that the farthest costs 1 at most; then half as much for each floor it is above the first.
 */
export function seatCosts(seats: Positions, focal: PlanPoint, pitch: number): Float32Array {
  const { x, y, rows } = seats;
  const cost = new Float32Array(x.length);
  let farthest = 0;
  for (let i = 0; i < x.length; i++) {
    cost[i] = Math.hypot(x[i] - focal.x, y[i] - focal.y);
    if (cost[i] > farthest) farthest = cost[i];
  }
  const scale = farthest === 0 ? 0 : 1 / (farthest * (1 + ROW_WEIGHT));
  const floors = floorOfZones(seats, pitch);
  for (const { zone, from, to } of rows) {
    let mean = 0;
    for (let i = from; i < to; i++) mean += cost[i] / (to - from);
    for (let i = from; i < to; i++) cost[i] = (cost[i] + ROW_WEIGHT * mean) * scale + FLOOR_COST * floors[zone];
  }
  return cost;
}

/**
 * Where the audience looks, if the plan does not say (pretix has no stage). Rows are named from the front: A before
 * B, 1 before 2. If the zones' first rows lie mostly to one side of their last, the stage is at the middle of that
 * side of the house; if they point at each other (a bowl), it is the middle of the house. Without any such rows it is
 * the middle of the top edge, where plans usually draw the stage.
 */
export function defaultFocal(seats: Positions): PlanPoint {
  const { x, y } = seats;
  if (x.length === 0) return { x: 0, y: 0 };
  const [left, right] = range(x);
  const [top, bottom] = range(y);
  const middle = { x: (left + right) / 2, y: (top + bottom) / 2 };
  const pull = pullOfZones(seats);
  if (pull.seats === 0) return { x: middle.x, y: top };
  if (Math.hypot(pull.x, pull.y) < FRONT_SHARE * pull.seats) return middle;
  if (Math.abs(pull.x) > Math.abs(pull.y)) return { x: pull.x < 0 ? left : right, y: middle.y };
  return { x: middle.x, y: pull.y < 0 ? top : bottom };
}

function range(values: Float64Array): readonly [least: number, most: number] {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return [least, most];
}

/** A row's place in its zone by its name (A = 1 … Z = 26, AA = 27; 9 < 9A < 10), or `null` if the name has no order. */
function rowOrdinal(name: string): number | null {
  const numbered = /^(\d{1,6})([A-Z]?)$/i.exec(name);
  if (numbered) return Number(numbered[1]) + (numbered[2] === '' ? 0 : letterValue(numbered[2]) / 27);
  if (!/^[A-Z]{1,2}$/i.test(name)) return null;
  return name.length === 1 ? letterValue(name) : 26 * letterValue(name[0]) + letterValue(name[1]);
}

function letterValue(letter: string): number {
  return letter.toUpperCase().charCodeAt(0) - 64;
}

interface Centre {
  ordinal: number;
  x: number;
  y: number;
  seats: number;
}

/** The sum over zones of the direction from the last row to the first, each as long as the zone has seats. */
function pullOfZones(seats: Positions): { x: number; y: number; seats: number } {
  const pull = { x: 0, y: 0, seats: 0 };
  const { rows } = seats;
  for (let start = 0; start < rows.length; ) {
    let end = start;
    const first: Centre = { ordinal: Number.POSITIVE_INFINITY, x: 0, y: 0, seats: 0 };
    const last: Centre = { ordinal: Number.NEGATIVE_INFINITY, x: 0, y: 0, seats: 0 };
    let size = 0;
    for (; end < rows.length && rows[end].zone === rows[start].zone; end++) {
      const ordinal = rowOrdinal(rows[end].name);
      if (ordinal === null || rows[end].to === rows[end].from) continue;
      size += rows[end].to - rows[end].from;
      if (ordinal <= first.ordinal) addRow(first, ordinal, rows[end], seats);
      if (ordinal >= last.ordinal) addRow(last, ordinal, rows[end], seats);
    }
    start = end;
    if (first.ordinal >= last.ordinal) continue;
    const dx = first.x / first.seats - last.x / last.seats;
    const dy = first.y / first.seats - last.y / last.seats;
    const length = Math.hypot(dx, dy);
    if (length === 0) continue;
    pull.x += (dx / length) * size;
    pull.y += (dy / length) * size;
    pull.seats += size;
  }
  return pull;
}

/** Adds a row to the sums; one that goes farther out than the rows before it begins them anew. */
function addRow(centre: Centre, ordinal: number, row: RowSpan, seats: Positions): void {
  if (ordinal !== centre.ordinal) Object.assign(centre, { ordinal, x: 0, y: 0, seats: 0 });
  for (let i = row.from; i < row.to; i++) {
    centre.x += seats.x[i];
    centre.y += seats.y[i];
    centre.seats++;
  }
}

/**
 * The floor of each zone by its place in the plan, from 0. Plans draw a balcony over the stalls when each zone has an
 * origin of its own; a zone most of whose seats lie upon those of an earlier one is taken to be a floor above it.
 */
function floorOfZones(seats: Positions, pitch: number): Uint16Array {
  const { rows } = seats;
  const zones = rows.length === 0 ? 0 : rows[rows.length - 1].zone + 1;
  const floors = new Uint16Array(zones);
  if (!Number.isFinite(pitch)) return floors;
  /** Cell → the highest floor on it so far, + 1. */
  const covered = new Map<number, number>();
  for (let start = 0; start < rows.length; ) {
    let end = start;
    while (end < rows.length && rows[end].zone === rows[start].zone) end++;
    const cells = cellsOf(seats, rows[start].from, rows[end - 1].to, pitch);
    let over = 0;
    let below = 0;
    for (const cell of cells) {
      const top = covered.get(cell) ?? 0;
      if (top > 0) over++;
      if (top > below) below = top;
    }
    const floor = cells.length > 0 && over > cells.length * FLOOR_SHARE ? below : 0;
    floors[rows[start].zone] = floor;
    for (const cell of cells) {
      if ((covered.get(cell) ?? 0) <= floor) covered.set(cell, floor + 1);
    }
    start = end;
  }
  return floors;
}

/** The square of half a pitch on which each seat stands, mixed into 32 bits: maps of small integers are the fast ones. */
function cellsOf(seats: Positions, from: number, to: number, pitch: number): Int32Array {
  const cells = new Int32Array(to - from);
  for (let i = from; i < to; i++) {
    const column = Math.round((2 * seats.x[i]) / pitch);
    const line = Math.round((2 * seats.y[i]) / pitch);
    cells[i - from] = Math.imul(column, 0x9e3779b1) ^ line;
  }
  return cells;
}
