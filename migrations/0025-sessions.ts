import { type Kysely, sql } from 'kysely';

/**
 * What ends tokens before their time, what slows guessing down, and passwords that may be set anew by whoever has the token
 * that was mailed, of which only a digest is kept. Times in ms since the epoch; those of `log_in_failure` are the database's.
 */
export async function up(db: Kysely<any>): Promise<void> {
  // A user's tokens name the generation that they were given in; those of an earlier one are refused.
  await sql`alter table usher_user add column token_generation integer not null default 0`.execute(db);
  await sql`
    create table revocation (
      key text primary key,
      generation integer,
      expires_at bigint not null,
      written_by xid8 not null default pg_current_xact_id()
    )
  `.execute(db);
  // What a node has not read yet: ids of transactions, unlike numbers drawn from a sequence, leave out none that commits late.
  await sql`create index revocation_written on revocation (written_by)`.execute(db);
  await sql`create index revocation_expired on revocation (expires_at)`.execute(db);
  await sql`
    create table log_in_failure (
      key text primary key,
      kind text not null check (kind in ('account', 'address')),
      failures double precision not null,
      last_at bigint not null,
      locked_until bigint not null
    )
  `.execute(db);
  await sql`create index log_in_failure_old on log_in_failure (last_at)`.execute(db);
  await sql`
    create table password_reset (
      digest bytea primary key,
      user_id text not null references usher_user (id) on delete cascade,
      expires_at bigint not null
    )
  `.execute(db);
  await sql`create index password_reset_user on password_reset (user_id)`.execute(db);
  await sql`create index password_reset_expired on password_reset (expires_at)`.execute(db);
}
