import { idFromWords, idWords } from '../ids.ts';
import { nextCapacity, widened } from './columns.ts';

const WORDS = 4;

/** The buyers a show has met, by a small number from 0. Twenty-eight bytes a buyer beside the index. */
export class Buyers {
  count = 0;
  /** The 128 bits of each user id. */
  words: Uint32Array = new Uint32Array(0);
  /** The buyer's live hold, or 0. */
  liveHold: Uint32Array = new Uint32Array(0);
  /** Places held, in payment or bought: what the limit per buyer counts. */
  places: Uint32Array = new Uint32Array(0);
  /** The buyer's newest order, or 0: the head of a chain through the orders. */
  newestOrder: Uint32Array = new Uint32Array(0);
  #slots = new Int32Array(0);
  readonly #probe = new Uint32Array(WORDS);
  /** The id that was looked up last and its slot (-1 once the index changed): a decision and its event ask for the same. */
  #probed = '';
  #probedSlot = -1;

  /** The buyer's number, or -1 if the show has not met this user. */
  find(userId: string): number {
    if (this.count === 0) return -1;
    return this.#slots[this.#locate(userId)] - 1;
  }

  /** The buyer's number, given on first sight. */
  meet(userId: string): number {
    if ((this.count + 1) * 2 > this.#slots.length) this.#rehash(Math.max(32, this.#slots.length * 2));
    const slot = this.#locate(userId);
    if (this.#slots[slot] !== 0) return this.#slots[slot] - 1;
    const buyer = this.count++;
    if (buyer >= this.liveHold.length) this.#widen(nextCapacity(this.liveHold.length, this.count));
    this.words.set(this.#probe, buyer * WORDS);
    this.#slots[slot] = buyer + 1;
    return buyer;
  }

  /** The slot that holds this user, or the empty one where they belong. */
  #locate(userId: string): number {
    if (userId !== this.#probed) {
      idWords(userId, this.#probe, 0);
      this.#probed = userId;
      this.#probedSlot = -1;
    }
    if (this.#probedSlot < 0) this.#probedSlot = this.#slotOf(this.#probe, 0);
    return this.#probedSlot;
  }

  /** The inverse of {@link find}. */
  userId(buyer: number): string {
    return idFromWords('usr', this.words, buyer * WORDS);
  }

  /** Takes over columns read from a snapshot. */
  restore(
    count: number,
    words: Uint32Array,
    liveHold: Uint32Array,
    places: Uint32Array,
    newestOrder: Uint32Array,
  ): void {
    this.count = count;
    this.words = words;
    this.liveHold = liveHold;
    this.places = places;
    this.newestOrder = newestOrder;
    let size = 32;
    while (size < count * 2 + 2) size *= 2;
    this.#rehash(size);
  }

  #widen(capacity: number): void {
    this.words = widened(this.words, capacity * WORDS);
    this.liveHold = widened(this.liveHold, capacity);
    this.places = widened(this.places, capacity);
    this.newestOrder = widened(this.newestOrder, capacity);
  }

  /** The slot that holds these words, or the empty one where they belong. */
  #slotOf(words: Uint32Array, offset: number): number {
    const mask = this.#slots.length - 1;
    // The low words of a UUIDv7 are random; the multiply spreads ids of other makers as well.
    let slot = (Math.imul(words[offset + 3] ^ words[offset + 1], 0x9e3779b1) >>> 7) & mask;
    for (;;) {
      const buyer = this.#slots[slot] - 1;
      if (buyer < 0) return slot;
      const at = buyer * WORDS;
      if (
        this.words[at + 3] === words[offset + 3] &&
        this.words[at + 2] === words[offset + 2] &&
        this.words[at + 1] === words[offset + 1] &&
        this.words[at] === words[offset]
      ) {
        return slot;
      }
      slot = (slot + 1) & mask;
    }
  }

  #rehash(size: number): void {
    this.#slots = new Int32Array(size);
    this.#probedSlot = -1;
    for (let buyer = 0; buyer < this.count; buyer++) {
      this.#slots[this.#slotOf(this.words, buyer * WORDS)] = buyer + 1;
    }
  }
}
