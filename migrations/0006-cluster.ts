import { type Kysely, sql } from 'kysely';

/**
 * Who the nodes are, in what form they write, and what ops have planned. A row of `node` is one start of one node (an incarnation): what happened
 * to an earlier start of the same node never touches it. All times are the database's.
 */
export async function up(db: Kysely<any>): Promise<void> {
  // `id` sets the subjects of this database's nodes apart from those of others on the same NATS. `format` is that of the
  // rows that are written: raised when every node reads a newer one, never lowered.
  await sql`
    create table cluster (
      only_row boolean primary key default true check (only_row),
      id uuid not null,
      format smallint not null default 1
    )
  `.execute(db);
  await sql`insert into cluster (id) values (gen_random_uuid())`.execute(db);

  // The incarnation that wrote the row; null in format 1.
  await sql`alter table journal add column writer text`.execute(db);

  // Changed every second: room is left in its pages, so that a heartbeat touches no index and leaves nothing behind.
  await sql`
    create table node (
      incarnation text primary key,
      id text not null,
      state text not null check (state in ('up', 'draining', 'leaving', 'left', 'dead')),
      reason text,
      pid integer not null,
      url text,
      admin_url text,
      transport text not null check (transport in ('nats', 'local')),
      format smallint not null,
      weight real not null check (weight > 0),
      session_pid integer not null,
      session_started_at timestamptz not null,
      joined_at timestamptz not null,
      heartbeat_at timestamptz not null,
      is_linked boolean not null,
      stalled_ms integer not null default 0,
      load jsonb not null
    ) with (fillfactor = 40)
  `.execute(db);
  // At most one start of a node is alive.
  await sql`create unique index node_one_alive on node (id) where state in ('up', 'draining', 'leaving')`.execute(db);

  // A hand-off: when its owner stopped admitting requests, and when the next one answered them again.
  await sql`alter table shard add column closed_at timestamptz, add column ready_at timestamptz`.execute(db);
  // A shard with an exclusive pin has its node for itself (and for what else is pinned there).
  await sql`alter table shard add column pin_exclusive boolean not null default false`.execute(db);

  await sql`
    create table cluster_plan (
      id text primary key,
      state text not null check (state in ('proposed', 'applying', 'applied', 'failed')),
      plan json not null,
      base json not null,
      done json not null,
      detail text,
      applier text check (applier is null or state = 'applying'),
      stop_asked boolean not null default false,
      created_at timestamptz not null default now(),
      changed_at timestamptz not null default now()
    )
  `.execute(db);
  // One plan is applied at a time, by one incarnation.
  await sql`create unique index cluster_plan_one_applier on cluster_plan ((true)) where applier is not null`.execute(
    db,
  );
}
