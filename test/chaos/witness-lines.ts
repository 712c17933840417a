import type { Pool } from 'pg';
import { parseScopedId, scopedId } from '../../src/ids.ts';
import { withDatabase } from '../../src/ops/database.ts';
import { createSandboxBooks } from '../../src/payments/sandbox-books.ts';
import { readSettings } from '../../src/settings.ts';
import { createLog } from '../../src/system/log.ts';
import type { BookLine, HistoryLine, RowLine } from '../judge/history.ts';
import { JournalWitness, type WitnessedRow } from '../judge/journal-witness.ts';
import type { ShowOnSale } from '../support/box-office.ts';
import type { Settings } from '../support/usher-process.ts';

const ROWS = 'select seq, epoch, at, events::text as events from journal where show_id = $1 order by seq';

/** What the database says of the shows: their journals and the provider's books, as lines of a history. */
export function witnessLines(shows: readonly ShowOnSale[], settings: Settings): Promise<HistoryLine[]> {
  return withDatabase(readSettings(settings), createLog('warn'), async ({ pool }) => {
    const lines: HistoryLine[] = [];
    for (const show of shows) lines.push(...(await rowLines(show, pool)));
    lines.push(...(await bookLines(pool)));
    return lines;
  });
}

async function rowLines({ id, rows, areas }: ShowOnSale, pool: Pool): Promise<RowLine[]> {
  const witness = new JournalWitness(id, { seatIds: rows.flat(), areas });
  const found = await pool.query<WitnessedRow>(ROWS, [id]);
  return found.rows.map((row) => witness.row(row));
}

async function bookLines(pool: Pool): Promise<BookLine[]> {
  const lines: BookLine[] = [];
  for await (const page of createSandboxBooks(pool).all()) {
    for (const { paymentId, captured, refunded, authorised } of page) {
      const payment = parseScopedId('pay', paymentId);
      if (payment === null) throw new Error(`the sandbox has a payment ${paymentId}, which is none of ours`);
      const book = scopedId('ord', payment.at, payment.showId, payment.number);
      lines.push({ book, captured, refunded, captures: captured > 0 ? 1 : 0, authorised });
    }
  }
  return lines;
}
