import type { Pool } from 'pg';

/** Shows of one page, at most. */
const PAGE_SHOWS = 1_000;

// Hops from show to show over the primary keys; counting the journal's rows would read all of them. A snapshot without
// rows counts as a show: somebody removed its journal.
const NEXT = (after: string): string => `
  (select least(
    (select show_id from journal where show_id > ${after} order by show_id limit 1),
    (select show_id from snapshot where show_id > ${after} order by show_id limit 1)
  ))`;
const READ_PAGE = `
  with recursive hop (show_id) as (
    select ${NEXT('$1')}
    union all
    select ${NEXT('hop.show_id')} from hop where hop.show_id is not null
  )
  select show_id from hop where show_id is not null limit ${PAGE_SHOWS}`;

/** Ids of all shows that have rows or a snapshot, in order, in pages. */
export async function* journaledShows(pool: Pool): AsyncGenerator<readonly string[]> {
  let after = '';
  while (true) {
    const { rows } = await pool.query<{ show_id: string }>({
      name: 'journaled-shows',
      text: READ_PAGE,
      values: [after],
    });
    if (rows.length > 0) yield rows.map((row) => row.show_id);
    if (rows.length < PAGE_SHOWS) return;
    after = rows[rows.length - 1].show_id;
  }
}
