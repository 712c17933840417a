/** Growth of the columns (one typed array a field) in which a show keeps its records. */

type Column = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float32Array | Float64Array;

/** A copy of `column` with room for `length` entries, the new ones zero. */
export function widened<T extends Column>(column: T, length: number): T {
  const wider = new (column.constructor as new (length: number) => T)(length);
  wider.set(column as never);
  return wider;
}

/** Up to here tables double; larger ones grow by a quarter, to waste less. */
const DOUBLE_UP_TO = 32_768;

/** The next capacity for a table that must hold `needed` records, with room to spare so that appends stay cheap. */
export function nextCapacity(capacity: number, needed: number): number {
  const grown = capacity < DOUBLE_UP_TO ? capacity * 2 : Math.ceil(capacity * 1.25);
  return Math.max(needed, 16, grown);
}
