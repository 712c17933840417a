import { type Kysely, sql } from 'kysely';

/** When a show was called off. */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`alter table show add column cancelled_at timestamptz`.execute(db);
}
