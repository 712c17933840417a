import { hash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { ShowEvent } from '../../src/allocator/events.ts';
import { FORMAT } from '../../src/formats.ts';
import { rowHash } from '../../src/journal/row-hash.ts';
import { type Replay, type Replays, verifyJournal } from '../../src/journal/verify.ts';
import { type JournalDatabase, journalServer, nodeOn } from '../support/journal-database.ts';
import { ShowHistory, showsOfOtherShards } from '../support/show-history.ts';

const newDatabase = journalServer();
const SEATS = 100;

/** A show that knows only its last hold: enough to tell legal from illegal, and one state from another. */
class HoldCounter implements Replay {
  readonly seats = SEATS;
  #last: number;
  constructor(last = 0) {
    this.#last = last;
  }
  async apply(events: readonly ShowEvent[]): Promise<void> {
    for (const event of events) {
      if (event.type !== 'held') continue;
      if (event.hold !== this.#last + 1) throw new Error(`I2: hold ${event.hold} follows ${this.#last}`);
      this.#last = event.hold;
    }
  }
  assertInvariants(): void {
    if (this.#last > SEATS) throw new Error('I5: more holds than seats');
  }
  state(): Uint8Array {
    return new TextEncoder().encode(`holds ${this.#last}`);
  }
  stateHash(): string {
    return hash('sha256', this.state(), 'hex');
  }
}

const REPLAYS: Replays = {
  open: async (showId) => (showId === 'shw_unknown' ? null : new HoldCounter()),
  openSnapshot: async (_, state) => {
    const found = /^holds (\d+)$/.exec(new TextDecoder().decode(state));
    if (found === null) throw new Error('not a snapshot');
    return new HoldCounter(Number(found[1]));
  },
};

const once = { id: 'x', fingerprint: 1 };
const held = (hold: number): ShowEvent => ({
  type: 'held',
  once,
  buyer: 'usr_1',
  hold,
  seats: [hold],
  areas: [],
  until: 9,
});
const ordered = (order: number, seats: number[], total = 100): ShowEvent => ({
  type: 'ordered',
  once,
  order,
  hold: order,
  lines: seats.map((seat) => ({ seat, price: 100 })),
  total,
  until: 9,
});
const committed = (order: number): ShowEvent => ({ type: 'committed', order });

/** Two shows with these rows of events, the first two in the first form, and a snapshot of the first show after row 2. */
async function journalOf(...rows: ShowEvent[][]) {
  const database = await newDatabase();
  const { journal, leases, takeAll, incarnation } = nodeOn(database, 'a');
  await takeAll();
  const shows = showsOfOtherShards(2).map((id) => new ShowHistory(id));
  for (const show of shows) {
    for (const [i, events] of rows.entries()) {
      const writer = i < 2 ? null : incarnation;
      const turn = show.next(leases.epochOf(show.shard), { events: JSON.stringify(events), wakeAt: 7, writer });
      expect(await journal.append(turn)).toBe('durable');
      if (show !== shows[0] || turn.seq !== 2) continue;
      const replay = new HoldCounter(
        rows
          .slice(0, 2)
          .flat()
          .filter((event) => event.type === 'held').length,
      );
      const snapshot = {
        seq: 2,
        epoch: turn.epoch,
        rowHash: turn.hash,
        stateHash: replay.stateHash(),
        state: replay.state(),
      };
      expect(await journal.keepSnapshot(show.showId, show.shard, snapshot)).toBe(true);
    }
  }
  const verify = () => verifyJournal(journal, REPLAYS);
  return { database, journal, verify, incarnation, showIds: shows.map(({ showId }) => showId) };
}

/** Hashes a show's rows anew from `seq` on, as somebody would who hides what he changed. */
async function rechain(database: JournalDatabase, showId: string): Promise<void> {
  const { rows } = await database.pool.query(
    'select seq, epoch, at, wake_at as "wakeAt", format, writer, events::text as events from journal where show_id = $1 order by seq',
    [showId],
  );
  let prevHash = '0'.repeat(64);
  for (const row of rows) {
    const own = rowHash({ ...row, showId, prevHash });
    await database.pool.query(
      `update journal set prev_hash = decode($3, 'hex'), hash = decode($4, 'hex') where show_id = $1 and seq = $2`,
      [showId, row.seq, prevHash, own],
    );
    prevHash = own;
  }
}

describe('verifying a journal', () => {
  test('finds no fault where there is none, and tells what it looked at', async () => {
    const { verify } = await journalOf([held(1)], [held(2), held(3)], [held(4)]);
    expect(await verify()).toEqual({ shows: 2, rows: 6, seats: 2 * SEATS, soldTwice: 0, faults: [] });
  });

  test.each([
    [
      'one byte of the events',
      `events = replace(events::text, '"usr_1"', '"usr_2"')::json`,
      'the row does not match its hash: it was changed',
    ],
    [
      'white space in the events',
      `events = (events::text || ' ')::json`,
      'the row does not match its hash: it was changed',
    ],
    ['the time', 'at = at + 1', 'the row does not match its hash: it was changed'],
    ['the wake-up', 'wake_at = null', 'the row does not match its hash: it was changed'],
    [
      'the hash',
      'hash = set_byte(hash, 31, get_byte(hash, 31) # 1)',
      'the row does not match its hash: it was changed',
    ],
    [
      'the chain',
      'prev_hash = set_byte(prev_hash, 0, get_byte(prev_hash, 0) # 1)',
      'the row does not chain to the row before it',
    ],
    ['the epoch, back', 'epoch = 0', 'I2: epoch 0 follows epoch 1'],
    [
      'the form',
      'format = 9',
      `row 2 of the journal of SHOW has format 9; this version knows formats 1 to ${FORMAT.newest}`,
    ],
    ['the form, to a known one', 'format = 2', 'the row does not match its hash: it was changed'],
    ['the writer, of whom nothing was said', `writer = 'nod_x'`, 'a row of format 1 names a writer'],
    ['the seq', 'seq = 9', 'I2: row 3 follows row 1'],
  ])('names the row where somebody edited %s, and goes on with the other shows', async (_, edit, what) => {
    const { database, verify, showIds } = await journalOf([held(1)], [held(2)], [held(3)]);
    await database.pool.query(`update journal set ${edit} where show_id = $1 and seq = 2`, [showIds[1]]);
    const report = await verify();
    const fault = what.replace('SHOW', showIds[1]);
    expect(report.faults).toEqual([{ showId: showIds[1], seq: what.includes('row 3') ? 3 : 2, what: fault }]);
    expect(report).toMatchObject({ shows: 2, soldTwice: 0 });
  });

  test('finds a writer that was changed or taken away', async () => {
    const { database, verify, showIds } = await journalOf([held(1)], [held(2)], [held(3)], [held(4)]);
    await database.pool.query(`update journal set writer = 'nod_x' where show_id = $1 and seq = 3`, [showIds[0]]);
    await database.pool.query('update journal set writer = null where show_id = $1 and seq = 4', [showIds[1]]);
    expect((await verify()).faults).toEqual([
      { showId: showIds[0], seq: 3, what: 'the row does not match its hash: it was changed' },
      { showId: showIds[1], seq: 4, what: 'the row does not match its hash: it was changed' },
    ]);
    await rechain(database, showIds[1]);
    expect((await verify()).faults).toContainEqual({ showId: showIds[1], seq: 4, what: 'the row names no writer' });
  });

  test('finds a second writer under an epoch, although the chain is whole', async () => {
    const { database, verify, showIds, incarnation } = await journalOf(...[1, 2, 3, 4, 5].map((n) => [held(n)]));
    const edit = async (set: string, seq: number) => {
      await database.pool.query(`update journal set ${set} where show_id = $1 and seq = ${seq}`, [showIds[1]]);
      await rechain(database, showIds[1]);
    };
    await edit(`writer = 'nod_x'`, 5);
    const what = (first: string, second: string) => `I2: ${second} wrote under epoch 1, which was ${first}'s`;
    expect((await verify()).faults).toEqual([{ showId: showIds[1], seq: 5, what: what(incarnation, 'nod_x') }]);
    // A row between them that does not say who wrote it hides nothing.
    await edit('format = 1, writer = null', 4);
    expect((await verify()).faults).toEqual([{ showId: showIds[1], seq: 5, what: what(incarnation, 'nod_x') }]);
    // Under an epoch of its own it is the next owner, which may still write in the form of before.
    await edit('epoch = 2', 5);
    expect((await verify()).faults).toEqual([]);
  });

  test('finds a removed row, a removed end and a removed journal', async () => {
    const { database, verify, showIds } = await journalOf([held(1)], [held(2)], [held(3)]);
    await database.pool.query('delete from journal where show_id = $1 and seq = 2', [showIds[1]]);
    await database.pool.query('delete from journal where show_id = $1 and seq >= 2', [showIds[0]]);
    expect((await verify()).faults).toEqual([
      { showId: showIds[0], seq: 1, what: 'rows after 1 are missing: the snapshot is of row 2' },
      { showId: showIds[1], seq: 3, what: 'I2: row 3 follows row 1' },
    ]);
    await database.pool.query('delete from journal');
    expect((await verify()).faults).toEqual([
      { showId: showIds[0], seq: 0, what: 'the show has a snapshot, but no rows' },
    ]);
  });

  test('finds events that are illegal although the chain is whole', async () => {
    const { database, verify, showIds } = await journalOf([held(1)], [held(2)], [held(3)]);
    await database.pool.query(
      `update journal set events = replace(events::text, '"hold":3', '"hold":7')::json where show_id = $1`,
      [showIds[1]],
    );
    await rechain(database, showIds[1]);
    expect((await verify()).faults).toEqual([{ showId: showIds[1], seq: 3, what: 'I2: hold 7 follows 2' }]);
  });

  test('counts seats that were sold twice, whatever the replay says', async () => {
    const { verify, showIds } = await journalOf(
      [ordered(1, [5, 6, -1]), committed(1)],
      [
        ordered(2, [7, 8]),
        { type: 'cancelled', order: 2 },
        ordered(3, [7]),
        committed(3),
        { type: 'voided', order: 3, reason: '' },
      ],
      [ordered(4, [7, -1], 0)],
      [ordered(5, [6, 7]), committed(5)],
    );
    const what = 'I1: seat 6 is sold twice: to order 1 and to order 5';
    const report = await verify();
    expect(report.soldTwice).toBe(4);
    expect(report.faults).toEqual(showIds.map((showId) => ({ showId, seq: 4, what })));
  });

  test.each([
    ['bytes', `state = 'holds 3'`, 'the snapshot does not match its hash: it was changed'],
    [
      'bytes and hash',
      `state = 'holds 3', state_hash = sha256('holds 3')`,
      "I6: the snapshot is not the replay's state",
    ],
    ['row', `row_hash = sha256('')`, 'the snapshot is not of this row'],
  ])('finds a snapshot with other %s', async (_, edit, what) => {
    const { database, verify, showIds } = await journalOf([held(1)], [held(2)], [held(3)]);
    await database.pool.query(`update snapshot set ${edit}`);
    expect((await verify()).faults).toEqual([{ showId: showIds[0], seq: 2, what }]);
  });

  test('finds a show that the catalogue does not have', async () => {
    const { database, verify, showIds } = await journalOf([held(1)]);
    await database.pool.query(`update journal set show_id = 'shw_unknown' where show_id = $1`, [showIds[1]]);
    expect((await verify()).faults).toEqual([
      { showId: 'shw_unknown', seq: 0, what: 'the show or its hall is not in the catalogue' },
    ]);
  });

  test('goes through more shows than a page has, and ends at a bounded number of faults', async () => {
    const { database, journal, verify, showIds } = await journalOf([held(1)]);
    await database.pool.query(
      `insert into journal (show_id, seq, epoch, at, events, prev_hash, hash)
       select 'shw_a' || n, 1, 1, 1, '[]', sha256(''), sha256('') from generate_series(1000, 2499) n`,
    );
    const pages: string[][] = [];
    for await (const page of journal.journaledShows()) pages.push([...page]);
    expect(pages.map((page) => page.length)).toEqual([1_000, 502]);
    expect(pages.flat()).toEqual([...showIds, ...Array.from({ length: 1_500 }, (_, n) => `shw_a${1_000 + n}`)]);
    const report = await verify();
    expect(report.shows).toBe(1_002);
    expect(report.faults).toHaveLength(1_000);
  });
});
