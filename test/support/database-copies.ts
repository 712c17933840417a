import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll } from 'vitest';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/postgres/embedded-postgres.ts';
import { capturedLog } from './captured-log.ts';
import { withDatabase } from './prepared-database.ts';
import { temporaryDirectoryForFile } from './temporary-directory.ts';

const ORIGINAL = 'original';

/** Makes a part of the tables. */
type Migration = (db: Kysely<unknown>) => Promise<void>;

/**
 * A real Postgres for the tests of a file.
 * @returns what makes a database with these tables, and nothing of what tests did in others, and tells its URL
 */
export function databaseCopies(migrations: readonly Migration[]): () => Promise<string> {
  let server: EmbeddedPostgres | undefined;
  let databases = 0;
  const running = (): EmbeddedPostgres => {
    if (server === undefined) throw new Error('Postgres does not run');
    return server;
  };
  const urlOf = (name: string): string => running().url.replace('@/usher?', `@/${name}?`);
  const create = async (name: string, template: string): Promise<void> => {
    const client = new pg.Client({ connectionString: running().url });
    await client.connect();
    await client.query(`create database ${name} template ${template}`).finally(() => client.end());
  };
  beforeAll(async () => {
    server = await startEmbeddedPostgres({
      dataDir: withDatabase(temporaryDirectoryForFile()),
      log: capturedLog().log,
    });
    await create(ORIGINAL, 'template1');
    const pool = new pg.Pool({ connectionString: urlOf(ORIGINAL) });
    const kysely = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
    try {
      for (const migrate of migrations) await migrate(kysely);
    } finally {
      await kysely.destroy();
    }
  });
  afterAll(() => server?.stop());
  return async () => {
    const name = `copy_${++databases}`;
    await create(name, ORIGINAL);
    return urlOf(name);
  };
}
