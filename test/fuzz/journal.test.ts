import { describe, expect, test } from 'vitest';
import { hallWith } from '../../src/actors/later-hall.ts';
import { JournalDamaged, type Recovered, recover } from '../../src/actors/recovery.ts';
import { createReplays } from '../../src/actors/replays.ts';
import { RULES } from '../../src/actors/turns.ts';
import { assertCounts } from '../../src/allocator/invariants.ts';
import { SEAT, type Show } from '../../src/allocator/show.ts';
import { decodeShow, encodeShow, laterPlansIn, stateHash } from '../../src/allocator/snapshot.ts';
import { FormatUnknown } from '../../src/formats.ts';
import { FIRST_PREV_HASH } from '../../src/journal/row-hash.ts';
import { verifyJournal } from '../../src/journal/verify.ts';
import { madeOf } from '../support/made-show.ts';
import { SHOW_ID } from '../support/small-show.ts';
import { attack, expectFound, limitMs, runsOf, Tally } from './attack.ts';
import { damaged, forgedRows, forgedSnapshots, withHeader } from './journal-damage.ts';
import { recordShow, sealed, snapshotAt } from './recorded-show.ts';
import { type StoredShow, storedJournal } from './stored-journal.ts';

const RUNS = 1_000;

const RECORDED = recordShow();
const { hall, terms, plans, rows, states } = RECORDED;
const ALL = rows.length;
const made = madeOf(hall, terms, plans);
const replays = createReplays({ load: async () => made });

type Recover = (stored: StoredShow) => Promise<Recovered>;
const recoverStored: Recover = (stored) => recover(SHOW_ID, made, storedJournal(stored), RULES);

/** What is recovered, or null when it is refused as a recovery may refuse. */
async function recoveredOrRefused(stored: StoredShow, recovering: Recover): Promise<Recovered | null> {
  try {
    return await recovering(stored);
  } catch (error) {
    if (error instanceof JournalDamaged || error instanceof FormatUnknown) return null;
    throw error;
  }
}

/** Nothing that was damaged may be taken for the truth. */
async function recoverDamaged(stored: StoredShow, tally: Tally, recovering: Recover = recoverStored): Promise<void> {
  const recovered = await recoveredOrRefused(stored, recovering);
  const { faults } = await verifyJournal(storedJournal(stored), replays);
  if (recovered === null) {
    tally.note('refused');
    expect(faults, 'verify finds what a recovery refuses').not.toEqual([]);
    return;
  }
  const { show, lastHash } = recovered;
  tally.note(show.seq === ALL ? 'whole' : 'of the rows before the lost ones');
  expect(Buffer.compare(encodeShow(show), states[show.seq]), `not the show of row ${show.seq}`).toBe(0);
  expect(lastHash).toBe(show.seq === 0 ? FIRST_PREV_HASH : rows[show.seq - 1].hash);
}

/** Whoever sealed it, nothing breaks: it is refused by name, or makes a show whose counts add up. */
async function recoverForged(stored: StoredShow, tally: Tally, recovering: Recover = recoverStored): Promise<void> {
  const recovered = await recoveredOrRefused(stored, recovering);
  const { faults } = await verifyJournal(storedJournal(stored), replays);
  tally.note(recovered === null ? 'refused' : 'recovered');
  if (recovered === null) {
    expect(faults, 'verify finds what a recovery refuses').not.toEqual([]);
    return;
  }
  const { show } = recovered;
  assertCounts(show);
  walk(show);
  const isTrue = show.seq <= ALL && Buffer.compare(encodeShow(show), states[show.seq]) === 0;
  tally.note(isTrue ? 'as it was' : 'as it was told');
  // What a snapshot says beyond what adds up is known to the rows alone.
  if (!isTrue && stored.snapshot !== null) expect(faults, 'verify finds what is not so').not.toEqual([]);
}

/** Whatever else is in it, no walk through it is without end. */
function walk(show: Show): void {
  show.wakeAt();
  for (let hold = show.holds.oldest; hold < show.holds.next; hold++) show.seatsOfHold(show.holds.place(hold));
  for (let order = 1; order <= show.orders.count; order++) {
    for (const refund of show.refunds.of(order)) expect(show.refunds.has(refund)).toBe(true);
    for (let before = order; before > 0; before = show.orders.previous[before])
      expect(show.orders.has(before)).toBe(true);
  }
}

describe('what was recorded', () => {
  test('has events of every type, and recovers whole', async () => {
    const types = new Set(
      rows.flatMap(({ events }) => (JSON.parse(events) as { type: string }[]).map(({ type }) => type)),
    );
    expect(types.size).toBe(24);
    for (const snapshot of [null, ...rows.map(({ seq }) => snapshotAt(RECORDED, seq))]) {
      await recoverDamaged({ rows, snapshot }, new Tally());
      expect((await verifyJournal(storedJournal({ rows, snapshot }), replays)).faults).toEqual([]);
    }
  });
});

describe('a journal and its snapshot are refused, or recovered as they were before,', () => {
  test('whatever happened to them', { timeout: limitMs(RUNS) }, async () => {
    const tally = new Tally();
    await attack(damaged(RECORDED), runsOf(RUNS), (stored) => recoverDamaged(stored, tally));
    tally.print('damaged journals');
    expect(tally.kinds()).toEqual(['of the rows before the lost ones', 'refused', 'whole']);
  });

  test('and a recovery that believes any snapshot it can read is found', async () => {
    const believing: Recover = async (stored) => {
      try {
        const state = stored.snapshot?.state ?? new Uint8Array();
        const show = decodeShow(state, SHOW_ID, await hallWith(made, laterPlansIn(state)));
        return { show, lastHash: rows[show.seq - 1].hash, eventsSinceSnapshot: 0 };
      } catch {
        return recoverStored(stored);
      }
    };
    const send = (stored: StoredShow) => recoverDamaged(stored, new Tally(), believing);
    await expectFound(damaged(RECORDED), RUNS, send, /not the show of row/);
  });
});

describe('a journal is refused by name, or adds up,', () => {
  test('whatever its rows say', { timeout: limitMs(RUNS) }, async () => {
    const tally = new Tally();
    await attack(forgedRows(RECORDED), runsOf(RUNS), (stored) => recoverForged(stored, tally));
    tally.print('forged rows');
    expect(tally.of('refused')).toBeGreaterThan(0);
    expect(tally.of('recovered')).toBeGreaterThan(0);
  });

  test('whatever its snapshot says', { timeout: limitMs(RUNS) }, async () => {
    const tally = new Tally();
    await attack(forgedSnapshots(RECORDED), runsOf(RUNS), (stored) => recoverForged(stored, tally));
    tally.print('forged snapshots');
    expect(tally.of('recovered')).toBeGreaterThan(0);
  });
});

describe('what was found once stays found:', () => {
  const last = rows[ALL - 1];
  /** The recorded rows with other events in the last of them, sealed. */
  const endingWith = (events: string): StoredShow => ({
    rows: rows.with(ALL - 1, sealed({ ...last, events })),
    snapshot: null,
  });
  const withTerms = (terms: object): StoredShow => ({
    rows: [sealed({ ...rows[0], events: JSON.stringify([{ type: 'opened', terms }]) })],
    snapshot: null,
  });

  test.each<[string, StoredShow, RegExp]>([
    ['no JSON', endingWith('[{"type":'), new RegExp(`row ${ALL}: .*JSON`)],
    ['nothing', endingWith('null'), new RegExp(`row ${ALL}: `)],
    [
      'an order without lines',
      endingWith('[{"type":"ordered","order":8,"hold":9,"once":{}}]'),
      new RegExp(`row ${ALL}: `),
    ],
    ['what is not legal there', endingWith('[{"type":"captured","order":1}]'), new RegExp(`row ${ALL}: I10`)],
    ['another hall', withTerms({ ...terms, planHash: '1'.repeat(64) }), /row 1: .*seating plan/],
  ])('a sealed row of %s is refused by recovery and named by verify', async (_, stored, message) => {
    await expect(recoverStored(stored)).rejects.toThrow(JournalDamaged);
    await expect(recoverStored(stored)).rejects.toThrow(message);
    const { faults } = await verifyJournal(storedJournal(stored), replays);
    expect(faults).toMatchObject([{ showId: SHOW_ID, seq: stored.rows.length }]);
  });

  test.each<[string, (header: Record<string, unknown>) => object]>([
    ['the oldest hold', () => ({ oldestHold: 2 ** 60 })],
    ['the oldest answer', () => ({ oldestAnswer: -1 })],
    ['the number of orders', () => ({ orders: 2 ** 31 })],
    ['the number of buyers', () => ({ buyers: 1e300 })],
    ['the number of tickets', () => ({ tickets: null })],
    ['the order of a reason', () => ({ reasons: [[{ toString: 1 }, 'Rain']] })],
  ])('a sealed snapshot that lies about %s is passed over', async (_, lie) => {
    const good = snapshotAt(RECORDED, ALL);
    const state = withHeader(good.state, (header) => ({ ...(header as object), ...lie(header as never) }));
    const stored = { rows, snapshot: { ...good, state, stateHash: stateHash(state) } };
    const { show, eventsSinceSnapshot } = await recoverStored(stored);
    expect(eventsSinceSnapshot).toBeGreaterThan(ALL);
    expect(Buffer.compare(encodeShow(show), states[ALL])).toBe(0);
  });

  test('a sealed snapshot whose counts do not add up is passed over', async () => {
    const good = snapshotAt(RECORDED, 2);
    const state = Buffer.from(good.state);
    const column = (8 + state.readUInt32LE(0) + 7) & ~7;
    // The first column has the seats' states, after its length.
    expect(state.readUInt32LE(column)).toBe(hall.seatCount);
    state[column + 8] = SEAT.sold;
    const stored = { rows, snapshot: { ...good, state, stateHash: stateHash(state) } };
    expect(Buffer.compare(encodeShow((await recoverStored(stored)).show), states[ALL])).toBe(0);
  });

  test.each<[string, (show: Show) => void]>([
    [
      'the seats of a hold go round in a circle',
      ({ holds, nextInHold }) => {
        const first = holds.firstSeat[holds.place(1)];
        nextInHold[nextInHold[first]] = first;
      },
    ],
    ['the newest order of a buyer is the next that there will be', ({ buyers }) => buyers.newestOrder.fill(1)],
  ])('a sealed snapshot in which %s is passed over', async (_, lie) => {
    const good = snapshotAt(RECORDED, 2);
    const show = decodeShow(good.state, SHOW_ID, hall);
    lie(show);
    const state = encodeShow(show);
    const stored = { rows, snapshot: { ...good, state, stateHash: stateHash(state) } };
    expect(Buffer.compare(encodeShow((await recoverStored(stored)).show), states[ALL])).toBe(0);
  });
});
