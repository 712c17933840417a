import type { Findings } from './findings.ts';
import { countBelow, countUpTo } from './sorted-times.ts';

/**
 * Positions in a show's journal against real time. Position p (from 1) is that of an event: whoever asked for it did so
 * at `asked`, the latest of them all, so it is not before that in real time; it was seen to be there by `seen`, the
 * earliest. So for no two positions i ≤ j may `seen` of j lie before `asked` of i: then real time has them the other way
 * round. One pass finds that out (I7), however many there are.
 */
export class Timeline {
  readonly #asked: number[];
  readonly #askedBy: Int32Array;
  readonly #seen: number[];
  readonly #seenBy: Int32Array;
  /** Without what reads tell: when the latest of the positions so far was asked for. */
  #begun = Number.NEGATIVE_INFINITY;
  /** By when a read that is marked as stale showed the position, and when the latest up to it was asked for. */
  readonly #shown = new Map<number, { readonly time: number; readonly n: number; readonly begun: number }>();
  /** The last position that was added. */
  #last = 0;
  /** What the next position must not lie before. */
  #next = Number.NEGATIVE_INFINITY;
  #nextBy = 0;

  /** Of so many positions at most. */
  constructor(positions: number) {
    this.#asked = new Array<number>(positions + 1).fill(Number.NEGATIVE_INFINITY);
    this.#askedBy = new Int32Array(positions + 1);
    this.#seen = new Array<number>(positions + 1).fill(Number.POSITIVE_INFINITY);
    this.#seenBy = new Int32Array(positions + 1);
  }

  /** Adds the next position: line `n` asked for it at `asked`, and was told of it at `seen`. */
  add(asked: number, seen: number, n: number): void {
    const position = ++this.#last;
    const isLater = asked >= this.#next;
    this.#asked[position] = isLater ? asked : this.#next;
    this.#askedBy[position] = isLater ? n : this.#nextBy;
    this.#seen[position] = seen;
    this.#seenBy[position] = n;
    if (asked > this.#begun) this.#begun = asked;
    this.#next = Number.NEGATIVE_INFINITY;
  }

  /** Line `n` saw by `time` that the last position had been reached. */
  sawLast(time: number, n: number): void {
    const last = this.#last;
    if (last === 0 || time >= this.#seen[last]) return;
    this.#seen[last] = time;
    this.#seenBy[last] = n;
  }

  /** The same of a read that is marked as stale: whoever reads after it may yet be shown what was before. */
  showedLast(time: number, n: number): void {
    if (time < (this.#shown.get(this.#last)?.time ?? Number.POSITIVE_INFINITY))
      this.#shown.set(this.#last, { time, n, begun: this.#begun });
  }

  /** When line `n` was sent, at `time`, the last position was still the last. */
  wasLast(time: number, n: number): void {
    if (time <= this.#next) return;
    this.#next = time;
    this.#nextBy = n;
  }

  /** Judges the order, and makes the positions searchable by time: all must have been added. */
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
    for (const { time, n, begun } of this.#shown.values()) {
      if (time < begun) findings.add('I7', `line ${n} shows at ${time} what was asked for at ${begun}`, n);
    }
    let earliest = Number.POSITIVE_INFINITY;
    for (let position = seen.length - 1; position >= 0; position--) {
      if (seen[position] < earliest) earliest = seen[position];
      seen[position] = earliest;
    }
  }

  #nearFirst = 0;
  #nearLast = 0;

  /**
   * The positions that can have been the last one at some moment between the two times. Only once it is closed; soonest
   * answered if asked in about the order of time.
   */
  between(from: number, to: number): { readonly first: number; readonly last: number } {
    this.#nearFirst = countBelow(this.#seen, from, this.#nearFirst);
    this.#nearLast = countUpTo(this.#asked, to, this.#nearLast);
    return { first: Math.max(0, this.#nearFirst - 1), last: this.#nearLast - 1 };
  }
}
