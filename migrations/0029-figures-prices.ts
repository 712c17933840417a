import { type Kysely, sql } from 'kysely';

/** By categories, of shows whose stock was changed; null: as the catalogue has them. */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`alter table show_figures add column prices jsonb`.execute(db);
}
