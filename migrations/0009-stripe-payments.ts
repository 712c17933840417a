import { type Kysely, sql } from 'kysely';

/**
 * Which of Stripe's PaymentIntents is that of a payment. A row is written before a buyer gets the client secret, and never
 * changes; an intent that is in no row can be paid by nobody. `intent_id` is null for a payment that was cancelled before it
 * had any: it can never be opened. Times in ms since the epoch.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`
    create table stripe_payment (
      payment_id text primary key,
      intent_id text unique,
      created_at bigint not null
    )
  `.execute(db);
}
