/** Places in an order that is kept up as places come and go, by a search for where each belongs. */
export class SlotOrder {
  readonly #compare: (a: number, b: number) => number;
  #slots = new Uint32Array(256);
  #size = 0;
  /** While many come at once they are only collected. */
  #isSorted = true;

  /** @param compare never 0 for two places. */
  constructor(compare: (a: number, b: number) => number) {
    this.#compare = compare;
  }

  /** The places in order. Not to be kept: the next change moves them. */
  get slots(): Uint32Array {
    if (!this.#isSorted) {
      this.#slots.subarray(0, this.#size).sort(this.#compare);
      this.#isSorted = true;
    }
    return this.#slots.subarray(0, this.#size);
  }

  add(slot: number, isOneOfMany: boolean): void {
    if (this.#size === this.#slots.length) {
      const slots = this.#slots;
      this.#slots = new Uint32Array(slots.length * 2);
      this.#slots.set(slots);
    }
    if (isOneOfMany || !this.#isSorted) {
      this.#slots[this.#size++] = slot;
      this.#isSorted = false;
      return;
    }
    const at = this.#placeFor(slot);
    this.#slots.copyWithin(at + 1, at, this.#size++);
    this.#slots[at] = slot;
  }

  /** To be called while the place is still that of its show. */
  delete(slot: number): void {
    const at = this.slots.indexOf(slot);
    if (at < 0) return;
    this.#slots.copyWithin(at, at + 1, this.#size--);
  }

  #placeFor(slot: number): number {
    let [from, to] = [0, this.#size];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (this.#compare(this.#slots[middle], slot) < 0) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}
