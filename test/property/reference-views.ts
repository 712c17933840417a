import type {
  CancellationView,
  HoldView,
  Money,
  OrderStatus,
  OrderView,
  RefundView,
  SeatName,
  TicketView,
} from '../../src/actors/shows.ts';
import type { Question } from '../../src/allocator/commands.ts';
import { scopedId } from '../../src/ids.ts';
import { rfc3339 } from '../../src/rfc3339.ts';
import { admissionList, voidedTickets, whereAndWhen } from './reference-doors.ts';
import {
  allTickets,
  type Expected,
  type ModelHold,
  type ModelOrder,
  type ModelRefund,
  type ModelTicket,
  type ReferenceState,
  refusedBy,
  sees,
  told,
} from './reference-state.ts';
import { inventoryOf } from './reference-stock.ts';

const STATUS: Record<ModelOrder['state'], OrderStatus> = {
  awaiting: 'awaiting_payment',
  pending: 'processing',
  committed: 'processing',
  paid: 'paid',
  cancelled: 'cancelled',
  rejected: 'cancelled',
  voided: 'cancelled',
  expired: 'expired',
  declined: 'expired',
};
const REFUND_STATUS = { due: 'pending', done: 'succeeded', failed: 'failed' } as const;

export function answerTo(state: ReferenceState, question: Question): Expected {
  switch (question.type) {
    case 'get-hold': {
      const hold = state.ownHold(question);
      if (hold === null) return refusedBy('NOT_FOUND');
      if (hold.state !== 'active' && hold.state !== 'inPayment') return refusedBy('HOLD_EXPIRED');
      const answer = told(holdView(state, hold));
      return { answer, codes: state.at >= hold.until ? ['HOLD_EXPIRED'] : [], inTurn: false };
    }
    case 'get-order': {
      const order = state.orders[question.order - 1];
      if (order?.at !== question.at || !sees(question.viewer, order)) return refusedBy('NOT_FOUND');
      return { answer: told(orderView(state, order)), inTurn: false };
    }
    case 'get-ticket': {
      const { viewer } = question;
      const [ticket, order] = ticketOf(state, question.ticket);
      const isSeen = viewer.all || ticket?.holder === viewer.user;
      if (ticket === null || order.at !== question.at || order.state !== 'paid' || !isSeen)
        return refusedBy('NOT_FOUND');
      return { answer: told(viewer.all ? wholeTicketView(state, ticket) : ownView(state, ticket)), inTurn: false };
    }
    case 'list-orders': {
      const own = state.orders.filter((order) => order.hold.buyer === question.buyer).reverse();
      return { answer: told(own.map((order) => orderView(state, order))), inTurn: false };
    }
    case 'list-tickets': {
      const { viewer, offset, limit } = question;
      const tickets = state.orders.filter((order) => order.state === 'paid').flatMap(allTickets);
      const found = viewer.all
        ? tickets.sort((a, b) => b.number - a.number).map((ticket) => wholeTicketView(state, ticket))
        : tickets
            .filter(({ holder }) => holder === viewer.user)
            .sort((a, b) => b.order - a.order || a.number - b.number)
            .map((ticket) => ownView(state, ticket));
      return { answer: told({ total: found.length, items: found.slice(offset, offset + limit) }), inTurn: false };
    }
    case 'list-offers': {
      const { address, offset, limit } = question;
      const offered = state.orders.flatMap(allTickets).filter((ticket) => ticket.offeredTo === address);
      const items = offered
        .sort((a, b) => b.number - a.number)
        .map((ticket) => withoutOrder(ticketView(state, ticket)))
        .slice(offset, offset + limit);
      return { answer: told({ total: offered.length, items }), inTurn: false };
    }
    case 'list-listings': {
      const { offset, limit } = question;
      const listed = state.seats
        .filter((seat) => state.isOnSale && seat.state === 'listed')
        .map(({ index, listing }) => ({ index, price: listing?.price ?? Number.NaN }));
      const items = listed
        .sort((a, b) => a.price - b.price)
        .map(({ index, price }) => ({ seat: seatName(state, index), price: money(state, price) }))
        .slice(offset, offset + limit);
      return { answer: told({ total: listed.length, items }), inTurn: false };
    }
    case 'get-payment': {
      const order = state.orders[question.order - 1];
      return order === undefined ? refusedBy('NOT_FOUND') : { answer: told(paymentOf(state, order)), inTurn: false };
    }
    case 'get-cancellation':
      return state.cancelled === null
        ? refusedBy('NOT_FOUND')
        : { answer: told(cancellationView(state, state.cancelled)), inTurn: false };
    case 'list-admissions':
      return { answer: told(admissionList(state, question)), inTurn: false };
    case 'get-voided':
      return { answer: told(voidedTickets(state)), inTurn: false };
    case 'get-inventory':
      return { answer: told(inventoryOf(state, question.seats)), inTurn: false };
    case 'get-summary':
      return { answer: told(summaryOf(state)), inTurn: false };
  }
}

/** The ticket and its order, if there is such a one. */
export function ticketOf(state: ReferenceState, number: number): [ModelTicket, ModelOrder] | [null, null] {
  for (const order of state.orders) {
    const ticket = allTickets(order).find((one) => one.number === number);
    if (ticket !== undefined) return [ticket, order];
  }
  return [null, null];
}

function isReceived(state: ReferenceState, ticket: ModelTicket): boolean {
  return ticket.holder !== state.orders[ticket.order - 1].hold.buyer;
}

/** Who got a ticket by a transfer sees nothing of its order. */
export function ownView(state: ReferenceState, ticket: ModelTicket): TicketView {
  return isReceived(state, ticket) ? withoutOrder(ticketView(state, ticket)) : ticketView(state, ticket);
}

function withoutOrder({ orderId: _, ...view }: TicketView): TicketView {
  return view;
}

function money(state: ReferenceState, amount: number): Money {
  return { amount, currency: state.terms.currency };
}

function ticketId(state: ReferenceState, order: ModelOrder, ticket: ModelTicket): string {
  return scopedId('tkt', order.at, state.id, ticket.number);
}

export function holdView(state: ReferenceState, hold: ModelHold): HoldView {
  let total = 0;
  const priceOf = (category: string): number => hold.prices.get(category) ?? Number.NaN;
  const seats = hold.seats.map(({ id, category, listing }) => {
    const price = listing?.price ?? priceOf(category);
    total += price;
    return { id, category, price: money(state, price) };
  });
  const areas = hold.areas.map(([index, quantity]) => {
    const { id, category } = state.areas[index];
    const price = priceOf(category);
    total += price * quantity;
    return { id, category, quantity, price: money(state, price) };
  });
  return {
    id: scopedId('hld', hold.at, state.id, hold.number),
    showId: state.id,
    seats,
    areas,
    total: money(state, total),
    status: hold.state === 'inPayment' ? 'in_payment' : 'active',
    expiresAt: rfc3339(hold.until),
    serverTime: rfc3339(state.at),
  };
}

function statusOf(order: ModelOrder): OrderStatus {
  const refunded = order.refunds.reduce((sum, { tickets }) => sum + tickets.length, 0);
  if (refunded === 0) return STATUS[order.state];
  return refunded === order.tickets.length ? 'refunded' : 'partially_refunded';
}

export function orderView(state: ReferenceState, order: ModelOrder): OrderView {
  const { at, number, hold, total, reason, refunds, disputes } = order;
  return {
    id: scopedId('ord', at, state.id, number),
    showId: state.id,
    holdId: scopedId('hld', hold.at, state.id, hold.number),
    lines: order.tickets.map((ticket) => ({
      ticketId: ticketId(state, order, ticket),
      seat: seatName(state, ticket.seat),
      price: money(state, ticket.price),
    })),
    total: money(state, total),
    status: statusOf(order),
    ...(total === 0 ? {} : { payment: { id: scopedId('pay', at, state.id, number) } }),
    createdAt: rfc3339(at),
    expiresAt: rfc3339(order.until),
    ...(reason === undefined ? {} : { reason }),
    ...(refunds.length === 0 ? {} : { refunds: refunds.map((refund) => refundView(state, refund)) }),
    ...(disputes.length === 0 ? {} : { dispute: { ...disputes[disputes.length - 1] } }),
  };
}

export function refundView(state: ReferenceState, refund: ModelRefund): RefundView {
  const { order } = refund;
  const isResale = refund.tickets.some(({ state }) => state === 'void');
  const reason = refund.reason ?? (isResale ? undefined : state.cancelled?.reason);
  return {
    id: scopedId('rfd', refund.at, state.id, refund.number),
    orderId: scopedId('ord', order.at, state.id, order.number),
    amount: money(state, refund.amount),
    ticketIds: allTickets(order)
      .filter((ticket) => refund.tickets.includes(ticket))
      .map((ticket) => ticketId(state, order, ticket)),
    status: REFUND_STATUS[refund.state],
    ...(reason === undefined ? {} : { reason }),
    createdAt: rfc3339(refund.at),
  };
}

/** As whoever sees all of the show sees it: also who came in where. */
function wholeTicketView(state: ReferenceState, ticket: ModelTicket): TicketView {
  const [admission] = ticket.state === 'valid' ? state.doors.counting(ticket.number) : [];
  return { ...ticketView(state, ticket), ...(admission === undefined ? {} : whereAndWhen(admission)) };
}

export function ticketView(state: ReferenceState, ticket: ModelTicket): TicketView {
  const { state: status, number, seat } = ticket;
  if (status === 'none') throw new Error(`the model has ticket ${number} of a paid order in no state`);
  const order = state.orders[ticket.order - 1];
  const listing = status === 'listed' ? state.seats[seat].listing : null;
  const isUsed = status === 'valid' && state.doors.counting(number).length > 0;
  return {
    id: ticketId(state, order, ticket),
    showId: state.id,
    orderId: scopedId('ord', order.at, state.id, order.number),
    seat: seatName(state, seat),
    price: money(state, ticket.price),
    status: isUsed ? 'used' : status,
    ...(listing === null ? {} : { listing: { price: money(state, listing.price) } }),
  };
}

function paymentOf(state: ReferenceState, order: ModelOrder): unknown {
  const { number, at, hold, total, settled, reason } = order;
  const due = order.refunds.filter((refund) => refund.state === 'due');
  return {
    orderId: scopedId('ord', at, state.id, number),
    paymentId: scopedId('pay', at, state.id, number),
    buyer: hold.buyer,
    amount: total,
    currency: state.terms.currency,
    status: statusOf(order),
    state: order.state,
    unsettled: !settled,
    createdAt: at,
    refunds: due.map((refund) => ({
      number: refund.number,
      id: scopedId('rfd', refund.at, state.id, refund.number),
      amount: refund.amount,
      at: refund.at,
    })),
    ...(reason === undefined ? {} : { reason }),
  };
}

export function cancellationView(
  state: ReferenceState,
  { at, reason }: { readonly at: number; readonly reason: string },
): CancellationView {
  const count = (refundState: ModelRefund['state']): number =>
    state.refunds.filter((refund) => refund.state === refundState).length;
  const waiting = state.toRefund.length + state.orders.filter((order) => order.state === 'committed').length;
  const done = state.refunds.filter((refund) => refund.state === 'done');
  return {
    showId: state.id,
    status: waiting + count('due') > 0 ? 'refunding' : 'refunded',
    reason,
    cancelledAt: rfc3339(at),
    refunds: { waiting, pending: count('due'), succeeded: count('done'), failed: count('failed') },
    refunded: money(
      state,
      done.reduce((sum, refund) => sum + refund.amount, 0),
    ),
  };
}

/** Tells of the last row before the turn that it is asked in. */
function summaryOf(state: ReferenceState): unknown {
  return {
    capacity: state.capacity,
    available: state.total('free'),
    held: state.total('held'),
    inPayment: state.total('inPayment'),
    sold: state.total('sold') + state.total('listed'),
    blocked: state.total('blocked') - state.seats.filter(({ isFormer }) => isFormer).length,
    version: state.seq - 1,
  };
}

export function seatName(state: ReferenceState, seat: number): SeatName {
  const { hall } = state;
  if (seat < 0) return { area: hall.areas[-1 - seat].name, category: state.areas[-1 - seat].category };
  const { zone, row } = hall.rows[hall.rowOf[seat]];
  return {
    id: state.seats[seat].id,
    zone,
    row,
    number: hall.seatNumbers[seat],
    category: state.seats[seat].category,
  };
}
