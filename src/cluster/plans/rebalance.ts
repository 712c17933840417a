import { takers } from '../ownership/ownership.ts';
import { type Placement, placementOf } from '../ownership/placement.ts';
import { Rendezvous } from '../ownership/rendezvous.ts';
import type { ClusterView, Pin } from '../view.ts';
import { type PinChange, withChanges } from './pin-changes.ts';
import { NO_CHANGES, type Proposal } from './proposals.ts';
import { ownersOf, shardLoads } from './shard-loads.ts';

/** With fewer requests a second in the whole cluster, nothing is proposed for load: the reports are mostly chance. */
export const QUIET_PER_SECOND = 20;
/** A shard that carries so much of its node's load gets a node of its own, … */
export const ISOLATE_PART = 0.5;
/** … if that node carries so many times its share. */
export const ISOLATE_RATIO = 1.5;
/** Shards isolated by one plan. */
export const ISOLATIONS_MAX = 2;
/** Of nodes on which isolating leaves about the same imbalance, that is chosen for which the least work has to move. */
const ABOUT_THE_SAME = 0.05;
/** A node that carries more times its share gives some of its busy shards away. */
export const SPREAD_RATIO = 1.25;
/** Shards spread by one plan: each is a pin that somebody has to keep in mind. */
export const SPREAD_PINS_MAX = 16;
/** A shard below this part of its node's share is not worth a pin. */
export const SPREAD_PART_MIN = 0.01;

/**
 * Proposes pins that even the load out; that shards move to where placement wants them needs no pins. In this order:
 * pins to nodes that are gone are dropped; a shard that alone carries most of an overloaded node gets a node of its own;
 * overloaded nodes give busy shards to the least loaded. A node's share is its part, by weight, of all requests a second.
 */
export function proposeRebalance(view: ClusterView): Proposal {
  if (!view.nodes.some((node) => node.state === 'up')) return { changes: NO_CHANGES, idle: 'No node is up.' };
  const draft = new Draft(view);
  dropGonePins(draft, view);
  const isQuiet = draft.perSecond < QUIET_PER_SECOND;
  if (!isQuiet) {
    for (let isolated = 0; isolated < ISOLATIONS_MAX && isolate(draft); ) isolated++;
    spread(draft);
  }
  const load = `${Math.round(draft.perSecond)} requests a second`;
  const balanced = isQuiet
    ? `in the whole cluster there are ${load}, too few to balance`
    : `no node that a pin could relieve carries more than ${SPREAD_RATIO} times its share of ${load}`;
  return {
    changes: { ...NO_CHANGES, pins: draft.changes.toSorted((a, b) => a.shard - b.shard) },
    reasons: draft.reasons,
    notes: draft.notes,
    idle:
      draft.notes.length > 0 ? 'Nothing to propose.' : `Balanced: every shard is where it is placed, and ${balanced}.`,
  };
}

/** The pins as proposed so far, and what follows from them. */
class Draft {
  readonly owners: readonly (string | null)[];
  /** By shard. */
  readonly loads: Float64Array;
  /** Of all shards. */
  readonly perSecond: number;
  readonly reasons = new Map<number, string>();
  readonly notes: string[] = [];
  changes: readonly PinChange[] = [];
  placement: Placement;
  /** By node: requests a second. */
  #carried: ReadonlyMap<string, number>;
  readonly #pins: readonly Pin[];
  readonly #rendezvous: Rendezvous;
  readonly #weights: number;

  constructor(view: ClusterView) {
    this.owners = ownersOf(view);
    this.loads = shardLoads(view);
    this.perSecond = this.loads.reduce((sum, each) => sum + each, 0);
    this.#pins = view.pins;
    this.#rendezvous = new Rendezvous(takers(view));
    this.#weights = this.#rendezvous.nodes.reduce((sum, { weight }) => sum + weight, 0);
    this.placement = this.placementWith([]);
    this.#carried = this.#carriedIn(this.placement);
  }

  /** Every node that takes shards. */
  get nodes(): string[] {
    return this.#rendezvous.nodes.map(({ id }) => id);
  }

  /** Those that take unpinned shards too. */
  get open(): string[] {
    return this.nodes.filter((id) => !this.placement.closed.has(id));
  }

  get pinned(): Set<number> {
    return new Set(withChanges(this.#pins, this.changes).map(({ shard }) => shard));
  }

  placementWith(more: readonly PinChange[]): Placement {
    return placementOf(this.#rendezvous, withChanges(this.#pins, [...this.changes, ...more]));
  }

  add(more: readonly PinChange[]): void {
    this.placement = this.placementWith(more);
    this.#carried = this.#carriedIn(this.placement);
    const changed = new Set(more.map(({ shard }) => shard));
    this.changes = [...this.changes.filter(({ shard }) => !changed.has(shard)), ...more];
  }

  /** The node's shards, the busiest first. */
  shardsOf(id: string): number[] {
    const shards = this.placement.targets.flatMap((target, shard) => (target === id ? [shard] : []));
    return shards.sort((a, b) => this.loads[b] - this.loads[a]);
  }

  load(id: string): number {
    return this.#carried.get(id) ?? 0;
  }

  share(id: string): number {
    return (this.perSecond * (this.#rendezvous.nodes.find((node) => node.id === id)?.weight ?? 0)) / this.#weights;
  }

  /** How many times its share the node carries. */
  ratio(id: string): number {
    return this.load(id) / this.share(id);
  }

  /** The mean of the nodes' ratios squared, by their shares: 1 if all carry just theirs. */
  imbalance(placement = this.placement): number {
    const carried = this.#carriedIn(placement);
    const squares = this.nodes.map((id) => (carried.get(id) ?? 0) ** 2 / this.share(id));
    return squares.reduce((sum, each) => sum + each, 0) / this.perSecond;
  }

  /** The nodes, that which carries most for its share first. */
  byRatio(ids: readonly string[]): string[] {
    return ids.toSorted((a, b) => this.ratio(b) - this.ratio(a));
  }

  /** Requests a second of the shards that have to move. */
  movingTo({ targets }: Placement): number {
    return targets.reduce((sum, to, shard) => (to === this.owners[shard] ? sum : sum + this.loads[shard]), 0);
  }

  #carriedIn({ targets }: Placement): ReadonlyMap<string, number> {
    const carried = new Map<string, number>();
    targets.forEach((target, shard) => {
      if (target !== null) carried.set(target, (carried.get(target) ?? 0) + this.loads[shard]);
    });
    return carried;
  }
}

function dropGonePins(draft: Draft, view: ClusterView): void {
  const alive = new Set(view.nodes.map((node) => node.id));
  const gone = view.pins.filter((pin) => !alive.has(pin.node));
  if (gone.length === 0) return;
  draft.add(gone.map(({ shard }) => ({ shard, node: null })));
  const names = [...new Set(gone.map((pin) => pin.node))].sort().join(', ');
  draft.notes.push(
    `${gone.length} pins to nodes that are not alive (${names}) are dropped. If they are to come back, do not apply this.`,
  );
}

/** Gives a shard that overloads its node a node of its own, if there is such a shard and that helps. @returns whether. */
function isolate(draft: Draft): boolean {
  // Of the open nodes one has to remain for all other shards.
  if (draft.open.length < 2) return false;
  for (const node of draft.byRatio(draft.open)) {
    if (draft.ratio(node) < ISOLATE_RATIO) return false;
    const [shard] = draft.shardsOf(node);
    if (draft.loads[shard] < ISOLATE_PART * draft.load(node)) continue;
    const to = isolationFor(draft, shard);
    if (to === null) continue;
    const part = Math.round((100 * draft.loads[shard]) / draft.load(node));
    const reason =
      `it carries ${part} % of the ${Math.round(draft.load(node))} requests a second of ${node}, ` +
      `which is ${times(draft.ratio(node))} its share`;
    draft.notes.push(`Shard ${shard} gets ${to} for itself: ${reason}.`);
    draft.reasons.set(shard, `isolated on ${to}: ${reason}`);
    draft.add([{ shard, node: to, exclusive: true }]);
    return true;
  }
  return false;
}

/** The node on which the shard is best alone, or null when the load would be no more even than now. */
function isolationFor(draft: Draft, shard: number): string | null {
  const trials = draft.open.map((to) => {
    const placement = draft.placementWith([{ shard, node: to, exclusive: true }]);
    return { to, imbalance: draft.imbalance(placement), moving: draft.movingTo(placement) };
  });
  const least = Math.min(...trials.map((trial) => trial.imbalance));
  if (least >= draft.imbalance()) return null;
  const good = trials.filter((trial) => trial.imbalance <= least + ABOUT_THE_SAME);
  return good.reduce((best, trial) => (trial.moving < best.moving ? trial : best)).to;
}

/** Closed nodes stay as they are: they carry nothing but what ops pinned there. */
function spread(draft: Draft): void {
  const stuck = new Set<string>();
  for (let pins = 0; pins < SPREAD_PINS_MAX; ) {
    const [from] = draft.byRatio(draft.open.filter((id) => !stuck.has(id)));
    if (from === undefined || draft.ratio(from) <= SPREAD_RATIO) break;
    const to = draft.byRatio(draft.open).at(-1);
    const shard = to === undefined || to === from ? undefined : shardFor(draft, from, to);
    if (to === undefined || shard === undefined) {
      stuck.add(from);
      continue;
    }
    const [high, low] = [from, to].map((id) => times(draft.ratio(id)));
    draft.reasons.set(shard, `${from} carries ${high} its share of the load, ${to} only ${low}`);
    draft.add([{ shard, node: to, exclusive: false }]);
    pins++;
  }
  for (const id of draft.byRatio(draft.open).filter((each) => draft.ratio(each) > SPREAD_RATIO)) {
    draft.notes.push(
      `${id} stays at ${times(draft.ratio(id))} its share: what it has is pinned, too busy for any other node, or too ` +
        `quiet to be worth a pin, of which one plan sets at most ${SPREAD_PINS_MAX}.`,
    );
  }
}

/** The busiest shard of `from` that nobody pinned and that `to` can carry. */
function shardFor(draft: Draft, from: string, to: string): number | undefined {
  const { loads, pinned } = draft;
  const carries = (shard: number): boolean => draft.load(to) + loads[shard] <= SPREAD_RATIO * draft.share(to);
  return draft
    .shardsOf(from)
    .filter((shard) => !pinned.has(shard) && loads[shard] >= SPREAD_PART_MIN * draft.share(from))
    .find(carries);
}

function times(ratio: number): string {
  return `${ratio.toFixed(2)} times`;
}
