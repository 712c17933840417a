import type { ShowEvent } from '../allocator/events.ts';
import { ORDER } from '../allocator/orders.ts';
import { REFUND } from '../allocator/refunds.ts';
import type { Show } from '../allocator/show.ts';
import { TICKET } from '../allocator/tickets.ts';
import { scopedId } from '../ids.ts';
import { rfc3339 } from '../rfc3339.ts';
import { money } from './hold-views.ts';
import type {
  CancellationView,
  OrderState,
  OrderStatus,
  OrderView,
  PaymentWork,
  RefundView,
  SeatName,
} from './shows.ts';

/** Orders, their tickets and their refunds, as clients and settlement see them. */

type Ordered = Extract<ShowEvent, { type: 'ordered' }>;

/** What clients are told of an order by its state; of a paid one, what became of its tickets says more. */
export const ORDER_STATUS: Readonly<Record<number, OrderStatus>> = {
  [ORDER.awaiting]: 'awaiting_payment',
  [ORDER.committed]: 'processing',
  [ORDER.paid]: 'paid',
  [ORDER.cancelled]: 'cancelled',
  [ORDER.rejected]: 'cancelled',
  [ORDER.voided]: 'cancelled',
  [ORDER.expired]: 'expired',
  [ORDER.pending]: 'processing',
  [ORDER.declined]: 'expired',
};
/** What each state of an order is called. */
export const ORDER_STATES = Object.fromEntries(Object.entries(ORDER).map(([name, state]) => [state, name])) as Readonly<
  Record<number, OrderState>
>;
const REFUND_STATUS: Readonly<Record<number, RefundView['status']>> = {
  [REFUND.due]: 'pending',
  [REFUND.done]: 'succeeded',
  [REFUND.failed]: 'failed',
};
/** A ticket whose price was given back, or that was resold, which gives its seller the price of that back. */
const PAID_BACK: readonly number[] = [TICKET.refunded, TICKET.void];

/** The order as it was when it was made, told from its event. */
export function orderedView(show: Show, event: Ordered, at: number): OrderView {
  const firstTicket = show.orders.firstTicket[event.order];
  const id = scopedId('ord', at, show.id, event.order);
  return {
    id,
    showId: show.id,
    holdId: holdIdOf(show, event.order),
    lines: event.lines.map((line, i) => ({
      ticketId: scopedId('tkt', at, show.id, firstTicket + i),
      seat: seatName(show, line.seat),
      price: money(show, line.price),
    })),
    total: money(show, event.total),
    status: event.total === 0 ? 'paid' : 'awaiting_payment',
    ...(event.total === 0 ? {} : { payment: { id: scopedId('pay', at, show.id, event.order) } }),
    createdAt: rfc3339(at),
    expiresAt: rfc3339(event.until),
  };
}

export function orderView(show: Show, order: number): OrderView {
  const { orders, tickets } = show;
  const at = orders.at[order];
  const first = orders.firstTicket[order];
  const reason = orders.reasons.get(order);
  const refunds = [...show.refunds.of(order)].reverse().map((refund) => refundView(show, refund));
  const dispute = show.disputes.get(order)?.at(-1);
  return {
    id: scopedId('ord', at, show.id, order),
    showId: show.id,
    holdId: holdIdOf(show, order),
    lines: Array.from({ length: orders.quantity[order] }, (_, i) => ({
      ticketId: scopedId('tkt', at, show.id, first + i),
      seat: seatName(show, tickets.seat[first + i]),
      price: money(show, tickets.price[first + i]),
    })),
    total: money(show, orders.total[order]),
    status: statusOf(show, order),
    ...(orders.total[order] === 0 ? {} : { payment: { id: paymentId(show, order) } }),
    createdAt: rfc3339(at),
    expiresAt: rfc3339(orders.until[order]),
    ...(reason === undefined ? {} : { reason }),
    ...(refunds.length === 0 ? {} : { refunds }),
    ...(dispute === undefined ? {} : { dispute }),
  };
}

function statusOf(show: Show, order: number): OrderStatus {
  if (!isPaid(show, order)) return ORDER_STATUS[show.orders.state[order]];
  const refunded = show.ticketsOf(order, ...PAID_BACK).filter((ticket) => show.refunds.ofTicket.has(ticket)).length;
  if (refunded === 0) return 'paid';
  return refunded === show.orders.quantity[order] ? 'refunded' : 'partially_refunded';
}

type Refunding = Extract<ShowEvent, { type: 'refunding' }>;

/** The refund as it was when it was decided, and what it made of its order. */
export function refundingView(
  show: Show,
  event: Refunding,
  at: number,
): RefundView & { readonly orderStatus: OrderStatus } {
  const madeAt = show.orders.at[event.order];
  return {
    id: scopedId('rfd', at, show.id, event.refund),
    orderId: scopedId('ord', madeAt, show.id, event.order),
    amount: money(show, event.amount),
    ticketIds: event.tickets.map((ticket) => scopedId('tkt', madeAt, show.id, ticket)),
    status: event.amount === 0 ? 'succeeded' : 'pending',
    reason: event.reason,
    createdAt: rfc3339(at),
    orderStatus: event.partial ? 'partially_refunded' : 'refunded',
  };
}

function refundView(show: Show, refund: number): RefundView {
  const { refunds, orders } = show;
  const order = refunds.order[refund];
  const tickets = show.ticketsOf(order, ...PAID_BACK).filter((ticket) => refunds.ofTicket.get(ticket) === refund);
  // What a resale pays back has nothing to do with a cancellation that came after it.
  const isResale = tickets.some((ticket) => show.tickets.state[ticket] === TICKET.void);
  const reason = refunds.reasons.get(refund) ?? (isResale ? undefined : show.cancelled?.reason);
  return {
    id: scopedId('rfd', refunds.at[refund], show.id, refund),
    orderId: scopedId('ord', orders.at[order], show.id, order),
    amount: money(show, refunds.amount[refund]),
    ticketIds: tickets.map((ticket) => scopedId('tkt', orders.at[order], show.id, ticket)),
    status: REFUND_STATUS[refunds.state[refund]],
    ...(reason === undefined ? {} : { reason }),
    createdAt: rfc3339(refunds.at[refund]),
  };
}

export function cancellation(show: Show, { at, reason }: NonNullable<Show['cancelled']>): CancellationView {
  const { orders, refunds } = show;
  const counts = { waiting: show.toRefund.size, pending: 0, succeeded: 0, failed: 0 };
  let refunded = 0;
  for (let order = 1; order <= orders.count; order++) if (orders.state[order] === ORDER.committed) counts.waiting++;
  for (let refund = 1; refund <= refunds.count; refund++) {
    const status = REFUND_STATUS[refunds.state[refund]];
    counts[status]++;
    if (status === 'succeeded') refunded += refunds.amount[refund];
  }
  return {
    showId: show.id,
    status: counts.waiting + counts.pending > 0 ? 'refunding' : 'refunded',
    reason,
    cancelledAt: rfc3339(at),
    refunds: counts,
    refunded: money(show, refunded),
  };
}

function holdIdOf(show: Show, order: number): string {
  return scopedId('hld', show.orders.heldAt[order], show.id, show.orders.hold[order]);
}

function paymentId(show: Show, order: number): string {
  return scopedId('pay', show.orders.at[order], show.id, order);
}

export function seatName(show: Show, seat: number): SeatName {
  const { hall } = show;
  if (seat < 0) {
    const area = hall.areas[-1 - seat];
    return { area: area.name, category: hall.categories[area.category] };
  }
  const { zone, row } = hall.rows[hall.rowOf[seat]];
  return {
    id: hall.seatIds[seat],
    zone,
    row,
    number: hall.seatNumbers[seat],
    category: hall.categories[hall.categoryOf[seat]],
  };
}

/** Only a paid order has tickets. */
export function isPaid(show: Show, order: number): boolean {
  return show.orders.state[order] === ORDER.paid;
}

/** The buyer's orders, newest first. */
export function ordersOf(show: Show, userId: string): number[] {
  const buyer = show.buyers.find(userId);
  const found: number[] = [];
  if (buyer < 0) return found;
  for (let order = show.buyers.newestOrder[buyer]; order > 0; order = show.orders.previous[order]) found.push(order);
  return found;
}

export function paymentWork(show: Show, order: number): PaymentWork {
  const { orders } = show;
  const reason = orders.reasons.get(order);
  return {
    orderId: scopedId('ord', orders.at[order], show.id, order),
    paymentId: paymentId(show, order),
    buyer: show.buyers.userId(orders.buyer[order]),
    amount: orders.total[order],
    currency: show.terms.currency,
    status: statusOf(show, order),
    state: ORDER_STATES[orders.state[order]],
    unsettled: orders.unsettled[order] === 1,
    createdAt: orders.at[order],
    refunds: dueRefunds(show, order),
    ...(reason === undefined ? {} : { reason }),
  };
}

function dueRefunds(show: Show, order: number): PaymentWork['refunds'] {
  const { refunds } = show;
  const due = [...refunds.of(order)].filter((refund) => refunds.state[refund] === REFUND.due).reverse();
  return due.map((number) => ({
    number,
    id: scopedId('rfd', refunds.at[number], show.id, number),
    amount: refunds.amount[number],
    at: refunds.at[number],
  }));
}
