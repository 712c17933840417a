const FIRST_SLOTS = 32;
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/**
 * Ids as numbers, from 0 in the order in which they came, so that what is known of them can stand in arrays. Millions of
 * ids are looked up, most of them once or twice: a Map would have the runtime hash each new string first, which costs
 * more than all else that is done with it.
 */
export class Names {
  readonly #ids: string[] = [];
  /**
   * Two places a slot: the number plus 1 and the hash, side by side as memory is slow; 0 is empty, as half of them are at
   * least. An id is in the slot that its hash points to, or in one after it with none empty between.
   */
  #slots = new Int32Array(2 * FIRST_SLOTS);
  /** A guess at what is looked for next: ids are often looked for in the order in which they came. */
  #next = 0;

  get size(): number {
    return this.#ids.length;
  }

  /** The number of this id, or -1 if it never came. */
  find(id: string): number {
    if (this.#isNext(id)) return this.#next++;
    this.#next = this.#slots[this.#slotOf(id, hashOf(id))];
    return this.#next - 1;
  }

  /** The number of this id, which is {@link size} as it was before if it comes for the first time. */
  add(id: string): number {
    if (this.#isNext(id)) return this.#next++;
    if (4 * (this.#ids.length + 1) > this.#slots.length) this.#grow(2 * this.#slots.length);
    this.#next = this.#add(id, hashOf(id)) + 1;
    return this.#next - 1;
  }

  /** The number of each of these, as {@link add} has them one after the other. Faster if they are many and new. */
  addAll(ids: readonly string[]): Int32Array {
    let slots = this.#slots.length;
    while (4 * (this.#ids.length + ids.length) > slots) slots *= 2;
    if (slots > this.#slots.length) this.#grow(slots);
    const numbers = new Int32Array(ids.length);
    // In a loop of its own no id waits for the one before it to be added: the processor fetches several at once.
    for (let i = 0; i < ids.length; i++) numbers[i] = hashOf(ids[i]);
    for (let i = 0; i < ids.length; i++) numbers[i] = this.#add(ids[i], numbers[i]);
    return numbers;
  }

  /** There must be room for one more. */
  #add(id: string, hash: number): number {
    const slot = this.#slotOf(id, hash);
    if (this.#slots[slot] !== 0) return this.#slots[slot] - 1;
    this.#slots[slot] = this.#ids.push(id);
    this.#slots[slot + 1] = hash;
    return this.#slots[slot] - 1;
  }

  #isNext(id: string): boolean {
    return this.#next < this.#ids.length && this.#ids[this.#next] === id;
  }

  /** The slot that has the id, or the empty one where it belongs. */
  #slotOf(id: string, hash: number): number {
    const slots = this.#slots;
    const last = slots.length - 1;
    let slot = (2 * hash) & last;
    while (slots[slot] !== 0 && (slots[slot + 1] !== hash || this.#ids[slots[slot] - 1] !== id))
      slot = (slot + 2) & last;
    return slot;
  }

  #grow(length: number): void {
    const before = this.#slots;
    const slots = new Int32Array(length);
    const last = slots.length - 1;
    for (let from = 0; from < before.length; from += 2) {
      if (before[from] === 0) continue;
      let slot = (2 * before[from + 1]) & last;
      while (slots[slot] !== 0) slot = (slot + 2) & last;
      slots[slot] = before[from];
      slots[slot + 1] = before[from + 1];
    }
    this.#slots = slots;
  }
}

/** FNV-1a, with its upper bits, which are mixed best, folded into those that choose a slot. */
function hashOf(id: string): number {
  let hash = FNV_OFFSET;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), FNV_PRIME);
  return hash ^ (hash >>> 15);
}
