import type { NodeReport, NodeSelf, ShardEpoch } from '../../src/cluster/registry/registry.ts';

/** What a node says that has nothing to do. */
export const IDLE: NodeReport = {
  isLinked: true,
  stalledMs: 0,
  load: { perSecond: 0, inbox: 0, awake: 0, lagMs: 0, hot: [] },
};

let starts = 0;

/** A start of the node `id`. */
export function selfOf(id: string, parts: Partial<NodeSelf> = {}): NodeSelf {
  return {
    id,
    incarnation: `nod_${id}_${++starts}`,
    pid: 4_000 + starts,
    url: `http://${id}:8080`,
    adminUrl: null,
    transport: 'nats',
    format: 1,
    weight: 1,
    ...parts,
  };
}

/** These shards, all under one epoch. */
export function under(epoch: number, shards: readonly number[]): ShardEpoch[] {
  return shards.map((shard) => ({ shard, epoch }));
}
