import type { Resale, ShowEvent } from '../allocator/events.ts';
import { ORDER } from '../allocator/orders.ts';
import { REFUND } from '../allocator/refunds.ts';
import type { Show } from '../allocator/show.ts';
import { scopedId } from '../ids.ts';
import type { Notice, NoticeKind } from '../journal/journal.ts';

/** What waits for a buyer or a bank is named to settlement only every so many times: as a rule the gateway tells of it. */
const NAME_WAITING_EVERY = 5;

interface Noted {
  readonly kind: NoticeKind;
  readonly order: number;
  readonly refund: number;
}

/**
 * What others have to learn of the turn under way: who ordered here for the first time, what buyers are to be told, and
 * orders and refunds whose money is not at rest.
 */
export class TurnNews {
  readonly #show: Show;
  readonly #onUnsettled: (showId: string, orders: readonly number[]) => void;
  #newBuyers: string[] = [];
  #offeredTo: string[] = [];
  #noted: Noted[] = [];
  #unsettled: number[] = [];
  /** All unsettled orders are to be named when the turn under way is durable. */
  #namesAll = false;
  #named = 0;

  constructor(show: Show, onUnsettled: (showId: string, orders: readonly number[]) => void) {
    this.#show = show;
    this.#onUnsettled = onUnsettled;
  }

  /** Users who got their first order, or a ticket that was transferred to them, in this turn. */
  get newBuyers(): readonly string[] {
    return this.#newBuyers;
  }

  /** The addresses (as digests) to which tickets were offered in this turn. */
  get offeredTo(): readonly string[] {
    return this.#offeredTo;
  }

  /** What buyers are to be told of this turn. */
  notices(): readonly Notice[] {
    const { id, orders, refunds } = this.#show;
    return this.#noted.map(({ kind, order, refund }) => {
      const orderId = scopedId('ord', orders.at[order], id, order);
      const refundId = refund === 0 ? null : scopedId('rfd', refunds.at[refund], id, refund);
      return { id: `${kind}:${refundId ?? orderId}`, kind, orderId, refundId };
    });
  }

  /** A turn begins. */
  begin(): void {
    this.#newBuyers = [];
    this.#offeredTo = [];
    this.#noted = [];
    this.#unsettled = [];
  }

  /** Takes an event down at once: a hold that ended may be forgotten when the next one of the same turn is made. */
  note(event: ShowEvent): void {
    const { orders, buyers } = this.#show;
    switch (event.type) {
      case 'ordered':
        if (orders.previous[event.order] === 0) this.#newBuyers.push(buyers.userId(orders.buyer[event.order]));
        if (event.total === 0) this.#tellBuyer('paid', event.order);
        for (const resale of event.resold ?? []) this.#resold(resale);
        return;
      case 'captured':
        this.#tellBuyer('paid', event.order);
        for (const resale of event.resold ?? []) this.#resold(resale);
        return;
      case 'transferred':
        this.#offeredTo.push(event.address);
        return;
      case 'transfer-accepted':
        this.#newBuyers.push(event.buyer);
        return;
      case 'cancelled':
        this.#ended('cancelled', event.order);
        return;
      case 'voided':
        this.#ended('failed', event.order);
        return;
      case 'rejected':
        this.#tellBuyer('failed', event.order);
        return;
      case 'expired':
        this.#endedWith(event.holds, 'expired', ORDER.expired);
        return;
      case 'show-cancelled':
        this.#endedWith(event.holds, 'cancelled', ORDER.cancelled);
        return;
      case 'settled':
        if (event.reason !== undefined) this.#tellBuyer('late', event.order);
        return;
      case 'refunding':
        this.#refundDue(event.refund, event.order);
        return;
      case 'refund-returned':
        this.#unsettled.push(event.order);
        return;
      case 'refunding-all':
        for (const [i, order] of event.orders.entries()) this.#refundDue(event.refund + i, order);
        return;
    }
  }

  #tellBuyer(kind: NoticeKind, order: number, refund = 0): void {
    this.#noted.push({ kind, order, refund });
  }

  /** The order ended unpaid: the gateway may hold money for it. */
  #ended(kind: NoticeKind, order: number): void {
    this.#tellBuyer(kind, order);
    this.#unsettled.push(order);
  }

  #endedWith(holdNumbers: readonly number[], kind: NoticeKind, state: number): void {
    const { orders, holds } = this.#show;
    for (const hold of holdNumbers) {
      const order = holds.order[holds.place(hold)];
      if (order > 0 && orders.state[order] === state) this.#ended(kind, order);
    }
  }

  #resold({ ticket, refund }: Resale): void {
    this.#refundDue(refund, this.#show.tickets.order[ticket]);
  }

  #refundDue(refund: number, order: number): void {
    this.#tellBuyer('refund', order, refund);
    if (this.#show.refunds.state[refund] === REFUND.due) this.#unsettled.push(order);
  }

  /** Names the orders that the turn left unsettled; to be called once it is durable. */
  tell(): void {
    const orders = this.#namesAll ? this.#allUnsettled() : this.#unsettled;
    this.#namesAll = false;
    if (orders.length > 0) this.#onUnsettled(this.#show.id, orders);
  }

  /** Names all unsettled orders: at once, or with what the turn under way has to tell. */
  announceAll(isTurnUnderWay: boolean): void {
    if (this.#show.unsettledOrders === 0 && this.#show.refunds.due === 0) return;
    if (isTurnUnderWay) {
      this.#namesAll = true;
      return;
    }
    const orders = this.#allUnsettled();
    if (orders.length > 0) this.#onUnsettled(this.#show.id, orders);
  }

  #allUnsettled(): number[] {
    const { orders, refunds } = this.#show;
    const withWaiting = this.#named++ % NAME_WAITING_EVERY === 0;
    const found = new Set<number>();
    for (let order = 1; order <= orders.count; order++) {
      if (orders.unsettled[order] === 0 || orders.state[order] === ORDER.paid) continue;
      const isWaiting = orders.state[order] === ORDER.awaiting || orders.state[order] === ORDER.pending;
      if (withWaiting || !isWaiting) found.add(order);
    }
    for (let refund = 1; withWaiting && refund <= refunds.count; refund++) {
      if (refunds.state[refund] === REFUND.due) found.add(refunds.order[refund]);
    }
    return [...found];
  }
}
