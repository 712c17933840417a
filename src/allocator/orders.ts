import { nextCapacity, widened } from './columns.ts';

/**
 * An order's life. The seat decides, then the money moves:
 *
 *     awaiting ──► pending ──► committed ──► paid            (a free order is paid at once)
 *        │ └──────────┼───────────▲ │ └────► voided          the capture failed for good
 *        │            │           │ │
 *        └────────────┴──► expired┘ └ late: its places were still free
 *        │            │        └──► declined                  paid too late: they were not
 *        └────────────┴──► cancelled | rejected               given up, by the buyer or with the show | the gateway never will
 *
 * Pending: the bank takes days over it. A paid order stays paid; its tickets may be refunded, each once.
 */
export const ORDER = {
  awaiting: 1,
  committed: 2,
  paid: 3,
  cancelled: 4,
  expired: 5,
  rejected: 6,
  voided: 7,
  pending: 8,
  declined: 9,
} as const;

/** The orders of a show, numbered from 1, all kept. Times in ms since the epoch, money in minor units. */
export class Orders {
  count = 0;
  at: Float64Array = new Float64Array(0);
  until: Float64Array = new Float64Array(0);
  total: Float64Array = new Float64Array(0);
  buyer: Uint32Array = new Uint32Array(0);
  hold: Uint32Array = new Uint32Array(0);
  /** When the hold was made: with its number, the hold's id. */
  heldAt: Float64Array = new Float64Array(0);
  /** The lines are the tickets [firstTicket, firstTicket + quantity). */
  firstTicket: Uint32Array = new Uint32Array(0);
  quantity: Uint16Array = new Uint16Array(0);
  state: Uint8Array = new Uint8Array(0);
  /** 1 while the gateway may still have to be asked, or may hold money that is not ours to take. */
  unsettled: Uint8Array = new Uint8Array(0);
  /** The same buyer's order before this one, or 0. */
  previous: Uint32Array = new Uint32Array(0);
  /** Why an order was rejected, declined or voided, and what became of money that came too late. */
  readonly reasons = new Map<number, string>();

  has(order: number): boolean {
    return order >= 1 && order <= this.count;
  }

  /** Adds an order and returns its number; index the columns with it. */
  add(
    at: number,
    until: number,
    total: number,
    buyer: number,
    hold: number,
    heldAt: number,
    firstTicket: number,
    quantity: number,
    previous: number,
  ): number {
    const order = ++this.count;
    if (order >= this.at.length) this.#widen(nextCapacity(this.at.length, order + 1));
    this.at[order] = at;
    this.until[order] = until;
    this.total[order] = total;
    this.buyer[order] = buyer;
    this.hold[order] = hold;
    this.heldAt[order] = heldAt;
    this.firstTicket[order] = firstTicket;
    this.quantity[order] = quantity;
    this.previous[order] = previous;
    return order;
  }

  #widen(capacity: number): void {
    this.at = widened(this.at, capacity);
    this.until = widened(this.until, capacity);
    this.total = widened(this.total, capacity);
    this.buyer = widened(this.buyer, capacity);
    this.hold = widened(this.hold, capacity);
    this.heldAt = widened(this.heldAt, capacity);
    this.firstTicket = widened(this.firstTicket, capacity);
    this.quantity = widened(this.quantity, capacity);
    this.state = widened(this.state, capacity);
    this.unsettled = widened(this.unsettled, capacity);
    this.previous = widened(this.previous, capacity);
  }
}
