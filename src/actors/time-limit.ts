import type { Timer, Timers } from '../ports.ts';

/** A moment after which nothing is waited for any longer. To be cancelled when it is not needed any more. */
export class TimeLimit {
  readonly #timer: Timer;
  readonly #reached: Promise<void>;
  isReached = false;

  constructor(timers: Timers, ms: number) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#reached = promise;
    this.#timer = timers.after(ms, () => {
      this.isReached = true;
      resolve();
    });
  }

  /** Waits for the work, but not beyond the limit. @returns whether the work is over. It must not reject. */
  async wait(work: Promise<unknown>): Promise<boolean> {
    return Promise.race([work.then(() => true), this.#reached.then(() => false)]);
  }

  cancel(): void {
    this.#timer.cancel();
  }
}
