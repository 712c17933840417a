import { afterAll, beforeAll, beforeEach } from 'vitest';
import { up as webhooks } from '../../migrations/0010-webhooks.ts';
import { type Database, openDatabase } from '../../src/postgres/database.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/postgres/embedded-postgres.ts';
import { capturedLog } from './captured-log.ts';
import { temporaryDirectoryForFile } from './temporary-directory.ts';

export interface WebhookDatabase {
  readonly url: string;
  readonly pool: Database<unknown>['pool'];
}

/** A real Postgres for the tests of a file, with the tables of webhooks, empty at the start of each test. */
export function webhookDatabase(): () => WebhookDatabase {
  let server: EmbeddedPostgres;
  let database: Database<unknown>;
  beforeAll(async () => {
    const { log } = capturedLog();
    server = await startEmbeddedPostgres({ dataDir: temporaryDirectoryForFile(), log });
    database = await openDatabase({ url: server.url, log, maxConnections: 4 });
    await webhooks(database.kysely);
  });
  afterAll(async () => {
    await database.close();
    await server.stop();
  });
  beforeEach(async () => {
    await database.pool.query('truncate webhook_event, webhook_poll');
  });
  return () => ({ url: server.url, pool: database.pool });
}
