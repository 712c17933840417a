import { createHistogram } from 'node:perf_hooks';

const NANOSECONDS = 1_000_000;
/** Three significant figures up to a minute; longer counts as a minute. */
const LONGEST = 60_000_000_000;

/** A histogram of durations in milliseconds. */
export class Latencies {
  readonly #histogram = createHistogram({ lowest: 1, highest: LONGEST, figures: 3 });

  record(ms: number): void {
    this.#histogram.record(Math.min(Math.max(Math.round(ms * NANOSECONDS), 1), LONGEST));
  }

  /** In milliseconds; `share` from 0 to 1. */
  percentile(share: number): number {
    return this.#histogram.percentile(share * 100) / NANOSECONDS;
  }
}
