import type { Entry } from './entry.ts';
import { type FallingAsleep, IDLE_MS } from './falling-asleep.ts';
import { NOT_OURS, NOT_WOKEN_IN_TIME, type NotBegun, sendAway, TOO_LATE } from './not-begun.ts';
import type { SharedParts } from './shared-parts.ts';
import type { Turns } from './turns.ts';
import type { Waking } from './waking.ts';

/** How often deadlines, idleness and shows to wake are looked at; one timer for all shows. */
export const SWEEP_MS = 250;
/** How often the unsettled orders of an awake show are named to settlement again, should it have dropped them. */
export const ANNOUNCE_MS = 60_000;

/**
 * What time alone brings about, for all shows. A show is passed over until it has had a turn or something of it may be due
 * (`Entry.lookAt`), so that a sweep costs a comparison for most of them.
 */
export class Sweep {
  readonly #shared: SharedParts;
  readonly #waking: Waking;
  readonly #fallingAsleep: FallingAsleep;

  constructor(shared: SharedParts, waking: Waking, fallingAsleep: FallingAsleep) {
    this.#shared = shared;
    this.#waking = waking;
    this.#fallingAsleep = fallingAsleep;
  }

  run(): void {
    const now = this.#shared.options.clock.now();
    this.#shared.load.update(now);
    this.#shared.prepared.expire();
    this.#answerBehindSlowTurns(now);
    const drowsy = this.#lookAtShows(now);
    if (drowsy.length > 0) void this.#fallingAsleep.lull(drowsy);
    this.#wakeShows(now);
  }

  /** Those who wait behind a turn that takes long are answered in time, and at once when the show is not this node's any more. */
  #answerBehindSlowTurns(now: number): void {
    for (const entry of this.#shared.load.underWaySince(now - SWEEP_MS)) this.#answerOverdue(entry, now, TOO_LATE);
  }

  /** @returns the shows that may fall asleep; none while others still do. */
  #lookAtShows(now: number): Entry[] {
    const { entries } = this.#shared;
    const drowsy: Entry[] = [];
    const { needsRoom } = entries;
    for (const entry of entries.all()) {
      if (entry.lookAt > now && !needsRoom) continue;
      if (entry.state === 'waking') this.#answerOverdue(entry, now, NOT_WOKEN_IN_TIME);
      else if (entry.state === 'awake' && entry.turns !== null && this.#look(entry, entry.turns, now))
        drowsy.push(entry);
    }
    return this.#fallingAsleep.isBusy ? [] : drowsy;
  }

  /** Does what is due; whether the show may fall asleep. */
  #look(entry: Entry, turns: Turns, now: number): boolean {
    // While the shard is not this node's nothing is, and the show stays as it is: it may be asked for its last seat map.
    if (this.#shared.options.leases.epochOf(entry.shard) === null) return false;
    if (now - entry.announcedAt >= ANNOUNCE_MS) {
      entry.announcedAt = now;
      turns.announceUnsettled();
    }
    if (turns.isDue()) {
      entry.actor?.schedule();
      return false;
    }
    if (this.#fallingAsleep.isDrowsy(entry, now)) return true;
    const idleAt = entry.lastAsked + IDLE_MS;
    // One that is idle and yet awake has something pending, which only a turn ends.
    entry.lookAt = Math.min(
      turns.nextDeadline(),
      entry.announcedAt + ANNOUNCE_MS,
      idleAt > now ? idleAt : Number.POSITIVE_INFINITY,
    );
    return false;
  }

  #wakeShows(now: number): void {
    const { toWake, options } = this.#shared;
    for (const { showId, shard } of toWake.due(now)) {
      if (options.leases.epochOf(shard) === null) continue;
      if (this.#waking.wakeOrRemember(showId, shard) === null) break;
    }
  }

  #answerOverdue({ inbox, shard }: Entry, now: number, tooLate: NotBegun): void {
    if (inbox.size === 0) return;
    if (this.#shared.options.leases.epochOf(shard) === null) sendAway(inbox, now, NOT_OURS);
    else inbox.refuseOverdue(now, tooLate);
  }
}
