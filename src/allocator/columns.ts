/** Growth of the columns (one typed array a field) in which a show keeps its records. */

type Column = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float64Array;

/** A copy of `column` with room for `length` entries, the new ones zero. */
export function widened<T extends Column>(column: T, length: number): T {
  const wider = new (column.constructor as new (length: number) => T)(length);
  wider.set(column as never);
  return wider;
}

/** The next capacity for a table that must hold `needed` records: half as much again, so that appends stay cheap. */
export function nextCapacity(capacity: number, needed: number): number {
  return Math.max(needed, 16, Math.ceil(capacity * 1.5));
}
