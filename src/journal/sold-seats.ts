import type { OrderLine, ShowEvent } from '../allocator/events.ts';

/**
 * Who bought which seat, told from the journal's sales alone: a second opinion that shares no code with the
 * allocator, so that a fault there cannot hide a seat sold twice.
 */
export class SoldSeats {
  /** Lines of the orders that may yet be sold or given back. */
  readonly #lines = new Map<number, readonly OrderLine[]>();
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
        // A free order is sold at once.
        return event.total === 0 ? this.#sell(event.order) : null;
      case 'committed':
        return this.#sell(event.order);
      case 'voided':
        return this.#giveBack(event.order);
      case 'captured':
      case 'cancelled':
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

  #giveBack(order: number): string | null {
    const lines = this.#lines.get(order);
    if (lines === undefined) return `order ${order} is void, but was not sold`;
    for (const { seat } of lines) if (this.#sold.get(seat) === order) this.#sold.delete(seat);
    this.#lines.delete(order);
    return null;
  }
}
