const FIRST_ROOM = 8;
/** A place and its weight share 32 bits. */
const SLOT_MAX = 0xff_ffff;

/** Numbers of places up to {@link SLOT_MAX}, each with a weight (a byte), in no order: four to eight bytes each. */
export class SlotList {
  #entries = new Uint32Array(FIRST_ROOM);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(slot: number, weight: number): void {
    if (slot > SLOT_MAX) throw new RangeError(`place ${slot} is beyond ${SLOT_MAX}`);
    if (this.#size === this.#entries.length) {
      const entries = this.#entries;
      this.#entries = new Uint32Array(entries.length * 2);
      this.#entries.set(entries);
    }
    this.#entries[this.#size++] = ((slot << 8) | weight) >>> 0;
  }

  delete(slot: number): void {
    for (let i = 0; i < this.#size; i++) {
      if (this.#entries[i] >>> 8 !== slot) continue;
      this.#entries[i] = this.#entries[--this.#size];
      return;
    }
  }

  slotAt(i: number): number {
    return this.#entries[i] >>> 8;
  }

  weightAt(i: number): number {
    return this.#entries[i] & 0xff;
  }

  /** A copy of the places. */
  slots(): Uint32Array {
    return this.#entries.slice(0, this.#size).map((entry) => entry >>> 8);
  }
}
