import { scopedId } from '../ids.ts';
import { rfc3339 } from '../rfc3339.ts';
import type { OrderRow, RefundRow, TicketRow } from './rows.ts';
import type { ShowModel } from './show-model.ts';
import { statusOf } from './views.ts';

/** What organisers' own systems are told, see `docs/webhooks.md`. */

export function orderPaid(model: ShowModel, order: OrderRow): void {
  const { showId, projection } = model;
  const { currency } = projection;
  model.announce('order.paid', String(order.number), {
    showId,
    orderId: order.id,
    buyerId: order.buyer_id,
    total: { amount: order.total, currency },
    paidAt: rfc3339(projection.at),
    tickets: model.ticketsOf(order).map(({ id, seat, category, price }) => ({
      id,
      seat: { ...seat, category },
      price: { amount: price, currency },
    })),
  });
}

export function orderRefunded(model: ShowModel, refund: RefundRow): void {
  const { showId, projection } = model;
  const order = model.order(refund.order_number);
  const tickets = model.ticketsOf(order);
  // One event may pay an order and refund its sellers.
  model.announce('order.refunded', `refund-${refund.number}`, {
    showId,
    orderId: order.id,
    refundId: scopedId('rfd', refund.made_at, showId, refund.number),
    buyerId: order.buyer_id,
    amount: { amount: refund.amount, currency: projection.currency },
    orderStatus: statusOf(order, tickets),
    ticketIds: tickets.filter(({ refund_number }) => refund_number === refund.number).map(({ id }) => id),
  });
}

/** Told when the receiver has accepted it. */
export function ticketTransferred(model: ShowModel, order: OrderRow, ticket: TicketRow, fromUserId: string): void {
  const before = model.ticketsOf(order).filter(({ line, number }) => line === ticket.line && number < ticket.number);
  model.announce('ticket.transferred', String(ticket.number), {
    showId: model.showId,
    orderId: order.id,
    ticketId: ticket.id,
    fromTicketId: before.at(-1)?.id,
    fromUserId,
    toUserId: ticket.holder_id,
  });
}

/** Told once every time that the last place goes; places that come back may be sold out again. */
export function tellSoldOut(model: ShowModel): void {
  const { showId, projection } = model;
  const isSoldOut = projection.for_sale > 0 && projection.sold >= projection.for_sale;
  if (isSoldOut && !projection.is_sold_out) {
    model.announce('show.sold_out', 'sold-out', { showId, places: projection.for_sale });
  }
  projection.is_sold_out = isSoldOut;
}
