type End = () => Promise<void> | void;

/**
 * Has `end` run when what was made is no longer needed: vitest's `onTestFinished`, `atEndOfFile`, or that of a
 * {@link Lifetime}.
 */
export type AtEnd = (end: End) => void;

/** How long things live that were made together; what was made last ends first. */
export class Lifetime {
  readonly #ends: End[] = [];

  readonly atEnd: AtEnd = (end) => void this.#ends.push(end);

  /** Ends everything, each at most once, whether or not another one fails to; then throws the first failure. */
  async end(): Promise<void> {
    const failures: unknown[] = [];
    for (let end = this.#ends.pop(); end !== undefined; end = this.#ends.pop()) {
      try {
        await end();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
