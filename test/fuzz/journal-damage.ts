import fc from 'fast-check';
import { stateHash } from '../../src/allocator/snapshot.ts';
import { FORMAT } from '../../src/formats.ts';
import type { JournalRow, Snapshot } from '../../src/journal/journal.ts';
import { FIRST_PREV_HASH } from '../../src/journal/row-hash.ts';
import { byteMutations, mutatedBytes } from './byte-mutations.ts';
import { jsonMutations, mutated } from './json-mutations.ts';
import { type RecordedShow, sealed, snapshotAt } from './recorded-show.ts';
import type { StoredShow } from './stored-journal.ts';

/** Whole numbers that a column can hold. */
const whole = fc.oneof(
  fc.integer({ min: -3, max: 40 }),
  fc.constantFrom(-(2 ** 31), 2 ** 31 - 1, Number.MAX_SAFE_INTEGER),
  fc.integer(),
);
const hex = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex'));
const hashText = fc.oneof(fc.constantFrom('', '0'.repeat(64), 'f'.repeat(64)), hex);

const rowField: fc.Arbitrary<Partial<JournalRow>> = fc.oneof(
  whole.map((seq) => ({ seq })),
  whole.map((epoch) => ({ epoch })),
  whole.map((at) => ({ at })),
  fc.option(whole).map((wakeAt) => ({ wakeAt })),
  fc.integer({ min: -1, max: FORMAT.newest + 2 }).map((format) => ({ format })),
  fc.option(fc.string({ maxLength: 10 })).map((writer) => ({ writer })),
  hashText.map((prevHash) => ({ prevHash })),
  hashText.map((hash) => ({ hash })),
);

type Rows = readonly JournalRow[];
type Change<T> = (value: T) => T;

const eventsBytes = byteMutations(3);

/** What may happen to stored rows that nobody seals again: edited, lost, put elsewhere, mixed up. */
const rowDamage: fc.Arbitrary<Change<Rows>> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(fc.nat(), eventsBytes, fc.nat()).map(
      ([where, bytes, other]) =>
        (rows: Rows) =>
          withRow(rows, where, (row) => {
            const donor = Buffer.from(rows[other % rows.length].events);
            return { ...row, events: mutatedBytes(Buffer.from(row.events), bytes, donor).toString() };
          }),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.nat(), rowField).map(
      ([where, change]) =>
        (rows: Rows) =>
          withRow(rows, where, (row) => ({ ...row, ...change })),
    ),
  },
  { weight: 2, arbitrary: fc.nat().map((where) => (rows: Rows) => rows.filter((_, i) => i !== where % rows.length)) },
  { weight: 1, arbitrary: fc.nat().map((length) => (rows: Rows) => rows.slice(0, length % (rows.length + 1))) },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.nat(), fc.nat()).map(
      ([one, other]) =>
        (rows: Rows) =>
          withRow(rows, one, (row) => ({ ...rows[other % rows.length], seq: row.seq })),
    ),
  },
);

function withRow(rows: Rows, where: number, change: Change<JournalRow>): Rows {
  return rows.length === 0 ? rows : rows.with(where % rows.length, change(rows[where % rows.length]));
}

const snapshotField: fc.Arbitrary<Partial<Snapshot>> = fc.oneof(
  whole.map((seq) => ({ seq })),
  whole.map((epoch) => ({ epoch })),
  hashText.map((rowHash) => ({ rowHash })),
  hashText.map((hash) => ({ stateHash: hash })),
);

/** Its bytes are torn, flipped, or in part those of another. */
function tornSnapshots(show: RecordedShow): fc.Arbitrary<Snapshot> {
  const seq = fc.integer({ min: 1, max: show.rows.length });
  return fc.tuple(seq, byteMutations(3), seq).map(([at, bytes, other]) => {
    const good = snapshotAt(show, at);
    return { ...good, state: mutatedBytes(good.state, bytes, show.states[other]) };
  });
}

/** Torn, with another field, or one of another row. */
function snapshotDamage(show: RecordedShow): fc.Arbitrary<Snapshot> {
  const seq = fc.integer({ min: 1, max: show.rows.length });
  const edited = fc.tuple(seq, snapshotField).map(([at, change]) => ({ ...snapshotAt(show, at), ...change }));
  const misplaced = fc.tuple(seq, seq).map(([at, other]) => ({ ...snapshotAt(show, at), seq: other }));
  return fc.oneof({ weight: 3, arbitrary: tornSnapshots(show) }, edited, misplaced);
}

/** A journal that something happened to after it was written. Nobody made its hashes fit. */
export function damaged(show: RecordedShow): fc.Arbitrary<StoredShow> {
  const seq = fc.integer({ min: 1, max: show.rows.length });
  const good = seq.map((at) => snapshotAt(show, at));
  const snapshots: fc.Arbitrary<Snapshot | null> = fc.oneof(fc.constant(null), good, snapshotDamage(show));
  const changes = fc.array(rowDamage, { maxLength: 2 });
  return fc
    .tuple(changes, snapshots)
    .map(([all, snapshot]) => ({ rows: all.reduce<Rows>((rows, change) => change(rows), show.rows), snapshot }));
}

/** Rows with other events, sealed and chained anew: as a writer would have left them that is not to be trusted. */
export function forgedRows(show: RecordedShow): fc.Arbitrary<StoredShow> {
  const events = fc.oneof(
    {
      weight: 5,
      arbitrary: jsonMutations(3).map((all) => (text: string) => JSON.stringify(mutated(JSON.parse(text), all)) ?? ''),
    },
    {
      weight: 1,
      arbitrary: eventsBytes.map(
        (all) => (text: string) => mutatedBytes(Buffer.from(text), all, Buffer.of()).toString(),
      ),
    },
  );
  return fc.tuple(fc.nat(), events, fc.boolean()).map(([where, change, ends]) => {
    const changed = withRow(show.rows, where, (row) => ({ ...row, events: change(row.events) }));
    const rows = chained(ends ? changed.slice(0, (where % show.rows.length) + 1) : changed);
    return { rows, snapshot: null };
  });
}

/** Snapshots whose hash fits what they say, which is not what the rows say. */
export function forgedSnapshots(show: RecordedShow): fc.Arbitrary<StoredShow> {
  const seq = fc.integer({ min: 1, max: show.rows.length });
  const retold = fc.tuple(seq, jsonMutations(3)).map(([at, changes]) => {
    const good = snapshotAt(show, at);
    return { ...good, state: withHeader(good.state, (header) => mutated(header, changes)) };
  });
  return fc.oneof(tornSnapshots(show), retold).map((snapshot) => ({
    rows: show.rows,
    snapshot: { ...snapshot, stateHash: stateHash(snapshot.state) },
  }));
}

function chained(rows: Rows): JournalRow[] {
  const sealedRows: JournalRow[] = [];
  for (const row of rows) sealedRows.push(sealed({ ...row, prevHash: sealedRows.at(-1)?.hash ?? FIRST_PREV_HASH }));
  return sealedRows;
}

/** The bytes of a snapshot with another header: its length, eight bytes on its text, then the columns on a multiple of eight. */
export function withHeader(state: Uint8Array, change: (header: unknown) => unknown): Uint8Array {
  const bytes = Buffer.from(state);
  const length = bytes.readUInt32LE(0);
  const text = Buffer.from(JSON.stringify(change(JSON.parse(bytes.toString('utf8', 8, 8 + length)))) ?? 'null');
  const head = Buffer.alloc((8 + text.length + 7) & ~7);
  head.writeUInt32LE(text.length);
  text.copy(head, 8);
  return Buffer.concat([head, bytes.subarray((8 + length + 7) & ~7)]);
}
