import { onTestFinished } from 'vitest';
import { up as payments } from '../../migrations/0004-payments.ts';
import { up as tickets } from '../../migrations/0005-tickets.ts';
import { up as refunds } from '../../migrations/0007-refunds.ts';
import { up as stripePayments } from '../../migrations/0009-stripe-payments.ts';
import { up as ticketKeys } from '../../migrations/0022-ticket-keys.ts';
import { type Database, openDatabase } from '../../src/postgres/database.ts';
import { capturedLog } from './captured-log.ts';
import { databaseCopies } from './database-copies.ts';

/** A real Postgres for the tests of a file; each call makes a database with the tables of payments and tickets. */
export function salesServer(): <Tables>() => Promise<Database<Tables>> {
  const newDatabase = databaseCopies([payments, tickets, refunds, stripePayments, ticketKeys]);
  return async <Tables>() => {
    const url = await newDatabase();
    const database = await openDatabase<Tables>({ url, log: capturedLog().log, maxConnections: 4 });
    onTestFinished(() => database.close());
    return database;
  };
}
