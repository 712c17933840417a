/**
 * One statement a hold, durable when it answers. A single seat is a plain `UPDATE … WHERE` free. A party locks its free
 * seats in the order of their ids (so no two parties deadlock), skips those that another transaction is taking, and
 * updates them if all were free. Best available takes the first free seats in order of rank; it does not look for
 * neighbours and knows no orphan rule.
 */
import { HOLD_SECONDS } from './hold-store.ts';
import { servePeer } from './peer-server.ts';
import { countHeld, openSeatTable } from './seat-table.ts';

const TAKE = `UPDATE seat SET hold_id = $1, buyer = $2, held_until = now() + interval '${HOLD_SECONDS} seconds'`;

const ONE_SEAT = `${TAKE} WHERE show_id = $3 AND id = $4 AND hold_id IS NULL RETURNING id`;

const PARTY = `
  WITH free AS MATERIALIZED (
    SELECT id FROM seat WHERE show_id = $3 AND id = ANY($4::text[]) AND hold_id IS NULL ORDER BY id FOR UPDATE SKIP LOCKED
  )
  ${TAKE} WHERE show_id = $3 AND id = ANY($4::text[]) AND (SELECT count(*) FROM free) = $5 RETURNING id`;

const BEST = `
  WITH free AS MATERIALIZED (
    SELECT id FROM seat WHERE show_id = $3 AND hold_id IS NULL ORDER BY rank LIMIT $4 FOR UPDATE SKIP LOCKED
  )
  ${TAKE} WHERE show_id = $3 AND id = ANY(ARRAY(SELECT id FROM free)) AND (SELECT count(*) FROM free) = $4 RETURNING id`;

servePeer(async (setting) => {
  const pool = await openSeatTable(setting);
  return {
    async hold({ showId, buyer, holdId, seats, best }) {
      const common = [holdId, buyer, showId];
      const { rows } = best
        ? await pool.query<{ id: string }>({ name: 'best', text: BEST, values: [...common, best.quantity] })
        : seats?.length === 1
          ? await pool.query<{ id: string }>({ name: 'one', text: ONE_SEAT, values: [...common, seats[0]] })
          : await pool.query<{ id: string }>({ name: 'party', text: PARTY, values: [...common, seats, seats?.length] });
      return rows.length === 0 ? null : rows.map((row) => row.id);
    },
    held: () => countHeld(pool, setting.shows),
    close: () => pool.end(),
  };
});
