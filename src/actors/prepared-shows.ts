import type { Clock } from '../ports.ts';
import type { Recovered } from './recovery.ts';

/** What may be kept ready at once: shows, and their seats. */
const PREPARED_SHOWS_MAX = 512;
const PREPARED_SEATS_MAX = 1_000_000;
/** For how long a show is kept ready: its owner gives it up within seconds, or not at all. */
const PREPARED_MS = 10_000;

interface Prepared {
  readonly recovered: Recovered;
  readonly at: number;
}

/**
 * Shows of other nodes, recovered as far as their journal went, that are expected here: when they come, only the rows
 * since have to be read. Nothing is ever answered from them. The oldest go when there are too many.
 */
export class PreparedShows {
  readonly #clock: Clock;
  /** Oldest first. */
  readonly #byShow = new Map<string, Prepared>();
  #seats = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#byShow.size;
  }

  put(showId: string, recovered: Recovered): void {
    this.#remove(showId);
    this.#byShow.set(showId, { recovered, at: this.#clock.now() });
    this.#seats += recovered.show.hall.seatCount;
    for (const oldest of this.#byShow.keys()) {
      if (this.#byShow.size <= PREPARED_SHOWS_MAX && this.#seats <= PREPARED_SEATS_MAX) return;
      this.#remove(oldest);
    }
  }

  /** The show as it was prepared, for whoever goes on with it; it is not kept any longer. */
  take(showId: string): Recovered | null {
    this.expire();
    return this.#remove(showId)?.recovered ?? null;
  }

  /** Forgets those that did not come. */
  expire(): void {
    const before = this.#clock.now() - PREPARED_MS;
    for (const [showId, { at }] of this.#byShow) {
      if (at > before) return;
      this.#remove(showId);
    }
  }

  #remove(showId: string): Prepared | undefined {
    const prepared = this.#byShow.get(showId);
    if (prepared === undefined) return undefined;
    this.#byShow.delete(showId);
    this.#seats -= prepared.recovered.show.hall.seatCount;
    return prepared;
  }
}
