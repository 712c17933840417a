import { promises as fs } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Kysely, sql } from 'kysely';
import { DEFAULT_MIGRATION_TABLE, FileMigrationProvider, type MigrationProvider, Migrator } from 'kysely/migration';
import { StartError } from '../errors.ts';
import type { Log } from '../system/log.ts';
import { openDatabase } from './database.ts';

export interface MigrateOptions {
  /** A connection string of a database that {@link openDatabase} accepts. */
  readonly url: string;
  readonly log: Log;
  /** Where the migrations are; the project's own by default. */
  readonly folder?: string;
}

const OWN_MIGRATIONS = fileURLToPath(new URL('../../migrations/', import.meta.url));
/** How long another node may be migrating before we give up. */
const LOCK_TIMEOUT_MS = 60_000;

/**
 * Brings the schema up to date, under the migrator's lock and in one transaction: all of it or nothing.
 * Throws {@link StartError} when the schema is newer than this code (then nothing is touched) or a migration fails.
 * Returns the names of the migrations that ran.
 */
export async function migrate(options: MigrateOptions): Promise<string[]> {
  const provider = new FileMigrationProvider({
    fs,
    path,
    migrationFolder: options.folder ?? OWN_MIGRATIONS,
    import: (file) => import(/* @vite-ignore */ pathToFileURL(file).href),
  });
  const database = await openDatabase<unknown>({
    url: options.url,
    log: options.log,
    name: 'usher migrations',
    maxConnections: 2,
    // A large table may take its time to change.
    statementTimeoutMs: 0,
  });
  try {
    database.pool.on('connect', (client) => void client.query(`SET lock_timeout = ${LOCK_TIMEOUT_MS}`));
    await refuseNewerSchema(database.kysely, provider);
    return await toLatest(database.kysely, provider, options.log);
  } finally {
    await database.close();
  }
}

async function refuseNewerSchema(kysely: Kysely<unknown>, provider: MigrationProvider): Promise<void> {
  const table = await sql<{
    found: string | null;
  }>`select to_regclass(${DEFAULT_MIGRATION_TABLE})::text as found`.execute(kysely);
  if (table.rows[0].found === null) return;
  const executed = await sql<{
    name: string;
  }>`select name from ${sql.table(DEFAULT_MIGRATION_TABLE)} order by name`.execute(kysely);
  const known = await provider.getMigrations();
  const unknown = executed.rows.map(({ name }) => name).filter((name) => !(name in known));
  if (unknown.length === 0) return;
  throw new StartError(
    `The database is newer than this Usher: it has the migration ${unknown.join(', ')}, which this version does not know. ` +
      'Nothing was changed. Start the newer version, or restore a backup made before the upgrade.',
  );
}

async function toLatest(kysely: Kysely<unknown>, provider: MigrationProvider, log: Log): Promise<string[]> {
  const { error, results = [] } = await new Migrator({ db: kysely, provider }).migrateToLatest();
  if (error !== undefined) {
    const failed = results.find(({ status }) => status === 'Error');
    throw new StartError(
      `The schema could not be brought up to date${failed ? ` (${failed.migrationName})` : ''}: ${(error as Error).message}. ` +
        'Nothing was changed.',
      { cause: error },
    );
  }
  const names = results.map(({ migrationName }) => migrationName);
  if (names.length > 0) log.info({ migrations: names }, 'the schema was brought up to date');
  return names;
}
