import { expect, test } from 'vitest';
import { recover } from '../../src/actors/recovery.ts';
import { createReplays } from '../../src/actors/replays.ts';
import { RULES } from '../../src/actors/turns.ts';
import { decodeShow, encodeShow, SnapshotOutdated, stateHash } from '../../src/allocator/snapshot.ts';
import type { JournalRow, Snapshot } from '../../src/journal/journal.ts';
import { verifyJournal } from '../../src/journal/verify.ts';
import { madeOf } from '../support/made-show.ts';
import { ShowHistory } from '../support/show-history.ts';
import { ON_SALE_AT, onceOf, PlayedShow, rowsOfTen, SHOW_ID, userOf } from '../support/small-show.ts';

const HALL = rowsOfTen(2);
/** The last column: a ticket and a time, behind their length. */
const COLUMN_BYTES = 24;

/** A show of which a ticket was transferred. */
function movedShow(): PlayedShow {
  const played = new PlayedShow(HALL);
  const hold = played.hold(1, 1);
  const own = { buyer: userOf(1), at: ON_SALE_AT };
  played.do({ type: 'order', once: onceOf(2), ...own, hold });
  played.do({ type: 'commit', order: 1, amount: 4_550, currency: 'EUR' });
  played.do({ type: 'captured', order: 1 });
  played.do({ type: 'transfer', once: onceOf(3), ...own, ticket: 1, address: 'bob' });
  played.do({ type: 'accept-transfer', buyer: userOf(2), address: 'bob', ticket: 2, at: ON_SALE_AT });
  return played;
}

/** As the version before kept it, which did not know since when tickets are not valid. */
function asBefore(bytes: Uint8Array): Uint8Array {
  const before = Buffer.from(bytes.subarray(0, bytes.length - COLUMN_BYTES));
  before.write('"format":3', before.indexOf('"format":4'));
  return before;
}

test('a snapshot of before it was kept since when tickets are not valid is passed over: the journal tells it', async () => {
  const { show, events } = movedShow();
  const state = asBefore(encodeShow(show));
  expect(() => decodeShow(state, SHOW_ID, HALL)).toThrow(SnapshotOutdated);
  const history = new ShowHistory(SHOW_ID);
  const rows: JournalRow[] = events.map((event) =>
    history.next(1, { at: ON_SALE_AT, events: JSON.stringify([event]) }),
  );
  const [{ hash: rowHash }] = rows.slice(-1);
  const snapshot: Snapshot = { seq: rows.length, epoch: 1, rowHash, stateHash: stateHash(state), state };
  const journal = {
    async *journaledShows() {
      yield [SHOW_ID];
    },
    async *rowsAfter(_: string, after: number) {
      yield rows.slice(after);
    },
    readRow: async (_: string, seq: number) => rows[seq - 1] ?? null,
    readSnapshot: async () => snapshot,
  };
  const recovered = await recover(SHOW_ID, madeOf(HALL), journal, RULES);
  expect([...recovered.show.tickets.invalidSince]).toEqual([[1, ON_SALE_AT]]);
  const replays = createReplays({ load: async () => madeOf(HALL) });
  const report = await verifyJournal(journal, replays);
  expect(report).toMatchObject({ rows: rows.length, faults: [] });
});
