import type { ShardEpoch } from '../registry/registry.ts';
import type { ClusterView, NodeRow } from '../view.ts';
import type { Leases } from './leases.ts';

/** What a node has to do so that every shard comes to where it is placed. */
export interface Duties {
  /** Taken here, but another's by now. */
  readonly lost: readonly number[];
  /** To be taken: placed here and nobody's, or left behind by a node that is gone, or our own but forgotten. */
  readonly acquire: readonly ShardEpoch[];
  /** Ours, but placed on another node that is up. */
  readonly handOff: readonly { readonly shard: number; readonly to: NodeRow }[];
}

/**
 * The nodes that take shards: those that are up. While there are none, those that drain: a shard without an owner would
 * be worse.
 */
export function takers(view: ClusterView): NodeRow[] {
  const up = view.nodes.filter((node) => node.state === 'up');
  return up.length > 0 ? up : view.nodes.filter((node) => node.state === 'draining');
}

/**
 * Compares where shards are with where they are placed.
 * @param targets by shard: the node's id.
 */
export function dutiesOf(
  view: ClusterView,
  self: { readonly id: string; readonly incarnation: string },
  leases: Leases,
  targets: readonly (string | null)[],
): Duties {
  const alive = new Set(view.nodes.map((node) => node.incarnation));
  const byId = new Map(view.nodes.map((node) => [node.id, node]));
  const lost: number[] = [];
  const acquire: ShardEpoch[] = [];
  const handOff: { shard: number; to: NodeRow }[] = [];
  for (let shard = 0; shard < view.epochs.length; shard++) {
    const [epoch, owner, target, known] = [
      view.epochs[shard],
      view.owners[shard],
      targets[shard],
      leases.takenAs(shard),
    ];
    if (known !== null && epoch > known) lost.push(shard);
    if (owner === self.incarnation) {
      // The view may be older than our own last step, never newer: under a newer epoch the answer to a step was lost.
      if (known === null || epoch > known) acquire.push({ shard, epoch });
      else if (target !== null && target !== self.id) {
        const to = byId.get(target);
        if (to?.state === 'up' && !leases.isClosed(shard)) handOff.push({ shard, to });
      }
    } else if (target === self.id && (owner === null || !alive.has(owner))) {
      if (known === null || epoch > known) acquire.push({ shard, epoch });
    }
  }
  return { lost, acquire, handOff };
}
