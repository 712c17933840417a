import type { PlanPoint } from './plan.ts';

/** Distances of generated plans, 1 unit = 2 cm. Between neighbours, between rows, across an aisle, between tiers. */
const PITCH = 25;
const ROW_DEPTH = 40;
const AISLE_WIDTH = 60;
const TIER_GAP = 120;

/** A run of seats between two aisles, repeated row behind row: straight, or around a centre. */
export type Stretch =
  | {
      readonly kind: 'straight';
      readonly middle: PlanPoint;
      readonly along: PlanPoint;
      readonly outward: PlanPoint;
      readonly width: number;
    }
  | {
      readonly kind: 'arc';
      readonly centre: PlanPoint;
      readonly radius: number;
      readonly middle: number;
      readonly spread: number;
      readonly turn: 1 | -1;
    };

/** Cuts a tier, whose rows lie `near` to `far` behind the front, into stretches of about `across` seats in its last row. */
export type Layout = (near: number, far: number, across: number) => readonly Stretch[];

/** How many seats fit in a stretch at this distance behind the front, leaving half an aisle at either end. */
export function seatsIn(stretch: Stretch, depth: number): number {
  const room = (stretch.kind === 'straight' ? stretch.width : (stretch.radius + depth) * stretch.spread) - AISLE_WIDTH;
  const seats = Math.floor(room / PITCH) + 1;
  return seats < 2 ? 0 : seats;
}

/** Where `count` seats stand in a stretch at this distance behind the front, in the middle of it. */
export function placesIn(stretch: Stretch, depth: number, count: number): PlanPoint[] {
  return Array.from({ length: count }, (_, i) => {
    const offset = (i - (count - 1) / 2) * PITCH;
    if (stretch.kind === 'straight') {
      const { middle, along, outward } = stretch;
      return { x: middle.x + along.x * offset + outward.x * depth, y: middle.y + along.y * offset + outward.y * depth };
    }
    const radius = stretch.radius + depth;
    const angle = stretch.middle + (stretch.turn * offset) / radius;
    return { x: stretch.centre.x + radius * Math.cos(angle), y: stretch.centre.y + radius * Math.sin(angle) };
  });
}

/** How far behind the front the row stands, counted over all tiers from 0, in the tier counted from 0. */
export function rowDepth(row: number, tier: number): number {
  return row * ROW_DEPTH + tier * TIER_GAP;
}

/** In how many stretches to cut rows that grow from `first` to `last` in length; three seats stand in each at least. */
function stretchesFor(first: number, last: number, across: number): number {
  const wanted = Math.round(last / (across * PITCH + AISLE_WIDTH));
  return Math.max(1, Math.min(wanted, Math.floor(first / (2 * PITCH + AISLE_WIDTH))));
}

/** Rows in arcs before a stage at (0, 0), seen from above with the stage at the top; seat 1 at the left. */
export function fan(radius: number, spread: number): Layout {
  return (near, far, across) => {
    const count = stretchesFor((radius + near) * spread, (radius + far) * spread, across);
    const each = spread / count;
    return Array.from({ length: count }, (_, i) => ({
      kind: 'arc',
      centre: { x: 0, y: 0 },
      radius,
      middle: Math.PI / 2 + spread / 2 - each * (i + 0.5),
      spread: each,
      turn: -1,
    }));
  };
}

/** A bowl around a floor centred on (0, 0): straight stands on four sides, joined by round corners; clockwise. */
export function bowl(halfLength: number, halfWidth: number, corner: number): Layout {
  return (near, far, across) => {
    const quarter = Math.PI / 2;
    const wedges = stretchesFor((corner + near) * quarter, (corner + far) * quarter, across);
    return [0, 1, 2, 3].flatMap((side) => {
      // Side 0 is the top one; each next is a quarter turn on.
      const angle = side * quarter - quarter;
      const outward = { x: Math.round(Math.cos(angle)), y: Math.round(Math.sin(angle)) };
      const along = { x: -outward.y, y: outward.x };
      const half = side % 2 === 0 ? halfLength : halfWidth;
      const front = (side % 2 === 0 ? halfWidth : halfLength) + corner;
      const straights = stretchesFor(2 * half, 2 * half, across);
      const width = (2 * half) / straights;
      const stand = Array.from({ length: straights }, (_, i): Stretch => {
        const offset = width * (i + 0.5) - half;
        const middle = { x: outward.x * front + along.x * offset, y: outward.y * front + along.y * offset };
        return { kind: 'straight', middle, along, outward, width };
      });
      const centre = { x: (along.x + outward.x) * halfLength, y: (along.y + outward.y) * halfWidth };
      const spread = quarter / wedges;
      const corners = Array.from({ length: wedges }, (_, i): Stretch => {
        return { kind: 'arc', centre, radius: corner, middle: angle + spread * (i + 0.5), spread, turn: 1 };
      });
      return [...stand, ...corners];
    });
  };
}
