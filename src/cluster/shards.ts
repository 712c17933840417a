/** Shards of a cluster: fixed for its life, since the journal's leases are per shard. */
export const SHARDS = 1_024;

/**
 * The shard of a show. The same for ever on every node: a change would give shows two owners.
 * FNV-1a over the id, finished with MurmurHash3's mixer, because FNV alone spreads time-ordered ids badly.
 */
export function shardOf(showId: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < showId.length; i++) hash = Math.imul(hash ^ showId.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  hash ^= hash >>> 16;
  return hash & (SHARDS - 1);
}
