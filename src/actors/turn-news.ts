import type { ShowEvent } from '../allocator/events.ts';
import { ORDER } from '../allocator/orders.ts';
import type { Show } from '../allocator/show.ts';

/** What others have to learn of the turn under way: who ordered here for the first time, and unsettled orders. */
export class TurnNews {
  readonly #show: Show;
  readonly #onUnsettled: (showId: string, orders: readonly number[]) => void;
  #newBuyers: string[] = [];
  #unsettled: number[] = [];
  /** All unsettled orders are to be named when the turn under way is durable. */
  #namesAll = false;

  constructor(show: Show, onUnsettled: (showId: string, orders: readonly number[]) => void) {
    this.#show = show;
    this.#onUnsettled = onUnsettled;
  }

  /** Users who got their first order in this turn. */
  get newBuyers(): readonly string[] {
    return this.#newBuyers;
  }

  /** A turn begins. */
  begin(): void {
    this.#newBuyers = [];
    this.#unsettled = [];
  }

  /** Takes an event down at once: a hold that ended may be forgotten when the next one of the same turn is made. */
  note(event: ShowEvent): void {
    const { orders, buyers, holds } = this.#show;
    if (event.type === 'ordered' && orders.previous[event.order] === 0) {
      this.#newBuyers.push(buyers.userId(orders.buyer[event.order]));
    } else if (event.type === 'cancelled' || event.type === 'voided') {
      this.#unsettled.push(event.order);
    } else if (event.type === 'expired') {
      for (const hold of event.holds) {
        const order = holds.order[holds.place(hold)];
        if (order > 0 && orders.state[order] === ORDER.expired) this.#unsettled.push(order);
      }
    }
  }

  /** Names the orders that the turn left unsettled; to be called once it is durable. */
  tell(): void {
    const orders = this.#namesAll ? this.#allUnsettled() : this.#unsettled;
    this.#namesAll = false;
    if (orders.length > 0) this.#onUnsettled(this.#show.id, orders);
  }

  /** Names all unsettled orders: at once, or with what the turn under way has to tell. */
  announceAll(isTurnUnderWay: boolean): void {
    if (this.#show.unsettledOrders === 0) return;
    if (isTurnUnderWay) this.#namesAll = true;
    else this.#onUnsettled(this.#show.id, this.#allUnsettled());
  }

  #allUnsettled(): number[] {
    const { orders } = this.#show;
    const found: number[] = [];
    for (let order = 1; order <= orders.count; order++) {
      if (orders.unsettled[order] === 1 && orders.state[order] !== ORDER.paid) found.push(order);
    }
    return found;
  }
}
