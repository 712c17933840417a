import { RULES } from '../../../src/actors/turns.ts';
import type { Show } from '../../../src/allocator/show.ts';
import { encodeShow, stateHash } from '../../../src/allocator/snapshot.ts';
import type { AppendOutcome, JournalRow, Turn } from '../../../src/journal/journal.ts';
import { MemoryJournal } from '../../support/memory-journal.ts';
import { Forgets, type PlantedBugs, STRESS, withShow } from './bug.ts';

/** Says that a row is durable while it is still in memory: the last row of an epoch is gone when the process is. */
class AcknowledgesEarly extends MemoryJournal {
  #last: Turn | null = null;

  override rows(showId: string): readonly JournalRow[] {
    this.#lose();
    return super.rows(showId);
  }

  protected override write(turn: Turn): AppendOutcome {
    this.#lose();
    const outcome = super.write(turn);
    if (outcome === 'durable') this.#last = turn;
    return outcome;
  }

  #lose(): void {
    const last = this.#last;
    if (last === null || this.holds(last)) return;
    this.#last = null;
    (super.rows(last.showId) as JournalRow[]).pop();
  }
}

/** Writes for whoever asks. */
class Unfenced extends MemoryJournal {
  protected override holds(): boolean {
    return true;
  }
}

/** Takes an append whose outcome is unknown for one that was not written. */
class TakesUnknownForFenced extends MemoryJournal {
  override async append(turn: Turn): Promise<AppendOutcome> {
    const outcome = await super.append(turn);
    return outcome === 'unknown' ? 'fenced' : outcome;
  }
}

const forgetAnswers = (show: Show): void => show.answered.restore(0, new Uint32Array(0));

/** Keeps a snapshot with each append, before it is known whether the row is written, and vouches for the row. */
class SnapshotsAhead extends MemoryJournal {
  readonly #show: () => Show;
  constructor(show: () => Show) {
    super();
    this.#show = show;
  }

  override append(turn: Turn): Promise<AppendOutcome> {
    const state = encodeShow(this.#show());
    const { showId, seq, epoch, hash: rowHash } = turn;
    this.plantSnapshot(showId, { seq, epoch, rowHash, stateHash: stateHash(state), state });
    return super.append(turn);
  }

  override async readRow(showId: string, seq: number): Promise<JournalRow | null> {
    const row = await super.readRow(showId, seq);
    const turn = this.attempts.find((one) => one.seq === seq && one.hash === this.snapshot(showId)?.rowHash);
    return row ?? turn ?? null;
  }
}

/** A journal, or snapshots, that do not keep what was promised. */
export const JOURNAL_BUGS: PlantedBugs = {
  stress: STRESS,
  bugs: [
    ['an answer before the commit', 'I3', () => ({ rules: RULES, journal: new AcknowledgesEarly() })],
    ['an unknown outcome taken for "not done"', 'I3', () => ({ rules: RULES, journal: new TakesUnknownForFenced() })],
    ['a journal without a fence', 'I2', () => ({ rules: RULES, journal: new Unfenced() })],
    ['answers lost in the snapshot', 'I6', withShow((show) => new Forgets(show, forgetAnswers))],
    ['a snapshot ahead of the journal', 'I6', withShow((show) => new SnapshotsAhead(show))],
  ],
};
