import { takers } from '../ownership/ownership.ts';
import { type Placement, placementOf } from '../ownership/placement.ts';
import { Rendezvous } from '../ownership/rendezvous.ts';
import type { ClusterView } from '../view.ts';
import { fingerprint } from './fingerprint.ts';
import { withChanges } from './pin-changes.ts';
import {
  type PlanChanges,
  type Proposal,
  proposeDrain,
  proposeMove,
  proposePin,
  proposeUndrain,
  proposeUnpin,
} from './proposals.ts';
import { proposeRebalance } from './rebalance.ts';
import { ownersOf, shardLoads } from './shard-loads.ts';

export { explain } from './explain.ts';
export { changesSince, fingerprint } from './fingerprint.ts';
export type { PlanChanges } from './proposals.ts';

/** What ops may ask for. `node` and `to` are ids of nodes. */
export type PlanRequest =
  | { readonly kind: 'drain'; readonly node: string }
  | { readonly kind: 'undrain'; readonly node: string }
  | { readonly kind: 'move'; readonly shards: readonly number[]; readonly to: string }
  | { readonly kind: 'pin'; readonly shards: readonly number[]; readonly to: string; readonly exclusive: boolean }
  | { readonly kind: 'unpin'; readonly shards: readonly number[] }
  | { readonly kind: 'rebalance' };

export interface PlanMove {
  readonly shard: number;
  /** The node that has it now; null if nobody alive has. */
  readonly from: string | null;
  readonly to: string;
  readonly why: string;
  /** Its estimated load now. */
  readonly perSecond: number;
}

/** One node's shards and estimated requests a second, now and once all moves are done. */
export interface PlanLoad {
  readonly node: string;
  readonly shardsBefore: number;
  readonly shardsAfter: number;
  readonly perSecondBefore: number;
  readonly perSecondAfter: number;
}

export interface Plan {
  readonly request: PlanRequest;
  /** The {@link fingerprint} of the cluster that it was made for. */
  readonly base: string;
  readonly changes: PlanChanges;
  /** By shard. */
  readonly moves: readonly PlanMove[];
  /** By node's id. */
  readonly load: readonly PlanLoad[];
  readonly notes: readonly string[];
}

/**
 * What a request would do. Its moves are what the nodes will do by themselves once the changes are in the tables: they
 * follow from the same placement.
 * Throws RefusedError: NODE_UNKNOWN, or CLUSTER_PLAN_INVALID for what cannot be done.
 */
export function planOf(view: ClusterView, request: PlanRequest): Plan {
  const { changes, reasons, notes = [], idle } = proposalOf(view, request);
  const consequence = consequenceOf(view, changes, reasons ?? new Map());
  const isIdle = changes.pins.length === 0 && !changes.drain && !changes.undrain && consequence.moves.length === 0;
  return { request, base: fingerprint(view), changes, ...consequence, notes: isIdle ? [...notes, idle] : notes };
}

function proposalOf(view: ClusterView, request: PlanRequest): Proposal {
  switch (request.kind) {
    case 'drain':
      return proposeDrain(view, request.node);
    case 'undrain':
      return proposeUndrain(view, request.node);
    case 'move':
      return proposeMove(view, request.shards, request.to);
    case 'pin':
      return proposePin(view, request.shards, request.to, request.exclusive);
    case 'unpin':
      return proposeUnpin(view, request.shards);
    case 'rebalance':
      return proposeRebalance(view);
  }
}

/** Where shards are, where placement wants them now, and where once the changes are made. */
interface Outlook {
  readonly owners: readonly (string | null)[];
  readonly before: Placement;
  readonly after: Placement;
  /** The cluster with the changes. */
  readonly changed: ClusterView;
  readonly changes: PlanChanges;
}

function consequenceOf(
  view: ClusterView,
  changes: PlanChanges,
  reasons: ReadonlyMap<number, string>,
): Pick<Plan, 'moves' | 'load'> {
  const loads = shardLoads(view);
  const changed = viewWith(view, changes);
  const outlook: Outlook = {
    owners: ownersOf(view),
    before: placementOf(new Rendezvous(takers(view)), view.pins),
    after: placementOf(new Rendezvous(takers(changed)), changed.pins),
    changed,
    changes,
  };
  const moves = movesOf(outlook).map(
    ({ shard, from, to }): PlanMove => ({
      shard,
      from,
      to,
      why: reasons.get(shard) ?? reasonOf(outlook, shard, from, to),
      perSecond: rounded(loads[shard]),
    }),
  );
  const homes = [...outlook.owners];
  for (const { shard, to } of moves) homes[shard] = to;
  const load = view.nodes.map(({ id }): PlanLoad => {
    const [now, then] = [outlook.owners, homes].map((each) => shardsOn(each, id));
    return {
      node: id,
      shardsBefore: now.length,
      shardsAfter: then.length,
      perSecondBefore: rounded(sum(now, loads)),
      perSecondAfter: rounded(sum(then, loads)),
    };
  });
  return { moves, load: load.sort((a, b) => (a.node < b.node ? -1 : 1)) };
}

function viewWith(view: ClusterView, { pins, drain, undrain }: PlanChanges): ClusterView {
  const nodes = view.nodes.map((node) => {
    if (node.id === drain) return { ...node, state: 'draining' as const };
    return node.id === undrain ? { ...node, state: 'up' as const } : node;
  });
  return { ...view, nodes, pins: withChanges(view.pins, pins) };
}

function movesOf({ owners, after, changed }: Outlook): Pick<PlanMove, 'shard' | 'from' | 'to'>[] {
  const up = new Set(changed.nodes.filter((node) => node.state === 'up').map((node) => node.id));
  return owners.flatMap((from, shard) => {
    const to = after.targets[shard];
    // A node that drains is given nothing that somebody else has.
    if (to === null || to === from || (from !== null && !up.has(to))) return [];
    return [{ shard, from, to }];
  });
}

function reasonOf(
  { before, after, changed, changes }: Outlook,
  shard: number,
  from: string | null,
  to: string,
): string {
  if (from === null) return 'it has no owner';
  const state = changed.nodes.find((node) => node.id === from)?.state;
  if (state === 'draining' || state === 'leaving') return `${from} is ${state}`;
  if (before.targets[shard] === to) return 'placement';
  const pin = changes.pins.find((each) => each.shard === shard);
  if (pin !== undefined) return pin.node === null ? 'no longer pinned' : `pinned to ${to}`;
  if (after.closed.has(from)) return `${from} takes pinned shards only`;
  if (changes.undrain === to) return `${to} takes shards again`;
  if (before.closed.has(to)) return `${to} takes unpinned shards again`;
  return 'keeps every node within its bound';
}

function shardsOn(homes: readonly (string | null)[], id: string): number[] {
  return homes.flatMap((home, shard) => (home === id ? [shard] : []));
}

function sum(shards: readonly number[], loads: Float64Array): number {
  return shards.reduce((total, shard) => total + loads[shard], 0);
}

/** To a tenth: more would be false precision. */
function rounded(perSecond: number): number {
  return Math.round(10 * perSecond) / 10;
}
