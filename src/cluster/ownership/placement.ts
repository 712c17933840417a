import { SHARDS } from '../shards.ts';
import type { Pin } from '../view.ts';
import { Rendezvous, type Taker } from './rendezvous.ts';

/** No node takes more than eleven tenths of its share; beside it a ceiling, for whole shards. */
const BOUND_TENTHS = 11;
const NOBODY = -1;

/** Where shards are to be, and what stood in the way of their best scores. */
export interface Placement {
  /** By shard: a node's id, or null when there are no nodes. */
  readonly targets: readonly (string | null)[];
  /** By node's id: so many shards it takes at most, pinned ones included. Pins alone may be more. */
  readonly bounds: ReadonlyMap<string, number>;
  /** Nodes that take pinned shards only. */
  readonly closed: ReadonlySet<string>;
}

/**
 * Where every shard is to be: by shard, the id of one of the nodes, or null when there are none. The same on every node
 * of the cluster, whatever the order of the arguments; a change of this function is a change of format.
 */
export function place(nodes: readonly Taker[], pins: readonly Pin[]): (string | null)[] {
  return [...placementOf(new Rendezvous(nodes), pins).targets];
}

/**
 * Pins first; the rest by rendezvous with a bounded load: no node gets more than 1.1 times its share, by weight, of the
 * shards that are not on nodes of their own (Mirrokni, Thorup and Zadimoghaddam, "Consistent hashing with bounded
 * loads", arXiv 1608.01350, SODA 2018; there on a ring). A full node keeps the shards that score highest with it, and
 * the others go to their next best. Since a shard and its node go by the same score, only one placement leaves no shard
 * and node that would both rather have each other (a stable matching), in whatever order shards come; and what joins or
 * leaves disturbs only the shards at the edge of a full node.
 *
 * - A pin to a node that is not there is ignored; a shard's other pin, if it ever had two, is that to the lesser id.
 * - An exclusive pin closes its node to unpinned shards, unless that would close all.
 */
export function placementOf(rendezvous: Rendezvous, pins: readonly Pin[]): Placement {
  const { nodes } = rendezvous;
  if (nodes.length === 0) return { targets: new Array(SHARDS).fill(null), bounds: new Map(), closed: new Set() };
  const { holders, closed } = pinned(nodes, pins);
  const bounds = boundsOf(nodes, holders, closed);
  new Matching(rendezvous, holders, bounds).run();
  return {
    targets: Array.from(holders, (node) => nodes[node].id),
    bounds: new Map(nodes.map(({ id }, node) => [id, bounds[node]])),
    closed: new Set(nodes.filter((_, node) => closed[node]).map(({ id }) => id)),
  };
}

/** By shard, the place in `nodes` of the node that it is pinned to, or NOBODY; and whether each node is closed. */
function pinned(nodes: readonly Taker[], pins: readonly Pin[]): { holders: Int16Array; closed: readonly boolean[] } {
  const places = new Map(nodes.map(({ id }, node) => [id, node]));
  const holders = new Int16Array(SHARDS).fill(NOBODY);
  const closed = new Array<boolean>(nodes.length).fill(false);
  const effective = pins.flatMap(({ shard, node, exclusive }) => {
    const at = places.get(node);
    return at === undefined || !(shard in holders) ? [] : [{ shard, at, exclusive }];
  });
  for (const { shard, at } of effective) if (holders[shard] === NOBODY || at < holders[shard]) holders[shard] = at;
  for (const { shard, at, exclusive } of effective) if (exclusive && holders[shard] === at) closed[at] = true;
  return { holders, closed: closed.includes(false) ? closed : closed.fill(false) };
}

/** By node: the most shards that it may come to have, those pinned to it included. */
function boundsOf(nodes: readonly Taker[], holders: Int16Array, closed: readonly boolean[]): number[] {
  const shards = holders.filter((node) => node === NOBODY || !closed[node]).length;
  const weights = nodes.reduce((sum, { weight }, node) => sum + (closed[node] ? 0 : weight), 0);
  return nodes.map(({ weight }, node) =>
    closed[node] ? 0 : Math.ceil((BOUND_TENTHS * shards * weight) / (10 * weights)),
  );
}

/** Deferred acceptance (Gale and Shapley, 1962): shards ask, nodes keep the best so far. */
class Matching {
  readonly #rendezvous: Rendezvous;
  readonly #holders: Int16Array;
  /** By node: unpinned shards that it can still take. */
  readonly #room: number[];
  /** By node, once it is full: the shard that it would part with first, or NOBODY if all are pinned. */
  readonly #least: number[];
  readonly #isPinned: Uint8Array;

  /** @param holders by shard; those of nobody are filled in. */
  constructor(rendezvous: Rendezvous, holders: Int16Array, bounds: readonly number[]) {
    this.#rendezvous = rendezvous;
    this.#holders = holders;
    this.#isPinned = Uint8Array.from(holders, (node) => (node === NOBODY ? 0 : 1));
    this.#room = [...bounds];
    for (const node of holders) if (node !== NOBODY) this.#room[node]--;
    this.#least = new Array(bounds.length).fill(NOBODY);
  }

  run(): void {
    for (let shard = 0; shard < SHARDS; shard++) {
      for (let asks = this.#isPinned[shard] ? NOBODY : shard; asks !== NOBODY; ) asks = this.#settle(asks);
    }
  }

  /** @returns the shard that had to give way, or NOBODY. */
  #settle(shard: number): number {
    const node = this.#best(shard);
    this.#holders[shard] = node;
    let parted = NOBODY;
    if (this.#room[node] > 0) this.#room[node]--;
    else {
      parted = this.#least[node];
      this.#holders[parted] = NOBODY;
    }
    if (this.#room[node] === 0) this.#least[node] = this.#leastOf(node);
    return parted;
  }

  /** The node with the highest score among those that would take the shard. Who refuses now would refuse later too. */
  #best(shard: number): number {
    let best = NOBODY;
    for (let node = 0; node < this.#room.length; node++) {
      const score = this.#rendezvous.score(node, shard);
      if (best !== NOBODY && score <= this.#rendezvous.score(best, shard)) continue;
      const least = this.#least[node];
      const hasRoom = this.#room[node] > 0;
      if (hasRoom || (least !== NOBODY && score > this.#rendezvous.score(node, least))) best = node;
    }
    // The bounds add up to more than there are shards.
    if (best === NOBODY) throw new Error(`no node has room for shard ${shard}`);
    return best;
  }

  #leastOf(node: number): number {
    let least = NOBODY;
    for (let shard = 0; shard < SHARDS; shard++) {
      if (this.#holders[shard] !== node || this.#isPinned[shard]) continue;
      if (least === NOBODY || this.#rendezvous.score(node, shard) < this.#rendezvous.score(node, least)) least = shard;
    }
    return least;
  }
}
