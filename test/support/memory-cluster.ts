import { ShowActors } from '../../src/actors/show-actors.ts';
import type { Answer } from '../../src/actors/shows.ts';
import { RULES } from '../../src/actors/turns.ts';
import type { Command, Question } from '../../src/allocator/commands.ts';
import type { ShowTerms } from '../../src/allocator/events.ts';
import type { Hall } from '../../src/allocator/hall.ts';
import { ClusterNode } from '../../src/cluster/cluster-node.ts';
import { InProcessHub, InProcessTransport } from '../../src/cluster/messages/in-process-transport.ts';
import type { Line, Receiver } from '../../src/cluster/messages/transport.ts';
import { SeatReplicas } from '../../src/cluster/routing/seat-replicas.ts';
import { shardOf } from '../../src/cluster/shards.ts';
import { FORMAT } from '../../src/formats.ts';
import type { Journal } from '../../src/journal/journal.ts';
import type { Clock, Timer, Timers } from '../../src/ports.ts';
import { madeOf } from './made-show.ts';
import { type ManualTime, manualTime, settled } from './manual-time.ts';
import { MemoryJournal } from './memory-journal.ts';
import { MemoryRegistry, MemoryTables } from './memory-registry.ts';
import { seededRandom } from './seeded-random.ts';
import { ON_SALE_AT, rowsOfTen, termsOf } from './small-show.ts';

/** The journal of a cluster: what lands is what the table of shards lets through. */
class ClusterJournal extends MemoryJournal {
  readonly #tables: MemoryTables;

  constructor(tables: MemoryTables) {
    super();
    this.#tables = tables;
  }

  protected override holds(turn: { readonly shard: number; readonly epoch: number }): boolean {
    const { epoch, owner } = this.#tables.shards[turn.shard];
    return owner !== null && epoch === turn.epoch;
  }
}

/**
 * A process that can be stopped, as by SIGSTOP, and killed: what would happen in it waits, or never happens. What it asked
 * of others is done all the same; it only does not hear of it.
 */
export class MemoryProcess {
  isStopped = false;
  isDead = false;
  #deferred: (() => void)[] = [];

  /** Runs in the process: now, once it goes on, or never. */
  run(task: () => void): void {
    if (this.isDead) return;
    if (this.isStopped) this.#deferred.push(task);
    else task();
  }

  resume(): void {
    this.isStopped = false;
    for (const task of this.#deferred.splice(0)) this.run(task);
  }

  /** The answer to something asked outside, as the process hears it. */
  hears<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      answer.then(
        (value) => this.run(() => resolve(value)),
        (error) => this.run(() => reject(error)),
      );
    });
  }

  timers({ after, every, soon }: Timers): Timers {
    return {
      after: (ms, task): Timer => after(ms, () => this.run(task)),
      every: (ms, task): Timer => every(ms, () => this.run(task)),
      soon: (task) => soon(() => this.run(task)),
    };
  }
}

/** One node in memory, through all its incarnations, until its process is killed. */
export class MemoryNode {
  readonly id: string;
  readonly node: ClusterNode;
  readonly registry: MemoryRegistry;
  readonly transport: InProcessTransport;
  readonly process = new MemoryProcess();
  /** Errors and warnings. */
  readonly logged: string[] = [];
  /** All journals that its incarnations wrote to, and how often. */
  appends = 0;
  readonly #cluster: MemoryCluster;

  constructor(cluster: MemoryCluster, id: string, format: number) {
    const { time, tables, hub, journal } = cluster;
    this.id = id;
    this.#cluster = cluster;
    const clock: Clock = time.clock;
    const timers = this.process.timers(time.timers);
    this.registry = new MemoryRegistry(tables, time.timers);
    this.transport = new InProcessTransport(hub, 'nats');
    const transport = Object.create(this.transport, {
      listen: {
        value: async (incarnation: string, receiver: Receiver) => {
          await cluster.subscribing;
          return this.transport.listen(incarnation, {
            message: (bytes) => this.process.run(() => receiver.message(bytes)),
            unreachable: (to, number) => this.process.run(() => receiver.unreachable(to, number)),
          });
        },
      },
      isLinked: { get: () => this.transport.isLinked },
      onLink: {
        value: (changed: (isLinked: boolean) => void) =>
          this.transport.onLink((isLinked) => this.process.run(() => changed(isLinked))),
      },
      close: { value: () => this.transport.close() },
    }) as InProcessTransport;
    const note = (_: object, message: string): void => void this.logged.push(message);
    const log = { info: () => {}, warn: note, error: note };
    const source = {
      exists: async () => true,
      load: async () => madeOf(cluster.hall, cluster.terms),
    };
    const own: Journal = {
      append: (turn) => {
        this.appends++;
        return this.process.hears(journal.append(turn));
      },
      keepSnapshot: (...args) => this.process.hears(journal.keepSnapshot(...args)),
      readSnapshot: (showId) => this.process.hears(journal.readSnapshot(showId)),
      rowsAfter: (showId, after) => journal.rowsAfter(showId, after),
      readRow: (showId, seq) => this.process.hears(journal.readRow(showId, seq)),
    };
    this.node = new ClusterNode({
      registry: heardBy(this.process, this.registry),
      transport,
      clock,
      timers,
      random: seededRandom(cluster.nextSeed()),
      log,
      shardOf,
      self: { id, pid: 1, url: null, adminUrl: null, format, weight: 1 },
      replicas: (fetch) =>
        new SeatReplicas({
          clock,
          timers,
          log: log as never,
          fetch,
          readOnly: async () => null,
          hallOf: async () => cluster.hall,
        }),
      openShows: (incarnation, leases) => {
        const shows = new ShowActors({
          source,
          journal: own,
          format: () => this.node.format,
          writer: incarnation,
          leases,
          shardOf,
          clock,
          timers,
          rules: RULES,
          log,
          onUnsettled: (showId, orders) => cluster.onUnsettled(this, showId, orders),
        });
        return {
          shows,
          wakeable: (shards) => cluster.wakeable(shards),
          progress: () => ({ stalledMs: 0, durableMsAgo: 0 }),
          close: async () => {},
        };
      },
      onSuperseded: (reason) => void this.logged.push(`superseded: ${reason}`),
    });
  }

  /** The present incarnation in the table; null when none of this node is alive. */
  get incarnation(): string | null {
    for (const row of this.#cluster.tables.nodes.values()) {
      if (row.id === this.id && this.#cluster.tables.isAlive(row.incarnation)) return row.incarnation;
    }
    return null;
  }

  /** Its present incarnation's line to the others. */
  get line(): Line {
    const line = this.#cluster.hub.lines.get(this.incarnation ?? '');
    if (line === undefined) throw new Error(`${this.id} has no line`);
    return line;
  }

  /** Asks at this node with ten seconds to answer. */
  ask<T = unknown>(showId: string, message: Command | Question, ms = 10_000): Promise<Answer<T>> {
    return this.node.shows.ask<T>(showId, message, this.#cluster.time.clock.now() + ms);
  }

  /** SIGKILL: nothing of it happens any more, and its connections end. */
  async kill(): Promise<void> {
    this.process.isDead = true;
    const { incarnation } = this;
    if (incarnation !== null) this.#cluster.tables.endSession(incarnation);
    for (const [name] of [...this.#cluster.hub.lines]) if (name === incarnation) this.#cluster.hub.lines.delete(name);
  }

  /** SIGSTOP: its connections stay. */
  stop(): void {
    this.process.isStopped = true;
  }

  /** SIGCONT. */
  resume(): void {
    this.process.resume();
  }
}

/** What a process asks of something outside, and hears of it. */
export function heardBy<T extends object>(process: MemoryProcess, outside: T): T {
  return new Proxy(outside, {
    get: (target, name) => {
      const method = Reflect.get(target, name);
      if (typeof method !== 'function') return method;
      return (...args: unknown[]) => process.hears(method.apply(target, args) as Promise<unknown>);
    },
  });
}

/** Several nodes on one journal and one pair of tables, all in memory, in time that stands still until it is told. */
export class MemoryCluster {
  readonly time: ManualTime = manualTime(ON_SALE_AT);
  readonly tables = new MemoryTables(this.time.clock);
  readonly hub = new InProcessHub(this.time.timers);
  readonly journal = new ClusterJournal(this.tables);
  readonly hall: Hall;
  readonly terms: ShowTerms;
  readonly nodes = new Map<string, MemoryNode>();
  /** Hears of unsettled orders; notes them unless a test has them settled. */
  onUnsettled = (node: MemoryNode, showId: string, orders: readonly number[]): void => {
    this.unsettled.push({ node: node.id, showId, orders });
  };
  readonly unsettled: { readonly node: string; readonly showId: string; readonly orders: readonly number[] }[] = [];
  /** Shows that were journaled here, for those that wake what is pending. */
  readonly shows = new Set<string>();
  /** While set, who begins to listen is not heard of before it resolves. */
  subscribing: Promise<void> | null = null;
  #seed = 0;
  #shows = 0;

  constructor(hall: Hall = rowsOfTen(4), terms: ShowTerms = termsOf()) {
    this.hall = hall;
    this.terms = terms;
  }

  nextSeed(): number {
    this.#seed++;
    return this.#seed;
  }

  node(id: string): MemoryNode {
    const node = this.nodes.get(id);
    if (node === undefined) throw new Error(`there is no node ${id}`);
    return node;
  }

  /** Starts a node, or another process of it, of a version that reads up to this format. Time passes until it is in. */
  async start(id: string, format: number = FORMAT.newest): Promise<MemoryNode> {
    const node = new MemoryNode(this, id, format);
    this.nodes.set(id, node);
    let isOver = false;
    const starting = node.node.start().finally(() => {
      isOver = true;
    });
    starting.catch(() => {});
    for (let waited = 0; !isOver && waited < 10_000; waited += 50) await this.advance(50);
    await starting;
    return node;
  }

  /** A show that the node owns now, with its first row journaled. */
  async showOn(id: string): Promise<string> {
    for (;;) {
      this.#shows++;
      const showId = `shw_${String(this.#shows).padStart(26, '0')}`;
      if (this.ownerOf(showId) !== id) continue;
      this.shows.add(showId);
      const asked = this.node(id).ask(showId, { type: 'get-summary' });
      await settled();
      await asked;
      return showId;
    }
  }

  /** Pins the show's shard; the nodes see it at their next look. */
  pin(showId: string, node: string): void {
    const shard = shardOf(showId);
    this.tables.shards[shard].pin = { shard, node, exclusive: false };
  }

  /** The id of the node whose incarnation the table says owns the show; null while there is none. */
  ownerOf(showId: string): string | null {
    const { owner } = this.tables.shards[shardOf(showId)];
    return owner === null ? null : (this.tables.nodes.get(owner)?.id ?? null);
  }

  async *wakeable(shards: readonly number[]): AsyncIterable<readonly { readonly showId: string }[]> {
    const wanted = new Set(shards);
    yield [...this.shows]
      .filter((showId) => wanted.has(shardOf(showId)) && this.journal.rows(showId).at(-1)?.wakeAt != null)
      .map((showId) => ({ showId }));
  }

  /** Lets time pass, and everything that it brings about happen. */
  advance(ms: number): Promise<void> {
    return this.time.advance(ms);
  }
}
