import type { Pool } from 'pg';
import { NOW } from '../database-time.ts';

/** One node at a time takes the next page, whichever comes first; should it die, the page after is another's. */
const CLAIM = `update projector_sweep set next_at = ${NOW} + $1 where next_at <= ${NOW} returning after`;
/** Down an index for each show: its last row, and how far it was read. Younger rows are their owners' business. */
const PAGE = `
  with page as (select id from show where id > $1 order by id limit $2)
  select max(page.id) as last, count(*)::int4 as shows,
    coalesce(array_agg(page.id) filter (where head.seq > coalesce(projection.seq, 0) and head.at <= ${NOW} - $3::int8), '{}')
      as behind
  from page
  left join lateral (select seq, at from journal where show_id = page.id order by seq desc limit 1) head on true
  left join projection on projection.show_id = page.id`;
const GO_ON = 'update projector_sweep set after = $1';

/**
 * The next shows, in turn over all of the cluster, of which rows were journaled that nobody has taken over, though they are
 * older than `ageMs`. Empty while another node looks, or has looked in the last `everyMs`.
 */
export async function nextLaggards(pool: Pool, everyMs: number, shows: number, ageMs: number): Promise<string[]> {
  const claimed = await pool.query<{ after: string }>(CLAIM, [everyMs]);
  if (claimed.rows.length === 0) return [];
  const { rows } = await pool.query<{ last: string | null; shows: number; behind: string[] }>(PAGE, [
    ...[claimed.rows[0].after, shows, ageMs],
  ]);
  const [page] = rows;
  await pool.query(GO_ON, [page.shows < shows ? '' : page.last]);
  return page.behind;
}
