import { SHARDS } from '../shards.ts';
import type { ClusterView, NodeRow } from '../view.ts';

/** By shard: the id of the living node that owns it, or null. */
export function ownersOf(view: ClusterView): (string | null)[] {
  const ids = new Map(view.nodes.map(({ incarnation, id }) => [incarnation, id]));
  return view.owners.map((owner) => (owner === null ? null : (ids.get(owner) ?? null)));
}

/**
 * By shard, requests decided a second, as far as its node's last report tells: its busiest shards are known one by one,
 * and the others share the rest evenly. Nothing is known of a shard without an owner: 0.
 */
export function shardLoads(view: ClusterView): Float64Array {
  const loads = new Float64Array(SHARDS);
  for (const node of view.nodes) spread(node, loads, view);
  return loads;
}

function spread({ incarnation, load }: NodeRow, loads: Float64Array, view: ClusterView): void {
  const owned = view.owners.flatMap((owner, shard) => (owner === incarnation ? [shard] : []));
  const hot = new Map(load.hot);
  // What it reports of shards that it has lost since is still part of its total.
  const rest = Math.max(0, load.perSecond - load.hot.reduce((sum, [, perSecond]) => sum + perSecond, 0));
  const quiet = owned.filter((shard) => !hot.has(shard));
  for (const shard of owned) loads[shard] = hot.get(shard) ?? 0;
  const sharing = quiet.length > 0 ? quiet : owned;
  for (const shard of sharing) loads[shard] += rest / sharing.length;
}
