import type { Kysely } from 'kysely';
import { type Catalogue, createCatalogue } from '../catalog/catalogue.ts';
import type { CatalogueTables } from '../catalog/tables.ts';
import { shardOf } from '../cluster/shards.ts';
import { createJournalReader, type JournalReader, journalPool } from '../journal/postgres-journal.ts';
import { connectionConfig, openDatabase } from '../postgres/database.ts';
import { useEmbeddedPostgres } from '../postgres/embedded-postgres.ts';
import type { Settings } from '../settings.ts';
import { systemClock } from '../system/clock.ts';
import type { Log } from '../system/log.ts';
import { systemRandom } from '../system/random.ts';

/** What commands work on: the database of the settings, beside a running node or without one. */
export interface OpenedDatabase {
  readonly catalogue: Catalogue;
  readonly journal: JournalReader;
}

/**
 * Opens the database, runs `work` and closes it again: DATABASE_URL, else the embedded one, which is used where a node
 * has it running and started for the time of the work where none has. Throws StartError when it cannot be opened.
 */
export async function withDatabase<T>(
  settings: Settings,
  log: Log,
  work: (opened: OpenedDatabase) => Promise<T>,
): Promise<T> {
  const embedded = settings.databaseUrl === null ? await useEmbeddedPostgres({ dataDir: settings.dataDir, log }) : null;
  try {
    const url = embedded?.url ?? settings.databaseUrl ?? '';
    const database = await openDatabase<CatalogueTables>({ url, log, name: 'usher command' });
    const journal = createJournalReader(journalPool(connectionConfig(url, 'usher command'), log));
    try {
      const db: Kysely<CatalogueTables> = database.kysely;
      return await work({
        catalogue: createCatalogue({ db, clock: systemClock(), random: systemRandom, shardOf }),
        journal,
      });
    } finally {
      await journal.close();
      await database.close();
    }
  } finally {
    await embedded?.stop();
  }
}
