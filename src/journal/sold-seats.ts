import type { OrderLine, ShowEvent } from '../allocator/events.ts';

/**
 * Who bought which seat, told from the journal's sales alone: a second opinion that shares no code with the
 * allocator, so that a fault there cannot hide a seat sold twice.
 */
export class SoldSeats {
  /** Lines of the orders that may yet be sold or given back. */
  readonly #lines = new Map<number, readonly OrderLine[]>();
  /** Of each order: its first ticket. They are numbered in the order of the lines. */
  readonly #firstTicket = new Map<number, number>();
  #tickets = 0;
  readonly #sold = new Map<number, number>();
  #twice = 0;

  /** Sales of a seat that was sold. */
  get twice(): number {
    return this.#twice;
  }

  /** Notes an event; returns what is wrong with it, or null. */
  note(event: ShowEvent): string | null {
    switch (event.type) {
      case 'ordered':
        this.#lines.set(event.order, event.lines);
        this.#firstTicket.set(event.order, this.#tickets + 1);
        this.#tickets += event.lines.length;
        // A free order is sold at once.
        return event.total === 0 ? this.#sell(event.order) : null;
      case 'committed':
        return this.#sell(event.order);
      case 'voided':
        return this.#giveBack(event.order);
      case 'refunding':
        for (const ticket of event.tickets) this.#giveTicketBack(event.order, ticket);
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
      default:
        return null;
    }
  }

  #sell(order: number): string | null {
    const lines = this.#lines.get(order);
    if (lines === undefined) return `order ${order} is sold, but is not open`;
    let fault: string | null = null;
    for (const { seat } of lines) {
      // General-admission places have no identity; their counts are checked by the replay.
      if (seat < 0) continue;
      const owner = this.#sold.get(seat);
      if (owner !== undefined) {
        this.#twice++;
        fault ??= `seat ${seat} is sold twice: to order ${owner} and to order ${order}`;
      }
      this.#sold.set(seat, order);
    }
    return fault;
  }

  #takeOffSale(seats: readonly number[]): string | null {
    const seat = seats.find((one) => this.#sold.has(one));
    return seat === undefined ? null : `seat ${seat} is taken off sale, but is order ${this.#sold.get(seat)}'s`;
  }

  #giveBack(order: number): string | null {
    const lines = this.#lines.get(order);
    if (lines === undefined) return `order ${order} is void, but was not sold`;
    for (const { seat } of lines) if (this.#sold.get(seat) === order) this.#sold.delete(seat);
    return null;
  }

  #giveTicketBack(order: number, ticket: number): void {
    const line = this.#lines.get(order)?.[ticket - (this.#firstTicket.get(order) ?? 0)];
    if (line !== undefined && this.#sold.get(line.seat) === order) this.#sold.delete(line.seat);
  }
}
