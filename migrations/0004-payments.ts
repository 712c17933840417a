import { type Kysely, sql } from 'kysely';

/**
 * The sandbox provider's own books. A row appears when a buyer first confirms a payment, or when a payment that was
 * never confirmed is cancelled; `amount` and `currency` are null for the latter. Times in ms since the epoch.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`
    create table sandbox_payment (
      id text primary key,
      amount bigint check (amount > 0),
      currency text,
      state text not null check (state in ('open', 'challenge', 'authorised', 'captured', 'cancelled', 'failed')),
      behaviour text check (behaviour in ('authorise', 'decline', 'challenge', 'fail_capture')),
      last4 text check (last4 ~ '^[0-9]{4}$'),
      created_at bigint not null,
      changed_at bigint not null,
      check (state = 'cancelled' or (amount is not null and currency is not null and behaviour is not null))
    )
  `.execute(db);
}
