import { ORDER_STATUS } from '../actors/order-views.ts';
import type { OrderStatus, OrderView, RefundView, TicketStatus, TicketView } from '../actors/shows.ts';
import { ORDER } from '../allocator/orders.ts';
import { scopedId } from '../ids.ts';
import { rfc3339 } from '../rfc3339.ts';
import type { OrderRow, RefundRow, TicketRow } from './rows.ts';

/** What views need of the show. */
export interface ShowFacts {
  readonly showId: string;
  readonly currency: string;
  readonly cancelReason: string | null;
}

const REFUND_STATUS: Readonly<Record<RefundRow['state'], RefundView['status']>> = {
  due: 'pending',
  done: 'succeeded',
  failed: 'failed',
};

/** The order as its show would tell of it, see `actors/order-views.ts`. Tickets and refunds are its own, in their order. */
export function orderView(
  show: ShowFacts,
  order: OrderRow,
  tickets: readonly TicketRow[],
  refunds: readonly RefundRow[],
): OrderView {
  const { showId, currency } = show;
  const dispute = order.disputes.at(-1);
  return {
    id: order.id,
    showId,
    holdId: scopedId('hld', order.held_at, showId, order.hold_number),
    lines: linesOf(tickets).map(({ id, seat, category, price }) => ({
      ticketId: id,
      seat: { ...seat, category },
      price: { amount: price, currency },
    })),
    total: { amount: order.total, currency },
    status: statusOf(order, tickets),
    ...(order.total === 0 ? {} : { payment: { id: scopedId('pay', order.made_at, showId, order.number) } }),
    createdAt: rfc3339(order.made_at),
    expiresAt: rfc3339(order.until),
    ...(order.reason === null ? {} : { reason: order.reason }),
    ...(refunds.length === 0 ? {} : { refunds: refunds.map((refund) => refundView(show, order, tickets, refund)) }),
    ...(dispute === undefined ? {} : { dispute }),
  };
}

/** What was ordered, without what took its place. */
export function linesOf<T extends Pick<TicketRow, 'number' | 'line'>>(tickets: readonly T[]): T[] {
  return tickets.filter(({ number, line }) => number === line);
}

export function statusOf(
  order: Pick<OrderRow, 'state'>,
  tickets: readonly Pick<TicketRow, 'number' | 'line' | 'refund_number'>[],
): OrderStatus {
  if (order.state !== 'paid') return ORDER_STATUS[ORDER[order.state]];
  const refunded = tickets.filter(({ refund_number }) => refund_number !== null).length;
  if (refunded === 0) return 'paid';
  return refunded === linesOf(tickets).length ? 'refunded' : 'partially_refunded';
}

function refundView(show: ShowFacts, order: OrderRow, tickets: readonly TicketRow[], refund: RefundRow): RefundView {
  const paidBack = tickets.filter(({ refund_number }) => refund_number === refund.number);
  // As in `actors/order-views.ts`: the cancellation is no reason for what a resale pays back.
  const isResale = paidBack.some(({ state }) => state === 'void');
  const reason = refund.reason ?? (isResale ? null : show.cancelReason);
  return {
    id: scopedId('rfd', refund.made_at, show.showId, refund.number),
    orderId: order.id,
    amount: { amount: refund.amount, currency: show.currency },
    ticketIds: paidBack.sort((a, b) => a.line - b.line).map(({ id }) => id),
    status: REFUND_STATUS[refund.state],
    ...(reason === null ? {} : { reason }),
    createdAt: rfc3339(refund.made_at),
  };
}

/** A ticket of a paid order, as its holder sees it: see `actors/ticket-views.ts`. */
export function ticketView(show: ShowFacts, ticket: TicketRow): TicketView {
  const { id, order_id, is_received, seat, category, price, state, list_price } = ticket;
  const { currency } = show;
  return {
    id,
    showId: show.showId,
    ...(is_received ? {} : { orderId: order_id }),
    seat: { ...seat, category },
    price: { amount: price, currency },
    status: state === 'valid' && ticket.admitted_at !== null ? 'used' : (state as TicketStatus),
    ...(state !== 'listed' || list_price === null ? {} : { listing: { price: { amount: list_price, currency } } }),
  };
}
