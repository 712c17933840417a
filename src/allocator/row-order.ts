/**
 * Who sits beside whom, from positions alone. Seat numbers say nothing about it: halls number odd seats on one side
 * and even on the other, skip numbers, and number from either end.
 */

/** A gap wider than this share of the row's usual pitch is an aisle. */
const AISLE = 1.6;
/** A path along a row this much longer than its chord says that the row is no simple curve (a half circle has 1.57). */
const SIMPLE_CURVE = 1.6;
/** With fewer gaps a row alone cannot say what is usual in it. */
const GAPS_TO_JUDGE = 3;

/**
 * The seats [from, to) in their order along the row's own curve. A straight or gently curved row is ordered along
 * its principal axis; where that goes to and fro (horseshoes, rings, tables), by the angle around the circle that
 * fits the row best, beginning at the widest gap; whichever gives the shorter walk. O(n log n).
 */
export function orderAlongRow(x: Float64Array, y: Float64Array, from: number, to: number): Uint32Array {
  const size = to - from;
  if (size <= 1) return Uint32Array.from({ length: size }, (_, i) => from + i);
  const shape = momentsOf(x, y, from, to);
  const along = byAxis(shape, x, y, from, to);
  const walk = walkLength(along, x, y);
  const chord = Math.hypot(x[along[size - 1]] - x[along[0]], y[along[size - 1]] - y[along[0]]);
  if (size < 4 || walk <= SIMPLE_CURVE * chord) return along;
  const around = byAngle(shape, x, y, from, to);
  return around !== null && walkLength(around, x, y) < walk ? around : along;
}

/** The distances between successive seats of an order. */
export function gapsAlong(order: Uint32Array, x: Float64Array, y: Float64Array): Float64Array {
  const gaps = new Float64Array(Math.max(0, order.length - 1));
  for (let i = 0; i < gaps.length; i++) {
    gaps[i] = Math.hypot(x[order[i + 1]] - x[order[i]], y[order[i + 1]] - y[order[i]]);
  }
  return gaps;
}

/** The lower median of the gaps above 0, or `Infinity` without any. */
export function usualPitch(gaps: Float64Array): number {
  const positive = gaps.filter((gap) => gap > 0).sort();
  return positive.length === 0 ? Number.POSITIVE_INFINITY : positive[(positive.length - 1) >> 1];
}

/**
 * The gap above which two seats of this row are no neighbours. A row of a few seats, such as two that face each other
 * over an aisle, is judged by `around`, the usual pitch of its zone or plan, if that is narrower.
 */
export function widestNeighbourGap(gaps: Float64Array, around: number): number {
  const own = usualPitch(gaps);
  return AISLE * (gaps.length < GAPS_TO_JUDGE ? Math.min(own, around) : own);
}

/** Whether these gaps are enough to tell a usual pitch from. */
export function canJudge(gapCount: number): boolean {
  return gapCount >= GAPS_TO_JUDGE;
}

interface Moments {
  readonly meanX: number;
  readonly meanY: number;
  readonly xx: number;
  readonly xy: number;
  readonly yy: number;
}

function momentsOf(x: Float64Array, y: Float64Array, from: number, to: number): Moments {
  let meanX = 0;
  let meanY = 0;
  for (let i = from; i < to; i++) {
    meanX += x[i];
    meanY += y[i];
  }
  meanX /= to - from;
  meanY /= to - from;
  let xx = 0;
  let xy = 0;
  let yy = 0;
  for (let i = from; i < to; i++) {
    const u = x[i] - meanX;
    const v = y[i] - meanY;
    xx += u * u;
    xy += u * v;
    yy += v * v;
  }
  return { meanX, meanY, xx, xy, yy };
}

function byAxis(shape: Moments, x: Float64Array, y: Float64Array, from: number, to: number): Uint32Array {
  const angle = Math.atan2(2 * shape.xy, shape.xx - shape.yy) / 2;
  let dx = Math.cos(angle);
  let dy = Math.sin(angle);
  // One direction for all rows: to the right, or downwards for upright ones.
  if (Math.abs(dx) >= Math.abs(dy) ? dx < 0 : dy < 0) {
    dx = -dx;
    dy = -dy;
  }
  const key = new Float64Array(to - from);
  for (let i = from; i < to; i++) key[i - from] = (x[i] - shape.meanX) * dx + (y[i] - shape.meanY) * dy;
  return sortedBy(key, from);
}

/** By the angle around the circle of least squares (Kåsa's fit); `null` if the seats are on one line or spot. */
function byAngle(shape: Moments, x: Float64Array, y: Float64Array, from: number, to: number): Uint32Array | null {
  const { meanX, meanY, xx, xy, yy } = shape;
  const determinant = xx * yy - xy * xy;
  if (determinant <= 1e-9 * (xx + yy) ** 2) return null;
  let right = 0;
  let down = 0;
  for (let i = from; i < to; i++) {
    const u = x[i] - meanX;
    const v = y[i] - meanY;
    const square = (u * u + v * v) / 2;
    right += u * square;
    down += v * square;
  }
  const centreX = meanX + (right * yy - down * xy) / determinant;
  const centreY = meanY + (down * xx - right * xy) / determinant;
  const key = new Float64Array(to - from);
  for (let i = from; i < to; i++) key[i - from] = Math.atan2(y[i] - centreY, x[i] - centreX);
  return openAtWidestGap(sortedBy(key, from), x, y);
}

/** A closed round opened where two successive seats are farthest apart. */
function openAtWidestGap(round: Uint32Array, x: Float64Array, y: Float64Array): Uint32Array {
  const size = round.length;
  const last = round[size - 1];
  let start = 0;
  let widest = Math.hypot(x[round[0]] - x[last], y[round[0]] - y[last]);
  const gaps = gapsAlong(round, x, y);
  for (let i = 0; i < gaps.length; i++) {
    // Rounding must not decide where an even ring is opened.
    if (gaps[i] <= widest * (1 + 1e-9)) continue;
    widest = gaps[i];
    start = i + 1;
  }
  return Uint32Array.from(round, (_, i) => round[(start + i) % size]);
}

/** Places from `from` on, sorted by their key, then by place. */
function sortedBy(key: Float64Array, from: number): Uint32Array {
  const order = new Uint32Array(key.length);
  for (let i = 0; i < order.length; i++) order[i] = i;
  order.sort((a, b) => key[a] - key[b] || a - b);
  for (let i = 0; i < order.length; i++) order[i] += from;
  return order;
}

function walkLength(order: Uint32Array, x: Float64Array, y: Float64Array): number {
  let length = 0;
  for (const gap of gapsAlong(order, x, y)) length += gap;
  return length;
}
