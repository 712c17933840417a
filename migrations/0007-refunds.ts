import { type Kysely, sql } from 'kysely';

/** What the sandbox provider has given back. Times in ms since the epoch. */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`
    create table sandbox_refund (
      id text primary key,
      payment_id text not null references sandbox_payment (id),
      amount bigint not null check (amount > 0),
      created_at bigint not null
    )
  `.execute(db);
  await sql`create index sandbox_refund_payment on sandbox_refund (payment_id)`.execute(db);
}
