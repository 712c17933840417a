import { nextCapacity, widened } from './columns.ts';

/**
 *     none (ordered, not paid) ──► valid ──► refunded             taken back, its price is owed
 *       ▲ │                         ▲│
 *       │ └──► void ◄── suspended ◄─┴┘ (and back, if the dispute is won)
 *       └───────┘ the order was late, and is sold after all
 *
 * How tickets move (offered, listed, transferred, and void once it is resold) stands in `moves.ts`.
 */
export const TICKET = {
  none: 0,
  valid: 1,
  void: 2,
  refunded: 3,
  suspended: 4,
  offered: 5,
  listed: 6,
  transferred: 7,
} as const;

/** Tickets that are paid for and somebody's: they can be taken back. */
export const OWNED: readonly number[] = [TICKET.valid, TICKET.offered, TICKET.listed];

/** What each state of a ticket is called. */
export const TICKET_NAMES: Readonly<Record<number, keyof typeof TICKET>> = Object.fromEntries(
  Object.entries(TICKET).map(([name, state]) => [state, name as keyof typeof TICKET]),
);

/** The lines of all orders, numbered from 1: a line becomes a ticket when its order is paid. */
export class Tickets {
  count = 0;
  order: Uint32Array = new Uint32Array(0);
  /** Seat index, or -1 - area for a general-admission place. */
  seat: Int32Array = new Int32Array(0);
  /** Minor units. */
  price: Uint32Array = new Uint32Array(0);
  state: Uint8Array = new Uint8Array(0);
  /**
   * Of tickets that are paid for and neither valid nor refunded: since when (ms), 0 if they never were. A refund tells
   * by itself.
   */
  readonly invalidSince = new Map<number, number>();

  has(ticket: number): boolean {
    return ticket >= 1 && ticket <= this.count;
  }

  /** The ticket is valid, or is so again. */
  validate(ticket: number): void {
    this.state[ticket] = TICKET.valid;
    this.invalidSince.delete(ticket);
  }

  /** The ticket is in another state than valid from now on; one that was not valid before has ceased to be so then. */
  invalidate(ticket: number, state: number, at: number): void {
    if (this.state[ticket] === TICKET.valid) this.invalidSince.set(ticket, at);
    this.state[ticket] = state;
  }

  add(order: number, seat: number, price: number): number {
    const ticket = ++this.count;
    if (ticket >= this.order.length) this.#widen(nextCapacity(this.order.length, ticket + 1));
    this.order[ticket] = order;
    this.seat[ticket] = seat;
    this.price[ticket] = price;
    return ticket;
  }

  #widen(capacity: number): void {
    this.order = widened(this.order, capacity);
    this.seat = widened(this.seat, capacity);
    this.price = widened(this.price, capacity);
    this.state = widened(this.state, capacity);
  }
}
