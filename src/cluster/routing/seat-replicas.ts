import { Places } from '../../actors/places.ts';
import type { SeatMap } from '../../actors/seat-map.ts';
import { type Hall, laterPlanIds } from '../../allocator/hall.ts';
import { type Refusal, RefusedError } from '../../errors.ts';
import type { Clock, Timers } from '../../ports.ts';
import type { Log } from '../../system/log.ts';
import type { SeatFetch } from './router.ts';
import { SeatReplica } from './seat-replica.ts';
import { laterPlansIn, readSeatsAnswer, SeatsAnswerInvalid } from './seat-wire.ts';

/** An owner that has not answered for so long is late: readers get what is known, marked stale. */
export const STALE_AFTER_MS = 500;
/** How long an owner is asked once. Meanwhile nobody waits for it any more, but the answer still counts. */
export const FETCH_MS = 5_000;
/** How often an owner that is late is asked again, at most. */
export const RETRY_MS = 250;
/** What was late so long ago, and not asked since, is waited for again. */
export const LATE_MS = 2_000;

/** How long a reader waits for seats that are rebuilt without their owner. */
export const REBUILD_WAIT_MS = 4_500;

/** What a node keeps of other nodes' shows at most; a seat costs five bytes. */
export interface ReplicaLimits {
  readonly shows: number;
  readonly seats: number;
}
const REPLICA_LIMITS: ReplicaLimits = { shows: 4_096, seats: 10_000_000 };
/** Shows of which nothing is known yet and that are asked for, at most; ids that nobody knows are among them. */
export const UNREAD_MAX = 1_024;
/** So many halls are looked up in the catalogue at once. */
const MAX_LOOK_UPS = 8;

const NO_SUCH_SHOW: Refusal = { code: 'NOT_FOUND', detail: 'There is no such show.' };
const TOO_MANY: Refusal = {
  code: 'OVERLOADED',
  detail: 'Too many shows are looked up; try again shortly.',
  retryAfter: 1,
};
const NOT_READ: Refusal = { code: 'UNAVAILABLE', detail: 'The seats cannot be read now; try again.', retryAfter: 1 };

export interface SeatReplicasOptions {
  /** Asks the owner. Never rejects, and resolves at its deadline or a little later. */
  readonly fetch: SeatFetch;
  /** The hall of a show once these plans replaced its first, of the catalogue; null for an unknown show. */
  readonly hallOf: (showId: string, laterPlans: readonly string[]) => Promise<Hall | null>;
  /** The last durable seats, rebuilt without the owner; null for an unknown show. */
  readonly readOnly: (showId: string) => Promise<SeatMap | null>;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Pick<Log, 'warn'>;
  readonly limits?: ReplicaLimits;
}

/** One question to the owner, and all who wait for what it brings. */
class Round {
  readonly answer: Promise<SeatMap | Refusal>;
  readonly settle: (answer: SeatMap | Refusal) => void;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<SeatMap | Refusal>();
    this.answer = promise;
    this.settle = resolve;
  }
}

/**
 * A show that this node reads and does not own:
 *
 *     unread ──► current ⇄ late
 *        └─────────────────►┘
 *
 * - unread: nothing is known. Readers wait for the owner's answer, or else for the seats rebuilt without it.
 * - current: readers wait for an answer to a question that was asked after they came.
 * - late: the owner did not answer in time. Readers get the last known at once, as stale; some of them have it asked again.
 */
interface Followed {
  readonly showId: string;
  /** Null while unread. */
  replica: SeatReplica | null;
  /** Whose question is under way. */
  current: Round | null;
  /** Of those who came since: what was asked before them may be answered with what was before them. */
  next: Round | null;
  /** When the owner was last found late; null while it answers. */
  lateAt: number | null;
  askedAt: number;
  /** Resolves to what could be had without the owner; null while nobody tries that. */
  rebuilding: Promise<SeatMap | Refusal> | null;
}

/**
 * The seats of shows of other nodes. Guarantee: what it gives was durable, is never older than what it gave before of
 * that show (while it is kept), and unless `stale` is no older than the moment it was asked for.
 */
export class SeatReplicas {
  readonly #options: SeatReplicasOptions;
  readonly #limits: ReplicaLimits;
  readonly #lookUps = new Places(MAX_LOOK_UPS);
  /** The least recently read first. */
  readonly #shows = new Map<string, Followed>();
  #unread = 0;
  #seats = 0;

  constructor(options: SeatReplicasOptions) {
    this.#options = options;
    this.#limits = options.limits ?? REPLICA_LIMITS;
  }

  /** Shows of which something is kept, and their seats. */
  get kept(): { readonly shows: number; readonly seats: number } {
    return { shows: this.#shows.size - this.#unread, seats: this.#seats };
  }

  /**
   * The seats of a show: live, to be read in the same tick. Never rejects.
   *
   * @param lastOwn what this node last published of it, while it owned the show; null if that is not known any more.
   */
  get(showId: string, lastOwn: SeatMap | null = null): Promise<SeatMap | Refusal> {
    const show = this.#followed(showId);
    if (show === null) return Promise.resolve(TOO_MANY);
    if (lastOwn !== null) this.#learn(show, lastOwn);
    if (show.replica !== null && this.#isLate(show)) {
      const mayAsk = show.current === null && this.#options.clock.now() - show.askedAt >= RETRY_MS;
      if (mayAsk) this.#begin(show, new Round());
      return Promise.resolve(show.replica.asStale);
    }
    if (show.next !== null) return show.next.answer;
    const round = new Round();
    const timer = this.#options.timers.after(STALE_AFTER_MS, () => this.#late(show));
    void round.answer.then(() => timer.cancel());
    if (show.current === null) this.#begin(show, round);
    else show.next = round;
    return round.answer;
  }

  // --- asking the owner ----------------------------------------------------------------------------------------------

  #begin(show: Followed, round: Round): void {
    show.current = round;
    show.askedAt = this.#options.clock.now();
    void this.#ask(show).then((failure) => this.#end(show, round, failure));
  }

  /** Why nothing newer is known; null if it is. */
  async #ask(show: Followed): Promise<Refusal | null> {
    const { showId } = show;
    try {
      // Before the owner is asked: ids that nobody knows get no further.
      const first = show.replica?.hall ?? (await this.#hallOf(showId, []));
      if (first === null) return NO_SUCH_SHOW;
      const known = show.replica;
      const since = known === null || known.owner === null ? null : { version: known.version, owner: known.owner };
      const fetched = await this.#options.fetch(showId, since, this.#options.clock.now() + FETCH_MS);
      if (!fetched.ok) return fetched.unreachable ? NOT_READ : fetched.refusal;
      const laterPlans = laterPlansIn(showId, fetched.value);
      const isFirst = isOfPlans(first, laterPlans);
      const hall = isFirst ? first : await this.#hallOf(showId, laterPlans);
      if (hall === null) return NO_SUCH_SHOW;
      const answer = readSeatsAnswer(showId, fetched.value, hall);
      const { replica } = show;
      // An older version comes from one that owned the show before, and does not know that it no longer does.
      if (replica !== null && answer.version < replica.version) return NOT_READ;
      if (replica !== null && isOfPlans(replica.hall, laterPlans)) return replica.apply(answer) ? null : NOT_READ;
      const whole = SeatReplica.first(showId, hall, answer);
      if (whole === null) throw new SeatsAnswerInvalid(showId, 'only changes, where all was asked for');
      this.#keep(show, whole);
      return null;
    } catch (error) {
      this.#options.log.warn({ err: error, showId }, 'the seats of another node’s show could not be read');
      return NOT_READ;
    }
  }

  #hallOf(showId: string, laterPlans: readonly string[]): Promise<Hall | null> {
    return this.#lookUps.run(() => this.#options.hallOf(showId, laterPlans));
  }

  #end(show: Followed, round: Round, failure: Refusal | null): void {
    const { replica, next } = show;
    show.current = null;
    if (failure === null && replica !== null) {
      show.lateAt = null;
      round.settle(replica);
      show.next = null;
      if (next !== null) this.#begin(show, next);
    } else if (failure?.code === 'NOT_FOUND' || (failure?.code === 'OVERLOADED' && replica === null)) {
      // No such show; or one whose owner has too much to do to wake it: rebuilding it here would be no less.
      show.next = null;
      for (const each of [round, next]) each?.settle(failure);
      if (failure.code === 'NOT_FOUND') this.#forget(show);
    } else {
      this.#late(show, round);
    }
    this.#tidy(show);
  }

  // --- without the owner ---------------------------------------------------------------------------------------------

  #isLate(show: Followed): boolean {
    if (show.lateAt === null) return false;
    if (show.current !== null || this.#options.clock.now() - show.lateAt < LATE_MS) return true;
    show.lateAt = null;
    return false;
  }

  /** The owner did not answer in time, or not at all: who waits gets what is known without it. */
  #late(show: Followed, ended: Round | null = show.current): void {
    show.lateAt = this.#options.clock.now();
    const waiting = [ended, show.next];
    show.next = null;
    if (show.replica === null) show.rebuilding ??= this.#rebuild(show);
    for (const round of waiting) {
      if (show.replica !== null) round?.settle(show.replica.asStale);
      else if (round !== null && show.rebuilding !== null) this.#await(show.rebuilding, round);
    }
  }

  #await(rebuilding: Promise<SeatMap | Refusal>, round: Round): void {
    const timer = this.#options.timers.after(REBUILD_WAIT_MS, () => round.settle(NOT_READ));
    void rebuilding.then(round.settle);
    void round.answer.then(() => timer.cancel());
  }

  async #rebuild(show: Followed): Promise<SeatMap | Refusal> {
    try {
      const map = await this.#options.readOnly(show.showId);
      if (map !== null) this.#learn(show, map);
      return show.replica?.asStale ?? NO_SUCH_SHOW;
    } catch (error) {
      if (error instanceof RefusedError) return error.refusal;
      this.#options.log.warn({ err: error, showId: show.showId }, 'the seats of a show could not be rebuilt');
      return NOT_READ;
    } finally {
      show.rebuilding = null;
      this.#tidy(show);
    }
  }

  // --- what is kept --------------------------------------------------------------------------------------------------

  /** The show's entry, now the most recently read; null when nothing is known of it and too many such are asked for. */
  #followed(showId: string): Followed | null {
    const known = this.#shows.get(showId);
    if (known !== undefined) {
      this.#shows.delete(showId);
      this.#shows.set(showId, known);
      return known;
    }
    if (this.#unread >= UNREAD_MAX) return null;
    const show: Followed = {
      showId,
      replica: null,
      current: null,
      next: null,
      lateAt: null,
      askedAt: Number.NEGATIVE_INFINITY,
      rebuilding: null,
    };
    this.#shows.set(showId, show);
    this.#unread++;
    return show;
  }

  #learn(show: Followed, map: SeatMap): void {
    const { replica } = show;
    if (replica !== null && map.version <= replica.version) return;
    if (replica !== null && isOfPlans(replica.hall, laterPlanIds(map.hall))) replica.adopt(map);
    else this.#keep(show, new SeatReplica(map, null));
  }

  /** The first that is known of the show, or all anew because its plan was replaced. */
  #keep(show: Followed, replica: SeatReplica): void {
    const before = show.replica;
    show.replica = replica;
    if (this.#shows.get(show.showId) !== show) return;
    if (before === null) this.#unread--;
    else this.#seats -= before.letters.length;
    this.#seats += replica.letters.length;
    for (const other of this.#shows.values()) {
      if (this.kept.shows <= this.#limits.shows && this.#seats <= this.#limits.seats) return;
      // Two entries of one show would ask twice at a time. The newest stays, however large.
      if (other.replica !== null && !isBusy(other) && other !== show) this.#forget(other);
    }
  }

  #forget(show: Followed): void {
    if (this.#shows.get(show.showId) !== show) return;
    this.#shows.delete(show.showId);
    if (show.replica === null) this.#unread--;
    else this.#seats -= show.replica.letters.length;
  }

  /** Nothing is kept of a show of which nothing could be read. */
  #tidy(show: Followed): void {
    if (show.replica === null && !isBusy(show)) this.#forget(show);
  }
}

function isOfPlans(hall: Hall, laterPlans: readonly string[]): boolean {
  const ids = laterPlanIds(hall);
  return ids.length === laterPlans.length && ids.every((id, i) => id === laterPlans[i]);
}

function isBusy(show: Followed): boolean {
  return show.current !== null || show.rebuilding !== null;
}
