import type { ShowEvent } from '../allocator/events.ts';
import type { Hall } from '../allocator/hall.ts';
import { assertCounts, assertWhole } from '../allocator/invariants.ts';
import { Show } from '../allocator/show.ts';
import { decodeShow, laterPlansIn, stateHash } from '../allocator/snapshot.ts';
import type { Journal, JournalRow } from '../journal/journal.ts';
import { FIRST_PREV_HASH, rowHash } from '../journal/row-hash.ts';
import { plansAfter } from './later-hall.ts';
import type { MadeShow } from './shows.ts';
import type { Rules } from './turns.ts';

/** The journal of a show does not add up: it must not go on selling. */
export class JournalDamaged extends Error {
  constructor(showId: string, seq: number, what: string, options?: ErrorOptions) {
    super(`journal of ${showId}, row ${seq}: ${what}`, options);
    this.name = 'JournalDamaged';
  }
}

/** What a recovery needs of the journal: no lease. */
export type JournalToRead = Pick<Journal, 'readSnapshot' | 'rowsAfter' | 'readRow'>;

/** A show as of a row of its journal. Whoever goes on from it has it to himself. */
export interface Recovered {
  readonly show: Show;
  readonly lastHash: string;
  readonly eventsSinceSnapshot: number;
}

/**
 * Rebuilds a show from its snapshot, if there is a good one, and the rows after it; every row's place and hash is checked.
 * A snapshot that cannot be read, or is not of the row it names, is passed over: the journal alone is enough. One whose
 * row is missing is a sign that the journal lost its end.
 *
 * @param made what the catalogue says of the show; its terms are used only while the journal is empty.
 * @param prepared what an earlier recovery came to, to go on from; its hash is checked against the rows after it.
 * @throws JournalDamaged; FormatUnknown when the journal has a row in a form that its reader does not know.
 */
export async function recover(
  showId: string,
  made: MadeShow,
  journal: JournalToRead,
  rules: Rules,
  prepared: Recovered | null = null,
): Promise<Recovered> {
  const start = prepared ?? (await fromSnapshot(showId, made, journal));
  let show = start?.show ?? null;
  let lastHash = start?.lastHash ?? FIRST_PREV_HASH;
  let replayed = start?.eventsSinceSnapshot ?? 0;
  for await (const rows of journal.rowsAfter(showId, show?.seq ?? 0)) {
    for (const row of rows) {
      const before = show?.seq ?? 0;
      if (row.seq !== before + 1) throw new JournalDamaged(showId, row.seq, `follows row ${before}`);
      if (row.prevHash !== lastHash) throw new JournalDamaged(showId, row.seq, 'does not chain to the row before');
      if (rowHash({ showId, ...row }) !== row.hash)
        throw new JournalDamaged(showId, row.seq, 'its hash is not the hash of what it says');
      // Whoever sealed what cannot be read, or is not legal where it stands: no show is made of it.
      const events = orDamaged(showId, row.seq, () => JSON.parse(row.events) as ShowEvent[]);
      const next = show ?? orDamaged(showId, row.seq, () => openedBy(showId, made.hall, events[0], row));
      const planIds = orDamaged(showId, row.seq, () => plansAfter(next, events));
      if (planIds !== null) {
        next.comingHall = await made.laterHall(planIds);
        if (next.comingHall === null) throw new JournalDamaged(showId, row.seq, 'names a plan that nobody knows');
      }
      orDamaged(showId, row.seq, () => replayRow(next, events, row, rules));
      replayed += events.length;
      show = next;
      lastHash = row.hash;
    }
  }
  const whole = show ?? new Show(showId, made.hall, made.terms);
  if (whole.terms.planHash !== made.terms.planHash)
    throw new JournalDamaged(showId, whole.seq, 'was opened with another seating plan');
  orDamaged(showId, whole.seq, () => assertCounts(whole));
  return { show: whole, lastHash, eventsSinceSnapshot: replayed };
}

/** Whatever goes wrong in a step is damage of this row. */
function orDamaged<T>(showId: string, seq: number, step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (error instanceof JournalDamaged) throw error;
    throw new JournalDamaged(showId, seq, (error as Error).message, { cause: error });
  }
}

/** Applies the events of one row. */
export function replayRow(
  show: Show,
  events: readonly ShowEvent[],
  row: Pick<JournalRow, 'seq' | 'at'>,
  rules: Rules,
): void {
  for (let ordinal = 0; ordinal < events.length; ordinal++)
    rules.apply(show, events[ordinal], row.seq, ordinal, row.at);
  show.seq = row.seq;
  show.at = row.at;
  show.touched.length = 0;
}

/** The empty show that its first row opens. */
export function openedBy(showId: string, hall: Hall, first: ShowEvent | undefined, row: Pick<JournalRow, 'seq'>): Show {
  if (first?.type !== 'opened') throw new JournalDamaged(showId, row.seq, 'the journal does not begin with an opening');
  return new Show(showId, hall, first.terms);
}

async function fromSnapshot(showId: string, made: MadeShow, journal: JournalToRead): Promise<Recovered | null> {
  const snapshot = await journal.readSnapshot(showId);
  if (snapshot === null || stateHash(snapshot.state) !== snapshot.stateHash) return null;
  const row = await journal.readRow(showId, snapshot.seq);
  // A snapshot is only ever made of a durable row: without it the journal has lost its end, and sold seats with it.
  if (row === null) throw new JournalDamaged(showId, snapshot.seq, 'is missing, though a snapshot was made of it');
  if (row.hash !== snapshot.rowHash) return null;
  const plans = orNull(() => laterPlansIn(snapshot.state));
  if (plans === null) return null;
  const hall = plans.length === 0 ? made.hall : await made.laterHall(plans);
  if (hall === null) return null;
  return orNull(() => {
    const show = decodeShow(snapshot.state, showId, hall);
    assertWhole(show);
    return show.seq === snapshot.seq ? { show, lastHash: snapshot.rowHash, eventsSinceSnapshot: 0 } : null;
  });
}

/** Null for a snapshot that cannot be read. */
function orNull<T>(step: () => T): T | null {
  try {
    return step();
  } catch {
    return null;
  }
}
