import type { Entry } from './entry.ts';
import type { SharedParts } from './shared-parts.ts';

/** A show that was asked nothing for so long, and has nothing pending, goes to sleep. */
export const IDLE_MS = 60_000;
/** So many shows fall asleep at once: each makes its snapshot first, and thousands may be idle in the same sweep. */
const MAX_FALLING_ASLEEP = 8;

/** Puts shows to sleep: snapshot first, then the actor ends and nothing of the show is left in memory. */
export class FallingAsleep {
  readonly #shared: SharedParts;
  #isBusy = false;
  #isOver = false;

  constructor(shared: SharedParts) {
    this.#shared = shared;
  }

  /** Whether those that were last to fall asleep still do. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** No further show falls asleep. */
  stop(): void {
    this.#isOver = true;
  }

  /** Whether the show has nothing to do, and was idle for long or its room is needed. */
  isDrowsy(entry: Entry, now: number): boolean {
    if (entry.state !== 'awake' || (!this.#shared.entries.needsRoom && now - entry.lastAsked < IDLE_MS)) return false;
    return entry.turns?.isAtRest() === true;
  }

  /** Puts shows to sleep, a few at a time, least recently asked first; those that are wanted meanwhile stay awake. */
  async lull(drowsy: Entry[]): Promise<void> {
    const { entries, options } = this.#shared;
    this.#isBusy = true;
    drowsy.sort((a, b) => b.lastAsked - a.lastAsked);
    const next = async (): Promise<void> => {
      for (let entry = drowsy.pop(); entry !== undefined; entry = drowsy.pop()) {
        if (this.#isOver || !this.isDrowsy(entry, options.clock.now())) continue;
        // Another plan may bring it more meanwhile.
        const { seats } = entry;
        entries.seatsDozing += seats;
        await this.#sleep(entry);
        entries.seatsDozing -= seats;
      }
    };
    await Promise.all(Array.from({ length: MAX_FALLING_ASLEEP }, next));
    this.#isBusy = false;
  }

  async #sleep(entry: Entry): Promise<void> {
    const { entries, options, toWake } = this.#shared;
    entry.state = 'dozing';
    try {
      await entry.turns?.keepSnapshot();
    } catch (error) {
      options.log.warn({ err: error, showId: entry.showId }, 'no snapshot was kept before sleep');
    }
    // It failed or was taken away meanwhile.
    if (!isDozing(entry)) return;
    if (!entry.turns?.isAtRest()) {
      // Someone asked meanwhile.
      entry.state = 'awake';
      entry.actor?.schedule();
      return;
    }
    entries.remove(entry);
    toWake.forgive(entry.showId);
    await entry.actor?.stop();
  }
}

/** Asked again after an await, where the compiler would trust what it saw before. */
function isDozing(entry: Entry): boolean {
  return entry.state === 'dozing';
}
