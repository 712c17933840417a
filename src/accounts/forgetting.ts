import type { Timer, Timers } from '../ports.ts';
import type { Log } from '../system/log.ts';

export const FORGET_LIMITS = {
  everyMs: 600_000,
  /** Forgotten in one statement. */
  rows: 5_000,
} as const;

/** Removes up to so many rows that count no more; how many there were. */
type Forget = (rows: number) => Promise<number>;

/** From time to time removes what counts no more. */
export class Forgetting {
  readonly #tasks: readonly Forget[];
  readonly #log: Log;
  readonly #timer: Timer;
  #isAtWork = false;
  #isClosed = false;

  constructor(tasks: readonly Forget[], timers: Timers, log: Log) {
    this.#tasks = tasks;
    this.#log = log;
    this.#timer = timers.every(FORGET_LIMITS.everyMs, () => void this.#run());
  }

  close(): void {
    this.#isClosed = true;
    this.#timer.cancel();
  }

  async #run(): Promise<void> {
    if (this.#isAtWork) return;
    this.#isAtWork = true;
    try {
      for (const forget of this.#tasks) {
        while (!this.#isClosed && (await forget(FORGET_LIMITS.rows)) === FORGET_LIMITS.rows);
      }
    } catch (error) {
      if (!this.#isClosed) this.#log.warn({ err: error }, 'accounts: what counts no more could not be removed');
    } finally {
      this.#isAtWork = false;
    }
  }
}
