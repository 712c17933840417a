import type { OrderLine, Resale, ShowEvent } from '../allocator/events.ts';

/** A line of an order, whatever tickets stand for it. */
interface Line extends OrderLine {
  readonly order: number;
}

/**
 * Who bought which seat, told from the journal's sales alone: a second opinion that shares no code with the
 * allocator, so that a fault there cannot hide a seat sold twice.
 */
export class SoldSeats {
  /** Lines of the orders that may yet be sold or given back. */
  readonly #lines = new Map<number, readonly Line[]>();
  /** By ticket; one that was transferred has a successor of the same line. */
  readonly #lineOf = new Map<number, Line>();
  #tickets = 0;
  readonly #sold = new Map<number, Line>();
  /** Seats that are for resale, or sold to a buyer who has not paid yet: their sellers' lines. */
  readonly #sellers = new Map<number, Line>();
  #twice = 0;

  /** Sales of a seat that was sold. */
  get twice(): number {
    return this.#twice;
  }

  /** Notes an event; returns what is wrong with it, or null. */
  note(event: ShowEvent): string | null {
    switch (event.type) {
      case 'ordered': {
        const lines = event.lines.map((line) => ({ ...line, order: event.order }));
        this.#lines.set(event.order, lines);
        for (const line of lines) this.#lineOf.set(++this.#tickets, line);
        // A free order is sold at once.
        return event.total === 0 ? (this.#sell(event.order) ?? this.#resell(event.resold)) : null;
      }
      case 'committed':
        return this.#sell(event.order);
      case 'captured':
        return this.#resell(event.resold);
      case 'voided':
        return this.#giveBack(event.order);
      case 'refunding':
        for (const ticket of event.tickets) this.#giveLineBack(this.#lineOf.get(ticket));
        return null;
      case 'refunding-all':
        for (const order of event.orders) this.#giveBack(order);
        return null;
      case 'disputed':
        return event.status === 'lost' ? this.#giveBack(event.order) : null;
      case 'stock-changed':
        return this.#takeOffSale([...(event.removed?.seats ?? []), ...(event.blocked?.seats ?? [])]);
      case 'cancelled':
      case 'declined':
      case 'rejected':
        this.#lines.delete(event.order);
        return null;
      case 'transferred':
        return this.#follow(event.ticket, event.to);
      case 'listed':
        return this.#list(event.ticket);
      default:
        return null;
    }
  }

  #sell(order: number): string | null {
    const lines = this.#lines.get(order);
    if (lines === undefined) return `order ${order} is sold, but is not open`;
    let fault: string | null = null;
    for (const line of lines) {
      const { seat, from } = line;
      // General-admission places have no identity; their counts are checked by the replay.
      if (seat < 0) continue;
      const owner = this.#sold.get(seat);
      // What is bought from its owner goes over once it is paid; should it not be, it is the owner's as before.
      const isBought = owner !== undefined && from !== undefined && this.#lineOf.get(from) === owner;
      if (owner !== undefined && !isBought) {
        this.#twice++;
        fault ??= `seat ${seat} is sold twice: to order ${owner.order} and to order ${order}`;
      }
      if (isBought) this.#sellers.set(seat, owner);
      this.#sold.set(seat, line);
    }
    return fault;
  }

  /** The buyers of these have paid: their sellers' tickets end. */
  #resell(resold: readonly Resale[] = []): string | null {
    for (const { ticket } of resold) {
      const line = this.#lineOf.get(ticket);
      if (line === undefined || this.#sellers.get(line.seat) !== line || this.#sold.get(line.seat) === line)
        return `ticket ${ticket} is resold, but nobody bought its seat`;
      this.#sellers.delete(line.seat);
    }
    return null;
  }

  #takeOffSale(seats: readonly number[]): string | null {
    const seat = seats.find((one) => this.#sold.has(one));
    return seat === undefined ? null : `seat ${seat} is taken off sale, but is order ${this.#sold.get(seat)?.order}'s`;
  }

  #giveBack(order: number): string | null {
    const lines = this.#lines.get(order);
    if (lines === undefined) return `order ${order} is void, but was not sold`;
    for (const line of lines) this.#giveLineBack(line);
    return null;
  }

  #giveLineBack(line: Line | undefined): void {
    if (line === undefined) return;
    const { seat } = line;
    const seller = this.#sellers.get(seat);
    if (seller === line) this.#sellers.delete(seat);
    if (this.#sold.get(seat) !== line) return;
    if (seller === undefined || seller === line) {
      this.#sold.delete(seat);
      return;
    }
    this.#sellers.delete(seat);
    this.#sold.set(seat, seller);
  }

  #follow(ticket: number, to: number): string | null {
    const line = this.#lineOf.get(ticket);
    if (line === undefined || to !== ++this.#tickets) return `ticket ${ticket} is transferred to ${to}, out of order`;
    this.#lineOf.set(to, line);
    return null;
  }

  #list(ticket: number): string | null {
    const line = this.#lineOf.get(ticket);
    if (line !== undefined && this.#sold.get(line.seat) === line) return null;
    return `ticket ${ticket} is listed, but does not have its seat`;
  }
}
