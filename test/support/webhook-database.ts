import pg, { type Pool } from 'pg';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { up as webhooks } from '../../migrations/0010-webhooks.ts';
import { type Database, openDatabase } from '../../src/postgres/database.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/postgres/embedded-postgres.ts';
import { capturedLog } from './captured-log.ts';
import { manualTime } from './manual-time.ts';
import { withDatabase } from './prepared-database.ts';
import { temporaryDirectoryForFile } from './temporary-directory.ts';

export interface WebhookDatabase {
  readonly url: string;
  readonly pool: Database<unknown>['pool'];
}

/** Puts a clock that stands still before the database's own, for all sessions to come. */
async function simulateTime(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`
    create table simulated_time (at bigint not null);
    insert into simulated_time values (0);
    create function public.statement_timestamp() returns timestamptz stable language sql
      as 'select to_timestamp(at / 1000.0) from public.simulated_time';
    do $$ begin
      execute format('alter database %I set search_path = public, pg_catalog', current_database());
    end $$`);
  await client.end();
}

/** @param at ms since the epoch, which the database's clock tells from now on */
export async function setDatabaseTime(pool: Pool, at: number): Promise<void> {
  await pool.query('update simulated_time set at = $1', [at]);
}

/**
 * A real Postgres for the tests of a file, with the tables of webhooks, empty at the start of each test, and with a clock of
 * its own, which starts where {@link manualTime} does.
 */
export function webhookDatabase(): () => WebhookDatabase {
  let server: EmbeddedPostgres;
  let database: Database<unknown>;
  beforeAll(async () => {
    const { log } = capturedLog();
    server = await startEmbeddedPostgres({ dataDir: withDatabase(temporaryDirectoryForFile()), log });
    await simulateTime(server.url);
    database = await openDatabase({ url: server.url, log, maxConnections: 4 });
    await webhooks(database.kysely);
  });
  afterAll(async () => {
    await database.close();
    await server.stop();
  });
  beforeEach(async () => {
    await database.pool.query('truncate webhook_event, webhook_poll');
    await setDatabaseTime(database.pool, manualTime().clock.now());
  });
  return () => ({ url: server.url, pool: database.pool });
}
