/**
 * A hold's life:
 *
 *     active ──► inPayment ──► bought
 *       │            │
 *       └────────────┴──────► released (given up, cancelled, refused by the gateway) or expired
 */
export const HOLD = { active: 1, inPayment: 2, bought: 3, released: 4, expired: 5 } as const;

/** So many of the newest holds are remembered after they ended, to tell their buyers so. */
export const ENDED_HOLDS_KEPT = 4_096;

/** Numbers a hold has in a snapshot: at, until, buyer, firstSeat, quantity, state, order. */
export const HOLD_FIELDS = 7;

/**
 * The holds of a show, numbered from 1. Only a window of numbers is kept: it begins at the oldest hold that has not
 * ended, or {@link ENDED_HOLDS_KEPT} back. Times in ms since the epoch.
 */
export class Holds {
  oldest = 1;
  next = 1;
  #mask = -1;
  /** When it was made. */
  at = new Float64Array(0);
  /** What the buyer is shown; the grace comes on top. */
  until = new Float64Array(0);
  buyer = new Uint32Array(0);
  /** Head of the chain through the show's `nextInHold`, or -1. */
  firstSeat = new Int32Array(0);
  /** Seats and general-admission places together. */
  quantity = new Uint32Array(0);
  state = new Uint8Array(0);
  /** The order made of it, or 0. */
  order = new Uint32Array(0);

  /** The place of hold `number` in the columns, or -1 if it is not (or no longer) known. */
  place(number: number): number {
    return number >= this.oldest && number < this.next ? number & this.#mask : -1;
  }

  isLive(place: number): boolean {
    return this.state[place] === HOLD.active || this.state[place] === HOLD.inPayment;
  }

  /** Adds an active hold under the next number; returns its place. */
  add(at: number, until: number, buyer: number, firstSeat: number, quantity: number): number {
    while (this.next - this.oldest >= ENDED_HOLDS_KEPT && !this.isLive(this.oldest & this.#mask)) this.oldest++;
    if (this.next - this.oldest > this.#mask) this.#load(this.dump(), this.oldest, this.next + 1 - this.oldest);
    const place = this.next & this.#mask;
    this.next++;
    this.at[place] = at;
    this.until[place] = until;
    this.buyer[place] = buyer;
    this.firstSeat[place] = firstSeat;
    this.quantity[place] = quantity;
    this.state[place] = HOLD.active;
    this.order[place] = 0;
    return place;
  }

  /** The window, oldest first, {@link HOLD_FIELDS} numbers a hold. */
  dump(): Float64Array {
    const rows = new Float64Array((this.next - this.oldest) * HOLD_FIELDS);
    for (let n = this.oldest, to = 0; n < this.next; n++, to += HOLD_FIELDS) {
      const p = n & this.#mask;
      rows[to] = this.at[p];
      rows[to + 1] = this.until[p];
      rows[to + 2] = this.buyer[p];
      rows[to + 3] = this.firstSeat[p];
      rows[to + 4] = this.quantity[p];
      rows[to + 5] = this.state[p];
      rows[to + 6] = this.order[p];
    }
    return rows;
  }

  restore(oldest: number, rows: Float64Array): void {
    this.#load(rows, oldest, rows.length / HOLD_FIELDS);
  }

  /** Lays the columns anew, with room for at least `needed` holds, a power of two so that a number finds its place by a mask. */
  #load(rows: Float64Array, oldest: number, needed: number): void {
    let capacity = 16;
    while (capacity < needed) capacity *= 2;
    this.#mask = capacity - 1;
    this.at = new Float64Array(capacity);
    this.until = new Float64Array(capacity);
    this.buyer = new Uint32Array(capacity);
    this.firstSeat = new Int32Array(capacity);
    this.quantity = new Uint32Array(capacity);
    this.state = new Uint8Array(capacity);
    this.order = new Uint32Array(capacity);
    this.oldest = oldest;
    this.next = oldest + rows.length / HOLD_FIELDS;
    for (let n = oldest, from = 0; n < this.next; n++, from += HOLD_FIELDS) {
      const p = n & this.#mask;
      this.at[p] = rows[from];
      this.until[p] = rows[from + 1];
      this.buyer[p] = rows[from + 2];
      this.firstSeat[p] = rows[from + 3];
      this.quantity[p] = rows[from + 4];
      this.state[p] = rows[from + 5];
      this.order[p] = rows[from + 6];
    }
  }
}
