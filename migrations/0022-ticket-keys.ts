import { type Kysely, sql } from 'kysely';

/** A key that was retired proves nothing any more: the codes that it signed are worthless, and its private part is gone. */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`alter table signing_key add column retired_at timestamptz`.execute(db);
}
