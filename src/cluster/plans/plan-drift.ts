import { takers } from '../ownership/ownership.ts';
import { place } from '../ownership/placement.ts';
import type { ClusterView, NodeState } from '../view.ts';
import type { PlanBase } from './plan-store.ts';
import type { Plan, PlanChanges } from './plans.ts';
import { ownersOf } from './shard-loads.ts';

/**
 * Nodes that are not as the plan expects them, by id, each with what is different, as a sentence. A restart alone is no
 * difference: placement goes by names, states and weights. Neither is what the plan itself changes.
 */
export function changedNodes(base: PlanBase, { drain, undrain }: PlanChanges, view: ClusterView): Map<string, string> {
  const changed = new Map<string, string>();
  const now = new Map(view.nodes.map((node) => [node.id, node]));
  for (const { id, state, weight } of base.nodes) {
    const node = now.get(id);
    const expected: NodeState[] = [state];
    if (id === drain) expected.push('draining');
    if (id === undrain) expected.push('up');
    if (node === undefined) changed.set(id, `Node ${id} is gone.`);
    else if (!expected.includes(node.state)) changed.set(id, `Node ${id} is ${node.state} now.`);
    else if (node.weight !== weight) changed.set(id, `Node ${id} has another weight now.`);
  }
  const known = new Set(base.nodes.map(({ id }) => id));
  for (const { id } of view.nodes) if (!known.has(id)) changed.set(id, `Node ${id} has joined.`);
  return changed;
}

/** How pins differ from those the plan was made with and those it sets itself. */
export function changedPins(base: PlanBase, { pins }: PlanChanges, view: ClusterView): string[] {
  const textOf = (pin: { node: string | null; exclusive?: boolean } | undefined): string =>
    pin === undefined || pin.node === null
      ? 'not pinned'
      : `pinned to ${pin.node}${pin.exclusive ? ' exclusively' : ''}`;
  const before = new Map(base.pins.map((pin) => [pin.shard, textOf(pin)]));
  const planned = new Map(pins.map((pin) => [pin.shard, textOf(pin)]));
  const now = new Map(view.pins.map((pin) => [pin.shard, textOf(pin)]));
  const changed: string[] = [];
  for (const shard of new Set([...before.keys(), ...now.keys()])) {
    const text = now.get(shard) ?? textOf(undefined);
    if (text !== (before.get(shard) ?? textOf(undefined)) && text !== planned.get(shard)) {
      changed.push(`Shard ${shard} is ${text} now.`);
    }
  }
  return changed;
}

/**
 * Shards that the plan moves, and that are neither where they were, nor where they are to be, nor on their way. Where the
 * pins set so far place a shard is on its way, too: a few pins can displace others for as long as the rest are missing.
 */
export function strayShards({ moves }: Plan, view: ClusterView): string[] {
  const owners = ownersOf(view);
  const targets = place(takers(view), view.pins);
  return moves.flatMap(({ shard, from, to }) => {
    const owner = owners[shard];
    const isExpected = owner === null || owner === from || owner === to || owner === targets[shard];
    return isExpected ? [] : [`Shard ${shard} is on ${owner} now.`];
  });
}
