import { type Kysely, sql } from 'kysely';

/**
 * Drafts, media links, and the transaction that last changed a show: by it the nodes find what changed since they last
 * read. Times of sale follow the show's journal; `revision` says how many of its changes the row has.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`alter table show
    add column is_draft boolean not null default false,
    add column publish_at timestamptz,
    add column revision integer not null default 0,
    add column media_links jsonb not null default '[]',
    add column changed xid8 not null default pg_current_xact_id()`.execute(db);
  await sql`create index show_changed on show (changed, id)`.execute(db);
  await sql`create function note_show_change() returns trigger language plpgsql as $$
    begin
      new.changed := pg_current_xact_id();
      return new;
    end $$`.execute(db);
  await sql`create trigger show_changed before update on show
    for each row execute function note_show_change()`.execute(db);
}
