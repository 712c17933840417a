import { countWhile } from './count-while.ts';
import type { Findings } from './findings.ts';

/**
 * Positions in a show's journal against real time. Position p (from 1) is that of an event: whoever asked for it did so
 * at `asked`, the latest of them all, so it is not before that in real time; it was seen to be there by `seen`, the
 * earliest. So for no two positions i ≤ j may `seen` of j lie before `asked` of i: then real time has them the other way
 * round. One pass finds that out (I7), however many there are.
 */
export class Timeline {
  readonly #asked: number[] = [Number.NEGATIVE_INFINITY];
  readonly #askedBy: number[] = [0];
  readonly #seen: number[] = [Number.POSITIVE_INFINITY];
  readonly #seenBy: number[] = [0];

  /** What the next position must not lie before. */
  #next = Number.NEGATIVE_INFINITY;
  #nextBy = 0;

  /** Adds the next position: line `n` asked for it at `asked`, and was told of it at `seen`. */
  add(asked: number, seen: number, n: number): void {
    this.#asked.push(Math.max(asked, this.#next));
    this.#askedBy.push(asked >= this.#next ? n : this.#nextBy);
    this.#seen.push(seen);
    this.#seenBy.push(n);
    this.#next = Number.NEGATIVE_INFINITY;
  }

  /** Line `n` asked for the last position at `time`. */
  askedLast(time: number, n: number): void {
    const last = this.#asked.length - 1;
    if (time <= this.#asked[last]) return;
    this.#asked[last] = time;
    this.#askedBy[last] = n;
  }

  /** Line `n` saw by `time` that the last position had been reached. */
  sawLast(time: number, n: number): void {
    const last = this.#seen.length - 1;
    if (last === 0 || time >= this.#seen[last]) return;
    this.#seen[last] = time;
    this.#seenBy[last] = n;
  }

  /** When line `n` was sent, at `time`, the last position was still the last. */
  wasLast(time: number, n: number): void {
    if (time <= this.#next) return;
    this.#next = time;
    this.#nextBy = n;
  }

  /** Judges the order, and makes the positions searchable by time: none is added after that. */
  close(findings: Findings): void {
    const asked = this.#asked;
    const seen = this.#seen;
    let latest = Number.NEGATIVE_INFINITY;
    let by = 0;
    for (let position = 0; position < asked.length; position++) {
      if (asked[position] > latest) {
        latest = asked[position];
        by = this.#askedBy[position];
      }
      if (seen[position] < latest) {
        findings.add(
          'I7',
          `line ${this.#seenBy[position]} was answered at ${seen[position]}, before line ${by} was sent at ${latest}, ` +
            'but the journal has them the other way round',
          this.#seenBy[position],
          by,
        );
      }
      asked[position] = latest;
    }
    let earliest = Number.POSITIVE_INFINITY;
    for (let position = seen.length - 1; position >= 0; position--) {
      if (seen[position] < earliest) earliest = seen[position];
      seen[position] = earliest;
    }
  }

  /** The positions that can have been the last one at some moment between the two times. Only once it is closed. */
  between(from: number, to: number): { readonly first: number; readonly last: number } {
    return {
      first: Math.max(0, countWhile(this.#seen, (time) => time < from) - 1),
      last: countWhile(this.#asked, (time) => time <= to) - 1,
    };
  }
}
