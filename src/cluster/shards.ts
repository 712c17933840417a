import { fnv1a, mixed } from './hashes.ts';

/** Shards of a cluster: fixed for its life, since the journal's leases are per shard. */
export const SHARDS = 1_024;

/**
 * The shard of a show. The same for ever on every node: a change would give shows two owners.
 * FNV-1a over the id, finished with MurmurHash3's mixer, because FNV alone spreads time-ordered ids badly.
 */
export function shardOf(showId: string): number {
  return mixed(fnv1a(showId)) & (SHARDS - 1);
}
