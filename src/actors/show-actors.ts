import type { Command, Question, ReplacePlanCommand } from '../allocator/commands.ts';
import type { Refusal } from '../errors.ts';
import type { Timer } from '../ports.ts';
import { ActorSystem } from './actor-system.ts';
import { ComingPlans } from './coming-plans.ts';
import { Entries } from './entries.ts';
import type { Errand } from './entry.ts';
import { FallingAsleep } from './falling-asleep.ts';
import type { Waiting } from './inbox.ts';
import { LEAVE_LIMIT_MS, Leaving } from './leaving.ts';
import { LoadFigures } from './load-figures.ts';
import type { ActorCounts, NodeLoad, NodeShows } from './node-shows.ts';
import { INBOX_FULL, MOVES, NOT_OURS, NOT_RECOVERED, type NotBegun, STOPPING, TOO_MANY_AWAKE } from './not-begun.ts';
import { PreparedShows } from './prepared-shows.ts';
import { currentPlan, type SeatMap } from './seat-map.ts';
import { ShardEpochs } from './shard-epochs.ts';
import type { SharedParts, ShowActorsOptions } from './shared-parts.ts';
import type { Answer, SeatCounts } from './shows.ts';
import { SWEEP_MS, Sweep } from './sweep.ts';
import { timelySource } from './timely-source.ts';
import { ToWake } from './to-wake.ts';
import { isQuestion } from './turns.ts';
import { Waking } from './waking.ts';

/** How long a reader of a seat map waits for its show to wake, at most. */
const WAKE_LIMIT_MS = 10_000;

/**
 * The shows of this node, each an actor that is woken when it is asked and sleeps when it is idle. Guarantee: nothing is
 * decided, and nothing told from memory, for a shard that is not this node's by its leases at that moment.
 */
export class ShowActors implements NodeShows {
  readonly counts: ActorCounts = { turns: 0, commands: 0, events: 0, recoveries: 0, restarts: 0, turnedAway: 0 };
  readonly #shared: SharedParts;
  readonly #waking: Waking;
  readonly #fallingAsleep: FallingAsleep;
  readonly #leaving: Leaving;
  readonly #comingPlans: ComingPlans;
  readonly #sweep: Timer;
  /** What everybody hears once this node takes no more requests. */
  #closedWith: NotBegun | null = null;

  constructor(options: ShowActorsOptions) {
    this.#shared = {
      options: { ...options, source: timelySource(options.source, options.timers) },
      system: new ActorSystem(),
      entries: new Entries(options.limits),
      toWake: new ToWake(),
      prepared: new PreparedShows(options.clock),
      epochs: new ShardEpochs(options.leases),
      load: new LoadFigures(options.clock.now()),
      counts: this.counts,
    };
    this.#waking = new Waking(this.#shared);
    this.#fallingAsleep = new FallingAsleep(this.#shared);
    this.#leaving = new Leaving(this.#shared);
    this.#comingPlans = new ComingPlans(this.#shared.options);
    const sweep = new Sweep(this.#shared, this.#waking, this.#fallingAsleep);
    this.#sweep = options.timers.every(SWEEP_MS, () => sweep.run());
  }

  get awake(): number {
    return this.#shared.entries.size;
  }

  get isDraining(): boolean {
    return this.#closedWith !== null;
  }

  get waiting(): number {
    let waiting = 0;
    for (const entry of this.#shared.entries.all()) waiting += entry.inbox.size;
    return waiting;
  }

  ask<T>(showId: string, message: Command | Question, deadline: number): Promise<Answer<T>> {
    return message.type === 'replace-plan'
      ? this.#replacePlan(showId, message, deadline)
      : this.#ask(showId, { message, deadline });
  }

  #ask<T>(
    showId: string,
    waiting: Omit<Waiting, 'answer'>,
    errand: Errand = isQuestion(waiting.message) ? 'question' : 'command',
  ): Promise<Answer<T>> {
    return new Promise((resolve) => {
      const refused = this.#admit(showId, { ...waiting, answer: resolve as (answer: Answer) => void }, errand);
      if (refused !== null) resolve(refused);
    });
  }

  /** What the plan makes of the hall is made before the show decides. */
  async #replacePlan<T>(showId: string, message: ReplacePlanCommand, deadline: number): Promise<Answer<T>> {
    // It wakes the show as the command would.
    const summary = await this.#ask(showId, { message: { type: 'get-summary' }, deadline }, 'command');
    if (!summary.ok) return summary;
    const seats = this.lastSeats(showId);
    if (seats === null) return MOVES;
    const compiled = await this.#comingPlans.hallWith(showId, seats, message.planId, deadline);
    if (!('coming' in compiled)) return compiled;
    const { coming } = compiled;
    return this.#ask(showId, { message, deadline, ...(coming === null ? {} : { comingHall: coming }) });
  }

  /** Puts the request into the show's inbox, waking the show if it sleeps; or says why not. */
  #admit(showId: string, waiting: Waiting, errand: Errand): NotBegun | null {
    const { entries, options, toWake } = this.#shared;
    if (this.#closedWith !== null) return this.#closedWith;
    const known = entries.get(showId);
    const shard = known?.shard ?? options.shardOf(showId);
    if (options.leases.epochOf(shard) === null) return NOT_OURS;
    if (known?.state === 'leaving') return MOVES;
    if (known === undefined && toWake.isHeldBack(showId, options.clock.now())) {
      this.counts.turnedAway++;
      return NOT_RECOVERED;
    }
    const entry = known ?? this.#waking.entry(showId, shard, errand);
    if (entry === null) {
      this.counts.turnedAway++;
      return TOO_MANY_AWAKE;
    }
    entry.isNeeded ||= errand !== 'question';
    entry.lastAsked = options.clock.now();
    if (!entry.inbox.offer(waiting)) {
      this.counts.turnedAway++;
      return INBOX_FULL;
    }
    entry.actor?.schedule();
    return null;
  }

  async seatMap(showId: string, deadline = Number.POSITIVE_INFINITY): Promise<SeatMap | Refusal> {
    const { entries, options } = this.#shared;
    const entry = entries.get(showId);
    // One that recovered under another epoch recovers first, as it does for any question.
    if (entry?.turns && entry.epoch === options.leases.epochOf(entry.shard)) {
      entry.lastAsked = options.clock.now();
      return entry.turns.seats;
    }
    const awakeBy = Math.min(deadline, options.clock.now() + WAKE_LIMIT_MS);
    const summary = await this.ask(showId, { type: 'get-summary' }, awakeBy);
    if (!summary.ok) return summary.refusal;
    return this.lastSeats(showId) ?? MOVES.refusal;
  }

  async seatCounts(showId: string, deadline?: number): Promise<SeatCounts | Refusal> {
    const map = await this.seatMap(showId, deadline);
    if ('code' in map) return map;
    const { capacity, available, fromPrice, prices, cancelled = false } = map;
    return {
      ...{ capacity, available, fromPrice, cancelled },
      ...(prices === undefined ? {} : { prices }),
      ...currentPlan(map),
    };
  }

  lastSeats(showId: string): SeatMap | null {
    return this.#shared.entries.get(showId)?.turns?.seats ?? null;
  }

  async wake(showIds: readonly string[]): Promise<void> {
    if (this.#closedWith !== null) return;
    const { shardOf } = this.#shared.options;
    const entries = showIds.map((showId) => this.#waking.wakeOrRemember(showId, shardOf(showId)));
    await Promise.all(entries.map((entry) => entry?.woken));
  }

  wanted(shards: ReadonlySet<number>): string[] {
    return this.#leaving.wanted(shards);
  }

  prepare(showIds: readonly string[]): Promise<void> {
    return this.#closedWith === null ? this.#waking.prepare(showIds) : Promise.resolve();
  }

  keepSnapshots(shards: ReadonlySet<number>): Promise<void> {
    return this.#leaving.keepSnapshots(shards);
  }

  leave(shards: ReadonlySet<number>, limitMs: number = LEAVE_LIMIT_MS): Promise<string[]> {
    return this.#leaving.leave(shards, limitMs);
  }

  drop(shards: ReadonlySet<number> | 'all'): void {
    if (shards === 'all') this.#close(MOVES);
    this.#leaving.drop(shards);
    if (shards === 'all') this.#shared.system.close();
  }

  load(): NodeLoad {
    return this.#shared.load.figures(this.#shared.options.clock.now(), this.waiting, this.awake);
  }

  async drain(): Promise<void> {
    this.#close(STOPPING);
    await this.#leaving.drain();
    this.#shared.system.close();
  }

  #close(answer: NotBegun): void {
    this.#closedWith ??= answer;
    this.#sweep.cancel();
    this.#fallingAsleep.stop();
  }
}
