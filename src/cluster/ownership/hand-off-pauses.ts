/** Upper bounds of the counts, in seconds. */
export const PAUSE_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2, 5] as const;

/** How long shards answered nothing while they went from one node to another, counted for `/metrics`. */
export class HandOffPauses {
  /** A count a bound, not cumulative; the last one beyond all bounds. */
  readonly counts: number[] = new Array(PAUSE_BOUNDS.length + 1).fill(0);
  /** Seconds. */
  sum = 0;

  /** @param ms from the last request that the old owner admitted to the first that the new one may answer */
  observe(ms: number): void {
    const seconds = ms / 1_000;
    let bound = 0;
    while (bound < PAUSE_BOUNDS.length && seconds > PAUSE_BOUNDS[bound]) bound++;
    this.counts[bound]++;
    this.sum += seconds;
  }
}
