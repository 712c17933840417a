import { type Kysely, sql } from 'kysely';

/**
 * What the payment provider has told, each event once. `next_at`: when whoever finds it may process it; the one at work on
 * it moves that on. `outcome` and `processed_at` come together, and then nothing more is done. Times in ms since the epoch.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`
    create table webhook_event (
      id text primary key,
      type text not null,
      about text check (about in ('payment', 'dispute')),
      object_id text,
      intent_id text,
      payment_id text,
      received_at bigint not null,
      next_at bigint not null,
      attempts integer not null check (attempts >= 0),
      processed_at bigint,
      outcome text check (outcome in ('done', 'ignored', 'given_up')),
      check ((processed_at is null) = (outcome is null))
    )
  `.execute(db);
  await sql`create index webhook_event_due on webhook_event (next_at) where processed_at is null`.execute(db);
  await sql`create index webhook_event_oldest on webhook_event (received_at) where processed_at is null`.execute(db);
  await sql`create index webhook_event_processed on webhook_event (processed_at) where processed_at is not null`.execute(
    db,
  );
  // How far the provider's own list of events was read, and who reads on. There is one row.
  await sql`
    create table webhook_poll (
      singleton boolean primary key default true check (singleton),
      checkpoint bigint not null,
      next_at bigint not null,
      reader text
    )
  `.execute(db);
}
