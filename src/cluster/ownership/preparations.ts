import type { Timer, Timers } from '../../ports.ts';
import type { Preparation } from '../messages/letter.ts';

/** Asks next owners to get shows ready before they are given up, and waits, not long, until they have. */
export class Preparations {
  readonly #timers: Timers;
  /** False when it certainly was not sent. */
  readonly #send: (to: string, preparation: Preparation) => boolean;
  readonly #waiting = new Map<number, { readonly to: string; readonly end: () => void }>();
  #number = 0;

  constructor(timers: Timers, send: (to: string, preparation: Preparation) => boolean) {
    this.#timers = timers;
    this.#send = send;
  }

  /** Resolves when the node is prepared, or after `limitMs`. Never rejects. */
  ask(to: string, shows: readonly string[], limitMs: number): Promise<void> {
    const number = ++this.#number;
    return new Promise((resolve) => {
      if (!this.#send(to, { number, shows })) return resolve();
      const end = (): void => {
        limit.cancel();
        this.#waiting.delete(number);
        resolve();
      };
      const limit: Timer = this.#timers.after(limitMs, end);
      this.#waiting.set(number, { to, end });
    });
  }

  done(from: string, number: number): void {
    const waiting = this.#waiting.get(number);
    if (waiting?.to === from) waiting.end();
  }

  /** This node cannot be reached. */
  unreachable(to: string): void {
    for (const waiting of [...this.#waiting.values()]) if (waiting.to === to) waiting.end();
  }
}
