import { type Kysely, sql } from 'kysely';

/** What lists tell of shows, as of the journal's row `version`: written by their owners, read by every node. */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`create table show_figures (
    show_id text primary key,
    version integer not null,
    as_of bigint not null,
    capacity integer not null,
    available integer not null,
    from_price bigint,
    cancelled boolean not null,
    changed xid8 not null default pg_current_xact_id()
  ) with (fillfactor = 70)`.execute(db);
  await sql`create index show_figures_changed on show_figures (changed, show_id)`.execute(db);
}
