/** A look-up that takes longer than this many steps while building means that the ids were made to collide. */
const MAX_PROBES = 256;
/** Other hash seeds to try then; each makes collisions prepared for another one useless. */
const SEEDS = 8;

/**
 * The index of each id in `ids` (all different), or -1: open addressing over one `Int32Array`, a seventh of the memory
 * of a `Map`. 4 to 8 bytes a slot, at most half full.
 */
export function seatIndexOf(ids: readonly string[]): (id: string) => number {
  let size = 8;
  while (size < ids.length * 2) size *= 2;
  let seed = 0;
  let slots = fill(ids, size, seed, MAX_PROBES);
  while (slots === null) {
    seed++;
    slots = fill(ids, size, seed, seed < SEEDS ? MAX_PROBES : size);
  }
  const table = slots;
  const mask = size - 1;
  const start = seed;
  return (id) => {
    for (let slot = hash(id, start) & mask; ; slot = (slot + 1) & mask) {
      const index = table[slot] - 1;
      if (index < 0 || ids[index] === id) return index;
    }
  };
}

/** Index + 1 in each slot, 0 where it is free; `null` if an id is more than `maxProbes` from where it should be. */
function fill(ids: readonly string[], size: number, seed: number, maxProbes: number): Int32Array | null {
  const slots = new Int32Array(size);
  const mask = size - 1;
  for (let i = 0; i < ids.length; i++) {
    let slot = hash(ids[i], seed) & mask;
    let probes = 0;
    while (slots[slot] !== 0) {
      slot = (slot + 1) & mask;
      if (++probes > maxProbes) return null;
    }
    slots[slot] = i + 1;
  }
  return slots;
}

/** FNV-1a over UTF-16 units, with a last mix so that its low bits depend on all. */
function hash(text: string, seed: number): number {
  let value = (0x811c9dc5 ^ Math.imul(seed, 0x9e3779b1)) | 0;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  return (value ^ (value >>> 13)) >>> 0;
}
