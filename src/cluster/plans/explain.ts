import { takers } from '../ownership/ownership.ts';
import { type Placement, placementOf } from '../ownership/placement.ts';
import { Rendezvous } from '../ownership/rendezvous.ts';
import type { ClusterView } from '../view.ts';
import { ownersOf } from './shard-loads.ts';

/** So many nodes' scores are named. */
const SCORES_NAMED = 4;

/** Where a shard is and why. */
export interface Explanation {
  readonly shard: number;
  readonly epoch: number;
  /** The id of the living node that has it. */
  readonly owner: string | null;
  /** As the shard's row has it: perhaps of a node that is gone. */
  readonly incarnation: string | null;
  /** The id of the node where it is to be. */
  readonly target: string | null;
  /** One sentence, without its full stop. */
  readonly why: string;
}

export function explain(view: ClusterView, shard: number): Explanation {
  const rendezvous = new Rendezvous(takers(view));
  const placement = placementOf(rendezvous, view.pins);
  const owner = ownersOf(view)[shard];
  const target = placement.targets[shard];
  const reason = target === null ? 'no node is up' : placedBecause(view, rendezvous, placement, shard, target);
  const incarnation = view.owners[shard];
  return {
    shard,
    epoch: view.epochs[shard],
    owner,
    incarnation,
    target,
    why: sentence(view, { owner, incarnation, target }, reason),
  };
}

function sentence(
  view: ClusterView,
  { owner, incarnation, target }: Pick<Explanation, 'owner' | 'incarnation' | 'target'>,
  reason: string,
): string {
  if (owner === null) {
    const why = incarnation === null ? 'it was given up' : `${incarnation}, which had it, is not alive any more`;
    return target === null
      ? `no owner: ${why}, and ${reason}`
      : `no owner: ${why}; ${target} is to take it (${reason})`;
  }
  if (target === owner) return reason;
  const node = view.nodes.find((each) => each.id === owner);
  const state = node?.state === 'up' ? null : `${owner} is ${node?.state}`;
  const isTaken = view.nodes.some((each) => each.id === target && each.state === 'up');
  if (target === null || !isTaken) return `stays on ${owner} although ${state}: no node is up to take it`;
  return `moves from ${owner} to ${target}: ${state ?? reason}`;
}

/** Why placement wants the shard on `target`. */
function placedBecause(
  view: ClusterView,
  rendezvous: Rendezvous,
  { bounds, closed }: Placement,
  shard: number,
  target: string,
): string {
  const pin = view.pins.find((each) => each.shard === shard);
  if (pin?.node === target) return `pinned to ${target} by ops${pin.exclusive ? ', exclusively' : ''}`;
  const ignored = pin === undefined ? '' : `; its pin to ${pin.node} does not count, since ${pin.node} is not up`;
  if (rendezvous.nodes.length === 1) return `${target} is the only node that takes shards${ignored}`;
  const ranking = rendezvous.ranking(shard);
  const named = ranking.slice(0, SCORES_NAMED).map(({ id, score }) => `${id} ${score.toPrecision(3)}`);
  const scores = `${named.join(', ')}${ranking.length > named.length ? ', …' : ''}`;
  const passed = ranking.slice(
    0,
    ranking.findIndex(({ id }) => id === target),
  );
  if (passed.length === 0) return `highest of ${ranking.length} rendezvous scores (${scores})${ignored}`;
  const refusals = passed.map(({ id }, i) => {
    const refusal = closed.has(id) ? 'takes pinned shards only' : `is at its bound of ${bounds.get(id)} shards`;
    return i === 0 ? `${id} scores highest but ${refusal}` : `${id} ${refusal}`;
  });
  return `${refusals.join(', ')}; ${target} scores next (${scores})${ignored}`;
}
