import type { Clock } from '../ports.ts';

/** A lane that nobody has given anything for so long counts as well again, whatever became of the last turn. */
const FORGET_MS = 10_000;

/**
 * Since when a lane has been given turns without making one durable. Turns that fail end nothing: a lane whose every turn
 * fails after five seconds is as stalled as one that never answers.
 */
export class LanePulse {
  readonly #clock: Clock;
  #waiting = 0;
  #since: number | null = null;
  #endedAt = 0;
  #answeredAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  began(): void {
    this.#waiting++;
    this.#since ??= this.#clock.now();
  }

  /** @param wasAnswered whether the database said what became of the turn. */
  ended(wasAnswered: boolean): void {
    this.#waiting--;
    this.#endedAt = this.#clock.now();
    if (wasAnswered) this.#answeredAt = this.#endedAt;
    if (wasAnswered) this.#since = this.#waiting > 0 ? this.#endedAt : null;
  }

  /** Since the database last said what became of a turn, ms; infinite if it never did. */
  get answeredMsAgo(): number {
    return this.#clock.now() - this.#answeredAt;
  }

  /** ms; 0 while all is well. */
  get stalledMs(): number {
    const now = this.#clock.now();
    if (this.#waiting === 0 && now - this.#endedAt > FORGET_MS) this.#since = null;
    return this.#since === null ? 0 : now - this.#since;
  }
}
