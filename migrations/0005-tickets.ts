import { type Kysely, sql } from 'kysely';

/** Keys that sign ticket codes. At most one is active; the others still prove the codes they signed. */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`
    create table signing_key (
      kid text primary key,
      public_jwk jsonb not null,
      private_pkcs8 bytea not null,
      active boolean not null,
      created_at timestamptz not null
    )
  `.execute(db);
  await sql`create unique index signing_key_one_active on signing_key (active) where active`.execute(db);
}
