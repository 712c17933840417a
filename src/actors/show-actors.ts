import type { Command, Question } from '../allocator/commands.ts';
import { ORDER } from '../allocator/orders.ts';
import type { Show } from '../allocator/show.ts';
import type { Refusal } from '../errors.ts';
import type { Journal, ShardLeases } from '../journal/journal.ts';
import type { Clock, Timer, Timers } from '../ports.ts';
import { ActorSystem, type TurnActor } from './actor-system.ts';
import { refusedWith } from './answers.ts';
import { Inbox } from './inbox.ts';
import { recover } from './recovery.ts';
import type { SeatMap } from './seat-map.ts';
import type { Answer, ShowSource, Shows } from './shows.ts';
import { type Rules, TurnLost, Turns } from './turns.ts';

/** So many shows are awake on a node at once; beyond it a sleeping show cannot be asked. */
export const MAX_AWAKE_SHOWS = 20_000;
/** So many recoveries run at once, so that a restart does not flood the database. */
export const MAX_RECOVERIES = 8;
/** A show that was asked nothing for so long, and has nothing pending, goes to sleep. */
export const IDLE_MS = 60_000;
/** How often deadlines and idleness are looked at; one timer for all shows. */
export const SWEEP_MS = 250;
/** How long a reader of a seat map waits for its show to wake. */
const WAKE_LIMIT_MS = 10_000;
/** So many shows keep their snapshots at once when a node drains. */
const MAX_DRAINING = 8;
/** So many idle shows fall asleep at once: each makes its snapshot first, and thousands may be idle in the same sweep. */
const MAX_FALLING_ASLEEP = 8;
/** First and longest wait before a show that failed is woken again. */
const RESTART_FIRST_MS = 100;
const RESTART_MOST_MS = 30_000;

const TOO_LATE: Refusal = {
  code: 'OVERLOADED',
  detail: 'The show did not wake in time; nothing was done.',
  retryAfter: 1,
};

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
  readonly onUnsettled: (showId: string, orders: readonly number[]) => void;
}

/**
 * A show on this node:
 *
 *     waking ──► awake ──► stopping ──► (gone: asleep)
 *        └─────────┴──────────────────► (gone: failed; woken again if anything was pending)
 */
interface Entry {
  state: 'waking' | 'awake' | 'stopping';
  readonly showId: string;
  readonly shard: number;
  readonly inbox: Inbox;
  /** Under which it recovered; 0 while waking. */
  epoch: number;
  turns: Turns | null;
  actor: TurnActor | null;
  lastAsked: number;
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
  readonly #restartDelays = new Map<string, number>();
  #recovering = 0;
  readonly #recoveryQueue: (() => void)[] = [];
  #draining = false;
  #lulling = false;
  readonly #sweep: Timer;

  constructor(options: ShowActorsOptions) {
    this.#options = options;
    this.#sweep = options.timers.every(SWEEP_MS, () => this.#sweepShows());
  }

  get awake(): number {
    return this.#entries.size;
  }

  /** Requests that wait, over all shows. */
  get waiting(): number {
    let waiting = 0;
    for (const entry of this.#entries.values()) waiting += entry.inbox.size;
    return waiting;
  }

  ask<T>(showId: string, message: Command | Question, deadline: number): Promise<Answer<T>> {
    return new Promise((resolve) => {
      const entry = this.#entry(showId);
      if (entry === null) {
        resolve(this.#away());
        return;
      }
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
    return (
      this.#entries.get(showId)?.turns?.seats ?? {
        code: 'UNAVAILABLE',
        detail: 'The show moves; try again.',
        retryAfter: 1,
      }
    );
  }

  /** Wakes shows that have something pending, without asking them anything. */
  async wake(showIds: readonly string[]): Promise<void> {
    await Promise.all(showIds.map((showId) => this.#entry(showId)?.woken));
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

  /** The show's entry, begun if it sleeps; null when it cannot be. */
  #entry(showId: string): Entry | null {
    const known = this.#entries.get(showId);
    if (this.#draining) return null;
    if (known !== undefined) return known;
    if (this.#entries.size >= MAX_AWAKE_SHOWS) return null;
    const entry: Entry = {
      state: 'waking',
      showId,
      shard: this.#options.shardOf(showId),
      inbox: new Inbox(),
      epoch: 0,
      turns: null,
      actor: null,
      lastAsked: this.#options.clock.now(),
      woken: Promise.resolve(),
    };
    this.#entries.set(showId, entry);
    entry.woken = this.#awaken(entry);
    return entry;
  }

  #away<T>(): Answer<T> {
    this.counts.turnedAway++;
    const why = this.#draining ? 'This node is stopping; try again.' : 'Too many shows are awake; try again shortly.';
    return refusedWith(this.#draining ? 'UNAVAILABLE' : 'OVERLOADED', why, 1) as Answer<T>;
  }

  /** Recovers the show and starts its actor. Never rejects: a failure is the answer to all who wait. */
  async #awaken(entry: Entry): Promise<void> {
    const { showId, shard, inbox } = entry;
    await this.#recoveryTurn();
    try {
      const { source, journal, clock, rules, onUnsettled } = this.#options;
      const epoch = await this.#epochFor(shard);
      if (epoch === null) {
        this.#gone(entry, {
          code: 'UNAVAILABLE',
          detail: 'This node does not own the show now; try again.',
          retryAfter: 1,
        });
        return;
      }
      const made = await source.load(showId);
      if (made === null) {
        this.#restartDelays.delete(showId);
        this.#gone(entry, { code: 'NOT_FOUND', detail: 'There is no such show.' });
        return;
      }
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
      const unsettled = unsettledOrders(recovered.show);
      if (unsettled.length > 0) onUnsettled(showId, unsettled);
      if (turns.isDue()) actor.schedule();
    } catch (error) {
      this.#options.log.error({ err: error, showId }, 'the show cannot be recovered');
      this.#gone(entry, { code: 'UNAVAILABLE', detail: 'The show cannot be recovered now; try again.', retryAfter: 1 });
      this.#wakeLater(showId);
    } finally {
      this.#recovering--;
      this.#recoveryQueue.shift()?.();
    }
  }

  /** Waits for one of the {@link MAX_RECOVERIES} places. */
  async #recoveryTurn(): Promise<void> {
    while (this.#recovering >= MAX_RECOVERIES) {
      await new Promise<void>((resolve) => this.#recoveryQueue.push(resolve));
    }
    this.#recovering++;
  }

  #gone(entry: Entry, refusal: Refusal): void {
    if (this.#entries.get(entry.showId) === entry) this.#entries.delete(entry.showId);
    entry.inbox.refuseAll(refusal);
  }

  /** The actor crashed: its state is thrown away, and the show recovers under an epoch that no lost append can reach. */
  #failed(entry: Entry, error: Error): void {
    const { log, leases } = this.#options;
    this.counts.restarts++;
    log.error({ err: error, showId: entry.showId }, 'the show stopped and will be recovered');
    // The lost append may yet land; under a newer epoch it no longer can.
    if (error instanceof TurnLost && leases.epochOf(entry.shard) === entry.epoch) this.#doubtful.add(entry.shard);
    this.#gone(entry, {
      code: 'UNAVAILABLE',
      detail: 'The show restarts; nothing was done. Try again.',
      retryAfter: 1,
    });
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
    if (this.#draining || this.#restartDelays.size >= MAX_AWAKE_SHOWS) return;
    const delay = Math.min(RESTART_MOST_MS, (this.#restartDelays.get(showId) ?? RESTART_FIRST_MS / 2) * 2);
    this.#restartDelays.set(showId, delay);
    this.#options.timers.after(delay, () => void this.wake([showId]));
  }

  #sweepShows(): void {
    const now = this.#options.clock.now();
    const idle: Entry[] = [];
    for (const entry of this.#entries.values()) {
      if (entry.state === 'waking') entry.inbox.refuseOverdue(now, TOO_LATE);
      if (entry.state !== 'awake' || entry.turns === null) continue;
      if (entry.turns.isDue()) entry.actor?.schedule();
      else if (!this.#lulling && this.#isIdle(entry)) idle.push(entry);
    }
    if (idle.length > 0) void this.#lull(idle);
  }

  #isIdle(entry: Entry): boolean {
    return (
      entry.state === 'awake' &&
      this.#entries.get(entry.showId) === entry &&
      this.#options.clock.now() - entry.lastAsked >= IDLE_MS &&
      entry.turns?.isAtRest() === true
    );
  }

  /** Puts idle shows to sleep, a few at a time; those that were asked meanwhile stay awake. */
  async #lull(idle: Entry[]): Promise<void> {
    this.#lulling = true;
    const next = async (): Promise<void> => {
      for (let entry = idle.pop(); entry !== undefined; entry = idle.pop()) {
        if (!this.#draining && this.#isIdle(entry)) await this.#sleep(entry);
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
    this.#entries.delete(entry.showId);
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
    this.#entries.delete(entry.showId);
    await entry.actor.stop();
    entry.inbox.refuseAll({ code: 'UNAVAILABLE', detail: 'This node is stopping; try again.', retryAfter: 1 });
    try {
      await entry.turns.keepSnapshot();
    } catch (error) {
      this.#options.log.warn({ err: error, showId: entry.showId }, 'no snapshot was kept on the way out');
    }
  }
}

function unsettledOrders(show: Show): number[] {
  const found: number[] = [];
  if (show.unsettledOrders === 0) return found;
  for (let order = 1; order <= show.orders.count; order++) {
    if (show.orders.unsettled[order] === 1 && show.orders.state[order] !== ORDER.paid) found.push(order);
  }
  return found;
}
