import type { Command, Question } from '../allocator/commands.ts';
import type { ShowEvent } from '../allocator/events.ts';
import { HOLD } from '../allocator/holds.ts';
import { ORDER } from '../allocator/orders.ts';
import { REFUND } from '../allocator/refunds.ts';
import { SEAT, type Show } from '../allocator/show.ts';
import { TICKET } from '../allocator/tickets.ts';
import type { ErrorCode } from '../errors.ts';
import { scopedId } from '../ids.ts';
import { rfc3339 } from '../rfc3339.ts';
import type {
  Answer,
  CancellationView,
  HoldView,
  Money,
  OrderState,
  OrderStatus,
  OrderView,
  PaymentWork,
  RefundView,
  SeatName,
  ShowSummary,
  TicketView,
} from './shows.ts';

const STATUS: Readonly<Record<number, OrderStatus>> = {
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
const STATES = Object.fromEntries(Object.entries(ORDER).map(([name, state]) => [state, name])) as Readonly<
  Record<number, OrderState>
>;
const TICKET_STATUS: Readonly<Record<number, TicketView['status']>> = {
  [TICKET.valid]: 'valid',
  [TICKET.void]: 'void',
  [TICKET.refunded]: 'refunded',
  [TICKET.suspended]: 'suspended',
};
const REFUND_STATUS: Readonly<Record<number, RefundView['status']>> = {
  [REFUND.due]: 'pending',
  [REFUND.done]: 'succeeded',
  [REFUND.failed]: 'failed',
};

export function told(value: unknown): Answer {
  return { ok: true, value, replayed: false };
}

export function refusedWith(code: ErrorCode, detail: string, retryAfter?: number): Answer {
  return {
    ok: false,
    refusal: retryAfter === undefined ? { code, detail } : { code, detail, retryAfter },
    replayed: false,
  };
}

const NO_SUCH = refusedWith('NOT_FOUND', 'There is no such thing of yours.');
const HOLD_OVER = refusedWith('HOLD_EXPIRED', 'The hold has ended; make a new one.');

/**
 * The answer that an event with a command id stands for: the same when it is first told and each time it is told again.
 * @param at the time (ms) of the row that the event stands in.
 */
export function answerOfEvent(show: Show, event: ShowEvent, at: number): Answer {
  switch (event.type) {
    case 'held':
      return told(heldView(show, event, at));
    case 'ordered':
      return told(orderedView(show, event, at));
    case 'refunding':
      return told(refundingView(show, event, at));
    case 'refused':
      return { ok: false, refusal: event.refusal, replayed: false };
    default:
      throw new Error(`event ${event.type} answers no command id`);
  }
}

/** The answer to a command without an id, from the show as the command left it. */
export function answerOfCommand(show: Show, command: Command, at: number): Answer {
  switch (command.type) {
    case 'extend':
      return told(holdView(show, show.holds.place(command.hold), command.hold, at));
    case 'cancel':
    case 'pending':
    case 'commit':
    case 'reject':
    case 'captured':
    case 'void':
    case 'settled':
    case 'dispute':
      return told(orderView(show, command.order));
    case 'cancel-show':
      return show.cancelled === null ? NO_SUCH : told(cancellation(show, show.cancelled));
    default:
      return told(null);
  }
}

/** The answer to a question, from the show as it is. */
export function answerQuestion(show: Show, question: Question, at: number): Answer {
  const { orders, tickets, buyers, holds } = show;
  switch (question.type) {
    case 'get-hold': {
      const place = holds.place(question.hold);
      if (place < 0 || holds.at[place] !== question.at || holds.buyer[place] !== buyers.find(question.buyer))
        return NO_SUCH;
      if (!holds.isLive(place) || (holds.state[place] === HOLD.active && at >= holds.until[place])) return HOLD_OVER;
      return told(holdView(show, place, question.hold, at));
    }
    case 'get-order': {
      const { order, viewer } = question;
      if (!orders.has(order) || orders.at[order] !== question.at) return NO_SUCH;
      if (!viewer.all && orders.buyer[order] !== buyers.find(viewer.user)) return NO_SUCH;
      return told(orderView(show, order));
    }
    case 'get-ticket': {
      const { ticket, viewer } = question;
      if (!tickets.has(ticket) || tickets.state[ticket] === TICKET.none) return NO_SUCH;
      const order = tickets.order[ticket];
      if (orders.at[order] !== question.at) return NO_SUCH;
      if (!viewer.all && orders.buyer[order] !== buyers.find(viewer.user)) return NO_SUCH;
      if (!isPaid(show, order)) return NO_SUCH;
      return told(ticketView(show, ticket));
    }
    case 'list-orders':
      return told(ordersOf(show, question.buyer).map((order) => orderView(show, order)));
    case 'list-tickets':
      return told(ticketsFor(show, question));
    case 'get-payment':
      return orders.has(question.order) ? told(paymentWork(show, question.order)) : NO_SUCH;
    case 'get-cancellation':
      return show.cancelled === null ? NO_SUCH : told(cancellation(show, show.cancelled));
    case 'get-summary':
      return told(summary(show));
  }
}

function money(show: Show, amount: number): Money {
  return { amount, currency: show.terms.currency };
}

type Held = Extract<ShowEvent, { type: 'held' }>;
type Ordered = Extract<ShowEvent, { type: 'ordered' }>;

function heldView(show: Show, event: Held, at: number): HoldView {
  return holdViewOf(
    show,
    scopedId('hld', at, show.id, event.hold),
    event.seats,
    event.areas,
    'active',
    event.until,
    at,
  );
}

function holdView(show: Show, place: number, hold: number, now: number): HoldView {
  const { holds } = show;
  const id = scopedId('hld', holds.at[place], show.id, hold);
  const status = holds.state[place] === HOLD.inPayment ? 'in_payment' : 'active';
  return holdViewOf(
    show,
    id,
    show.seatsOfHold(place).reverse(),
    show.areasOfHold.get(hold) ?? [],
    status,
    holds.until[place],
    now,
  );
}

function holdViewOf(
  show: Show,
  id: string,
  seats: readonly number[],
  areas: readonly (readonly [number, number])[],
  status: HoldView['status'],
  until: number,
  now: number,
): HoldView {
  const { hall } = show;
  let total = 0;
  const seatViews = seats.map((seat) => {
    const category = hall.categoryOf[seat];
    total += show.prices[category];
    return { id: hall.seatIds[seat], category: hall.categories[category], price: money(show, show.prices[category]) };
  });
  const areaViews = areas.map(([index, quantity]) => {
    const area = hall.areas[index];
    total += show.prices[area.category] * quantity;
    return {
      id: area.id,
      category: hall.categories[area.category],
      quantity,
      price: money(show, show.prices[area.category]),
    };
  });
  return {
    id,
    showId: show.id,
    seats: seatViews,
    areas: areaViews,
    total: money(show, total),
    status,
    expiresAt: rfc3339(until),
    serverTime: rfc3339(now),
  };
}

/** The order as it was when it was made, told from its event. */
function orderedView(show: Show, event: Ordered, at: number): OrderView {
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

function orderView(show: Show, order: number): OrderView {
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
  if (!isPaid(show, order)) return STATUS[show.orders.state[order]];
  const refunded = show.ticketsOf(order, TICKET.refunded).length;
  if (refunded === 0) return 'paid';
  return refunded === show.orders.quantity[order] ? 'refunded' : 'partially_refunded';
}

type Refunding = Extract<ShowEvent, { type: 'refunding' }>;

/** The refund as it was when it was decided, and what it made of its order. */
function refundingView(show: Show, event: Refunding, at: number): RefundView & { readonly orderStatus: OrderStatus } {
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
  const reason = refunds.reasons.get(refund) ?? show.cancelled?.reason;
  return {
    id: scopedId('rfd', refunds.at[refund], show.id, refund),
    orderId: scopedId('ord', orders.at[order], show.id, order),
    amount: money(show, refunds.amount[refund]),
    ticketIds: show
      .ticketsOf(order, TICKET.refunded)
      .filter((ticket) => refunds.ofTicket.get(ticket) === refund)
      .map((ticket) => scopedId('tkt', orders.at[order], show.id, ticket)),
    status: REFUND_STATUS[refunds.state[refund]],
    ...(reason === undefined ? {} : { reason }),
    createdAt: rfc3339(refunds.at[refund]),
  };
}

function cancellation(show: Show, { at, reason }: NonNullable<Show['cancelled']>): CancellationView {
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

function seatName(show: Show, seat: number): SeatName {
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
function isPaid(show: Show, order: number): boolean {
  return show.orders.state[order] === ORDER.paid;
}

function ticketView(show: Show, ticket: number): TicketView {
  const { orders, tickets } = show;
  const order = tickets.order[ticket];
  return {
    id: scopedId('tkt', orders.at[order], show.id, ticket),
    showId: show.id,
    orderId: scopedId('ord', orders.at[order], show.id, order),
    seat: seatName(show, tickets.seat[ticket]),
    price: money(show, tickets.price[ticket]),
    status: TICKET_STATUS[tickets.state[ticket]],
  };
}

/** The buyer's orders, newest first. */
function ordersOf(show: Show, userId: string): number[] {
  const buyer = show.buyers.find(userId);
  const found: number[] = [];
  if (buyer < 0) return found;
  for (let order = show.buyers.newestOrder[buyer]; order > 0; order = show.orders.previous[order]) found.push(order);
  return found;
}

type ListTickets = Extract<Question, { type: 'list-tickets' }>;

function ticketsFor(show: Show, question: ListTickets): { total: number; items: TicketView[] } {
  const from = question.offset;
  const to = question.offset + question.limit;
  const items: TicketView[] = [];
  let total = 0;
  const add = (ticket: number): void => {
    if (total >= from && total < to) items.push(ticketView(show, ticket));
    total++;
  };
  if (question.viewer.all) {
    for (let ticket = show.tickets.count; ticket >= 1; ticket--)
      if (isPaid(show, show.tickets.order[ticket])) add(ticket);
  } else {
    for (const order of ordersOf(show, question.viewer.user)) {
      if (!isPaid(show, order)) continue;
      for (let i = 0; i < show.orders.quantity[order]; i++) add(show.orders.firstTicket[order] + i);
    }
  }
  return { total, items };
}

function paymentWork(show: Show, order: number): PaymentWork {
  const { orders } = show;
  const reason = orders.reasons.get(order);
  return {
    orderId: scopedId('ord', orders.at[order], show.id, order),
    paymentId: paymentId(show, order),
    buyer: show.buyers.userId(orders.buyer[order]),
    amount: orders.total[order],
    currency: show.terms.currency,
    status: statusOf(show, order),
    state: STATES[orders.state[order]],
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

function summary(show: Show): ShowSummary {
  return {
    capacity: show.capacity,
    available: show.total(SEAT.free),
    held: show.total(SEAT.held),
    inPayment: show.total(SEAT.inPayment),
    sold: show.total(SEAT.sold),
    blocked: show.total(SEAT.blocked),
    version: show.seq,
  };
}
