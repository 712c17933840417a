import { type Kysely, sql } from 'kysely';

/**
 * Passwords that may be set anew by whoever has the token that was mailed: of that only a digest is kept. The table of mail
 * takes letters to an e-mail address beside those to the buyer of an order.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`
    create table password_reset (
      digest bytea primary key,
      user_id text not null references usher_user (id) on delete cascade,
      expires_at bigint not null
    )
  `.execute(db);
  await sql`create index password_reset_user on password_reset (user_id)`.execute(db);
  await sql`create index password_reset_expired on password_reset (expires_at)`.execute(db);
  await sql`alter table mail alter column order_id drop not null, add column email text`.execute(db);
  await sql`alter table mail add constraint mail_about check ((order_id is null) <> (email is null))`.execute(db);
}
