import { type Kysely, sql } from 'kysely';

/**
 * The plan that took the place of the one that a show was made with; which, its journal says. `plan_id` stays the first: the
 * journal begins with it.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`
    alter table show
      add column current_plan_id text references plan (id),
      add column plan_revision integer not null default 0
  `.execute(db);
}
