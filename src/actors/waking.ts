import type { Entry, Errand } from './entry.ts';
import { EpochMoved, runLeasedTurn } from './leased-turn.ts';
import {
  NO_SUCH_SHOW,
  NOT_OURS,
  NOT_RECOVERED,
  type NotBegun,
  RESTARTS,
  sendAway,
  TOO_MANY_AWAKE,
} from './not-begun.ts';
import { Places } from './places.ts';
import { recover } from './recovery.ts';
import type { SharedParts } from './shared-parts.ts';
import { TurnLost, Turns } from './turns.ts';

/** So many recoveries run at once, so that a restart does not flood the database. */
export const MAX_RECOVERIES = 8;
/** So many shows are looked up in the catalogue at once before they may recover. */
const MAX_LOOK_UPS = 8;
/** So many wait to be looked up; with more a sleeping show cannot be asked. Ids that nobody knows get no further. */
export const MAX_WAITING_LOOK_UPS = 1_024;

/** Wakes shows: looks them up, recovers them, starts their actors; and again after they failed. */
export class Waking {
  readonly #shared: SharedParts;
  readonly #lookUps = new Places(MAX_LOOK_UPS);
  readonly #recoveries = new Places(MAX_RECOVERIES);

  constructor(shared: SharedParts) {
    this.#shared = shared;
  }

  /** The show's entry, begun if it sleeps; null when there is no room for it. */
  entry(showId: string, shard: number, errand: Errand): Entry | null {
    const { entries, load, options } = this.#shared;
    const known = entries.get(showId);
    if (known !== undefined) return known;
    if (entries.isFull) return null;
    if (errand !== 'pending' && this.#lookUps.waiting >= MAX_WAITING_LOOK_UPS) return null;
    if (errand === 'question' && entries.isCrowded) return null;
    const entry = entries.add(showId, shard, errand, load.workOf(shard), options.clock.now());
    entry.woken = this.#awaken(entry);
    return entry;
  }

  /** Begins to wake a show that has something pending; null if there is no room now, or its shard cannot be worked in. */
  wakeOrRemember(showId: string, shard: number): Entry | null {
    const { toWake, options } = this.#shared;
    const epoch = options.leases.epochOf(shard);
    const entry = epoch === null ? null : this.entry(showId, shard, 'pending');
    if (entry === null) {
      toWake.add(showId, shard, options.clock.now());
      return null;
    }
    toWake.delete(showId);
    entry.isKnown = true;
    entry.isNeeded = true;
    // Its next turn finds that out, and the show recovers.
    if (entry.state === 'awake' && entry.epoch !== epoch) entry.actor?.schedule();
    return entry;
  }

  /** See `NodeShows.prepare`. */
  async prepare(showIds: readonly string[]): Promise<void> {
    await Promise.all(showIds.map((showId) => this.#recoveries.run(() => this.#prepare(showId))));
  }

  async #prepare(showId: string): Promise<void> {
    const { options, entries, prepared } = this.#shared;
    const { source, journal, rules, log } = options;
    if (entries.get(showId) !== undefined) return;
    try {
      const made = await source.load(showId);
      if (made !== null) prepared.put(showId, await recover(showId, made, journal, rules));
    } catch (error) {
      log.warn({ err: error, showId }, 'a show that is expected here could not be prepared');
    }
  }

  /** Looks the show up, recovers it and starts its actor. Never rejects: a failure is the answer to all who wait. */
  async #awaken(entry: Entry): Promise<void> {
    const { showId } = entry;
    const { options, toWake } = this.#shared;
    try {
      // Before it takes one of the few places of recoveries: anybody can ask for ids that nobody knows.
      if (!entry.isKnown && !(await this.#lookUps.run(() => options.source.exists(showId)))) {
        this.#end(entry, NO_SUCH_SHOW);
        return;
      }
      entry.isKnown = true;
      const refusal = await this.#recoveries.run(() => this.#recover(entry));
      if (refusal === null || entry.state === 'gone') return;
      this.#end(entry, refusal);
      if (refusal === NOT_OURS) this.#wakeAgain(entry);
      else toWake.forgive(showId);
    } catch (error) {
      if (entry.state === 'gone') return;
      options.log.error({ err: error, showId }, 'the show cannot be recovered');
      this.#end(entry, options.leases.epochOf(entry.shard) === null ? NOT_OURS : NOT_RECOVERED);
      // Of one that nobody could look up nothing is known to be pending; there may not even be such a show.
      if (entry.isKnown) this.#wakeAgain(entry);
    }
  }

  /** Wakes the show, unless it is gone by now; or says why that is not to be. */
  async #recover(entry: Entry): Promise<NotBegun | null> {
    const { showId, shard, inbox } = entry;
    const { options, entries, epochs, counts, toWake, prepared, system } = this.#shared;
    const { source, journal, clock, rules } = options;
    if (entry.state === 'gone') return null;
    const epoch = await epochs.epochFor(shard);
    if (epoch === null) return NOT_OURS;
    const made = await source.load(showId);
    if (made === null) return NO_SUCH_SHOW;
    if (isGone(entry)) return null;
    // Many may have been let in before the first of them was counted.
    if (!entry.isNeeded && entries.isCrowded) return TOO_MANY_AWAKE;
    entries.countSeats(entry, made.hall.seatCount);
    const recovered = await recover(showId, made, journal, rules, prepared.take(showId));
    if (isGone(entry)) return null;
    entries.countSeats(entry, recovered.show.hall.seatCount);
    counts.recoveries++;
    const turns = new Turns({
      ...recovered,
      shard,
      epoch,
      inbox,
      journal,
      format: options.format,
      writer: options.writer,
      clock,
      rules,
      onUnsettled: options.onUnsettled,
      onPublished: options.onPublished,
      onTurn: (commands, events) => {
        // Only a show that does its work has recovered from what stopped it.
        toWake.forgive(showId);
        entry.work.decided += commands;
        counts.turns++;
        counts.commands += commands;
        counts.events += events;
        entries.countSeats(entry, turns.seats.letters.length);
        if (events > 0) options.onJournaled?.(showId);
      },
    });
    const parts = { leases: options.leases, clock, load: this.#shared.load };
    entry.epoch = epoch;
    entry.turns = turns;
    entry.actor = system.spawn(
      shard,
      showId,
      () => runLeasedTurn(entry, turns, parts),
      (error) => {
        if (error !== null) this.#failed(entry, error);
      },
    );
    entry.state = 'awake';
    entry.announcedAt = clock.now();
    entry.lookAt = entry.announcedAt;
    turns.announceUnsettled();
    // Whoever decided its last turn may have died before anybody heard of it.
    if (recovered.show.seq > 0) options.onPublished?.(turns.seats);
    if (turns.isDue()) entry.actor.schedule();
    return null;
  }

  /** The actor crashed: its state is thrown away, and the show recovers under an epoch that no lost append can reach. */
  #failed(entry: Entry, error: Error): void {
    const { options, epochs, counts, toWake } = this.#shared;
    const { showId, shard, state } = entry;
    if (error instanceof TurnLost) epochs.doubt(shard, entry.epoch);
    if (state === 'gone') return;
    this.#end(entry, RESTARTS);
    if (error instanceof EpochMoved) {
      options.log.info({ showId, reason: error.message }, 'the show recovers under its new epoch');
    } else {
      counts.restarts++;
      options.log.error({ err: error, showId }, 'the show stopped and will be recovered');
    }
    // One that leaves is woken where it goes.
    if (state === 'leaving') return;
    if (error instanceof EpochMoved) toWake.add(showId, shard, options.clock.now());
    else this.#wakeAgain(entry);
  }

  /** The show could not wake, or stopped: whoever waits hears why. */
  #end(entry: Entry, answer: NotBegun): void {
    this.#shared.entries.remove(entry);
    sendAway(entry.inbox, this.#shared.options.clock.now(), answer);
  }

  #wakeAgain({ showId, shard }: Entry): void {
    this.#shared.toWake.addFailed(showId, shard, this.#shared.options.clock.now());
  }
}

/** Asked again after an await, where the compiler would trust what it saw before. */
function isGone(entry: Entry): boolean {
  return entry.state === 'gone';
}
