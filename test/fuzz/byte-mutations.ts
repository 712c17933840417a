import fc from 'fast-check';

/** Lengths, counts and offsets that lie. */
const WORDS = [0, 1, 7, 8, 255, 0x7fff_ffff, 0x8000_0000, 0xffff_fff8, 0xffff_ffff];
const KINDS = ['flip', 'set', 'digit', 'word', 'cut', 'remove', 'insert', 'repeat', 'splice', 'blank'] as const;

/** One change of bytes. Numbers choose a place among those that there are. */
export interface ByteMutation {
  readonly kind: (typeof KINDS)[number];
  readonly at: number;
  readonly other: number;
  readonly length: number;
  readonly byte: number;
}

export function byteMutations(most: number): fc.Arbitrary<ByteMutation[]> {
  const one = fc.record({
    kind: fc.constantFrom(...KINDS),
    at: fc.nat(),
    other: fc.nat(),
    length: fc.integer({ min: 1, max: 40 }),
    byte: fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from('[]{},:"0129-.eE\\ \0'))),
  });
  return fc.array(one, { minLength: 1, maxLength: most });
}

/** A copy with these changes, one after the other. `donor` gives what is spliced in. */
export function mutatedBytes(bytes: Uint8Array, mutations: readonly ByteMutation[], donor: Uint8Array): Buffer {
  let changed: Buffer = Buffer.from(bytes);
  for (const mutation of mutations) changed = mutate(changed, mutation, Buffer.from(donor));
  return changed;
}

function mutate(bytes: Buffer, { kind, at: where, other, length, byte }: ByteMutation, donor: Buffer): Buffer {
  if (bytes.length === 0) return Buffer.from([byte]);
  const at = where % bytes.length;
  const before = bytes.subarray(0, at);
  switch (kind) {
    case 'flip':
      bytes[at] ^= 1 << (other % 8);
      return bytes;
    case 'set':
      bytes[at] = byte;
      return bytes;
    case 'digit': {
      const digit = firstFrom(bytes, at, (each) => each >= 0x30 && each <= 0x39);
      if (digit >= 0) bytes[digit] = 0x30 + (other % 10);
      return bytes;
    }
    case 'word': {
      const aligned = at & ~7;
      if (aligned + 4 <= bytes.length) bytes.writeUInt32LE(WORDS[other % WORDS.length], aligned);
      return bytes;
    }
    case 'cut':
      return before;
    case 'remove':
      return Buffer.concat([before, bytes.subarray(at + length)]);
    case 'insert':
      return Buffer.concat([before, Buffer.alloc(length, byte), bytes.subarray(at)]);
    case 'repeat':
      return Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
    case 'splice':
      return Buffer.concat([before, donor.subarray(other % (donor.length + 1))]);
    case 'blank':
      return bytes.fill(0, at, Math.min(bytes.length, at + length * 16));
  }
}

function firstFrom(bytes: Buffer, at: number, is: (byte: number) => boolean): number {
  for (let i = at; i < bytes.length; i++) if (is(bytes[i])) return i;
  return -1;
}
