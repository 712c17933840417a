import type { Pool } from 'pg';
import { FORMAT, FormatUnknown, isKnownFormat } from '../formats.ts';
import type { JournalRow } from './journal.ts';

/** Rows of one page, at most. */
const PAGE_ROWS = 2_000;
/** Bytes of events of one page, at most, unless its first row alone has more. */
const PAGE_BYTES = 4 * 1024 * 1024;

/** The forms of rows that a reader knows. */
export interface RowForms {
  /** The newest. */
  readonly newest: number;
  /** A row in another form was met, and refused. */
  readonly onUnknown: () => void;
}

export const ALL_FORMS: RowForms = { newest: FORMAT.newest, onUnknown: () => {} };

/** A row in a form that its reader does not know. It is never passed over. */
export class RowFormatUnknown extends FormatUnknown {
  readonly seq: number;
  constructor(showId: string, seq: number, format: number, newest: number) {
    super(`row ${seq} of the journal of ${showId}`, format, newest);
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
  writer: string | null,
  prevHash: string,
  hash: string,
  events: string,
];

const COLUMNS = 'seq, epoch, at, wake_at, format, writer, prev_hash, hash, events';
const READ_PAGE = `
  select ${COLUMNS}
  from (
    select *, sum(pg_column_size(events)) over (order by seq rows between unbounded preceding and 1 preceding) as before
    from journal where show_id = $1 and seq > $2 order by seq limit ${PAGE_ROWS}
  ) page
  where before is null or before < ${PAGE_BYTES}
  order by seq`;
const READ_ROW = `select ${COLUMNS} from journal where show_id = $1 and seq = $2`;

function toRow(showId: string, fields: Fields, { newest, onUnknown }: RowForms): JournalRow {
  const [seq, epoch, at, wakeAt, formatText, writer, prevHash, hash, events] = fields;
  const format = Number(formatText);
  if (!isKnownFormat(format, newest)) {
    onUnknown();
    throw new RowFormatUnknown(showId, Number(seq), format, newest);
  }
  return {
    seq: Number(seq),
    epoch: Number(epoch),
    at: Number(at),
    wakeAt: wakeAt === null ? null : Number(wakeAt),
    format,
    writer,
    // The database writes bytes as \x and hex.
    prevHash: prevHash.slice(2),
    hash: hash.slice(2),
    events,
  };
}

async function readPage(pool: Pool, showId: string, after: number, forms: RowForms): Promise<JournalRow[]> {
  const { rows } = await pool.query<Fields>({
    name: 'journal-page',
    text: READ_PAGE,
    values: [showId, after],
    rowMode: 'array',
    types: RAW_TEXT,
  });
  return rows.map((fields) => toRow(showId, fields, forms));
}

/**
 * A show's rows with seq > `after`, in order, in pages bounded in rows and bytes; the next is fetched ahead.
 * @throws RowFormatUnknown
 */
export async function* rowsAfter(
  pool: Pool,
  showId: string,
  after: number,
  forms: RowForms,
): AsyncGenerator<readonly JournalRow[]> {
  let next = readPage(pool, showId, after, forms);
  while (true) {
    const page = await next;
    if (page.length === 0) return;
    next = readPage(pool, showId, page[page.length - 1].seq, forms);
    // If the reader stops here, nobody awaits the page ahead.
    next.catch(() => {});
    yield page;
  }
}

/** @throws RowFormatUnknown */
export async function readRow(pool: Pool, showId: string, seq: number, forms: RowForms): Promise<JournalRow | null> {
  const { rows } = await pool.query<Fields>({
    name: 'journal-row',
    text: READ_ROW,
    values: [showId, seq],
    rowMode: 'array',
    types: RAW_TEXT,
  });
  return rows.length === 0 ? null : toRow(showId, rows[0], forms);
}
