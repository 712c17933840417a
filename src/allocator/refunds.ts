import { nextCapacity, widened } from './columns.ts';

/**
 *     due ◄─► done     the gateway has it on its way to the buyer | it came back
 *      └────► failed   the gateway cannot: people have to see to it
 */
export const REFUND = { due: 1, done: 2, failed: 3 } as const;

/** Numbers a refund has in a snapshot: at, order, amount, state, previous. */
export const REFUND_FIELDS = 5;

/**
 * The refunds of a show, numbered from 1. Few shows have any, and until one has, they take no room. Times in ms since the
 * epoch, money in minor units.
 */
export class Refunds {
  count = 0;
  /** How many are due. */
  due = 0;
  at: Float64Array = new Float64Array(0);
  order: Uint32Array = new Uint32Array(0);
  amount: Float64Array = new Float64Array(0);
  state: Uint8Array = new Uint8Array(0);
  /** The same order's refund before this one, or 0. */
  previous: Uint32Array = new Uint32Array(0);
  /** The refund that took a ticket back, by the ticket. */
  readonly ofTicket = new Map<number, number>();
  /** Why: as the organiser says, or the gateway for one that failed. */
  readonly reasons = new Map<number, string>();
  readonly #newest = new Map<number, number>();

  has(refund: number): boolean {
    return refund >= 1 && refund <= this.count;
  }

  /** Adds one that is due and returns its number. */
  add(at: number, order: number, amount: number): number {
    const refund = ++this.count;
    if (refund >= this.at.length) this.#widen(nextCapacity(this.at.length, refund + 1));
    this.#set(refund, at, order, amount, REFUND.due, this.#newest.get(order) ?? 0);
    this.due++;
    return refund;
  }

  end(refund: number, state: number): void {
    this.state[refund] = state;
    this.due--;
  }

  /** One that was done is due again. */
  comeBack(refund: number): void {
    this.state[refund] = REFUND.due;
    this.due++;
  }

  /** An order's refunds, newest first. */
  *of(order: number): IterableIterator<number> {
    for (let refund = this.#newest.get(order) ?? 0; refund > 0; refund = this.previous[refund]) yield refund;
  }

  /** All, {@link REFUND_FIELDS} numbers each. */
  dump(): Float64Array {
    const rows = new Float64Array(this.count * REFUND_FIELDS);
    for (let refund = 1, to = 0; refund <= this.count; refund++, to += REFUND_FIELDS) {
      rows[to] = this.at[refund];
      rows[to + 1] = this.order[refund];
      rows[to + 2] = this.amount[refund];
      rows[to + 3] = this.state[refund];
      rows[to + 4] = this.previous[refund];
    }
    return rows;
  }

  restore(rows: Float64Array): void {
    const count = rows.length / REFUND_FIELDS;
    this.#widen(count + 1);
    this.count = count;
    for (let refund = 1, from = 0; refund <= count; refund++, from += REFUND_FIELDS) {
      this.#set(refund, rows[from], rows[from + 1], rows[from + 2], rows[from + 3], rows[from + 4]);
      if (rows[from + 3] === REFUND.due) this.due++;
    }
  }

  #set(refund: number, at: number, order: number, amount: number, state: number, previous: number): void {
    this.at[refund] = at;
    this.order[refund] = order;
    this.amount[refund] = amount;
    this.state[refund] = state;
    this.previous[refund] = previous;
    this.#newest.set(order, refund);
  }

  #widen(capacity: number): void {
    this.at = widened(this.at, capacity);
    this.order = widened(this.order, capacity);
    this.amount = widened(this.amount, capacity);
    this.state = widened(this.state, capacity);
    this.previous = widened(this.previous, capacity);
  }
}
