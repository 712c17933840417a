import { type Kysely, sql } from 'kysely';

/** The table of mail takes letters to an e-mail address, beside those to the buyer of an order. */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`alter table mail alter column order_id drop not null, add column email text`.execute(db);
  await sql`alter table mail add constraint mail_about check ((order_id is null) <> (email is null))`.execute(db);
}
