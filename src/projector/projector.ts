import type { MadeShow } from '../actors/shows.ts';
import { backoffMs } from '../backoff.ts';
import { FormatUnknown } from '../formats.ts';
import type { Journal } from '../journal/journal.ts';
import type { Clock, Random, Timer, Timers } from '../ports.ts';
import type { Projections } from './projections.ts';
import { ProjectionFault } from './show-model.ts';

/*
 * A node's worker: reads what was journaled and takes it over into the read models. How it learns that there is something:
 *
 *   a turn of a show of this node is durable    the show's actor notes it, at the cost of a word in a set
 *   the node dies, or has noted too much        one node at a time sweeps over all shows, and finds those that are behind
 *
 * What happens on the way:
 *
 *   a crash before the transaction commits      nothing was taken over; the sweep finds the show
 *   its answer is lost                          the checkpoint says whether it was
 *   another node is at the show                 it is left to it, and looked at again
 *   a row that cannot be understood             the show's projection stops there, loudly, and is tried again now and then
 *
 * Nothing waits for the projector: neither turns nor answers.
 */

export const PROJECTOR_LIMITS = {
  /** Between looks at what was noted: the turns of that time are one transaction. */
  tickMs: 250,
  /** Shows at work at once. */
  concurrency: 2,
  /** Pages of a show's journal in a row, before others have their turn. */
  pages: 8,
  /** Shows noted at once; further ones are left to the sweep. */
  noted: 100_000,
  /** Between two pages of the sweep, in the whole cluster, and how many shows each has. */
  sweepMs: 1_000,
  sweepShows: 5_000,
  /** What is younger is still its owner's to take over. */
  sweepAgeMs: 5_000,
  /** Wait after a failure; doubled each time, and shortened at random by up to half. */
  retryBaseMs: 1_000,
  retryMaxMs: 60_000,
  /** Shows that failed and are remembered, at most; others are tried whenever they come up. */
  failed: 10_000,
} as const;

/** Counted since the start; the last three are of now. */
export interface ProjectorFigures {
  /** Rows of the journal taken over. */
  readonly rows: number;
  /** Attempts that failed, all of them to be repeated. */
  readonly failed: number;
  /** Shows of which a row cannot be understood. */
  readonly stopped: number;
  /** Shows that wait. */
  readonly waiting: number;
  /** How long the one has waited that waits longest. */
  readonly lagMs: number;
}

interface ProjectorLog {
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

export interface ProjectorDeps {
  readonly projections: Pick<Projections, 'checkpoint' | 'advance'>;
  readonly journal: Pick<Journal, 'rowsAfter'>;
  /** Null for an unknown show. */
  readonly load: (showId: string) => Promise<MadeShow | null>;
  /** The next shows that are behind, looked for at most every so often in the whole cluster. */
  readonly laggards: (everyMs: number, shows: number, ageMs: number) => Promise<readonly string[]>;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: ProjectorLog;
}

interface Failure {
  readonly count: number;
  readonly retryAt: number;
  readonly isStopped: boolean;
}

export class Projector {
  readonly #deps: ProjectorDeps;
  /** Shows with something new, and since when. */
  readonly #noted = new Map<string, number>();
  readonly #failures = new Map<string, Failure>();
  readonly #atWork = new Map<string, Promise<void>>();
  readonly #timers: Timer[] = [];
  #sweeping: Promise<void> | null = null;
  #isClosed = false;
  #isLost = false;
  #isSweepLost = false;
  #counts = { rows: 0, failed: 0 };

  constructor(deps: ProjectorDeps) {
    this.#deps = deps;
  }

  start(): void {
    const { timers } = this.#deps;
    this.#timers.push(
      timers.every(PROJECTOR_LIMITS.tickMs, () => this.#begin()),
      timers.every(PROJECTOR_LIMITS.sweepMs, () => this.#sweep()),
    );
  }

  /** A row of this show is durable. */
  note(showId: string): void {
    if (this.#noted.has(showId) || this.#noted.size >= PROJECTOR_LIMITS.noted) return;
    this.#noted.set(showId, this.#deps.clock.now());
  }

  figures(): ProjectorFigures {
    const now = this.#deps.clock.now();
    let oldest = now;
    for (const since of this.#noted.values()) oldest = Math.min(oldest, since);
    let stopped = 0;
    for (const failure of this.#failures.values()) if (failure.isStopped) stopped++;
    return {
      ...this.#counts,
      stopped,
      waiting: this.#noted.size,
      lagMs: now - oldest,
    };
  }

  /** Takes nothing new; what is at work ends or fails with its database. Never rejects; safe to call twice. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const timer of this.#timers) timer.cancel();
    await Promise.all([...this.#atWork.values(), this.#sweeping]);
  }

  #begin(): void {
    const now = this.#deps.clock.now();
    for (const [showId, since] of this.#noted) {
      if (this.#isClosed || this.#atWork.size >= PROJECTOR_LIMITS.concurrency) return;
      if (this.#atWork.has(showId)) continue;
      if ((this.#failures.get(showId)?.retryAt ?? 0) > now) continue;
      this.#noted.delete(showId);
      const work = this.#project(showId)
        .then((isDone) => {
          this.#failures.delete(showId);
          this.#isLost = false;
          if (!isDone) this.#noteAgain(showId, since);
          return isDone;
        })
        .catch((error: Error) => {
          this.#failed(showId, error);
          this.#noteAgain(showId, since);
          return false;
        })
        .then((isDone) => {
          this.#atWork.delete(showId);
          // What another node is at waits for the next tick.
          if (isDone) this.#begin();
        });
      this.#atWork.set(showId, work);
    }
  }

  /** It waits on, behind the others, and has waited since then. */
  #noteAgain(showId: string, since: number): void {
    this.#noted.delete(showId);
    this.#noted.set(showId, since);
  }

  /** Whether nothing is left for now that this node could take over. */
  async #project(showId: string): Promise<boolean> {
    const { projections, journal, load } = this.#deps;
    const made = await load(showId);
    if (made === null) throw new ProjectionFault('the show or its hall is not in the catalogue');
    let pages = 0;
    for await (const page of journal.rowsAfter(showId, await projections.checkpoint(showId))) {
      if (this.#isClosed || pages++ === PROJECTOR_LIMITS.pages) return false;
      if (!(await projections.advance(showId, made, page))) return false;
      this.#counts.rows += page.length;
    }
    return true;
  }

  #failed(showId: string, error: Error): void {
    const { clock, random, log } = this.#deps;
    const { retryBaseMs, retryMaxMs, failed } = PROJECTOR_LIMITS;
    const isStopped = error instanceof ProjectionFault || error instanceof FormatUnknown;
    const before = this.#failures.get(showId);
    this.#counts.failed++;
    // Once, not at every try.
    if (isStopped && !before?.isStopped) log.error({ err: error, showId }, 'projector: a show cannot be read on');
    else if (!isStopped && !this.#isLost) log.warn({ err: error, showId }, 'projector: a show cannot be read now');
    this.#isLost ||= !isStopped;
    if (before === undefined && this.#failures.size >= failed) return;
    const count = (before?.count ?? 0) + 1;
    const retryAt = clock.now() + backoffMs(random, retryBaseMs, retryMaxMs, count - 1);
    this.#failures.set(showId, { count, retryAt, isStopped });
  }

  #sweep(): void {
    const { sweepMs, sweepShows, sweepAgeMs } = PROJECTOR_LIMITS;
    this.#sweeping ??= this.#deps
      .laggards(sweepMs, sweepShows, sweepAgeMs)
      .then(
        (shows) => {
          this.#isSweepLost = false;
          for (const showId of shows) this.note(showId);
        },
        (error: Error) => {
          if (!this.#isSweepLost)
            this.#deps.log.warn({ err: error }, 'projector: shows that are behind cannot be found');
          this.#isSweepLost = true;
        },
      )
      .finally(() => {
        this.#sweeping = null;
      });
  }
}
