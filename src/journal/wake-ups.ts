import type { Pool } from 'pg';

/** Shows of one page, at most. */
const PAGE_SHOWS = 1_000;

/** A show with unfinished work: its last row says when it needs to be awake. */
export interface WakeUp {
  readonly showId: string;
  readonly shard: number;
  /** ms since the epoch; may be past. */
  readonly wakeAt: number;
}

const READ_PAGE = `
  select show.id as "showId", show.shard, last.wake_at as "wakeAt"
  from show
  cross join lateral (select wake_at from journal where show_id = show.id order by seq desc limit 1) last
  where show.shard = any($1::int2[]) and show.id > $2 and last.wake_at is not null
  order by show.id
  limit ${PAGE_SHOWS}`;

/** The shows of these shards that must wake on the node that owns them, in pages. */
export async function* wakeable(pool: Pool, shards: readonly number[]): AsyncGenerator<readonly WakeUp[]> {
  let after = '';
  while (true) {
    const { rows } = await pool.query<{ showId: string; shard: number; wakeAt: string }>({
      name: 'wake-ups',
      text: READ_PAGE,
      values: [shards, after],
    });
    if (rows.length > 0) yield rows.map((row) => ({ ...row, wakeAt: Number(row.wakeAt) }));
    if (rows.length < PAGE_SHOWS) return;
    after = rows[rows.length - 1].showId;
  }
}
