/**
 * Postgres arrays in their binary form, for statements that carry many rows: neither side has to quote or parse text.
 * Layout: dimensions, has-null flag, element type, length, lower bound (each int32), then each element as an int32
 * length (-1: null) and its bytes.
 */
const HEADER = 20;
const OID = { bytea: 17, int8: 20, int2: 21, int4: 23, text: 25, json: 114 } as const;

function header(buffer: Buffer, oid: number, count: number, hasNull: boolean): void {
  buffer.writeInt32BE(1, 0);
  buffer.writeInt32BE(hasNull ? 1 : 0, 4);
  buffer.writeInt32BE(oid, 8);
  buffer.writeInt32BE(count, 12);
  buffer.writeInt32BE(1, 16);
}

export function int2Array<T>(items: readonly T[], value: (item: T) => number): Buffer {
  const buffer = Buffer.allocUnsafe(HEADER + items.length * 6);
  header(buffer, OID.int2, items.length, false);
  let at = HEADER;
  for (const item of items) {
    buffer.writeInt32BE(2, at);
    buffer.writeInt16BE(value(item), at + 4);
    at += 6;
  }
  return buffer;
}

export function int4Array<T>(items: readonly T[], value: (item: T) => number): Buffer {
  const buffer = Buffer.allocUnsafe(HEADER + items.length * 8);
  header(buffer, OID.int4, items.length, false);
  let at = HEADER;
  for (const item of items) {
    buffer.writeInt32BE(4, at);
    buffer.writeInt32BE(value(item), at + 4);
    at += 8;
  }
  return buffer;
}

/** Of safe integers; `null` stays null. */
export function int8Array<T>(items: readonly T[], value: (item: T) => number | null): Buffer {
  const buffer = Buffer.allocUnsafe(HEADER + items.length * 12);
  let at = HEADER;
  let hasNull = false;
  for (const item of items) {
    const number = value(item);
    if (number === null) {
      hasNull = true;
      buffer.writeInt32BE(-1, at);
      at += 4;
      continue;
    }
    if (!Number.isSafeInteger(number)) throw new RangeError(`${number} is not a safe integer`);
    buffer.writeInt32BE(8, at);
    buffer.writeInt32BE(Math.floor(number / 0x1_0000_0000), at + 4);
    buffer.writeUInt32BE(number >>> 0, at + 8);
    at += 12;
  }
  header(buffer, OID.int8, items.length, hasNull);
  return buffer.subarray(0, at);
}

/** Of values of 32 bytes, given as hex. */
export function hashArray<T>(items: readonly T[], value: (item: T) => string): Buffer {
  const buffer = Buffer.allocUnsafe(HEADER + items.length * 36);
  header(buffer, OID.bytea, items.length, false);
  let at = HEADER;
  for (const item of items) {
    buffer.writeInt32BE(32, at);
    if (buffer.write(value(item), at + 4, 32, 'hex') !== 32) throw new RangeError('a hash must be 64 hex digits');
    at += 36;
  }
  return buffer;
}

function stringArray<T>(oid: number, items: readonly T[], value: (item: T) => string): Buffer {
  let size = HEADER;
  for (const item of items) size += 4 + Buffer.byteLength(value(item));
  const buffer = Buffer.allocUnsafe(size);
  header(buffer, oid, items.length, false);
  let at = HEADER;
  for (const item of items) {
    const length = buffer.write(value(item), at + 4);
    buffer.writeInt32BE(length, at);
    at += 4 + length;
  }
  return buffer;
}

export function textArray<T>(items: readonly T[], value: (item: T) => string): Buffer {
  return stringArray(OID.text, items, value);
}

/** Of JSON texts, kept to the byte. */
export function jsonArray<T>(items: readonly T[], value: (item: T) => string): Buffer {
  return stringArray(OID.json, items, value);
}
