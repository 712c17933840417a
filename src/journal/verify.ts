import { hash } from 'node:crypto';
import type { ShowEvent } from '../allocator/events.ts';
import type { JournalRow, Snapshot } from './journal.ts';
import { FIRST_PREV_HASH, rowHash, WRITER_SINCE } from './row-hash.ts';
import { RowFormatUnknown } from './rows.ts';
import { SoldSeats } from './sold-seats.ts';

/** Faults that are told, at most; the verification ends with the last. */
const FAULT_LIMIT = 1_000;

/** What is verified. */
export interface VerifiedJournal {
  journaledShows(): AsyncIterable<readonly string[]>;
  rowsAfter(showId: string, after: number): AsyncIterable<readonly JournalRow[]>;
  readSnapshot(showId: string): Promise<Snapshot | null>;
}

/** One show under replay. Each method throws when an invariant does not hold. */
export interface Replay {
  /** Seats and general-admission places. */
  readonly seats: number;
  /** One row's events, each of which must be legal in the state it meets (I1, I4, I8). */
  apply(events: readonly ShowEvent[], at: number, seq: number): Promise<void>;
  /** What must hold of the state as a whole (I1, I5): at the cost of the hall. */
  assertInvariants(): void;
  /** SHA-256 (hex) of the state as a snapshot of it would be kept. */
  stateHash(): string;
}

/** What a replay needs besides the journal cannot be read now: that is no fault of a row. */
export class ReplayHindered extends Error {
  override readonly name = 'ReplayHindered';
}

export interface Replays {
  /** The show before its first event, or null if the show or its hall is not known. */
  open(showId: string): Promise<Replay | null>;
  /** The show as the snapshot's bytes tell it; null if an older version wrote less than there is to tell. Throws if they cannot be read. */
  openSnapshot(showId: string, state: Uint8Array): Promise<Replay | null>;
}

export interface VerifyFault {
  readonly showId: string;
  /** The row that is wrong or before which one is missing; 0 when no row is to blame. */
  readonly seq: number;
  readonly what: string;
}

export interface VerifyReport {
  shows: number;
  rows: number;
  seats: number;
  soldTwice: number;
  faults: VerifyFault[];
}

/** What ends the verification of a show. */
class Fault extends Error {
  readonly seq: number;
  constructor(seq: number, what: string, options?: ErrorOptions) {
    super(what, options);
    this.seq = seq;
  }
}

/**
 * Replays every show's journal from its first row and checks on the way that rows are gapless and epochs never fall
 * (I2), that each row is hashed and chained as it was written, that under one epoch one incarnation wrote (of rows that
 * name their writer), that every event is legal and the counts add up (I1, I4, I5, I8), that no seat is sold twice, and
 * that a snapshot, and what follows from it, equals the replay (I6). A row in an unknown form is a fault. The first fault
 * of a show ends that show; the others go on. Memory: one show's state (twice after a snapshot), one page.
 * Rejects only when the journal cannot be read, or what a replay needs besides it.
 */
export async function verifyJournal(journal: VerifiedJournal, replays: Replays): Promise<VerifyReport> {
  const report: VerifyReport = { shows: 0, rows: 0, seats: 0, soldTwice: 0, faults: [] };
  for await (const page of journal.journaledShows()) {
    for (const showId of page) {
      report.shows++;
      const sold = new SoldSeats();
      try {
        await verifyShow(journal, replays, showId, sold, report);
      } catch (error) {
        if (!(error instanceof Fault || error instanceof RowFormatUnknown)) throw error;
        report.faults.push({ showId, seq: error.seq, what: error.message });
        if (report.faults.length === FAULT_LIMIT) return report;
      } finally {
        report.soldTwice += sold.twice;
      }
    }
  }
  return report;
}

async function verifyShow(
  journal: VerifiedJournal,
  replays: Replays,
  showId: string,
  sold: SoldSeats,
  report: VerifyReport,
): Promise<void> {
  // Read before the rows: the journal only grows, so that all the snapshot stands on is there.
  const snapshot = await journal.readSnapshot(showId);
  const replay = await replays.open(showId);
  if (replay === null) throw new Fault(0, 'the show or its hall is not in the catalogue');
  report.seats += replay.seats;
  let fromSnapshot: Replay | null = null;
  let isOutdated = false;
  let last: Link = { seq: 0, epoch: 0, at: 0, writer: null, hash: FIRST_PREV_HASH };
  for await (const page of journal.rowsAfter(showId, 0)) {
    for (const row of page) {
      checkLink(showId, row, last);
      const events = eventsOf(row);
      checkSales(row, events, sold);
      await replayed(replay, row, events);
      if (fromSnapshot !== null) await replayed(fromSnapshot, row, events);
      if (snapshot?.seq === row.seq) {
        fromSnapshot = await openSnapshot(replays, showId, snapshot, row, replay);
        isOutdated = fromSnapshot === null;
      }
      report.rows++;
      last = { ...row, writer: writerUnderEpoch(row, last) };
    }
    legal(last.seq, () => replay.assertInvariants());
  }
  if (last.seq === 0) throw new Fault(0, 'the show has a snapshot, but no rows');
  // A recovery passes an outdated one over too.
  if (snapshot === null || isOutdated) return;
  if (fromSnapshot === null)
    throw new Fault(last.seq, `rows after ${last.seq} are missing: the snapshot is of row ${snapshot.seq}`);
  if (fromSnapshot.stateHash() !== replay.stateHash()) {
    throw new Fault(last.seq, `I6: snapshot ${snapshot.seq} and the rows after it do not give the replay's state`);
  }
}

/** A row that was checked. */
interface Link extends Pick<JournalRow, 'seq' | 'epoch' | 'at' | 'hash'> {
  /** Who wrote under its epoch, if a row has said so. */
  readonly writer: string | null;
}

/** A row of the first form leaves open who wrote it. */
function writerUnderEpoch(row: JournalRow, last: Link): string | null {
  return row.writer ?? (row.epoch === last.epoch ? last.writer : null);
}

function checkLink(showId: string, row: JournalRow, last: Link): void {
  const { seq } = row;
  if (seq !== last.seq + 1) throw new Fault(seq, `I2: row ${seq} follows row ${last.seq}`);
  if (row.epoch < last.epoch) throw new Fault(seq, `I2: epoch ${row.epoch} follows epoch ${last.epoch}`);
  if (row.prevHash !== last.hash) throw new Fault(seq, 'the row does not chain to the row before it');
  if (row.hash !== rowHash({ ...row, showId })) throw new Fault(seq, 'the row does not match its hash: it was changed');
  if (row.at < last.at) throw new Fault(seq, `time runs back from ${last.at} to ${row.at}`);
  checkWriter(row, last);
}

/** An epoch is one incarnation's: a second writer under it got past the fence. */
function checkWriter({ seq, epoch, format, writer }: JournalRow, last: Link): void {
  if ((writer !== null) !== format >= WRITER_SINCE) {
    throw new Fault(seq, writer === null ? 'the row names no writer' : `a row of format ${format} names a writer`);
  }
  if (writer === null || last.writer === null || epoch !== last.epoch || writer === last.writer) return;
  throw new Fault(seq, `I2: ${writer} wrote under epoch ${epoch}, which was ${last.writer}'s`);
}

function eventsOf(row: JournalRow): readonly ShowEvent[] {
  let events: unknown;
  try {
    events = JSON.parse(row.events);
  } catch (error) {
    throw new Fault(row.seq, 'the events are not JSON', { cause: error });
  }
  const isList = Array.isArray(events) && events.length > 0 && events.every((event) => typeof event?.type === 'string');
  if (!isList) throw new Fault(row.seq, 'the row has no list of events');
  return events as ShowEvent[];
}

function checkSales(row: JournalRow, events: readonly ShowEvent[], sold: SoldSeats): void {
  for (const event of events) {
    const wrong = legal(row.seq, () => sold.note(event));
    if (wrong !== null) throw new Fault(row.seq, `I1: ${wrong}`);
  }
}

const NOT_THE_REPLAY = "I6: the snapshot is not the replay's state";

async function openSnapshot(
  replays: Replays,
  showId: string,
  snapshot: Snapshot,
  row: JournalRow,
  replay: Replay,
): Promise<Replay | null> {
  if (snapshot.rowHash !== row.hash || snapshot.epoch < row.epoch)
    throw new Fault(row.seq, 'the snapshot is not of this row');
  if (hash('sha256', snapshot.state, 'hex') !== snapshot.stateHash) {
    throw new Fault(row.seq, 'the snapshot does not match its hash: it was changed');
  }
  const isSame = snapshot.stateHash === replay.stateHash();
  const opened = await replays.openSnapshot(showId, snapshot.state).catch((error: unknown) => {
    if (error instanceof ReplayHindered) throw error;
    const what = isSame ? `the snapshot cannot be read: ${(error as Error).message}` : NOT_THE_REPLAY;
    throw new Fault(row.seq, what, { cause: error });
  });
  if (opened !== null && !isSame) throw new Fault(row.seq, NOT_THE_REPLAY);
  return opened;
}

async function replayed(replay: Replay, { seq, at }: JournalRow, events: readonly ShowEvent[]): Promise<void> {
  await replay.apply(events, at, seq).catch((error: unknown) => {
    if (error instanceof ReplayHindered) throw error;
    throw new Fault(seq, (error as Error).message, { cause: error });
  });
}

/** What the replay refuses is a fault of this row. */
function legal<T>(seq: number, step: () => T): T {
  try {
    return step();
  } catch (error) {
    throw new Fault(seq, (error as Error).message, { cause: error });
  }
}
