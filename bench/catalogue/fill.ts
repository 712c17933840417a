import type { Pool } from 'pg';
import { shardOf } from '../../src/cluster/shards.ts';
import { newId } from '../../src/ids.ts';
import { systemRandom } from '../../src/system/random.ts';
import type { MadeUpCatalogue } from './made-up-shows.ts';

/** Rows in one statement. */
const ROWS = 5_000;
const SEATS = 500;
const PRICE = 4_500;
/** Seats of a show that are free, by its number: a few shows are sold out. */
const free = (n: number): number => (n * 37) % (SEATS + 1);

/** Puts a made-up catalogue into an empty database with the product's tables, as organisers and owners would have left it. */
export async function fill(pool: Pool, { venues, performers, shows }: MadeUpCatalogue): Promise<void> {
  const organiser = newId('usr', systemRandom);
  const plan = newId('pln', systemRandom);
  await pool.query(
    `insert into usher_user (id, email, password_hash, first_name, last_name, role, created_at)
    values ($1, 'bench@example.org', '', 'Bench', 'Bench', 'organiser', now())`,
    [organiser],
  );
  await inParts(venues, (part) =>
    pool.query(
      `insert into venue (id, organiser_id, name, street, city, country, created_at)
      select id, $1, name, 'Street 1', city, country, now() from json_to_recordset($2) as t (id text, name text, city text, country text)`,
      [organiser, JSON.stringify(part)],
    ),
  );
  await pool.query(`insert into plan_document (hash, document) values ('bench', '{}')`);
  await pool.query(
    `insert into plan (id, venue_id, name, hash, seats, places, categories, created_at)
    values ($1, $2, 'Bench', 'bench', $3, 0, '[]', now())`,
    [plan, venues[0].id, SEATS],
  );
  await inParts(performers, (part) =>
    pool.query(
      `insert into performer (id, name, created_at) select id, name, now() from json_to_recordset($1) as t (id text, name text)`,
      [JSON.stringify(part)],
    ),
  );
  await inParts(shows, async (part, from) => {
    const rows = part.map(({ id, title, description, venue, startsAt }, i) => {
      return {
        id,
        shard: shardOf(id),
        title,
        description,
        venue: venue.id,
        starts: startsAt / 1_000,
        free: free(from + i),
      };
    });
    await pool.query(
      `insert into show (id, shard, organiser_id, venue_id, plan_id, plan_hash, title, description, starts_at, on_sale_at,
        off_sale_at, currency, prices, per_hold, per_buyer, hold_seconds, created_at)
      select id, shard, $1, venue, $2, 'bench', title, description, to_timestamp(starts), now() - interval '1 day',
        to_timestamp(starts), 'EUR', '{"Stalls": ${PRICE}}', 10, 10, 600, now()
      from json_to_recordset($3) as t (id text, shard int2, venue text, title text, description text, starts float8)`,
      [organiser, plan, JSON.stringify(rows)],
    );
    await pool.query(
      `insert into show_figures (show_id, version, as_of, capacity, available, from_price, cancelled)
      select id, 1, 0, ${SEATS}, free, ${PRICE}, false from json_to_recordset($1) as t (id text, free int4)`,
      [JSON.stringify(rows)],
    );
    const appearances = part.flatMap((show) => show.performers.map(({ id }, i) => ({ show: show.id, id, i })));
    await pool.query(
      `insert into show_performer (show_id, performer_id, position)
      select show, id, i from json_to_recordset($1) as t (show text, id text, i int2)`,
      [JSON.stringify(appearances)],
    );
  });
  await pool.query('analyze');
}

async function inParts<T>(
  list: readonly T[],
  put: (part: readonly T[], from: number) => Promise<unknown>,
): Promise<void> {
  for (let from = 0; from < list.length; from += ROWS) await put(list.slice(from, from + ROWS), from);
}
