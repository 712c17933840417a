import { type Kysely, sql } from 'kysely';

/** The plans that replaced a show's first, as of the row that was read last: by their hall the next one is read. */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`alter table projection add column plans text[] not null default '{}'`.execute(db);
}
