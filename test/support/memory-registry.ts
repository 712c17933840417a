import {
  type DeathCause,
  LEASE_MS,
  type NodeReport,
  type NodeSelf,
  type Registry,
  type ShardEpoch,
} from '../../src/cluster/registry/registry.ts';
import { tooOld } from '../../src/cluster/registry/registry-join.ts';
import { SHARDS } from '../../src/cluster/shards.ts';
import type { ClusterView, NodeRow, NodeState, Pin } from '../../src/cluster/view.ts';
import { StartError } from '../../src/errors.ts';
import type { Clock, Timers } from '../../src/ports.ts';

/**
 * What goes wrong with what a node asks, while it lasts:
 * - `away`: rejected at once; nothing is done.
 * - `hung`: rejected after {@link GIVEN_UP_MS}; nothing is done.
 * - `late`: rejected after {@link GIVEN_UP_MS}; done when the fault ends, whether somebody waits for it or not.
 * - `lost`: done, and rejected at once: the answer was lost.
 */
export type RegistryFault = 'away' | 'hung' | 'late' | 'lost';

const GIVEN_UP_MS = 1_000;
const JOIN_PATIENCE_MS = LEASE_MS + 1_500;
const JOIN_POLL_MS = 100;
const ALIVE: readonly NodeState[] = ['up', 'draining', 'leaving'];

/** A connection of a node to the database. */
interface Session {
  /** Of which start of the server it is. */
  readonly serverStart: number;
  isGone: boolean;
}

type Node = { -readonly [Key in keyof Omit<NodeRow, 'ageMs'>]: NodeRow[Key] } & {
  readonly joinedAt: number;
  heartbeatAt: number;
  session: Session;
};

interface Shard {
  epoch: number;
  owner: string | null;
  closedAt: number | null;
  readyAt: number | null;
  pin: Pin | null;
}

/** The tables that the registries of one test share, with the database's clock. */
export class MemoryTables {
  readonly clock: Clock;
  readonly nodes = new Map<string, Node>();
  /** Shards whose rows somebody holds locked: they cannot be taken. */
  readonly locked = new Set<number>();
  readonly shards: Shard[] = Array.from({ length: SHARDS }, () => ({
    epoch: 0,
    owner: null,
    closedAt: null,
    readyAt: null,
    pin: null,
  }));
  /** Somebody was declared dead, and its sessions at the database end. */
  onDead: (incarnation: string) => void = () => {};
  /** Of the cluster. */
  format = 1;
  /** How often the database server was started. */
  serverStarts = 1;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  isAlive(incarnation: string | null): boolean {
    const node = incarnation === null ? undefined : this.nodes.get(incarnation);
    return node !== undefined && ALIVE.includes(node.state);
  }

  /** The node has not been heard of for `ms` longer. */
  age(incarnation: string, ms: number): void {
    const node = this.nodes.get(incarnation);
    if (node !== undefined) node.heartbeatAt -= ms;
  }

  /** The node's session ends, as when its process does; if that lives, its next heartbeat has another. */
  endSession(incarnation: string): void {
    const node = this.nodes.get(incarnation);
    if (node !== undefined) node.session.isGone = true;
  }

  /** The database server stops and starts, and with it ends every session. */
  restart(): void {
    for (const node of this.nodes.values()) node.session.isGone = true;
    this.serverStarts++;
  }
}

/**
 * How a request reaches the tables and its answer comes back; `shards`: rows that it waits for while somebody has them
 * locked. Without one the {@link RegistryFault} decides.
 */
export type TablesWire = <T>(request: () => T, kind: keyof Registry, shards: readonly number[]) => Promise<T>;

/** The registry in memory, as one node has it. It decides as `postgres-registry.ts` does; the same tests prove both. */
export class MemoryRegistry implements Registry {
  readonly #tables: MemoryTables;
  readonly #timers: Timers;
  readonly #wire: TablesWire;
  #fault: RegistryFault | null = null;
  #late: (() => void)[] = [];
  #session: Session | null = null;
  #isClosed = false;

  constructor(tables: MemoryTables, timers: Timers, wire?: TablesWire) {
    this.#tables = tables;
    this.#timers = timers;
    this.#wire = wire ?? ((request) => this.#suffer(request));
  }

  get fault(): RegistryFault | null {
    return this.#fault;
  }

  set fault(fault: RegistryFault | null) {
    this.#fault = fault;
    if (fault === 'late') return;
    for (const request of this.#late.splice(0)) request();
  }

  async join(self: NodeSelf): Promise<void> {
    for (let waited = 0; ; waited += JOIN_POLL_MS) {
      const refusal = await this.#ask('join', () => this.#enter(self));
      if (refusal === null) return;
      if (waited >= JOIN_PATIENCE_MS) throw new StartError(refusal);
      await new Promise<void>((resolve) => this.#timers.after(JOIN_POLL_MS, resolve));
    }
  }

  beat(incarnation: string, report: NodeReport): Promise<{ state: NodeState | null; view: ClusterView }> {
    return this.#ask('beat', () => {
      const node = this.#tables.nodes.get(incarnation);
      if (node !== undefined && this.#tables.isAlive(incarnation)) {
        Object.assign(node, report, { heartbeatAt: this.#now(), session: this.#ownSession() });
      }
      return { state: node?.state ?? null, view: this.#view() };
    });
  }

  read(): Promise<ClusterView> {
    return this.#ask('read', () => this.#view());
  }

  declareDead(nodes: readonly { readonly incarnation: string; readonly cause: DeathCause }[]): Promise<string[]> {
    return this.#ask('declareDead', () =>
      nodes.flatMap(({ incarnation, cause }) => {
        const node = this.#tables.nodes.get(incarnation);
        if (node === undefined || !this.#tables.isAlive(incarnation)) return [];
        const isTrue = cause === 'expired' ? this.#isExpired(node) : this.#isGone(node);
        if (isTrue) this.#bury(node);
        return isTrue ? [incarnation] : [];
      }),
    );
  }

  setState(incarnation: string, from: readonly NodeState[], to: NodeState, reason: string | null): Promise<boolean> {
    return this.#ask('setState', () => {
      const node = this.#tables.nodes.get(incarnation);
      if (node === undefined || !this.#tables.isAlive(incarnation) || !from.includes(node.state)) return false;
      node.state = to;
      node.reason = reason;
      return true;
    });
  }

  acquire(incarnation: string, shards: readonly ShardEpoch[]): Promise<ShardEpoch[]> {
    return this.#ask('acquire', () => {
      if (!this.#tables.isAlive(incarnation)) return [];
      const unlocked = shards.filter(({ shard }) => !this.#tables.locked.has(shard));
      return this.#change(unlocked, (row) => {
        if (row.owner !== incarnation && this.#tables.isAlive(row.owner)) return false;
        if (row.owner !== incarnation) {
          if (row.readyAt !== null) row.closedAt = null;
          row.readyAt = null;
        }
        row.owner = incarnation;
        row.epoch++;
        return true;
      });
    });
  }

  advance(incarnation: string, shard: number, epoch: number): Promise<number | null> {
    const advance = (): number | null => {
      const row = this.#tables.shards[shard];
      return row.owner === incarnation && row.epoch === epoch ? ++row.epoch : null;
    };
    return this.#ask('advance', advance, [shard]);
  }

  release(
    incarnation: string,
    shards: readonly (ShardEpoch & { readonly closedMsAgo: number })[],
  ): Promise<ShardEpoch[]> {
    const release = (): ShardEpoch[] =>
      this.#change(shards, (row, { closedMsAgo }) => {
        if (row.owner !== incarnation) return false;
        row.owner = null;
        row.epoch++;
        row.closedAt = this.#now() - closedMsAgo;
        row.readyAt = null;
        return true;
      });
    return this.#ask(
      'release',
      release,
      shards.map(({ shard }) => shard),
    );
  }

  ready(incarnation: string, shards: readonly ShardEpoch[]): Promise<number[]> {
    return this.#ask('ready', () =>
      shards.flatMap(({ shard, epoch }) => {
        const row = this.#tables.shards[shard];
        if (row.epoch !== epoch || row.owner !== incarnation || row.closedAt === null || row.readyAt !== null)
          return [];
        row.readyAt = this.#now();
        return [row.readyAt - row.closedAt];
      }),
    );
  }

  pauses(shards: readonly number[]): Promise<(number | null)[]> {
    return this.#ask('pauses', () =>
      shards.map((shard) => {
        const { closedAt, readyAt } = this.#tables.shards[shard];
        return closedAt === null || readyAt === null ? null : readyAt - closedAt;
      }),
    );
  }

  raiseFormat(format: number): Promise<number> {
    return this.#ask('raiseFormat', () => {
      const living = [...this.#tables.nodes.values()].filter(({ incarnation }) => this.#tables.isAlive(incarnation));
      if (living.every((node) => node.format >= format)) this.#tables.format = Math.max(this.#tables.format, format);
      return this.#tables.format;
    });
  }

  setPins(pins: readonly (Pin | { readonly shard: number; readonly node: null })[]): Promise<void> {
    return this.#ask('setPins', () => {
      for (const pin of pins) this.#tables.shards[pin.shard].pin = pin.node === null ? null : pin;
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#session !== null) this.#session.isGone = true;
  }

  // --- how it goes ---------------------------------------------------------------------------------------------------

  #ask<T>(kind: keyof Registry, request: () => T, shards: readonly number[] = []): Promise<T> {
    if (this.#isClosed) return Promise.reject(new Error('the session is closed'));
    return this.#wire(request, kind, shards);
  }

  async #suffer<T>(request: () => T): Promise<T> {
    await null;
    switch (this.#fault) {
      case 'away':
        throw new Error('the database is out of reach');
      case 'late':
        this.#late.push(request);
        return this.#givenUp();
      case 'hung':
        return this.#givenUp();
      case 'lost':
        request();
        throw new Error('the answer was lost');
      case null:
        return request();
    }
  }

  #givenUp(): Promise<never> {
    return new Promise((_, reject) => {
      this.#timers.after(GIVEN_UP_MS, () => reject(new Error(`no answer from the database within ${GIVEN_UP_MS} ms`)));
    });
  }

  // --- what is decided -----------------------------------------------------------------------------------------------

  /** @returns who stands in the way, in words; null: entered. */
  #enter(self: NodeSelf): string | null {
    if (self.format < this.#tables.format) throw new StartError(tooOld(self.format, this.#tables.format));
    const others = [...this.#tables.nodes.values()].filter(
      (node) =>
        node.incarnation !== self.incarnation &&
        this.#tables.isAlive(node.incarnation) &&
        (node.id === self.id || node.transport === 'local' || self.transport === 'local'),
    );
    for (const node of others) {
      const hasEnded = node.id === self.id ? node.session.isGone : this.#isGone(node);
      if (this.#isExpired(node) || hasEnded) this.#bury(node);
    }
    const other = others.find((node) => this.#tables.isAlive(node.incarnation));
    if (other !== undefined) {
      const isForLocal = other.transport === 'local' || self.transport === 'local';
      const who = `(${other.id}, process ${other.pid})`;
      return isForLocal
        ? `The database is in use by another node ${who}.`
        : `Another node of the same name runs ${who}.`;
    }
    const own = this.#tables.nodes.get(self.incarnation);
    if (own !== undefined && !this.#tables.isAlive(self.incarnation)) {
      throw new Error(`the start ${self.incarnation} has ended already; it cannot enter again`);
    }
    this.#tables.nodes.set(self.incarnation, {
      ...self,
      state: own?.state ?? 'up',
      reason: own?.reason ?? null,
      isLinked: true,
      stalledMs: 0,
      load: { perSecond: 0, inbox: 0, awake: 0, lagMs: 0, hot: [] },
      joinedAt: own?.joinedAt ?? this.#now(),
      heartbeatAt: this.#now(),
      session: this.#ownSession(),
    });
    return null;
  }

  /** Changes those of the shards that are under these epochs. @returns those of which `change` says that they moved. */
  #change<S extends ShardEpoch>(shards: readonly S[], change: (row: Shard, asked: S) => boolean): ShardEpoch[] {
    return shards.flatMap((asked) => {
      const row = this.#tables.shards[asked.shard];
      return row.epoch === asked.epoch && change(row, asked) ? [{ shard: asked.shard, epoch: row.epoch }] : [];
    });
  }

  #bury(node: Node): void {
    this.#tables.onDead(node.incarnation);
    node.reason = this.#isExpired(node) ? 'was not heard of' : 'its session ended';
    node.state = 'dead';
    // A later incarnation of the same process may use it by now.
    const isUsed = [...this.#tables.nodes.values()].some(
      ({ incarnation, session }) => session === node.session && this.#tables.isAlive(incarnation),
    );
    if (!isUsed) node.session.isGone = true;
  }

  #isExpired(node: Node): boolean {
    return node.heartbeatAt < this.#now() - LEASE_MS;
  }

  #isGone({ session }: Node): boolean {
    return session.isGone && session.serverStart === this.#tables.serverStarts;
  }

  #ownSession(): Session {
    if (this.#session === null || this.#session.isGone)
      this.#session = { serverStart: this.#tables.serverStarts, isGone: false };
    return this.#session;
  }

  #view(): ClusterView {
    const at = this.#now();
    const { nodes, shards, format } = this.#tables;
    return {
      at,
      format,
      nodes: [...nodes.values()]
        .filter(({ incarnation }) => this.#tables.isAlive(incarnation))
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .map(({ joinedAt, heartbeatAt, session, ...node }) => ({ ...node, ageMs: Math.max(0, at - heartbeatAt) })),
      epochs: shards.map(({ epoch }) => epoch),
      owners: shards.map(({ owner }) => owner),
      pins: shards.flatMap(({ pin }) => (pin === null ? [] : [pin])),
    };
  }

  #now(): number {
    return this.#tables.clock.now();
  }
}
