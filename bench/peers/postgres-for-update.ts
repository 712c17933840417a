/**
 * The textbook transaction: lock the rows with `SELECT … FOR UPDATE`, look, update, commit. Picks lock in the order of
 * their ids, so no two parties deadlock; best available takes the first free seats in order of rank that nobody is
 * taking. It does not look for neighbours and knows no orphan rule.
 */
import { HOLD_SECONDS } from './hold-store.ts';
import { servePeer } from './peer-server.ts';
import { countHeld, openSeatTable } from './seat-table.ts';

const LOCK_SEATS = 'SELECT id, hold_id FROM seat WHERE show_id = $1 AND id = ANY($2::text[]) ORDER BY id FOR UPDATE';
const LOCK_BEST =
  'SELECT id, hold_id FROM seat WHERE show_id = $1 AND hold_id IS NULL ORDER BY rank LIMIT $2 FOR UPDATE SKIP LOCKED';
const TAKE = `
  UPDATE seat SET hold_id = $1, buyer = $2, held_until = now() + interval '${HOLD_SECONDS} seconds'
  WHERE show_id = $3 AND id = ANY($4::text[])`;

interface SeatRow {
  readonly id: string;
  readonly hold_id: string | null;
}

servePeer(async (setting) => {
  const pool = await openSeatTable(setting);
  return {
    async hold({ showId, buyer, holdId, seats, best }) {
      const client = await pool.connect();
      let failure: Error | undefined;
      try {
        await client.query('BEGIN');
        const { rows } = best
          ? await client.query<SeatRow>({ name: 'lock-best', text: LOCK_BEST, values: [showId, best.quantity] })
          : await client.query<SeatRow>({ name: 'lock-seats', text: LOCK_SEATS, values: [showId, seats] });
        const wanted = best ? best.quantity : seats?.length;
        if (rows.length !== wanted || rows.some((row) => row.hold_id !== null)) {
          await client.query('ROLLBACK');
          return null;
        }
        const ids = rows.map((row) => row.id);
        await client.query({ name: 'take', text: TAKE, values: [holdId, buyer, showId, ids] });
        await client.query('COMMIT');
        return ids;
      } catch (error) {
        failure = error as Error;
        throw error;
      } finally {
        // A client whose transaction failed on the way is not used again.
        client.release(failure);
      }
    },
    held: () => countHeld(pool, setting.shows),
    close: () => pool.end(),
  };
});
