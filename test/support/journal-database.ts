import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { up } from '../../migrations/0001-journal.ts';
import { PostgresLeases } from '../../src/cluster/leases.ts';
import { FENCE } from '../../src/journal/append-statement.ts';
import { createPostgresJournal, type PostgresJournal } from '../../src/journal/postgres-journal.ts';
import type { Timer, Timers } from '../../src/ports.ts';
import { connectionConfig } from '../../src/postgres/database.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/postgres/embedded-postgres.ts';
import { systemTimers } from '../../src/system/timers.ts';
import { capturedLog } from './captured-log.ts';
import { temporaryDirectoryForFile } from './temporary-directory.ts';

export interface JournalDatabase {
  readonly url: string;
  readonly connection: pg.ClientConfig;
  /** For what a test looks at or breaks by hand. */
  readonly pool: pg.Pool;
}

const TEMPLATE = 'journal_template';

/** A real Postgres for the tests of a file; each call of what this returns makes a database with the journal's tables. */
export function journalServer(): () => Promise<JournalDatabase> {
  let server: EmbeddedPostgres;
  let databases = 0;
  const urlOf = (name: string): string => server.url.replace('@/usher?', `@/${name}?`);
  beforeAll(async () => {
    server = await startEmbeddedPostgres({ dataDir: temporaryDirectoryForFile(), log: capturedLog().log });
    await run(server.url, `create database ${TEMPLATE}`);
    const kysely = new Kysely<unknown>({
      dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: urlOf(TEMPLATE) }) }),
    });
    await up(kysely);
    await kysely.destroy();
  });
  afterAll(() => server.stop());
  return async () => {
    const name = `journal_${++databases}`;
    await run(server.url, `create database ${name} template ${TEMPLATE}`);
    const url = urlOf(name);
    const connection = connectionConfig(url, 'journal test');
    const pool = new pg.Pool({ ...connection, max: 4 });
    pool.on('error', () => {});
    onTestFinished(() => pool.end());
    return { url, connection, pool };
  };
}

async function run(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}

/** The real timers, except that a test may hurry those that start from then on, to see a deadline pass. */
export class PacedTimers implements Timers {
  factor = 1;
  after(ms: number, task: () => void): Timer {
    return systemTimers.after(ms / this.factor, task);
  }
  every(ms: number, task: () => void): Timer {
    return systemTimers.every(ms / this.factor, task);
  }
}

export interface Node {
  readonly leases: PostgresLeases;
  readonly journal: PostgresJournal;
  readonly logged: Record<string, unknown>[];
}

/** A node's journal and leases, closed when the test has finished. `connection` may lead through a proxy. */
export function nodeOn(
  database: JournalDatabase,
  owner: string,
  options: { fence?: string; connection?: pg.ClientConfig; lanes?: number; timers?: Timers } = {},
): Node {
  const { log, lines } = capturedLog();
  const timers = options.timers ?? systemTimers;
  const leases = new PostgresLeases({ connection: database.connection, owner, timers, log });
  const journal = createPostgresJournal(
    { connection: options.connection ?? database.connection, lanes: options.lanes ?? 2, owner, timers, log },
    options.fence ?? FENCE,
  );
  onTestFinished(async () => {
    await journal.close();
    await leases.close();
  });
  return { leases, journal, logged: lines };
}
