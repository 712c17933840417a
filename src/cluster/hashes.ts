/**
 * FNV-1a over the UTF-16 units of `text` (Fowler, Noll and Vo). Fast, but its high bits hardly depend on the last
 * units: finish it with {@link mixed}.
 * @param hash of what stands before `text`.
 */
export function fnv1a(text: string, hash = 0x811c9dc5): number {
  let value = hash;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value;
}

/** MurmurHash3's finishing mixer (fmix32, Appleby): every bit of the result depends on every bit of `hash`. Unsigned. */
export function mixed(hash: number): number {
  let value = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
