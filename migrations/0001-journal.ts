import { type Kysely, sql } from 'kysely';

/**
 * The truth: who owns which shard, and every turn of every show. Times in ms since the epoch.
 *
 * `events` is `json`, not `jsonb`: the exact text is what the hash chain covers. Appends lock `shard` rows but seldom
 * change them; room is left in its pages so that a change of owner stays within them.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`
    create table shard (
      id smallint primary key check (id between 0 and 1023),
      epoch bigint not null,
      owner text,
      acquired_at timestamptz,
      pin text
    ) with (fillfactor = 40)
  `.execute(db);
  await sql`insert into shard (id, epoch) select id, 0 from generate_series(0, 1023) as id`.execute(db);

  // The server processes that append for a node, so that whoever takes over can end one that hangs. A process id alone
  // could since belong to another session: its start time goes with it.
  await sql`
    create table lane_backend (
      pid integer not null,
      started_at timestamptz not null,
      owner text not null,
      lane smallint not null,
      primary key (pid, started_at)
    )
  `.execute(db);

  await sql`
    create table journal (
      show_id text not null,
      seq integer not null check (seq > 0),
      epoch bigint not null,
      at bigint not null,
      wake_at bigint,
      format smallint not null default 1,
      prev_hash bytea not null check (octet_length(prev_hash) = 32),
      hash bytea not null check (octet_length(hash) = 32),
      events json not null,
      primary key (show_id, seq)
    )
  `.execute(db);

  await sql`
    create table snapshot (
      show_id text primary key,
      seq integer not null check (seq > 0),
      epoch bigint not null,
      format smallint not null default 1,
      row_hash bytea not null check (octet_length(row_hash) = 32),
      state_hash bytea not null check (octet_length(state_hash) = 32),
      state bytea not null
    )
  `.execute(db);
  // Uncompressed: to compress a large turn takes longer than to write it, and everybody who appends waits for it.
  await sql`alter table journal alter column events set storage external`.execute(db);
  await sql`alter table snapshot alter column state set storage external`.execute(db);

  await sql`
    create table buyer_show (
      buyer_id text not null,
      show_id text not null,
      primary key (buyer_id, show_id)
    )
  `.execute(db);
}
