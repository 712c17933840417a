/** Answers that are kept; the one that was asked for longest ago goes first. */
const RESULTS_MAX = 1_000;

export interface Result {
  /** Places of the page's shows. */
  readonly slots: readonly number[];
  readonly total: number;
  /** Until then (ms) time alone changes nothing about it. */
  readonly until: number;
}

/** Results of queries, each for as long as nothing has changed that it could depend on. */
export class KeptResults {
  readonly #results = new Map<string, Result>();

  get(key: string, now: number): Result | null {
    const result = this.#results.get(key);
    if (result === undefined) return null;
    this.#results.delete(key);
    if (now >= result.until) return null;
    this.#results.set(key, result);
    return result;
  }

  keep(key: string, result: Result): void {
    this.#results.set(key, result);
    if (this.#results.size <= RESULTS_MAX) return;
    for (const oldest of this.#results.keys()) {
      this.#results.delete(oldest);
      return;
    }
  }

  clear(): void {
    this.#results.clear();
  }
}
