import { type Kysely, sql } from 'kysely';

/**
 * In which shows tickets were ever offered to an address, of which this is the digest: written with the journal's row, as
 * `buyer_show` is. What is offered now, the shows themselves tell.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`
    create table offered_show (
      address text not null,
      show_id text not null,
      primary key (address, show_id)
    )
  `.execute(db);
}
