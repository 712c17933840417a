import { takers } from '../../src/cluster/ownership/ownership.ts';
import { place } from '../../src/cluster/ownership/placement.ts';
import { SHARDS } from '../../src/cluster/shards.ts';
import type { ClusterView, NodeRow, Pin } from '../../src/cluster/view.ts';

/** So many shards a node reports one by one. */
const HOT = 8;

export interface ViewOptions {
  readonly pins?: readonly Pin[];
  /** Owners by shard, as ids of nodes; the others are where placement wants them. */
  readonly owners?: Readonly<Record<number, string | null>>;
  /** Requests a second of each shard. */
  readonly perSecond?: (shard: number) => number;
}

export const incarnationOf = (id: string): string => `nod_${id}`;

/** A cluster of these nodes, up unless said otherwise, at rest but for `owners`. */
export function clusterView(nodes: Readonly<Record<string, Partial<NodeRow>>>, options: ViewOptions = {}): ClusterView {
  const { pins = [], owners = {}, perSecond = () => 0 } = options;
  const rows = Object.entries(nodes).map(([id, row]) => ({ ...REST, id, incarnation: incarnationOf(id), ...row }));
  const view = { at: 0, format: 2, nodes: rows, epochs: new Array<number>(SHARDS).fill(1), owners: [], pins };
  const placed = place(takers(view), pins);
  const ids = placed.map((id, shard) => (shard in owners ? owners[shard] : id));
  const loaded = rows.map((row) => ({
    ...row,
    load: row.load === REST.load ? reported(row.id, ids, perSecond) : row.load,
  }));
  return { ...view, nodes: loaded, owners: ids.map((id) => (id === null ? null : incarnationOf(id))) };
}

function reported(
  id: string,
  owners: readonly (string | null)[],
  perSecond: (shard: number) => number,
): NodeRow['load'] {
  const shards = owners.flatMap((owner, shard) => (owner === id ? [shard] : []));
  const hot = shards.map((shard) => [shard, perSecond(shard)] as const).sort((a, b) => b[1] - a[1]);
  return { ...REST.load, perSecond: hot.reduce((sum, [, each]) => sum + each, 0), hot: hot.slice(0, HOT) };
}

const REST: Omit<NodeRow, 'id' | 'incarnation'> = {
  state: 'up',
  reason: null,
  pid: 1,
  url: null,
  adminUrl: null,
  transport: 'nats',
  format: 2,
  weight: 1,
  ageMs: 0,
  isLinked: true,
  stalledMs: 0,
  load: { perSecond: 0, inbox: 0, awake: 0, lagMs: 0, hot: [] },
};
