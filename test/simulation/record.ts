import type { HistoryLine } from '../judge/history.ts';
import type { Trace } from './trace.ts';
import type { VirtualTime } from './virtual-time.ts';

/** What the buyers of a world were told, as a history for the judge, on a clock on which no two moments are the same. */
export class Record {
  readonly lines: HistoryLine[] = [];
  /** Requests sent, repeats included. */
  commands = 0;
  readonly #time: VirtualTime;
  readonly #trace: Trace;
  readonly #start: number;
  #last = 0;

  constructor(time: VirtualTime, trace: Trace) {
    this.#time = time;
    this.#trace = trace;
    this.#start = time.now;
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
