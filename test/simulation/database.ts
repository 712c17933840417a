import type { Registry } from '../../src/cluster/registry/registry.ts';
import { shardOf } from '../../src/cluster/shards.ts';
import { isKnownFormat } from '../../src/formats.ts';
import type { JournalRow, Notice, Snapshot, Turn } from '../../src/journal/journal.ts';
import { RowFormatUnknown } from '../../src/journal/rows.ts';
import type { Dice } from '../support/dice.ts';
import { MemoryTables, type TablesWire } from '../support/memory-registry.ts';
import { type Dangers, WORLD } from './dangers.ts';
import {
  CALM_DATABASE,
  type DatabaseWeather,
  DatabaseWire,
  phaseOf,
  type ServerState,
  type WireParts,
} from './database-wire.ts';
import type { LaneSession } from './lane-session.ts';
import type { SimulatedProcess } from './simulated-process.ts';
import type { Trace } from './trace.ts';
import type { VirtualTime } from './virtual-time.ts';

/** Rows of one page that is read, at most: few, so that recoveries take several. */
const PAGE_ROWS = 64;
/** A change of a lease waits so long for a row that somebody has locked (`lock_timeout`). */
const LOCK_MS = 3_000;
/** Deadlines of the clients of the real tables, ms: heartbeats and their like, changes of shards, what reads the journal. */
const QUICK_MS = 1_000;
const CHANGE_MS = 6_000;
const READ_MS = 6_000;
const KEEP_MS = 8_000;

const CHANGES_OWNERS: ReadonlySet<keyof Registry> = new Set(['acquire', 'release', 'declareDead', 'join']);

interface Parts {
  readonly time: VirtualTime;
  readonly dice: Dice;
  readonly trace: Trace;
  readonly dangers: Dangers;
  /** Something that Postgres would have prevented, or that must never be. */
  readonly onViolation: (invariant: string, what: string) => void;
}

interface Kept {
  readonly rows: JournalRow[];
  /** When each became durable, by the one true clock. */
  readonly writtenAt: number[];
  snapshot: Snapshot | null;
  /** What was kept of it is not what was sent. */
  isTorn: boolean;
}

/** The Postgres of a simulated cluster: the tables of nodes and shards, journal and snapshots, and who is connected. */
export class Database {
  readonly tables: MemoryTables;
  readonly parts: Parts;
  readonly shows = new Map<string, Kept>();
  readonly notices = new Map<string, Notice>();
  weather: DatabaseWeather = CALM_DATABASE;
  /** A row has become durable. */
  onWritten: (showId: string, events: string) => void = () => {};
  /** Whether a show's shard is nobody's. */
  #hasFree = false;
  readonly #sessions = new Set<LaneSession>();
  readonly #wires: WireParts;
  readonly #state: { -readonly [Key in keyof ServerState]: ServerState[Key] };
  /** Shards whose rows are locked by appends under way, and how often. */
  readonly #locks = new Map<number, number>();
  #unlocked: (() => void)[] = [];

  constructor(parts: Parts) {
    this.parts = parts;
    const { time } = parts;
    this.tables = new MemoryTables({ now: () => Math.floor(time.now) });
    this.tables.onDead = (incarnation) => this.#endSessionsOf(incarnation);
    const database = this;
    this.#state = {
      get weather() {
        return database.weather;
      },
      isDown: false,
      frozenUntil: 0,
      starts: 1,
    };
    this.#wires = { ...parts, server: () => this.#state };
  }

  // --- faults --------------------------------------------------------------------------------------------------------

  /** The server stops at once, and everything that was not durable is undone; it is back after `ms`. */
  restart(ms: number): void {
    this.#state.isDown = true;
    this.#state.starts++;
    this.tables.restart();
    for (const session of [...this.#sessions]) session.endByServer('the server has stopped');
    this.parts.time.after(ms, () => {
      this.#state.isDown = false;
    });
  }

  /** Nothing that arrives is looked at for `ms`. */
  freeze(ms: number): void {
    this.#state.frozenUntil = this.parts.time.now + ms;
  }

  // --- connections ---------------------------------------------------------------------------------------------------

  wire(host: string, process: SimulatedProcess): DatabaseWire {
    return new DatabaseWire(this.#wires, host, process);
  }

  /** How a node's registry reaches the tables. */
  registryWire(wire: DatabaseWire): TablesWire {
    return (request, kind, shards) => {
      const deadline = shards.length > 0 || kind === 'acquire' ? CHANGE_MS : QUICK_MS;
      return wire.ask(phaseOf(kind), deadline, async () => {
        await this.#whenUnlocked(shards);
        this.parts.trace.text(kind);
        const value = request();
        if (CHANGES_OWNERS.has(kind)) this.#noteOwners();
        return value;
      });
    };
  }

  #noteOwners(): void {
    const { dangers } = this.parts;
    let isFree = false;
    for (const showId of this.shows.keys()) isFree ||= this.tables.shards[shardOf(showId)].owner === null;
    if (isFree === this.#hasFree) return;
    this.#hasFree = isFree;
    if (isFree) dangers.enter(WORLD, 'shard without owner');
    else dangers.leave(WORLD, 'shard without owner');
  }

  open(session: LaneSession): void {
    this.#sessions.add(session);
  }

  closed(session: LaneSession): void {
    this.#sessions.delete(session);
  }

  get server(): ServerState {
    return this.#state;
  }

  /** The connections of a process that has ended are closed by its machine. */
  hangUp(process: SimulatedProcess, incarnation: string | null): void {
    for (const session of [...this.#sessions]) if (session.process === process) session.endByClient();
    if (incarnation !== null) this.tables.endSession(incarnation);
  }

  #endSessionsOf(owner: string): void {
    for (const session of [...this.#sessions]) if (session.owner === owner) session.endByServer('was terminated');
  }

  // --- locks ---------------------------------------------------------------------------------------------------------

  lock(shard: number): void {
    this.#locks.set(shard, (this.#locks.get(shard) ?? 0) + 1);
    this.tables.locked.add(shard);
  }

  unlock(shard: number): void {
    const left = (this.#locks.get(shard) ?? 1) - 1;
    if (left > 0) {
      this.#locks.set(shard, left);
      return;
    }
    this.#locks.delete(shard);
    this.tables.locked.delete(shard);
    for (const waiter of this.#unlocked.splice(0)) this.parts.time.soon(waiter, null);
  }

  async #whenUnlocked(shards: readonly number[]): Promise<void> {
    const until = this.parts.time.now + LOCK_MS;
    while (shards.some((shard) => this.#locks.has(shard))) {
      if (this.parts.time.now >= until) throw new Error('canceling statement due to lock timeout');
      await new Promise<void>((resolve) => {
        this.#unlocked.push(resolve);
        this.parts.time.after(LOCK_MS, resolve);
      });
    }
  }

  // --- the journal ---------------------------------------------------------------------------------------------------

  kept(showId: string): Kept {
    let kept = this.shows.get(showId);
    if (kept === undefined) {
      kept = { rows: [], writtenAt: [], snapshot: null, isTorn: false };
      this.shows.set(showId, kept);
    }
    return kept;
  }

  has(showId: string, seq: number): boolean {
    const { rows } = this.kept(showId);
    return seq <= rows.length && rows[seq - 1].seq === seq;
  }

  /** A row becomes durable. */
  write(turn: Turn): void {
    const { rows, writtenAt } = this.kept(turn.showId);
    const { seq, epoch, at, wakeAt, events, format, writer, prevHash, hash } = turn;
    const { onViolation, trace, time } = this.parts;
    if (seq !== rows.length + 1) onViolation('I2', `row ${seq} of ${turn.showId} follows row ${rows.length}`);
    const now = this.tables.shards[turn.shard].epoch;
    if (epoch !== now)
      onViolation('I2', `row ${seq} of ${turn.showId} landed under epoch ${epoch}, when it was ${now} already`);
    rows.push({ seq, epoch, at, wakeAt, events, format, writer, prevHash, hash });
    writtenAt.push(time.now);
    for (const notice of turn.notices) if (!this.notices.has(notice.id)) this.notices.set(notice.id, notice);
    trace.number(time.now);
    trace.text(hash);
    this.onWritten(turn.showId, events);
  }

  readSnapshot(wire: DatabaseWire, showId: string): Promise<Snapshot | null> {
    return wire.ask('recovery reads', READ_MS, () => this.kept(showId).snapshot);
  }

  async *rowsAfter(
    wire: DatabaseWire,
    showId: string,
    after: number,
    newest: number,
  ): AsyncGenerator<readonly JournalRow[]> {
    for (let from = after; ; ) {
      const page = await wire.ask('recovery reads', READ_MS, () =>
        this.kept(showId).rows.slice(from, from + PAGE_ROWS),
      );
      if (page.length === 0) return;
      for (const { seq, format } of page) {
        if (!isKnownFormat(format, newest)) throw new RowFormatUnknown(showId, seq, format, newest);
      }
      from = page[page.length - 1].seq;
      yield page;
    }
  }

  readRow(wire: DatabaseWire, showId: string, seq: number): Promise<JournalRow | null> {
    return wire.ask(null, READ_MS, () => this.kept(showId).rows[seq - 1] ?? null);
  }

  keepSnapshot(wire: DatabaseWire, owner: string, showId: string, shard: number, snapshot: Snapshot): Promise<boolean> {
    // What the process has sent is its own to change on.
    const sent = { ...snapshot, state: snapshot.state.slice() };
    return wire.ask('snapshot kept', KEEP_MS, () => {
      const kept = this.kept(showId);
      const row = this.tables.shards[shard];
      if (row.epoch !== sent.epoch || row.owner !== owner) return false;
      if (kept.rows[sent.seq - 1]?.hash !== sent.rowHash) return false;
      if (kept.snapshot !== null && kept.snapshot.seq >= sent.seq) return false;
      kept.isTorn = this.#tear(sent.state);
      kept.snapshot = sent;
      return true;
    });
  }

  #tear(state: Uint8Array): boolean {
    const { dice, dangers } = this.parts;
    if (this.weather.torn === 0 || !dice.chance(this.weather.torn)) return false;
    dangers.strike('snapshot torn', null);
    const place = dice.between(0, state.length - 1);
    if (dice.chance(0.5)) state.fill(0, place);
    else state[place] ^= 1 << dice.between(0, 7);
    return true;
  }

  /** Shows of these shards with unfinished work. */
  async *wakeable(
    wire: DatabaseWire,
    shards: readonly number[],
    shardOf: (showId: string) => number,
  ): AsyncGenerator<readonly { readonly showId: string }[]> {
    const wanted = new Set(shards);
    yield await wire.ask(null, READ_MS, () =>
      [...this.shows]
        .filter(([showId, { rows }]) => wanted.has(shardOf(showId)) && (rows.at(-1)?.wakeAt ?? null) !== null)
        .map(([showId]) => ({ showId })),
    );
  }
}
