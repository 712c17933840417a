import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { up as payments } from '../../migrations/0004-payments.ts';
import { up as tickets } from '../../migrations/0005-tickets.ts';
import { up as refunds } from '../../migrations/0007-refunds.ts';
import { up as stripePayments } from '../../migrations/0009-stripe-payments.ts';
import { up as ticketKeys } from '../../migrations/0022-ticket-keys.ts';
import { type Database, openDatabase } from '../../src/postgres/database.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/postgres/embedded-postgres.ts';
import { capturedLog } from './captured-log.ts';
import { withDatabase } from './prepared-database.ts';
import { temporaryDirectoryForFile } from './temporary-directory.ts';

/** A real Postgres for the tests of a file; each call makes a database with the tables of payments and tickets. */
export function salesServer(): <Tables>() => Promise<Database<Tables>> {
  let server: EmbeddedPostgres;
  let databases = 0;
  beforeAll(async () => {
    server = await startEmbeddedPostgres({
      dataDir: withDatabase(temporaryDirectoryForFile()),
      log: capturedLog().log,
    });
  });
  afterAll(() => server.stop());
  return async <Tables>() => {
    const name = `sales_${++databases}`;
    const admin = new pg.Client({ connectionString: server.url });
    await admin.connect();
    await admin.query(`create database ${name}`);
    await admin.end();
    const url = server.url.replace('@/usher?', `@/${name}?`);
    const kysely = new Kysely<unknown>({
      dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url }) }),
    });
    await payments(kysely);
    await tickets(kysely);
    await refunds(kysely);
    await stripePayments(kysely);
    await ticketKeys(kysely);
    await kysely.destroy();
    const database = await openDatabase<Tables>({ url, log: capturedLog().log, maxConnections: 4 });
    onTestFinished(() => database.close());
    return database;
  };
}
