import type { Range } from './parameters.ts';

interface Entry {
  readonly id: string;
  /** Seconds; never less than that of the entry before. */
  readonly created: number;
}

export interface PageRequest {
  readonly limit: number;
  readonly created?: Range | undefined;
  readonly startingAfter?: string | undefined;
  readonly endingBefore?: string | undefined;
}

export interface Page<T> {
  readonly data: T[];
  readonly hasMore: boolean;
}

/** Objects of one sort in the order of their making. Looks up and pages without going through them all. */
export class Collection<T extends Entry> {
  readonly #capacity: number;
  readonly #places = new Map<string, number>();
  #entries: T[] = [];
  /** How many were forgotten before the first of `#entries`. */
  #forgotten = 0;

  /** @param capacity how many to remember at least; at twice as many the older half is forgotten */
  constructor(capacity = Number.POSITIVE_INFINITY) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#entries.length;
  }

  add(entry: T): void {
    if (this.#entries.length >= this.#capacity * 2) {
      for (const old of this.#entries.slice(0, this.#capacity)) this.#places.delete(old.id);
      this.#entries = this.#entries.slice(this.#capacity);
      this.#forgotten += this.#capacity;
    }
    this.#places.set(entry.id, this.#forgotten + this.#entries.length);
    this.#entries.push(entry);
  }

  get(id: string): T | undefined {
    const place = this.#places.get(id);
    return place === undefined ? undefined : this.#entries[place - this.#forgotten];
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#entries[Symbol.iterator]();
  }

  /**
   * The newest first. `null` if the cursor names none of these.
   * @param accepts goes through the entries until the page is full; without it a page costs its own size
   */
  page(request: PageRequest, accepts?: (entry: T) => boolean): Page<T> | null {
    const { created, limit, startingAfter, endingBefore } = request;
    let low = created === undefined ? 0 : this.#firstFrom(created.from);
    let high = created === undefined ? this.#entries.length : this.#firstFrom(created.to + 1);
    for (const cursor of [startingAfter, endingBefore]) {
      if (cursor === undefined) continue;
      const place = this.#places.get(cursor);
      if (place === undefined) return null;
      if (cursor === startingAfter) high = Math.min(high, place - this.#forgotten);
      else low = Math.max(low, place - this.#forgotten + 1);
    }
    const found: T[] = [];
    // Backwards through time, or forwards from `endingBefore`, up to one more than asked for.
    const isForward = endingBefore !== undefined;
    for (let i = isForward ? low : high - 1; i >= low && i < high && found.length <= limit; i += isForward ? 1 : -1) {
      const entry = this.#entries[i];
      if (accepts === undefined || accepts(entry)) found.push(entry);
    }
    const hasMore = found.length > limit;
    const data = hasMore ? found.slice(0, limit) : found;
    return { data: isForward ? data.reverse() : data, hasMore };
  }

  /** The place of the first entry made at `created` or later. */
  #firstFrom(created: number): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#entries[middle].created < created) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
