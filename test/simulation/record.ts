import type { HistoryLine } from '../judge/history.ts';
import type { Trace } from './trace.ts';
import type { VirtualTime } from './virtual-time.ts';

/** A client waits no longer for an answer. */
const PATIENCE_MS = 20_000;
const SWEEP_MS = 1_000;

/** What the buyers of a world were told, as a history for the judge, on a clock on which no two moments are the same. */
export class Record {
  readonly lines: HistoryLine[] = [];
  /** Requests sent, repeats included. */
  commands = 0;
  readonly #time: VirtualTime;
  readonly #trace: Trace;
  readonly #start: number;
  readonly #waiting: { readonly since: number; readonly giveUp: () => void }[] = [];
  #last = 0;

  constructor(time: VirtualTime, trace: Trace) {
    this.#time = time;
    this.#trace = trace;
    this.#start = time.now;
  }

  /** Calls `giveUp` after {@link PATIENCE_MS} or a little later, whether it still matters or not: one timer for all. */
  giveUpLater(giveUp: () => void): void {
    if (this.#waiting.push({ since: this.#time.now, giveUp }) === 1)
      this.#time.after(PATIENCE_MS, () => this.#giveUp());
  }

  #giveUp(): void {
    const overdue = this.#waiting.findIndex(({ since }) => since > this.#time.now - PATIENCE_MS);
    for (const { giveUp } of this.#waiting.splice(0, overdue < 0 ? this.#waiting.length : overdue)) giveUp();
    if (this.#waiting.length > 0) this.#time.after(SWEEP_MS, () => this.#giveUp());
  }

  /** ms since the start of the world, and a little more than the stamp before. */
  stamp(): number {
    this.#last = Math.max(this.#time.now - this.#start, this.#last + 1e-6);
    return this.#last;
  }

  write(line: HistoryLine): void {
    this.lines.push(line);
    this.#trace.number(this.#time.now);
    if ('op' in line) this.#trace.text(line.outcome);
  }
}
