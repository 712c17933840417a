import { type Kysely, sql } from 'kysely';

/**
 * What buyers are to be told: written with the turn that it tells of, sent later, and forgotten some time after. `id` is
 * the notice's, the same whenever the same thing is told again. Times in ms since the epoch; all but `created_at`, which is
 * the turn's, are the database's.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`
    create table mail (
      id text primary key,
      kind text not null,
      order_id text not null,
      refund_id text,
      created_at bigint not null,
      attempts integer not null default 0,
      next_at bigint not null,
      claimed_until bigint,
      sent_at bigint,
      given_up_at bigint,
      refused boolean not null default false,
      last_error text
    )
  `.execute(db);
  // The few that are still to be sent: which is due next, and how old the oldest is that no server has refused.
  const isOpen = sql`sent_at is null and given_up_at is null`;
  await sql`create index mail_due on mail (next_at) where ${isOpen}`.execute(db);
  await sql`create index mail_open on mail (created_at) where ${isOpen} and not refused`.execute(db);
  // The many that are to be forgotten.
  await sql`create index mail_done on mail ((coalesce(sent_at, given_up_at))) where not (${isOpen})`.execute(db);
}
