import { takers } from '../../src/cluster/ownership/ownership.ts';
import { place } from '../../src/cluster/ownership/placement.ts';
import { HEARTBEAT_MS, type ShardEpoch } from '../../src/cluster/registry/registry.ts';
import type { ClusterView, NodeLoad } from '../../src/cluster/view.ts';
import type { Timer } from '../../src/ports.ts';
import { type ManualTime, manualTime } from './manual-time.ts';
import { MemoryRegistry, MemoryTables } from './memory-registry.ts';

/** From the moment a shard is closed until it answers again, when all goes well. */
export const PAUSE_MS = 40;

interface SimulatedNode {
  readonly id: string;
  readonly incarnation: string;
  readonly beats: Timer;
  isStuck: boolean;
}

/**
 * Nodes without shows: each reads the tables with its heartbeats and when nudged, gives away what is placed elsewhere
 * and takes what is placed on it.
 */
export class SimulatedCluster {
  readonly time: ManualTime;
  readonly tables: MemoryTables;
  /** How others than the nodes reach the tables. */
  readonly registry: MemoryRegistry;
  /** What nodes report, by id. */
  readonly loads = new Map<string, NodeLoad>();
  /** How the nodes do. */
  readonly #nodesRegistry: MemoryRegistry;
  readonly #nodes = new Map<string, SimulatedNode>();
  #starts = 0;

  constructor(time: ManualTime = manualTime()) {
    this.time = time;
    this.tables = new MemoryTables(time.clock);
    this.registry = new MemoryRegistry(this.tables, time.timers);
    this.#nodesRegistry = new MemoryRegistry(this.tables, time.timers);
  }

  async start(...ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      const incarnation = `nod_${id}_${++this.#starts}`;
      await this.#nodesRegistry.join({
        id,
        incarnation,
        pid: this.#starts,
        url: `http://${id}.example`,
        adminUrl: null,
        transport: 'nats',
        format: 1,
        weight: 1,
      });
      const beats = this.time.timers.every(HEARTBEAT_MS, () => void this.#look(id));
      this.#nodes.set(id, { id, incarnation, beats, isStuck: false });
    }
  }

  /** All at once, as when its process ends and the others notice. */
  async kill(id: string): Promise<void> {
    const node = this.#node(id);
    node.beats.cancel();
    this.#nodes.delete(id);
    this.tables.endSession(node.incarnation);
    await this.#nodesRegistry.declareDead([{ incarnation: node.incarnation, cause: 'gone' }]);
  }

  /** A stuck node lives, but neither gives nor takes. */
  stick(id: string, isStuck = true): void {
    this.#node(id).isStuck = isStuck;
  }

  incarnation(id: string): string | null {
    return this.#nodes.get(id)?.incarnation ?? null;
  }

  /** Makes all nodes look now. */
  nudge(): void {
    for (const id of this.#nodes.keys()) void this.#look(id);
  }

  /** Lets time pass until every shard is where it is placed. */
  async settle(): Promise<ClusterView> {
    for (let looks = 0; looks < 20; looks++) {
      this.nudge();
      await this.time.advance(2 * PAUSE_MS);
      const view = await this.registry.read();
      const targets = targetsIn(view);
      if (targets.every((id, shard) => id !== null && view.owners[shard] === this.incarnation(id))) return view;
    }
    throw new Error('the cluster does not come to rest');
  }

  /** No node runs on. */
  stop(): void {
    for (const { beats } of this.#nodes.values()) beats.cancel();
    this.#nodes.clear();
  }

  #node(id: string): SimulatedNode {
    const node = this.#nodes.get(id);
    if (node === undefined) throw new Error(`no node ${id} runs`);
    return node;
  }

  async #look(id: string): Promise<void> {
    const node = this.#nodes.get(id);
    if (node === undefined) return;
    const { view } = await this.#nodesRegistry.beat(node.incarnation, {
      isLinked: true,
      stalledMs: 0,
      load: this.loads.get(id) ?? { perSecond: 0, inbox: 0, awake: 0, lagMs: 0, hot: [] },
    });
    if (node.isStuck) return;
    const targets = targetsIn(view);
    const taking = new Set(takers(view).map((taker) => taker.id));
    const departing: (ShardEpoch & { closedMsAgo: number })[] = [];
    const wanted: ShardEpoch[] = [];
    view.owners.forEach((owner, shard) => {
      const target = targets[shard];
      const each = { shard, epoch: view.epochs[shard] };
      if (owner === node.incarnation) {
        if (target !== null && target !== id && taking.has(target)) departing.push({ ...each, closedMsAgo: 0 });
      } else if (target === id && (owner === null || !this.tables.isAlive(owner))) wanted.push(each);
    });
    if (departing.length > 0) {
      await this.#nodesRegistry.release(node.incarnation, departing);
      this.time.timers.after(PAUSE_MS / 2, () => this.nudge());
    }
    if (wanted.length > 0) {
      const taken = await this.#nodesRegistry.acquire(node.incarnation, wanted);
      this.time.timers.after(PAUSE_MS / 2, () => void this.#nodesRegistry.ready(node.incarnation, taken));
    }
  }
}

function targetsIn(view: ClusterView): (string | null)[] {
  return place(takers(view), view.pins);
}
