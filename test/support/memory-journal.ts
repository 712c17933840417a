import { FORMAT, isKnownFormat } from '../../src/formats.ts';
import type {
  AppendOutcome,
  Journal,
  JournalRow,
  Notice,
  ShardLeases,
  Snapshot,
  Turn,
} from '../../src/journal/journal.ts';
import { RowFormatUnknown } from '../../src/journal/rows.ts';

/**
 * What goes wrong with one append:
 * - `fenced`: another epoch took the shard just before it.
 * - `lost`, `written`: its outcome stays unknown; it was not, or was, written.
 * - `late`: unknown, and still on its way: {@link MemoryJournal.landLate} lets it arrive.
 * - `crash-lost`, `crash-written`: the process ends before it hears of it: the append never answers.
 */
export type AppendFault = 'fenced' | 'lost' | 'written' | 'late' | 'crash-lost' | 'crash-written';

/** What goes wrong with keeping one snapshot: its bytes are torn, it is refused as by a fence, or the database is away. */
export type SnapshotFault = 'torn' | 'fenced' | 'rejects';

const PAGE_ROWS = 3;

/** A row of the table of shards: its epoch, and whose it is. */
interface ShardRow {
  epoch: number;
  owner: MemoryLeases | null;
}

/** Rows of the table of shards, and what one node believes of them. */
export class MemoryLeases implements ShardLeases {
  /** While true, `advance` rejects as with a database out of reach. */
  away = false;
  /** How often `advance` was called. */
  advances = 0;
  /** How often `epochOf` was called. */
  looks = 0;
  readonly #table: Map<number, ShardRow>;
  readonly #ownsAll: boolean;
  readonly #known = new Map<number, number | null>();
  readonly #closed = new Set<number>();
  readonly #lapsed = new Set<number>();

  /** The first node owns every shard that nobody has taken from it. */
  constructor(table = new Map<number, ShardRow>(), ownsAll = true) {
    this.#table = table;
    this.#ownsAll = ownsAll;
  }

  /** Another node on the same table; it owns nothing yet. */
  ofAnotherNode(): MemoryLeases {
    return new MemoryLeases(this.#table, false);
  }

  /** The epoch in the table. */
  current(shard: number): number {
    return this.#table.get(shard)?.epoch ?? 1;
  }

  epochOf(shard: number): number | null {
    this.looks++;
    if (this.#closed.has(shard) || this.#lapsed.has(shard)) return null;
    const known = this.#known.get(shard);
    if (known !== undefined) return known;
    return this.#ownsAll ? this.current(shard) : null;
  }

  async advance(shard: number): Promise<number | null> {
    this.advances++;
    await null;
    if (this.away) throw new Error('the database is out of reach');
    if (this.epochOf(shard) === null) return null;
    const row = this.#table.get(shard);
    if (row !== undefined && row.owner !== this) {
      this.#known.set(shard, null);
      return null;
    }
    return this.acquire(shard);
  }

  /** The shard moves to a new epoch and stays this node's, which learns of it only if `told`. */
  move(shard: number, told: boolean): void {
    const before = this.epochOf(shard);
    this.#table.set(shard, { epoch: this.current(shard) + 1, owner: this });
    this.#known.set(shard, told ? this.current(shard) : before);
  }

  /** The shard is nobody's from now on, and this node knows. */
  giveUp(shard: number): void {
    this.#table.set(shard, { epoch: this.current(shard) + 1, owner: null });
    this.#known.set(shard, null);
    this.#closed.delete(shard);
  }

  /** Takes the shard, whoever had it. */
  acquire(shard: number): number {
    const epoch = this.current(shard) + 1;
    this.#table.set(shard, { epoch, owner: this });
    this.#known.set(shard, epoch);
    return epoch;
  }

  /** Stops admission for a hand-off: the row stays this node's. */
  close(shard: number): void {
    this.#closed.add(shard);
  }

  /** Admits again: the hand-off is off. */
  open(shard: number): void {
    this.#closed.delete(shard);
  }

  /** The node has not been heard of in time, as it knows itself. */
  lapse(shard: number): void {
    this.#lapsed.add(shard);
  }

  /** It was heard of again, before anybody took the shard from it. */
  renew(shard: number): void {
    this.#lapsed.delete(shard);
  }
}

interface Kept {
  readonly rows: JournalRow[];
  snapshot: Snapshot | null;
}

/** A journal in memory that enforces what Postgres does: the fence, the primary key, and snapshots only of kept rows. */
export class MemoryJournal implements Journal {
  readonly leases = new MemoryLeases();
  /** Faults of the next appends, first first; without one an append succeeds. */
  readonly appendFaults: AppendFault[] = [];
  readonly snapshotFaults: SnapshotFault[] = [];
  /** How often a snapshot was to be kept. */
  snapshotAttempts = 0;
  /** While true every read rejects. */
  unreadable = false;
  /** The newest form of rows that is read. */
  newest: number = FORMAT.newest;
  /** When set, appends wait for it before they are written. */
  gate: Promise<void> | null = null;
  /** Every turn that was to be appended, whatever became of it. */
  readonly attempts: Turn[] = [];
  /** What buyers are to be told, by id; kept with the rows that were written. */
  readonly notices = new Map<string, Notice>();
  /** Tells of an append that will never answer. */
  onCrash: () => void = () => {};
  readonly #shows = new Map<string, Kept>();
  #late: Turn | null = null;

  rows(showId: string): readonly JournalRow[] {
    return this.#kept(showId).rows;
  }

  snapshot(showId: string): Snapshot | null {
    return this.#kept(showId).snapshot;
  }

  /** Puts a snapshot there without asking anything. */
  plantSnapshot(showId: string, snapshot: Snapshot | null): void {
    this.#kept(showId).snapshot = snapshot;
  }

  async append(turn: Turn): Promise<AppendOutcome> {
    this.attempts.push(turn);
    const fault = this.appendFaults.shift();
    await this.gate;
    switch (fault) {
      case 'fenced':
        this.leases.move(turn.shard, false);
        return this.write(turn);
      case 'lost':
        return 'unknown';
      case 'written':
        this.write(turn);
        return 'unknown';
      case 'late':
        this.#late = turn;
        return 'unknown';
      case 'crash-written':
        this.write(turn);
        return this.#never();
      case 'crash-lost':
        return this.#never();
      default:
        return this.write(turn);
    }
  }

  /** Lets an append that was late arrive now. */
  landLate(): AppendOutcome | null {
    const turn = this.#late;
    this.#late = null;
    return turn === null ? null : this.write(turn);
  }

  /** Whether the shard is still under the epoch of the turn. */
  protected holds(turn: { readonly shard: number; readonly epoch: number }): boolean {
    return this.leases.current(turn.shard) === turn.epoch;
  }

  protected write(turn: Turn): AppendOutcome {
    const { rows } = this.#kept(turn.showId);
    if (!this.holds(turn)) return 'fenced';
    if (rows.some((row) => row.seq === turn.seq)) return 'conflict';
    const { seq, epoch, at, wakeAt, events, format, writer, prevHash, hash } = turn;
    rows.push({ seq, epoch, at, wakeAt, events, format, writer, prevHash, hash });
    for (const notice of turn.notices) this.notices.set(notice.id, notice);
    return 'durable';
  }

  async keepSnapshot(showId: string, shard: number, snapshot: Snapshot): Promise<boolean> {
    this.snapshotAttempts++;
    const fault = this.snapshotFaults.shift();
    await null;
    if (fault === 'rejects') throw new Error('the database is out of reach');
    const kept = this.#kept(showId);
    const isOfRow = kept.rows.some((row) => row.seq === snapshot.seq && row.hash === snapshot.rowHash);
    if (fault === 'fenced' || !this.holds({ shard, epoch: snapshot.epoch }) || !isOfRow) return false;
    if (kept.snapshot !== null && kept.snapshot.seq >= snapshot.seq) return false;
    const state = snapshot.state.slice();
    if (fault === 'torn') state.fill(0, state.length >> 1);
    kept.snapshot = { ...snapshot, state };
    return true;
  }

  async readSnapshot(showId: string): Promise<Snapshot | null> {
    this.#read();
    return this.#kept(showId).snapshot;
  }

  async *rowsAfter(showId: string, after: number): AsyncIterable<readonly JournalRow[]> {
    this.#read();
    const rows = this.#kept(showId).rows.filter((row) => row.seq > after);
    for (let from = 0; from < rows.length; from += PAGE_ROWS) {
      const page = rows.slice(from, from + PAGE_ROWS);
      for (const row of page) this.#assertKnown(showId, row);
      yield page;
    }
  }

  async readRow(showId: string, seq: number): Promise<JournalRow | null> {
    this.#read();
    const row = this.#kept(showId).rows.find((each) => each.seq === seq);
    if (row !== undefined) this.#assertKnown(showId, row);
    return row ?? null;
  }

  #assertKnown(showId: string, { seq, format }: JournalRow): void {
    if (!isKnownFormat(format, this.newest)) throw new RowFormatUnknown(showId, seq, format, this.newest);
  }

  #read(): void {
    if (this.unreadable) throw new Error('the database is out of reach');
  }

  #never(): Promise<never> {
    this.onCrash();
    return new Promise(() => {});
  }

  #kept(showId: string): Kept {
    let kept = this.#shows.get(showId);
    if (kept === undefined) {
      kept = { rows: [], snapshot: null };
      this.#shows.set(showId, kept);
    }
    return kept;
  }
}
