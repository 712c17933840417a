import { beforeEach, describe, expect, test } from 'vitest';
import { JournalDamaged, type Recovered, recover } from '../../src/actors/recovery.ts';
import { RULES } from '../../src/actors/turns.ts';
import type { ShowEvent } from '../../src/allocator/events.ts';
import { encodeShow, stateHash } from '../../src/allocator/snapshot.ts';
import { FORMAT, FormatUnknown } from '../../src/formats.ts';
import type { JournalRow, Snapshot } from '../../src/journal/journal.ts';
import { FIRST_PREV_HASH, rowHash } from '../../src/journal/row-hash.ts';
import { madeOf } from '../support/made-show.ts';
import { MemoryJournal } from '../support/memory-journal.ts';
import { ON_SALE_AT, PlayedShow, rowsOfTen, SHOW_ID, termsOf } from '../support/small-show.ts';

const hall = rowsOfTen(3);
let journal: MemoryJournal;

/** A form that is still to come. */
const UNKNOWN = FORMAT.newest + 1;

beforeEach(() => {
  journal = new MemoryJournal();
});

/** Appends rows with these events, chained. */
async function write(events: readonly ShowEvent[]): Promise<void> {
  for (const event of events) {
    const rows = journal.rows(SHOW_ID);
    const prevHash = rows.at(-1)?.hash ?? FIRST_PREV_HASH;
    const body = {
      showId: SHOW_ID,
      seq: rows.length + 1,
      epoch: 1,
      at: ON_SALE_AT,
      wakeAt: null,
      events: JSON.stringify([event]),
      ...(rows.length % 2 === 0 ? { format: 1, writer: null } : { format: 2, writer: 'nod_1' }),
      prevHash,
    };
    await journal.append({ ...body, shard: 1, hash: rowHash(body), newBuyers: [], offeredTo: [], notices: [] });
  }
}

function played(holds: number): PlayedShow {
  const show = new PlayedShow(hall);
  for (let n = 1; n <= holds; n++) show.hold(n, 2);
  return show;
}

function snapshotOf({ show }: PlayedShow, rowHashOfSeq: string): Snapshot {
  const state = encodeShow(show);
  return { seq: show.seq, epoch: 1, rowHash: rowHashOfSeq, stateHash: stateHash(state), state };
}

const recovered = (): Promise<Recovered> => recover(SHOW_ID, madeOf(hall), journal, RULES);
const held = async (): Promise<number> => (await recovered()).show.holds.next - 1;

/** The rows as they stand in the journal, to be damaged. */
function rows(): JournalRow[] {
  return journal.rows(SHOW_ID) as JournalRow[];
}

describe('a recovery', () => {
  test('of an empty journal is the show as the catalogue says it was made', async () => {
    const { show, lastHash, eventsSinceSnapshot } = await recovered();
    expect([show.seq, lastHash, eventsSinceSnapshot]).toEqual([0, FIRST_PREV_HASH, 0]);
    expect(show.terms).toEqual(termsOf());
  });

  test('takes the terms from the journal, not from a catalogue that has changed since', async () => {
    await write(played(1).events);
    const { show } = await recover(SHOW_ID, madeOf(hall, termsOf({ prices: { A: 1 }, perBuyer: 99 })), journal, RULES);
    expect(show.terms).toEqual(termsOf());
  });

  test('from a snapshot and the rows after it is that of all rows', async () => {
    await write(played(6).events);
    const full = await recovered();
    journal.plantSnapshot(SHOW_ID, snapshotOf(played(4), rows()[4].hash));
    const short = await recovered();
    expect(short.eventsSinceSnapshot).toBe(2);
    expect(short.lastHash).toBe(full.lastHash);
    expect(Buffer.compare(encodeShow(short.show), encodeShow(full.show))).toBe(0);
  });

  test('passes over a snapshot that is torn', async () => {
    await write(played(3).events);
    const good = snapshotOf(played(3), rows()[3].hash);
    const state = good.state.slice().fill(0, 100);
    journal.plantSnapshot(SHOW_ID, { ...good, state });
    expect(await held()).toBe(3);
    journal.plantSnapshot(SHOW_ID, { ...good, state, stateHash: stateHash(state) });
    expect(await held()).toBe(3);
  });

  test('does not go on when the journal has lost the row that a snapshot was made of', async () => {
    await write(played(3).events);
    journal.plantSnapshot(SHOW_ID, snapshotOf(played(5), '5'.repeat(64)));
    await expect(held()).rejects.toThrow(JournalDamaged);
  });

  test('passes over a snapshot of another row with the same number', async () => {
    await write(played(3).events);
    journal.plantSnapshot(SHOW_ID, snapshotOf(played(3), '3'.repeat(64)));
    expect((await recovered()).eventsSinceSnapshot).toBe(4);
  });
});

describe('a row in a form that is not known', () => {
  test('is refused by name, and nothing is made of the rows before it', async () => {
    await write(played(4).events);
    const all = rows();
    all.splice(3, 1, { ...all[3], format: UNKNOWN });
    await expect(recovered()).rejects.toThrow(FormatUnknown);
    await expect(recovered()).rejects.toThrow(
      `row 4 of the journal of ${SHOW_ID} has format ${UNKNOWN}; this version knows formats 1 to ${FORMAT.newest}`,
    );
  });

  test('is refused too when a snapshot was made of it', async () => {
    await write(played(3).events);
    journal.plantSnapshot(SHOW_ID, snapshotOf(played(3), rows()[3].hash));
    rows().splice(3, 1, { ...rows()[3], format: UNKNOWN });
    await expect(recovered()).rejects.toThrow(FormatUnknown);
  });

  test('is, for a node that acts as an older version, one that this version knows', async () => {
    await write(played(3).events);
    journal.newest = 1;
    await expect(recovered()).rejects.toThrow('row 2 of the journal of');
  });
});

describe('a damaged journal is refused, and the row named', () => {
  test.each<[string, (all: JournalRow[]) => void, RegExp]>([
    ['a row that is missing', (all) => all.splice(1, 1), /row 3: follows row 1/],
    ['a first row that is missing', (all) => all.splice(0, 1), /row 2: follows row 0/],
    [
      'events that were edited',
      (all) => all.splice(2, 1, { ...all[2], events: all[2].events.replace('"hold":2', '"hold":7') }),
      /row 3: its hash/,
    ],
    ['a form that was edited', (all) => all.splice(2, 1, { ...all[2], format: 2 }), /row 3: its hash/],
    ['a writer that was edited', (all) => all.splice(1, 1, { ...all[1], writer: 'nod_2' }), /row 2: its hash/],
    ['a time that was edited', (all) => all.splice(2, 1, { ...all[2], at: 5 }), /row 3: its hash/],
    [
      'a row of another chain',
      (all) => all.splice(2, 1, { ...all[2], prevHash: '1'.repeat(64) }),
      /row 3: does not chain/,
    ],
  ])('%s', async (_, damage, message) => {
    await write(played(4).events);
    damage(rows());
    await expect(recovered()).rejects.toThrow(JournalDamaged);
    await expect(recovered()).rejects.toThrow(message);
  });

  test('a journal that does not begin with an opening', async () => {
    await write(played(1).events.slice(1));
    await expect(recovered()).rejects.toThrow(/does not begin with an opening/);
  });
});
