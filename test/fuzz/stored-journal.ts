import type { Pool } from 'pg';
import type { JournalToRead } from '../../src/actors/recovery.ts';
import type { JournalRow, Snapshot } from '../../src/journal/journal.ts';
import { ALL_FORMS, readRow, rowsAfter } from '../../src/journal/rows.ts';
import { readSnapshot } from '../../src/journal/snapshots.ts';
import type { VerifiedJournal } from '../../src/journal/verify.ts';
import { SHOW_ID } from '../support/small-show.ts';

/** Rows of a page of the table; the real ones are larger. */
const PAGE_ROWS = 4;

/** What the tables of one show hold, whoever wrote it. */
export interface StoredShow {
  readonly rows: readonly JournalRow[];
  readonly snapshot: Snapshot | null;
}

/** Reads what is stored with the product's own readers, from a table that gives text as Postgres does. */
export function storedJournal({ rows, snapshot }: StoredShow): JournalToRead & VerifiedJournal {
  const table = tableOf(rows);
  const answer = (name: string, values: readonly unknown[]): unknown[][] => {
    const number = Number(values[1]);
    switch (name) {
      case 'journal-page':
        return table
          .filter(({ seq }) => seq > number)
          .slice(0, PAGE_ROWS)
          .map(textOf);
      case 'journal-row':
        return table.filter(({ seq }) => seq === number).map(textOf);
      case 'snapshot-read':
        return snapshot === null ? [] : [textOfSnapshot(snapshot)];
      default:
        throw new Error(`nothing answers ${name}`);
    }
  };
  const pool = {
    query: async ({ name, values }: { name: string; values: unknown[] }) => ({ rows: answer(name, values) }),
  } as unknown as Pool;
  return {
    rowsAfter: (showId, after) => rowsAfter(pool, showId, after, ALL_FORMS),
    readRow: (showId, seq) => readRow(pool, showId, seq, ALL_FORMS),
    readSnapshot: (showId) => readSnapshot(pool, showId),
    journaledShows: async function* () {
      yield [SHOW_ID];
    },
  };
}

/** In the order of the primary key, which admits no number twice. */
function tableOf(rows: readonly JournalRow[]): JournalRow[] {
  const bySeq = new Map<number, JournalRow>();
  for (const row of rows) if (!bySeq.has(row.seq)) bySeq.set(row.seq, row);
  return [...bySeq.values()].sort((a, b) => a.seq - b.seq);
}

function textOf({ seq, epoch, at, wakeAt, format, writer, prevHash, hash, events }: JournalRow): unknown[] {
  const wake = wakeAt === null ? null : String(wakeAt);
  return [String(seq), String(epoch), String(at), wake, String(format), writer, `\\x${prevHash}`, `\\x${hash}`, events];
}

function textOfSnapshot({ seq, epoch, rowHash, stateHash, state }: Snapshot): string[] {
  const hex = Buffer.from(state).toString('hex');
  return [String(seq), String(epoch), '1', `\\x${rowHash}`, `\\x${stateHash}`, `\\x${hex}`];
}
