/**
 * What became of tickets after their sale: transfers and resales. Few tickets move, so these are maps, and of a show in which
 * none does they are empty.
 *
 * A transfer ends a ticket and begins another, of the same order and place, that waits for its receiver:
 *
 *     valid ──► transferred, its successor: offered ──► valid (the receiver's, or the sender's again if withdrawn or declined)
 *
 * A listing leaves the ticket its owner's until somebody has bought the seat:
 *
 *     valid ──► listed ──► void, and the buyer's ticket valid     its order is captured
 *       ▲          │
 *       └──────────┘ withdrawn
 */
export interface Listing {
  /** The seller's ticket; 0 once it was taken back while a buyer had the seat: then nobody sells it but the organiser. */
  readonly ticket: number;
  /** Minor units: what the buyer pays, and the seller gets. */
  readonly price: number;
}

/** A ticket changes hands so many times at most: each time the show keeps one more. */
export const TRANSFERS_PER_TICKET_MAX = 16;

export class Moves {
  /** The ticket that took the place of a transferred one. */
  readonly successors = new Map<number, number>();
  /** Whose a ticket is, or was, if not the buyer's of its order: by ticket, the number of the buyer. */
  readonly holders = new Map<number, number>();
  /** The addresses, as digests, to which tickets are offered; by ticket. */
  readonly offers = new Map<number, string>();
  /** What is for resale, by seat: also while a buyer holds or pays for it. */
  readonly listings = new Map<number, Listing>();
  /** The lines of orders that buy from a seller: by their ticket, the seller's. */
  readonly boughtFrom = new Map<number, number>();
  readonly #predecessors = new Map<number, number>();
  /** Tickets by whose they are, of those in `holders`. */
  readonly #received = new Map<number, Set<number>>();

  get isEmpty(): boolean {
    const { successors, offers, listings, boughtFrom } = this;
    return successors.size + offers.size + listings.size + boughtFrom.size === 0;
  }

  follow(ticket: number, successor: number): void {
    this.successors.set(ticket, successor);
    this.#predecessors.set(successor, ticket);
  }

  /** Makes the ticket this buyer's; `ofOrder`: they bought it themselves. */
  hand(ticket: number, buyer: number, ofOrder: boolean): void {
    const before = this.holders.get(ticket);
    if (before !== undefined) this.#received.get(before)?.delete(ticket);
    if (ofOrder) {
      this.holders.delete(ticket);
      return;
    }
    this.holders.set(ticket, buyer);
    const received = this.#received.get(buyer);
    if (received === undefined) this.#received.set(buyer, new Set([ticket]));
    else received.add(ticket);
  }

  /** Tickets of others' orders that are or were this buyer's. */
  receivedBy(buyer: number): Iterable<number> {
    return this.#received.get(buyer) ?? [];
  }

  /** The ticket that this one took the place of by a transfer. */
  predecessorOf(ticket: number): number | undefined {
    return this.#predecessors.get(ticket);
  }

  /** How often the place of this ticket was transferred before it. */
  transfersBefore(ticket: number): number {
    let count = 0;
    for (let before = this.#predecessors.get(ticket); before !== undefined; before = this.#predecessors.get(before))
      count++;
    return count;
  }
}
