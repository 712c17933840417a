import type { Clock } from '../ports.ts';

/**
 * Since when a lane has been given work, turns or canaries, without getting any of it through. Work that fails ends
 * nothing: a lane whose every turn fails after five seconds is as stalled as one that never answers.
 */
export class LanePulse {
  readonly #clock: Clock;
  #waiting = 0;
  #since: number | null = null;
  #answeredAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  began(): void {
    this.#waiting++;
    this.#since ??= this.#clock.now();
  }

  /** @param wasAnswered whether the database said what became of it. */
  ended(wasAnswered: boolean): void {
    this.#waiting--;
    if (!wasAnswered) return;
    this.#answeredAt = this.#clock.now();
    this.#since = this.#waiting > 0 ? this.#answeredAt : null;
  }

  /** Whether nothing waits to be got through. */
  get isIdle(): boolean {
    return this.#waiting === 0;
  }

  /** Since the database last said what became of something, ms; infinite if it never did. */
  get answeredMsAgo(): number {
    return this.#clock.now() - this.#answeredAt;
  }

  /** ms; 0 while all is well. */
  get stalledMs(): number {
    return this.#since === null ? 0 : this.#clock.now() - this.#since;
  }
}
