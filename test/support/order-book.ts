import type { SeatMap } from '../../src/actors/seat-map.ts';
import type {
  Answer,
  OrderState,
  OrderStatus,
  OrderView,
  PaymentWork,
  SeatCounts,
  Shows,
  TicketView,
} from '../../src/actors/shows.ts';
import type { Command, DisputeStatus, Question } from '../../src/allocator/commands.ts';
import type { Refusal } from '../../src/errors.ts';
import { scopedId } from '../../src/ids.ts';
import { rfc3339 } from '../../src/rfc3339.ts';

export const SHOW = 'shw_01k9zxh3m4q8r2v6w7y0t5b1cd';
export const ORDERED_AT = 1_790_000_000_000;

export interface BookedOrder {
  status: OrderStatus;
  unsettled: boolean;
  readonly buyer: string;
  readonly amount: number;
  reason?: string;
  /** Paid too late: its places were gone. */
  isDeclined?: boolean;
  dispute?: { readonly id: string; readonly status: DisputeStatus };
}

export function paymentIdOf(order: number, showId = SHOW): string {
  return scopedId('pay', ORDERED_AT, showId, order);
}

const refused = (code: Refusal['code'], detail: string): Answer<never> => ({
  ok: false,
  refusal: { code, detail },
  replayed: false,
});

/** An order that was cancelled here was so by its buyer. */
const STATES: Readonly<Record<OrderStatus, OrderState>> = {
  awaiting_payment: 'awaiting',
  processing: 'committed',
  paid: 'paid',
  cancelled: 'cancelled',
  expired: 'expired',
  refunded: 'paid',
  partially_refunded: 'paid',
};

/**
 * Shows made of orders alone: the order's life as a show decides it, with one ticket an order (of the same number),
 * and nothing of seats. `history` has what took effect, in order.
 */
export class OrderBook implements Shows {
  readonly orders = new Map<string, BookedOrder>();
  readonly history: string[] = [];
  readonly asked: { readonly showId: string; readonly message: Command | Question }[] = [];
  /** Seat maps by show id. */
  readonly maps = new Map<string, SeatMap>();
  /** Answers that come instead, by the type of the message. */
  readonly canned = new Map<string, Answer>();

  add(order: number, buyer: string, parts: Partial<BookedOrder> = {}, showId = SHOW): BookedOrder {
    const booked = { status: 'awaiting_payment' as const, unsettled: true, amount: 4_550, buyer, ...parts };
    this.orders.set(`${showId}/${order}`, booked);
    return booked;
  }

  async ask<T>(showId: string, message: Command | Question): Promise<Answer<T>> {
    this.asked.push({ showId, message });
    return (this.canned.get(message.type) ?? this.#answer(showId, message)) as Answer<T>;
  }

  async seatMap(showId: string): Promise<SeatMap | Refusal> {
    return this.maps.get(showId) ?? { code: 'NOT_FOUND', detail: 'There is no such show.' };
  }

  seatCounts(showId: string): Promise<SeatCounts | Refusal> {
    return this.seatMap(showId);
  }

  /** The payment window closes. */
  expire(order: number, showId = SHOW): void {
    const booked = this.orders.get(`${showId}/${order}`);
    if (booked?.status !== 'awaiting_payment') return;
    booked.status = 'expired';
    this.history.push(`expired ${order}`);
  }

  #answer(showId: string, message: Command | Question): Answer {
    const told = (value: unknown): Answer => ({ ok: true, value, replayed: false });
    switch (message.type) {
      case 'list-orders':
        return told(
          this.#numbers(showId, (booked) => booked.buyer === message.buyer).map((order) => this.#view(showId, order)),
        );
      case 'list-tickets': {
        const { viewer, offset, limit } = message;
        const numbers = this.#numbers(
          showId,
          (booked) => booked.status === 'paid' && (viewer.all || booked.buyer === viewer.user),
        );
        const items = numbers.slice(offset, offset + limit).map((order) => this.#ticket(showId, order));
        return told({ total: numbers.length, items });
      }
      case 'get-ticket': {
        const booked = this.orders.get(`${showId}/${message.ticket}`);
        const visible = booked?.status === 'paid' && (message.viewer.all || booked.buyer === message.viewer.user);
        return visible ? told(this.#ticket(showId, message.ticket)) : refused('NOT_FOUND', 'There is no such ticket.');
      }
    }
    if (!('order' in message)) return refused('INTERNAL', `the order book knows no ${message.type}`);
    const { order } = message;
    const booked = this.orders.get(`${showId}/${order}`);
    if (booked === undefined) return refused('NOT_FOUND', 'There is no such order.');
    const move = (from: OrderStatus, to: OrderStatus, reason?: string): Answer => {
      if (booked.status === from) {
        booked.status = to;
        if (to === 'paid') booked.unsettled = false;
        if (reason !== undefined) booked.reason = reason;
        this.history.push(`${message.type} ${order}`);
      } else if (booked.status !== to && !(to === 'processing' && booked.status === 'paid')) {
        return refused(message.type === 'cancel' ? 'ORDER_NOT_CANCELLABLE' : 'ORDER_NOT_PAYABLE', `${booked.status}`);
      }
      return told(this.#view(showId, order));
    };
    switch (message.type) {
      case 'get-payment':
        return told({
          orderId: scopedId('ord', ORDERED_AT, showId, order),
          paymentId: paymentIdOf(order, showId),
          buyer: booked.buyer,
          amount: booked.amount,
          currency: 'EUR',
          status: booked.status,
          state: booked.isDeclined ? 'declined' : STATES[booked.status],
          unsettled: booked.unsettled,
          createdAt: ORDERED_AT,
          refunds: [],
        } satisfies PaymentWork);
      case 'get-order':
        if (!message.viewer.all && message.viewer.user !== booked.buyer) return refused('NOT_FOUND', 'Not yours.');
        return told(this.#view(showId, order));
      case 'cancel':
        if (message.buyer !== booked.buyer) return refused('NOT_FOUND', 'Not yours.');
        return move('awaiting_payment', 'cancelled');
      case 'commit':
        if (message.amount !== booked.amount) return refused('ORDER_NOT_PAYABLE', 'Another amount.');
        if (message.late === true && booked.status === 'expired') {
          booked.isDeclined = true;
          booked.reason = 'Too late.';
          this.history.push(`declined ${order}`);
          return told(this.#view(showId, order));
        }
        return move('awaiting_payment', 'processing');
      case 'reject':
        return move('awaiting_payment', 'cancelled', message.reason);
      case 'captured':
        return move('processing', 'paid');
      case 'void':
        return move('processing', 'cancelled', message.reason);
      case 'settled':
        if (booked.status === 'awaiting_payment' || booked.status === 'processing') {
          return refused('ORDER_NOT_PAYABLE', 'The order has not ended.');
        }
        if (booked.unsettled) this.history.push(`settled ${order}`);
        booked.unsettled = false;
        if (message.reason !== undefined) booked.reason = message.reason;
        return told(this.#view(showId, order));
      case 'refund-returned':
        this.history.push(`refunds returned ${order}`);
        return told(null);
      case 'dispute': {
        const { dispute: id, status } = message;
        if (STATES[booked.status] !== 'paid') return refused('ORDER_NOT_REFUNDABLE', 'No captured payment.');
        if (booked.dispute?.id !== id || booked.dispute.status !== status) {
          this.history.push(`dispute ${status} ${order}`);
        }
        booked.dispute = { id, status };
        return told(this.#view(showId, order));
      }
      default:
        return refused('INTERNAL', `the order book knows no ${message.type}`);
    }
  }

  /** Newest first. */
  #numbers(showId: string, wanted: (booked: BookedOrder) => boolean): number[] {
    const numbers: number[] = [];
    for (const [key, booked] of this.orders) {
      const [show, order] = key.split('/');
      if (show === showId && wanted(booked)) numbers.push(Number(order));
    }
    return numbers.sort((a, b) => b - a);
  }

  #view(showId: string, order: number): OrderView {
    const booked = this.orders.get(`${showId}/${order}`) as BookedOrder;
    const price = { amount: booked.amount, currency: 'EUR' };
    return {
      id: scopedId('ord', ORDERED_AT, showId, order),
      showId,
      holdId: scopedId('hld', ORDERED_AT, showId, order),
      lines: [{ ticketId: scopedId('tkt', ORDERED_AT, showId, order), seat: SEAT, price }],
      total: price,
      status: booked.status,
      ...(booked.amount === 0 ? {} : { payment: { id: paymentIdOf(order, showId) } }),
      createdAt: rfc3339(ORDERED_AT),
      expiresAt: rfc3339(ORDERED_AT + 600_000),
      ...(booked.reason === undefined ? {} : { reason: booked.reason }),
    };
  }

  #ticket(showId: string, ticket: number): TicketView {
    const booked = this.orders.get(`${showId}/${ticket}`) as BookedOrder;
    return {
      id: scopedId('tkt', ORDERED_AT, showId, ticket),
      showId,
      orderId: scopedId('ord', ORDERED_AT, showId, ticket),
      seat: SEAT,
      price: { amount: booked.amount, currency: 'EUR' },
      status: 'valid',
    };
  }
}

const SEAT = { id: 'A-1', zone: 'Stalls', row: 'A', number: '1', category: 'Standard' };
