import pg from 'pg';
import { onTestFinished } from 'vitest';
import { up as journal } from '../../migrations/0001-journal.ts';
import { up as cluster } from '../../migrations/0006-cluster.ts';
import { up as mail } from '../../migrations/0011-mail.ts';
import { up as transfers } from '../../migrations/0021-transfers.ts';
import { up as mailToAccounts } from '../../migrations/0026-mail-to-accounts.ts';
import { Leases } from '../../src/cluster/ownership/leases.ts';
import { PostgresRegistry } from '../../src/cluster/registry/postgres-registry.ts';
import { FENCE } from '../../src/journal/append-statement.ts';
import { createPostgresJournal, type PostgresJournal } from '../../src/journal/postgres-journal.ts';
import type { Timers } from '../../src/ports.ts';
import { connectionConfig } from '../../src/postgres/database.ts';
import { systemClock } from '../../src/system/clock.ts';
import { systemTimers } from '../../src/system/timers.ts';
import { capturedLog } from './captured-log.ts';
import { databaseCopies } from './database-copies.ts';
import { selfOf } from './node-starts.ts';

export interface JournalDatabase {
  readonly url: string;
  readonly connection: pg.ClientConfig;
  /** For what a test looks at or breaks by hand. */
  readonly pool: pg.Pool;
}

/** A real Postgres for the tests of a file; each call of what this returns makes a database with the tables of journal, mail and cluster. */
export function journalServer(): () => Promise<JournalDatabase> {
  const newDatabase = databaseCopies([journal, cluster, mail, mailToAccounts, transfers]);
  return async () => {
    const url = await newDatabase();
    const connection = connectionConfig(url, 'journal test');
    const pool = new pg.Pool({ ...connection, max: 4 });
    pool.on('error', () => {});
    onTestFinished(() => pool.end());
    return { url, connection, pool };
  };
}

export interface Node {
  readonly incarnation: string;
  readonly registry: PostgresRegistry;
  readonly leases: Leases;
  readonly journal: PostgresJournal;
  readonly logged: Record<string, unknown>[];
  /** Enters the node in the table of nodes. */
  join(): Promise<void>;
  /** Joins, and takes every shard, whoever had it: all other nodes count as dead from then on, without noticing. */
  takeAll(): Promise<void>;
}

/** A node's journal and leases, closed when the test has finished. `connection` may lead the lanes through a proxy. */
export function nodeOn(
  database: JournalDatabase,
  id: string,
  options: {
    fence?: string;
    connection?: pg.ClientConfig;
    lanes?: number;
    timers?: Timers;
    /** In whose name it writes; else its own. */
    incarnation?: string;
  } = {},
): Node {
  const { log, lines } = capturedLog();
  const clock = systemClock();
  const timers = options.timers ?? systemTimers;
  const self = selfOf(id, options.incarnation === undefined ? {} : { incarnation: options.incarnation });
  const { incarnation } = self;
  const registry = new PostgresRegistry({ connection: database.connection, timers, log });
  const leases = new Leases(registry, incarnation, clock);
  const connection = options.connection ?? database.connection;
  const lanes = { connection, lanes: options.lanes ?? 2, owner: incarnation, clock, timers, log };
  const journal = createPostgresJournal(lanes, options.fence ?? FENCE);
  onTestFinished(async () => {
    await journal.close();
    await registry.close();
  });
  return {
    ...{ incarnation, registry, leases, journal, logged: lines },
    join: () => registry.join(self),
    async takeAll() {
      await registry.join(self);
      await database.pool.query(`update node set state = 'dead' where incarnation <> $1`, [incarnation]);
      const { epochs } = await registry.read();
      const taken = await registry.acquire(
        incarnation,
        epochs.map((epoch, shard) => ({ shard, epoch })),
      );
      leases.take(taken);
      // No heartbeats: what a test does to its shards, not the time, ends them.
      leases.renew(Number.POSITIVE_INFINITY);
    },
  };
}
