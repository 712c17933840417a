import type { Pool } from 'pg';
import type { JournalRow } from './journal.ts';
import { ROW_FORMAT } from './row-hash.ts';

/** Rows of one page, at most. */
const PAGE_ROWS = 2_000;
/** Bytes of events of one page, at most, unless its first row alone has more. */
const PAGE_BYTES = 4 * 1024 * 1024;

/** A journal row with all that its hash covers. */
export interface StoredRow extends JournalRow {
  readonly wakeAt: number | null;
}

/** A row whose form this version does not know. */
export class UnreadableRow extends Error {
  readonly seq: number;
  constructor(seq: number, format: number) {
    super(`journal row ${seq} has format ${format}; this version reads ${ROW_FORMAT}`);
    this.name = 'UnreadableRow';
    this.seq = seq;
  }
}

/** The database's own text of every value: events stay to the byte, and nothing is parsed twice. */
export const RAW_TEXT = { getTypeParser: () => (text: string) => text };

type Fields = [
  seq: string,
  epoch: string,
  at: string,
  wakeAt: string | null,
  format: string,
  prevHash: string,
  hash: string,
  events: string,
];

const COLUMNS = 'seq, epoch, at, wake_at, format, prev_hash, hash, events';
const READ_PAGE = `
  select ${COLUMNS}
  from (
    select *, sum(pg_column_size(events)) over (order by seq rows between unbounded preceding and 1 preceding) as before
    from journal where show_id = $1 and seq > $2 order by seq limit ${PAGE_ROWS}
  ) page
  where before is null or before < ${PAGE_BYTES}
  order by seq`;
const READ_ROW = `select ${COLUMNS} from journal where show_id = $1 and seq = $2`;

function toRow(fields: Fields): StoredRow {
  const [seq, epoch, at, wakeAt, format, prevHash, hash, events] = fields;
  if (Number(format) !== ROW_FORMAT) throw new UnreadableRow(Number(seq), Number(format));
  return {
    seq: Number(seq),
    epoch: Number(epoch),
    at: Number(at),
    wakeAt: wakeAt === null ? null : Number(wakeAt),
    // The database writes bytes as \x and hex.
    prevHash: prevHash.slice(2),
    hash: hash.slice(2),
    events,
  };
}

async function readPage(pool: Pool, showId: string, after: number): Promise<StoredRow[]> {
  const { rows } = await pool.query<Fields>({
    name: 'journal-page',
    text: READ_PAGE,
    values: [showId, after],
    rowMode: 'array',
    types: RAW_TEXT,
  });
  return rows.map(toRow);
}

/** A show's rows with seq > `after`, in order, in pages bounded in rows and bytes; the next is fetched ahead. */
export async function* rowsAfter(pool: Pool, showId: string, after: number): AsyncGenerator<readonly StoredRow[]> {
  let next = readPage(pool, showId, after);
  while (true) {
    const page = await next;
    if (page.length === 0) return;
    next = readPage(pool, showId, page[page.length - 1].seq);
    // If the reader stops here, nobody awaits the page ahead.
    next.catch(() => {});
    yield page;
  }
}

export async function readRow(pool: Pool, showId: string, seq: number): Promise<StoredRow | null> {
  const { rows } = await pool.query<Fields>({
    name: 'journal-row',
    text: READ_ROW,
    values: [showId, seq],
    rowMode: 'array',
    types: RAW_TEXT,
  });
  return rows.length === 0 ? null : toRow(rows[0]);
}
