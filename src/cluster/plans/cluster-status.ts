import { rfc3339 } from '../../rfc3339.ts';
import { takers } from '../ownership/ownership.ts';
import { place } from '../ownership/placement.ts';
import { SHARDS } from '../shards.ts';
import type { ClusterView, NodeLoad, NodeRow, NodeState, Pin } from '../view.ts';
import { ownersOf } from './shard-loads.ts';

/** Of the moves in progress so many are listed; `shards.moving` counts all. */
export const MOVES_LISTED = 64;

export interface NodeStatus {
  readonly id: string;
  readonly incarnation: string;
  readonly pid: number;
  readonly url: string | null;
  readonly adminUrl: string | null;
  readonly state: NodeState;
  readonly reason: string | null;
  /** How many it owns. */
  readonly shards: number;
  readonly weight: number;
  readonly load: Omit<NodeLoad, 'hot'>;
  readonly isLinked: boolean;
  readonly stalledMs: number;
  /** Since its last heartbeat. */
  readonly ageMs: number;
  readonly format: number;
}

/** A shard that is not where it is placed. */
export interface MoveInProgress {
  readonly shard: number;
  /** A node's id; null while nobody alive has it. */
  readonly from: string | null;
  readonly to: string;
}

export interface ClusterStatus {
  /** The database's clock, RFC 3339. */
  readonly at: string;
  /** In which rows of the journal are written. */
  readonly format: number;
  readonly nodes: readonly NodeStatus[];
  readonly shards: {
    readonly total: number;
    readonly owned: number;
    readonly unowned: number;
    readonly moving: number;
  };
  readonly pins: readonly Pin[];
  readonly moves: readonly MoveInProgress[];
}

export interface ShardStatus {
  readonly shard: number;
  readonly epoch: number;
  /** The id of the living node that has it. */
  readonly owner: string | null;
  /** The id of the node where it is to be. */
  readonly target: string | null;
  readonly pin: Omit<Pin, 'shard'> | null;
}

/** The cluster as ops see it at a glance. */
export function clusterStatus(view: ClusterView): ClusterStatus {
  const owners = ownersOf(view);
  const unowned = owners.filter((owner) => owner === null).length;
  const moves = movesInProgress(view, owners);
  return {
    at: rfc3339(view.at),
    format: view.format,
    nodes: view.nodes.map((node) => nodeStatus(node, view)),
    shards: { total: SHARDS, owned: SHARDS - unowned, unowned, moving: moves.length },
    pins: view.pins,
    moves: moves.slice(0, MOVES_LISTED),
  };
}

/** Every shard, by number. */
export function shardList(view: ClusterView): ShardStatus[] {
  const owners = ownersOf(view);
  const targets = targetsOf(view);
  const pins = new Map(view.pins.map(({ shard, ...pin }) => [shard, pin]));
  return view.epochs.map((epoch, shard) => ({
    shard,
    epoch,
    owner: owners[shard],
    target: targets[shard],
    pin: pins.get(shard) ?? null,
  }));
}

function nodeStatus(node: NodeRow, { owners }: ClusterView): NodeStatus {
  const { hot, ...load } = node.load;
  const { transport, ...rest } = node;
  return { ...rest, shards: owners.filter((owner) => owner === node.incarnation).length, load };
}

function movesInProgress(view: ClusterView, owners: readonly (string | null)[]): MoveInProgress[] {
  const up = new Set(view.nodes.filter(({ state }) => state === 'up').map(({ id }) => id));
  return targetsOf(view).flatMap((to, shard) => {
    const from = owners[shard];
    // Nobody gives a shard to a node that drains itself.
    return to === null || to === from || (from !== null && !up.has(to)) ? [] : [{ shard, from, to }];
  });
}

function targetsOf(view: ClusterView): (string | null)[] {
  return place(takers(view), view.pins);
}
