import { type ClientConfig, Pool } from 'pg';
import type { Clock, Timers } from '../ports.ts';
import type { Log } from '../system/log.ts';
import { FENCE } from './append-statement.ts';
import type { Journal, JournalRow } from './journal.ts';
import { journaledShows } from './journaled-shows.ts';
import { Lane, type LaneFigures } from './lane.ts';
import { postgresLanes } from './postgres-lane-connection.ts';
import { RowReader } from './row-reader.ts';
import { ALL_FORMS, type RowForms, readRow, rowsAfter } from './rows.ts';
import { JOURNAL_NAME, openSession, type SessionLimits } from './session.ts';
import { keepSnapshot, readSnapshot } from './snapshots.ts';
import { type WakeUp, wakeable } from './wake-ups.ts';

/** Connections for one kind of work, and when the server, and later the client, gives it up. */
interface PoolShape {
  readonly connections: number;
  /** Also how long a caller waits for a free connection. */
  readonly connectMs: number;
  readonly session: SessionLimits;
  /** When an answer is given up and its connection dropped: after the server would have. */
  readonly deadlineMs: number;
}

/**
 * Recoveries, and what else a node reads of journals in pages of 4 MB: an answer that takes longer has been lost, and
 * connections that hang must not keep a node from taking shows over.
 */
const READERS: PoolShape = {
  connections: 4,
  connectMs: 5_000,
  session: { lockMs: 3_000, statementMs: 5_000, transactionMs: 5_500 },
  deadlineMs: 6_000,
};
/** Commands that read everything, beside a node that is to have the better part of the disk. */
const PATIENT_READERS: PoolShape = {
  connections: 4,
  connectMs: 5_000,
  session: { lockMs: 3_000, statementMs: 30_000, transactionMs: 35_000 },
  deadlineMs: 40_000,
};
/** First answers that are told again: somebody waits for each. */
const ROW_READERS: PoolShape = {
  connections: 4,
  connectMs: 2_000,
  session: { lockMs: 2_000, statementMs: 2_500, transactionMs: 3_500 },
  deadlineMs: 3_000,
};
/**
 * Snapshots lock the row of their shard, and a change of its lease ends their sessions only where they hang: they must be
 * over before it gives up waiting (6 s).
 */
const SNAPSHOT_KEEPERS: PoolShape = {
  connections: 4,
  connectMs: 5_000,
  session: { lockMs: 3_000, statementMs: 5_000, transactionMs: 6_000 },
  deadlineMs: 8_000,
};

export interface PostgresJournalOptions {
  readonly connection: ClientConfig;
  /** Connections that append: 2 to 4 suit one node. A show's is fixed by its shard. */
  readonly lanes: number;
  /** This process's incarnation, as its leases name it. */
  readonly owner: string;
  /** The forms of rows that it reads; all that this version knows if absent. */
  readonly forms?: RowForms;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
}

/** The parts of the journal that need no lease. */
export interface JournalReader extends Pick<Journal, 'readSnapshot' | 'rowsAfter' | 'readRow'> {
  wakeable(shards: readonly number[]): AsyncIterable<readonly WakeUp[]>;
  /** Ids of all shows that have rows or a snapshot, in pages. */
  journaledShows(): AsyncIterable<readonly string[]>;
  close(): Promise<void>;
}

export interface PostgresJournal extends Journal, JournalReader {
  /** Rejects within seconds when the database does not answer. */
  readRow(showId: string, seq: number): Promise<JournalRow | null>;
  /** One entry a lane. */
  figures(): LaneFigures[];
  /** Answers the appends under way, then ends every connection. Safe to call twice. */
  close(): Promise<void>;
}

/** Connections to the primary, for reading the journal; `close()` of the reader over it ends them. */
export function journalPool(connection: ClientConfig, log: Log): Pool {
  return poolOf(connection, log, READERS);
}

/** The same for those who can wait. */
export function patientJournalPool(connection: ClientConfig, log: Log): Pool {
  return poolOf(connection, log, PATIENT_READERS);
}

function poolOf(connection: ClientConfig, log: Log, shape: PoolShape): Pool {
  const pool = new Pool({
    ...connection,
    application_name: JOURNAL_NAME,
    max: shape.connections,
    keepAlive: true,
    connectionTimeoutMillis: shape.connectMs,
    query_timeout: shape.deadlineMs,
    onConnect: (client) => openSession(client, shape.session),
  });
  // Nobody else listens to a connection that is lent between two statements; its loss would end the process.
  pool.on('connect', (client) => client.on('error', () => {}));
  pool.on('error', (error) => {
    if (!pool.ending) log.warn({ reason: error.message }, 'journal: an idle connection was lost');
  });
  return pool;
}

/** Reads the journal over a {@link journalPool}, or a patient one. */
export function createJournalReader(pool: Pool, forms: RowForms = ALL_FORMS): JournalReader {
  return {
    readSnapshot: (showId) => readSnapshot(pool, showId),
    rowsAfter: (showId, after) => rowsAfter(pool, showId, after, forms),
    readRow: (showId, seq) => readRow(pool, showId, seq, forms),
    wakeable: (shards) => wakeable(pool, shards),
    journaledShows: () => journaledShows(pool),
    close: () => pool.end(),
  };
}

/**
 * The journal on Postgres. Connects by itself and again after every loss; until then appends wait a bounded time.
 * @param fence the guard of every write; a test proves with weaker ones that no weaker one will do.
 */
export function createPostgresJournal(options: PostgresJournalOptions, fence: string = FENCE): PostgresJournal {
  const { connection, owner, forms = ALL_FORMS, clock, timers, log } = options;
  const dial = postgresLanes(connection, fence);
  const lanes = Array.from(
    { length: options.lanes },
    (_, number) => new Lane({ number, owner, dial, clock, timers, log }),
  );
  const reader = createJournalReader(journalPool(connection, log), forms);
  const rowReader = new RowReader(poolOf(connection, log, ROW_READERS), timers, forms);
  const keepers = poolOf(connection, log, SNAPSHOT_KEEPERS);
  let closed: Promise<void> | null = null;
  return {
    ...reader,
    readRow: (showId, seq) => rowReader.read(showId, seq),
    append: (turn) => lanes[turn.shard % lanes.length].append(turn),
    keepSnapshot: (showId, shard, snapshot) => keepSnapshot(keepers, fence, owner, showId, shard, snapshot),
    figures: () => lanes.map((lane) => lane.figures()),
    close() {
      closed ??= Promise.all(lanes.map((lane) => lane.close()))
        .then(() => Promise.all([reader.close(), rowReader.close(), keepers.end()]))
        .then(() => undefined);
      return closed;
    },
  };
}
