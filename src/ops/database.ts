import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Kysely } from 'kysely';
import type { Pool } from 'pg';
import { Accounts } from '../accounts/accounts.ts';
import type { AccountsTables } from '../accounts/tables.ts';
import { type Catalogue, createCatalogue } from '../catalog/catalogue.ts';
import type { CatalogueTables } from '../catalog/tables.ts';
import { shardOf } from '../cluster/shards.ts';
import { createJournalReader, type JournalReader, patientJournalPool } from '../journal/postgres-journal.ts';
import { connectionConfig, type Database, openDatabase } from '../postgres/database.ts';
import { useEmbeddedPostgres } from '../postgres/embedded-postgres.ts';
import type { Settings } from '../settings.ts';
import { systemClock } from '../system/clock.ts';
import type { Log } from '../system/log.ts';
import { systemRandom } from '../system/random.ts';
import { KeyRing, type TicketsTables } from '../tickets/key-ring.ts';
import { CommandError, EXIT } from './exit-codes.ts';

/** Commands set no prices. */
const ANY = { amountFault: () => null };

/** What commands work on: the database of the settings, beside a running node or without one. */
export interface OpenedDatabase {
  readonly accounts: Accounts;
  readonly catalogue: Catalogue;
  readonly keys: KeyRing;
  readonly journal: JournalReader;
  /** Reads bigint as number. */
  readonly pool: Pool;
}

/**
 * Opens the database, runs `work` and closes it again: DATABASE_URL, else the embedded one, which is used where a node
 * has it running and started for the time of the work where none has. Throws {@link CommandError} when there is no
 * database or nothing in it, and StartError when it cannot be opened. Nothing is made that was not there.
 */
export async function withDatabase<T>(
  settings: Settings,
  log: Log,
  work: (opened: OpenedDatabase) => Promise<T>,
): Promise<T> {
  if (settings.databaseUrl === null) await requireCluster(settings.dataDir);
  const embedded = settings.databaseUrl === null ? await useEmbeddedPostgres({ dataDir: settings.dataDir, log }) : null;
  try {
    const url = embedded?.url ?? settings.databaseUrl ?? '';
    const database = await openDatabase<CatalogueTables>({ url, log, name: 'usher command' });
    const journal = createJournalReader(patientJournalPool(connectionConfig(url, 'usher command'), log));
    try {
      await requireSchema(database);
      const db: Kysely<CatalogueTables> = database.kysely;
      const clock = systemClock();
      return await work({
        // Kysely's type of tables admits no widening: each room sees its own.
        accounts: new Accounts(db as unknown as Kysely<AccountsTables>, clock, systemRandom),
        catalogue: createCatalogue({ db, clock, random: systemRandom, shardOf, amounts: ANY }),
        keys: new KeyRing(db as unknown as Kysely<TicketsTables>, clock, systemRandom),
        journal,
        pool: database.pool,
      });
    } finally {
      await journal.close();
      await database.close();
    }
  } finally {
    await embedded?.stop();
  }
}

/** The embedded database would be made where it is missing, which no command is meant to do. */
async function requireCluster(dataDir: string): Promise<void> {
  await access(join(dataDir, 'postgres')).catch(() => {
    throw new CommandError(
      EXIT.notFound,
      `There is no database in ${dataDir}. Start a node there first, or say in USHER_DATA_DIR or DATABASE_URL where it is.`,
    );
  });
}

async function requireSchema({ pool }: Database<CatalogueTables>): Promise<void> {
  const { rows } = await pool.query<{ found: string | null }>(`select to_regclass('journal')::text as found`);
  if (rows[0].found === null) {
    throw new CommandError(EXIT.notFound, 'The database has nothing of Usher in it. Start a node on it first.');
  }
}
