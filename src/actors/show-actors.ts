import type { Command, Question } from '../allocator/commands.ts';
import type { Refusal } from '../errors.ts';
import type { Journal, ShardLeases } from '../journal/journal.ts';
import type { Clock, Timer, Timers } from '../ports.ts';
import { ActorSystem, type TurnActor } from './actor-system.ts';
import { refusedWith } from './answers.ts';
import { Inbox } from './inbox.ts';
import { Places } from './places.ts';
import { recover } from './recovery.ts';
import type { SeatMap } from './seat-map.ts';
import type { Answer, ShowSource, Shows } from './shows.ts';
import { isQuestion, type Rules, TurnLost, Turns } from './turns.ts';

/** What a node keeps awake at most. */
export interface AwakeLimits {
  /** Beyond so many shows a sleeping show cannot be asked. */
  readonly shows: number;
  /**
   * Seats of awake shows; each costs up to 100 bytes while its show is awake. With more, shows at rest go to sleep at
   * once, those that nobody asked for longest first.
   */
  readonly seats: number;
  /** With so many more than that, no show is woken to answer a mere question. */
  readonly seatsMargin: number;
}
/** About a gigabyte of seats. */
const AWAKE_LIMITS: AwakeLimits = { shows: 20_000, seats: 10_000_000, seatsMargin: 2_000_000 };
/** So many recoveries run at once, so that a restart does not flood the database. */
export const MAX_RECOVERIES = 8;
/** So many shows are looked up in the catalogue at once before they may recover. */
const MAX_LOOK_UPS = 8;
/** So many wait to be looked up; with more a sleeping show cannot be asked. Ids that nobody knows get no further. */
export const MAX_WAITING_LOOK_UPS = 1_024;
/** A show that was asked nothing for so long, and has nothing pending, goes to sleep. */
export const IDLE_MS = 60_000;
/** How often deadlines, idleness and shows to wake are looked at; one timer for all shows. */
export const SWEEP_MS = 250;
/** How often the unsettled orders of an awake show are named to settlement again, should it have dropped them. */
export const ANNOUNCE_MS = 60_000;
/** How long a reader of a seat map waits for its show to wake. */
const WAKE_LIMIT_MS = 10_000;
/** So many shows keep their snapshots at once when a node drains. */
const MAX_DRAINING = 8;
/** So many shows fall asleep at once: each makes its snapshot first, and thousands may be idle in the same sweep. */
const MAX_FALLING_ASLEEP = 8;
/** First and longest wait before a show that failed is woken again. */
const RESTART_FIRST_MS = 100;
const RESTART_MOST_MS = 30_000;

const TOO_LATE: Refusal = {
  code: 'OVERLOADED',
  detail: 'The show did not wake in time; this request was not begun.',
  retryAfter: 1,
};
const TOO_MANY_AWAKE: Refusal = {
  code: 'OVERLOADED',
  detail: 'Too many shows are awake; try again shortly.',
  retryAfter: 1,
};
const STOPPING: Refusal = { code: 'UNAVAILABLE', detail: 'This node is stopping; try again.', retryAfter: 1 };
const RESTARTS: Refusal = {
  code: 'UNAVAILABLE',
  detail: 'The show restarts; this request was not begun. Try again.',
  retryAfter: 1,
};
const NOT_RECOVERED: Refusal = {
  code: 'UNAVAILABLE',
  detail: 'The show cannot be recovered now; try again.',
  retryAfter: 1,
};
const NOT_OURS: Refusal = {
  code: 'UNAVAILABLE',
  detail: 'This node does not own the show now; try again.',
  retryAfter: 1,
};
const MOVES: Refusal = { code: 'UNAVAILABLE', detail: 'The show moves; try again.', retryAfter: 1 };
const NO_SUCH_SHOW: Refusal = { code: 'NOT_FOUND', detail: 'There is no such show.' };

export interface ActorLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface ShowActorsOptions {
  readonly source: ShowSource;
  readonly journal: Journal;
  readonly leases: ShardLeases;
  readonly shardOf: (showId: string) => number;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly rules: Rules;
  readonly log: ActorLog;
  /** Orders whose money has to be put to rest; the same ones again every {@link ANNOUNCE_MS}. */
  readonly onUnsettled: (showId: string, orders: readonly number[]) => void;
  readonly limits?: AwakeLimits;
}

/** For what a show is woken: to be read, to be changed, or for unfinished work that the journal or this node knows of. */
type Errand = 'question' | 'command' | 'pending';

/**
 * A show on this node:
 *
 *     waking ──► awake ──► stopping ──► (gone: asleep)
 *        └─────────┴──────────────────► (gone: failed; woken again)
 */
interface Entry {
  state: 'waking' | 'awake' | 'stopping';
  readonly showId: string;
  readonly shard: number;
  readonly inbox: Inbox;
  /** Whether it is certain that there is such a show. */
  isKnown: boolean;
  /** Whether it wakes for more than questions. */
  isNeeded: boolean;
  /** Counted into the seats of awake shows; 0 until its hall is known. */
  seats: number;
  /** Under which it recovered; 0 while waking. */
  epoch: number;
  turns: Turns | null;
  actor: TurnActor | null;
  lastAsked: number;
  announcedAt: number;
  /** Resolves when the show is awake or gone. */
  woken: Promise<void>;
}

/** What the node counts of its shows, for `/metrics`. */
export interface ActorCounts {
  turns: number;
  commands: number;
  events: number;
  recoveries: number;
  restarts: number;
  turnedAway: number;
}

/** The shows of this node, each an actor that is woken when it is asked and sleeps when it is idle. */
export class ShowActors implements Shows {
  readonly counts: ActorCounts = { turns: 0, commands: 0, events: 0, recoveries: 0, restarts: 0, turnedAway: 0 };
  readonly #options: ShowActorsOptions;
  readonly #system = new ActorSystem();
  readonly #entries = new Map<string, Entry>();
  /** Shards in which an append was lost under their present epoch. */
  readonly #doubtful = new Set<number>();
  readonly #advancing = new Map<number, Promise<number | null>>();
  /** The last wait of shows that failed and have not worked since. */
  readonly #restartDelays = new Map<string, number>();
  /** Shows with unfinished work that are to be woken, and when. Only shows that there are: each at most once. */
  readonly #toWake = new Map<string, number>();
  readonly #limits: AwakeLimits;
  readonly #lookUps = new Places(MAX_LOOK_UPS);
  readonly #recoveries = new Places(MAX_RECOVERIES);
  /** Of all entries, and of those among them that fall asleep. */
  #seats = 0;
  #seatsLeaving = 0;
  #draining = false;
  #lulling = false;
  readonly #sweep: Timer;

  constructor(options: ShowActorsOptions) {
    this.#options = options;
    this.#limits = options.limits ?? AWAKE_LIMITS;
    this.#sweep = options.timers.every(SWEEP_MS, () => this.#sweepShows());
  }

  get awake(): number {
    return this.#entries.size;
  }

  /** Whether this node is stopping, and takes no more requests. */
  get isDraining(): boolean {
    return this.#draining;
  }

  /** Requests that wait, over all shows. */
  get waiting(): number {
    let waiting = 0;
    for (const entry of this.#entries.values()) waiting += entry.inbox.size;
    return waiting;
  }

  ask<T>(showId: string, message: Command | Question, deadline: number): Promise<Answer<T>> {
    return new Promise((resolve) => {
      const errand = isQuestion(message) ? 'question' : 'command';
      const entry = this.#entry(showId, errand);
      if (entry === null) {
        resolve(this.#away());
        return;
      }
      entry.isNeeded ||= errand !== 'question';
      entry.lastAsked = this.#options.clock.now();
      const taken = entry.inbox.offer({ message, deadline, answer: resolve as (answer: Answer) => void });
      if (!taken) {
        this.counts.turnedAway++;
        resolve(refusedWith('OVERLOADED', 'Too many requests wait for this show; try again shortly.', 1) as Answer<T>);
        return;
      }
      entry.actor?.schedule();
    });
  }

  async seatMap(showId: string): Promise<SeatMap | Refusal> {
    const awake = this.#entries.get(showId);
    if (awake?.turns) {
      awake.lastAsked = this.#options.clock.now();
      return awake.turns.seats;
    }
    const summary = await this.ask(showId, { type: 'get-summary' }, this.#options.clock.now() + WAKE_LIMIT_MS);
    if (!summary.ok) return summary.refusal;
    return this.#entries.get(showId)?.turns?.seats ?? MOVES;
  }

  /**
   * Wakes shows that have something pending, without asking them anything. Resolves when those that could be begun are
   * awake or gone; the others are woken as soon as there is room.
   */
  async wake(showIds: readonly string[]): Promise<void> {
    const entries = showIds.map((showId) => this.#wakeOrRemember(showId));
    await Promise.all(entries.map((entry) => entry?.woken));
  }

  /** Stops admission, finishes what waits, keeps snapshots and stops the actors. */
  async drain(): Promise<void> {
    this.#draining = true;
    this.#sweep.cancel();
    const entries = [...this.#entries.values()];
    const next = async (): Promise<void> => {
      for (let entry = entries.pop(); entry !== undefined; entry = entries.pop()) {
        await entry.woken;
        await this.#finish(entry);
      }
    };
    await Promise.all(Array.from({ length: MAX_DRAINING }, next));
    this.#system.close();
  }

  // --- waking ----------------------------------------------------------------------------------------------------

  /** The show's entry, begun if it sleeps; null when it cannot be. */
  #entry(showId: string, errand: Errand): Entry | null {
    const known = this.#entries.get(showId);
    if (this.#draining) return null;
    if (known !== undefined) return known;
    if (this.#entries.size >= this.#limits.shows) return null;
    if (errand !== 'pending' && this.#lookUps.waiting >= MAX_WAITING_LOOK_UPS) return null;
    if (errand === 'question' && this.#isCrowded()) return null;
    const now = this.#options.clock.now();
    const entry: Entry = {
      state: 'waking',
      showId,
      shard: this.#options.shardOf(showId),
      inbox: new Inbox(),
      isKnown: errand === 'pending',
      isNeeded: errand !== 'question',
      seats: 0,
      epoch: 0,
      turns: null,
      actor: null,
      lastAsked: now,
      announcedAt: now,
      woken: Promise.resolve(),
    };
    this.#entries.set(showId, entry);
    entry.woken = this.#awaken(entry);
    return entry;
  }

  /** Whether so many seats are awake that no show is woken for a question. */
  #isCrowded(): boolean {
    return this.#seats > this.#limits.seats + this.#limits.seatsMargin;
  }

  #away<T>(): Answer<T> {
    this.counts.turnedAway++;
    return { ok: false, refusal: this.#draining ? STOPPING : TOO_MANY_AWAKE, replayed: false };
  }

  /** Looks the show up, recovers it and starts its actor. Never rejects: a failure is the answer to all who wait. */
  async #awaken(entry: Entry): Promise<void> {
    const { showId } = entry;
    try {
      // Before it takes one of the few places of recoveries: anybody can ask for ids that nobody knows.
      if (!entry.isKnown && !(await this.#lookUps.run(() => this.#options.source.exists(showId)))) {
        this.#gone(entry, NO_SUCH_SHOW);
        return;
      }
      entry.isKnown = true;
      const refusal = await this.#recoveries.run(() => this.#recover(entry));
      if (refusal === null) return;
      this.#restartDelays.delete(showId);
      this.#gone(entry, refusal);
    } catch (error) {
      this.#options.log.error({ err: error, showId }, 'the show cannot be recovered');
      this.#gone(entry, NOT_RECOVERED);
      // Of one that nobody could look up nothing is known to be pending; there may not even be such a show.
      if (entry.isKnown) this.#wakeLater(showId);
    }
  }

  /** Wakes the show; or says why that is not to be. */
  async #recover(entry: Entry): Promise<Refusal | null> {
    const { showId, shard, inbox } = entry;
    const { source, journal, clock, rules, onUnsettled } = this.#options;
    const epoch = await this.#epochFor(shard);
    if (epoch === null) return NOT_OURS;
    const made = await source.load(showId);
    if (made === null) return NO_SUCH_SHOW;
    // Many may have been let in before the first of them was counted.
    if (!entry.isNeeded && this.#isCrowded()) return TOO_MANY_AWAKE;
    entry.seats = made.hall.seatCount;
    this.#seats += entry.seats;
    const recovered = await recover(showId, made.hall, made.terms, journal, rules);
    this.counts.recoveries++;
    const turns = new Turns({
      ...recovered,
      shard,
      epoch,
      inbox,
      journal,
      clock,
      rules,
      onUnsettled,
      onTurn: (commands, events) => {
        // Only a show that does its work has recovered from what stopped it.
        this.#restartDelays.delete(showId);
        this.counts.turns++;
        this.counts.commands += commands;
        this.counts.events += events;
      },
    });
    const turn = async (): Promise<boolean> => {
      await turns.run();
      return turns.isDue();
    };
    const actor = this.#system.spawn(shard, showId, turn, (error) => {
      if (error !== null) this.#failed(entry, error);
    });
    entry.epoch = epoch;
    entry.turns = turns;
    entry.actor = actor;
    entry.state = 'awake';
    entry.announcedAt = clock.now();
    turns.announceUnsettled();
    if (turns.isDue()) actor.schedule();
    return null;
  }

  /** Forgets the entry, unless another has its place by now. */
  #remove(entry: Entry): void {
    if (this.#entries.get(entry.showId) !== entry) return;
    this.#entries.delete(entry.showId);
    this.#seats -= entry.seats;
  }

  /** The show could not wake, or stopped: whoever waits hears why. */
  #gone(entry: Entry, refusal: Refusal): void {
    this.#remove(entry);
    entry.inbox.refuseAll(refusal);
  }

  /** The actor crashed: its state is thrown away, and the show recovers under an epoch that no lost append can reach. */
  #failed(entry: Entry, error: Error): void {
    const { log, leases } = this.#options;
    this.counts.restarts++;
    log.error({ err: error, showId: entry.showId }, 'the show stopped and will be recovered');
    // The lost append may yet land; under a newer epoch it no longer can.
    if (error instanceof TurnLost && leases.epochOf(entry.shard) === entry.epoch) this.#doubtful.add(entry.shard);
    this.#gone(entry, RESTARTS);
    this.#wakeLater(entry.showId);
  }

  /**
   * The epoch under which shows of the shard may recover, or null if the shard is not this node's. A shard in doubt is
   * moved to a new epoch first; while that is not possible, nothing of it recovers.
   */
  async #epochFor(shard: number): Promise<number | null> {
    if (!this.#doubtful.has(shard)) return this.#options.leases.epochOf(shard);
    let advancing = this.#advancing.get(shard);
    if (advancing === undefined) {
      advancing = this.#options.leases
        .advance(shard)
        .then((epoch) => {
          this.#doubtful.delete(shard);
          return epoch;
        })
        .finally(() => this.#advancing.delete(shard));
      this.#advancing.set(shard, advancing);
    }
    return advancing;
  }

  #wakeLater(showId: string): void {
    const delay = Math.min(RESTART_MOST_MS, (this.#restartDelays.get(showId) ?? RESTART_FIRST_MS / 2) * 2);
    this.#restartDelays.set(showId, delay);
    this.#toWake.set(showId, this.#options.clock.now() + delay);
  }

  /** Begins to wake the show; if there is no room now, the sweep tries again. */
  #wakeOrRemember(showId: string): Entry | null {
    const entry = this.#entry(showId, 'pending');
    if (entry === null) this.#toWake.set(showId, this.#options.clock.now());
    else {
      this.#toWake.delete(showId);
      entry.isKnown = true;
      entry.isNeeded = true;
    }
    return entry;
  }

  // --- the sweep -------------------------------------------------------------------------------------------------

  #sweepShows(): void {
    const now = this.#options.clock.now();
    const drowsy: Entry[] = [];
    for (const entry of this.#entries.values()) {
      if (entry.state === 'waking') entry.inbox.refuseOverdue(now, TOO_LATE);
      if (entry.state !== 'awake' || entry.turns === null) continue;
      if (now - entry.announcedAt >= ANNOUNCE_MS) {
        entry.announcedAt = now;
        entry.turns.announceUnsettled();
      }
      if (entry.turns.isDue()) entry.actor?.schedule();
      else if (!this.#lulling && this.#maySleep(entry)) drowsy.push(entry);
    }
    if (drowsy.length > 0) void this.#lull(drowsy);
    for (const [showId, at] of this.#toWake) {
      if (at <= now && this.#wakeOrRemember(showId) === null) break;
    }
  }

  /** Whether the show has nothing to do, and was idle for long or its room is needed. */
  #maySleep(entry: Entry): boolean {
    return (
      entry.state === 'awake' &&
      this.#entries.get(entry.showId) === entry &&
      (this.#seats - this.#seatsLeaving > this.#limits.seats ||
        this.#options.clock.now() - entry.lastAsked >= IDLE_MS) &&
      entry.turns?.isAtRest() === true
    );
  }

  /** Puts shows to sleep, a few at a time, least recently asked first; those that are wanted meanwhile stay awake. */
  async #lull(drowsy: Entry[]): Promise<void> {
    this.#lulling = true;
    drowsy.sort((a, b) => b.lastAsked - a.lastAsked);
    const next = async (): Promise<void> => {
      for (let entry = drowsy.pop(); entry !== undefined; entry = drowsy.pop()) {
        if (this.#draining || !this.#maySleep(entry)) continue;
        this.#seatsLeaving += entry.seats;
        await this.#sleep(entry);
        this.#seatsLeaving -= entry.seats;
      }
    };
    await Promise.all(Array.from({ length: MAX_FALLING_ASLEEP }, next));
    this.#lulling = false;
  }

  async #sleep(entry: Entry): Promise<void> {
    entry.state = 'stopping';
    try {
      await entry.turns?.keepSnapshot();
    } catch (error) {
      this.#options.log.warn({ err: error, showId: entry.showId }, 'no snapshot was kept before sleep');
    }
    if (this.#entries.get(entry.showId) !== entry) return;
    if (!entry.turns?.isAtRest()) {
      // Someone asked meanwhile.
      entry.state = 'awake';
      entry.actor?.schedule();
      return;
    }
    this.#remove(entry);
    this.#restartDelays.delete(entry.showId);
    await entry.actor?.stop();
  }

  /** Lets a show finish what waits, then keeps its snapshot and stops it. */
  async #finish(entry: Entry): Promise<void> {
    if (entry.turns === null || entry.actor === null || !this.#entries.has(entry.showId)) return;
    while (entry.inbox.size > 0 && this.#entries.has(entry.showId)) {
      entry.actor.schedule();
      await new Promise<void>((resolve) => this.#options.timers.after(1, resolve));
    }
    this.#remove(entry);
    await entry.actor.stop();
    entry.inbox.refuseAll(STOPPING);
    try {
      await entry.turns.keepSnapshot();
    } catch (error) {
      this.#options.log.warn({ err: error, showId: entry.showId }, 'no snapshot was kept on the way out');
    }
  }
}
