import pg from 'pg';
import type { PeerSetting } from './hold-store.ts';
import { POOL_SIZE } from './hold-store.ts';

const SEATS_PER_INSERT = 50_000;

/**
 * A pool on a fresh `seat` table, one row a seat of each show, as the Postgres peers share it. A seat is free while
 * `hold_id` is null. The partial index serves best available; `fillfactor` leaves room for the update of each row.
 */
export async function openSeatTable(setting: PeerSetting): Promise<pg.Pool> {
  const pool = new pg.Pool({ connectionString: setting.databaseUrl, max: POOL_SIZE, idleTimeoutMillis: 0 });
  await pool.query(`
    CREATE TABLE seat (
      show_id text NOT NULL,
      id text NOT NULL,
      rank integer NOT NULL,
      category text NOT NULL,
      price integer NOT NULL,
      hold_id text,
      buyer text,
      held_until timestamptz
    ) WITH (fillfactor = 60)`);
  for (const show of setting.shows) {
    for (let from = 0; from < setting.seats.length; from += SEATS_PER_INSERT) {
      await pool.query(
        `INSERT INTO seat (show_id, id, rank, category, price)
         SELECT $1, id, $2::integer + place, $3, $4 FROM unnest($5::text[]) WITH ORDINALITY AS one (id, place)`,
        [show, from, setting.category, setting.price, setting.seats.slice(from, from + SEATS_PER_INSERT)],
      );
    }
  }
  await pool.query('ALTER TABLE seat ADD PRIMARY KEY (show_id, id)');
  await pool.query('CREATE INDEX seat_free ON seat (show_id, rank) WHERE hold_id IS NULL');
  await pool.query('VACUUM ANALYZE seat');
  await pool.query('CHECKPOINT');
  // Every connection is open before the first request.
  await Promise.all(Array.from({ length: POOL_SIZE }, () => pool.query('SELECT pg_sleep(0.05)')));
  return pool;
}

/** Held seats of each show, counted in the table. */
export async function countHeld(pool: pg.Pool, shows: readonly string[]): Promise<number[]> {
  const { rows } = await pool.query<{ show_id: string; held: number }>(
    'SELECT show_id, count(hold_id)::integer AS held FROM seat GROUP BY show_id',
  );
  const held = new Map(rows.map((row) => [row.show_id, row.held]));
  return shows.map((show) => held.get(show) ?? 0);
}
