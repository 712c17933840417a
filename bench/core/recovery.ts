import { recover } from '../../src/actors/recovery.ts';
import { RULES } from '../../src/actors/turns.ts';
import type { Hall } from '../../src/allocator/hall.ts';
import { encodeShow, stateHash } from '../../src/allocator/snapshot.ts';
import type { Journal, JournalRow, Snapshot } from '../../src/journal/journal.ts';
import { PlayedShow } from './played-show.ts';

const RUNS = 7;
const ROWS_PER_PAGE = 100;
const SEED = 90;

export interface RecoverySpeed {
  /** Parsed, hash-checked and applied, from the journal alone. */
  readonly eventsPerSecond: number;
  /** From the snapshot of the sold-out show, its hash checked. */
  readonly snapshotMs: number;
}

/** How fast a sold-out show of this hall comes back, reading from memory instead of a database; medians of seven runs. */
export async function recoverySpeed(hall: Hall): Promise<RecoverySpeed> {
  const played = new PlayedShow(hall, true);
  played.sellTo(1, SEED);
  const { show, rows } = played;
  const state = encodeShow(show);
  const last = rows[rows.length - 1];
  const snapshot: Snapshot = {
    seq: last.seq,
    epoch: last.epoch,
    rowHash: last.hash,
    stateHash: stateHash(state),
    state,
  };
  const expected = stateHash(state);
  const made = { hall, terms: show.terms, laterHall: async () => null };

  const timed = async (journal: Journal): Promise<number[]> => {
    const times: number[] = [];
    for (let i = 0; i < RUNS; i++) {
      const start = performance.now();
      const recovered = await recover(show.id, made, journal, RULES);
      times.push(performance.now() - start);
      if (stateHash(encodeShow(recovered.show)) !== expected)
        throw new Error('the recovered show is not the one that was lost');
    }
    return times;
  };
  const replay = median(await timed(journalOf(rows, null)));
  const fromSnapshot = median(await timed(journalOf(rows, snapshot)));
  const events = rows.reduce((sum, row) => sum + (JSON.parse(row.events) as unknown[]).length, 0);
  return { eventsPerSecond: events / (replay / 1_000), snapshotMs: fromSnapshot };
}

/** A journal that only reads, from memory. */
function journalOf(rows: readonly JournalRow[], snapshot: Snapshot | null): Journal {
  return {
    append: async () => 'fenced',
    keepSnapshot: async () => false,
    readSnapshot: async () => snapshot,
    async *rowsAfter(_showId, after) {
      for (let from = after; from < rows.length; from += ROWS_PER_PAGE) yield rows.slice(from, from + ROWS_PER_PAGE);
    },
    readRow: async (_showId, seq) => rows[seq - 1] ?? null,
  };
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
}
