import { beforeEach, describe, expect, test } from 'vitest';
import { createReplays } from '../../src/actors/replays.ts';
import type { MadeShow } from '../../src/actors/shows.ts';
import { encodeShow, stateHash } from '../../src/allocator/snapshot.ts';
import type { JournalRow, Snapshot } from '../../src/journal/journal.ts';
import { ReplayHindered, type VerifiedJournal, verifyJournal } from '../../src/journal/verify.ts';
import { laterHall, madeOf } from '../support/made-show.ts';
import { ShowHistory } from '../support/show-history.ts';
import { ON_SALE_AT, onceOf, PlayedShow, rowsOfTen, SHOW_ID } from '../support/small-show.ts';

const HALL = rowsOfTen(2);
const PLANS = { pln_larger: rowsOfTen(3) };

let made: MadeShow;
let journal: VerifiedJournal;
let snapshot: Snapshot | null;

/** The journal of a show of which the plan was replaced, and the snapshot after it. */
beforeEach(() => {
  const played = new PlayedShow(HALL);
  played.show.comingHall = laterHall(HALL, Object.entries(PLANS));
  played.do({ type: 'replace-plan', once: onceOf(1), planId: 'pln_larger' });
  const history = new ShowHistory(SHOW_ID);
  const rows: JournalRow[] = played.events.map((event) =>
    history.next(1, { at: ON_SALE_AT, events: JSON.stringify([event]) }),
  );
  const state = encodeShow(played.show);
  const [{ hash: rowHash }] = rows.slice(-1);
  snapshot = { seq: rows.length, epoch: 1, rowHash, stateHash: stateHash(state), state };
  made = madeOf(HALL, undefined, PLANS);
  journal = {
    async *journaledShows() {
      yield [SHOW_ID];
    },
    async *rowsAfter() {
      yield rows;
    },
    readSnapshot: async () => snapshot,
  };
});

const verified = () => verifyJournal(journal, createReplays({ load: async () => made }));

describe('the verification of a show of which the plan was replaced', () => {
  test('replays it in both halls', async () => {
    expect(await verified()).toMatchObject({ rows: 2, faults: [] });
  });

  test('finds a row at fault that names a plan which nobody knows', async () => {
    made = madeOf(HALL);
    const what = expect.stringContaining('pln_larger');
    expect(await verified()).toMatchObject({ faults: [{ showId: SHOW_ID, seq: 2, what }] });
  });

  test('finds no row at fault while the catalogue cannot be read: it ends', async () => {
    made = { ...made, laterHall: () => Promise.reject(new Error('connection lost')) };
    await expect(verified()).rejects.toThrow(ReplayHindered);
  });

  test('nor its snapshot', async () => {
    let looks = 0;
    const source = {
      load: async () => {
        if (looks++ > 0) throw new Error('connection lost');
        return made;
      },
    };
    await expect(verifyJournal(journal, createReplays(source))).rejects.toThrow('connection lost');
  });
});
