import type { Random } from '../../src/ports.ts';

/** Randomness that repeats: xorshift over a seed. */
export function seededRandom(seed = 1): Random {
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
  const bytes = (size: number): Uint8Array => Uint8Array.from({ length: size }, () => next() >>> 24);
  return {
    bytes,
    uuidv7() {
      const hex = Buffer.from(bytes(16)).toString('hex');
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
    },
  };
}
