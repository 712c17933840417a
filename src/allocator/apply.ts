import { applyAdmissionUndone, applyAdmitted, applyScanned } from './apply-doors.ts';
import {
  applyListed,
  applyResales,
  applyTransferAccepted,
  applyTransferEnded,
  applyTransferred,
  endListing,
} from './apply-moves.ts';
import { endHold, endUnpaid, freeTicket, livePlace, movePlaces, orderIn, setSeat, setTickets } from './apply-places.ts';
import { applyPlanReplaced } from './apply-plan.ts';
import {
  applyDisputed,
  applyRefunding,
  applyRefundingAll,
  applyShowCancelled,
  endRefund,
  returnRefund,
} from './apply-refunds.ts';
import { applyRescheduled } from './apply-schedule.ts';
import { applyStockChanged } from './apply-stock.ts';
import type { OrderLine, ShowEvent } from './events.ts';
import { HOLD } from './holds.ts';
import { ensure } from './invariants.ts';
import { ORDER } from './orders.ts';
import { REFUND } from './refunds.ts';
import { isStillListed, sellerOf } from './resales.ts';
import { SEAT, type Show } from './show.ts';
import { TICKET } from './tickets.ts';

/**
 * Applies one event to the show: the only code that changes a show, for decisions and for recovery alike. Ensures on
 * the way that the event is legal (I1, I4, I8): an event that is not throws and the show must be thrown away.
 *
 * @param seq the journal row the event stands in, `ordinal` its place there, `at` the row's time (ms).
 */
export function apply(show: Show, event: ShowEvent, seq: number, ordinal: number, at: number): void {
  switch (event.type) {
    case 'opened':
      ensure(seq === 1 && ordinal === 0, 'I2', () => `opened again in row ${seq}`);
      return;
    case 'held':
      applyHeld(show, event, seq, ordinal, at);
      return;
    case 'extended': {
      const place = livePlace(show, event.hold, HOLD.active);
      show.holds.until[place] = event.until;
      show.deadlines.add(show.endOfHold(place), event.hold);
      return;
    }
    case 'rescheduled':
      applyRescheduled(show, event);
      return;
    case 'released':
      endHold(show, event.hold, livePlace(show, event.hold, HOLD.active), HOLD.released);
      return;
    case 'expired':
      for (const hold of event.holds) applyExpired(show, hold, at);
      return;
    case 'ordered':
      applyOrdered(show, event, seq, ordinal, at);
      return;
    case 'cancelled':
      endUnpaid(show, orderIn(show, event.order, ORDER.awaiting), ORDER.cancelled, HOLD.released);
      return;
    case 'pending':
      applyPending(show, orderIn(show, event.order, ORDER.awaiting), event.until);
      return;
    case 'rejected': {
      const order = orderIn(show, event.order, ORDER.awaiting, ORDER.pending);
      show.orders.reasons.set(order, event.reason);
      endUnpaid(show, order, ORDER.rejected, HOLD.released);
      settle(show, order);
      return;
    }
    case 'committed':
      if (event.late === true) applyCommittedLate(show, orderIn(show, event.order, ORDER.expired));
      else applyCommitted(show, orderIn(show, event.order, ORDER.awaiting, ORDER.pending), at);
      return;
    case 'declined': {
      const order = orderIn(show, event.order, ORDER.expired);
      show.orders.state[order] = ORDER.declined;
      show.orders.reasons.set(order, event.reason);
      return;
    }
    case 'captured': {
      const order = orderIn(show, event.order, ORDER.committed);
      makePaid(show, order);
      settle(show, order);
      applyResales(show, order, event.resold ?? [], at);
      if (show.cancelled !== null) show.toRefund.add(order);
      return;
    }
    case 'voided':
      applyVoided(show, orderIn(show, event.order, ORDER.committed), event.reason);
      return;
    case 'settled': {
      const state = show.orders.state[event.order];
      ensure(
        show.orders.has(event.order) &&
          state !== ORDER.awaiting &&
          state !== ORDER.pending &&
          state !== ORDER.committed,
        'I10',
        () => `order ${event.order} is settled in state ${state}`,
      );
      settle(show, event.order);
      if (event.reason !== undefined) show.orders.reasons.set(event.order, event.reason);
      return;
    }
    case 'refunding':
      show.answered.add(event.once, seq, ordinal, at);
      applyRefunding(show, event.refund, event.order, event.tickets, event.amount, event.reason, at);
      return;
    case 'refunding-all':
      applyRefundingAll(show, event.refund, event.orders, at);
      return;
    case 'refunded':
      endRefund(show, event.refund, REFUND.done);
      return;
    case 'refund-failed':
      endRefund(show, event.refund, REFUND.failed);
      show.refunds.reasons.set(event.refund, event.reason);
      return;
    case 'refund-returned':
      if (event.refunds.length === 0) unsettle(show, event.order);
      for (const refund of event.refunds) returnRefund(show, refund);
      return;
    case 'disputed':
      applyDisputed(show, orderIn(show, event.order, ORDER.paid), event.dispute, event.status, at);
      return;
    case 'show-cancelled':
      applyShowCancelled(show, event.holds, event.reason, at);
      return;
    case 'transferred':
      show.answered.add(event.once, seq, ordinal, at);
      applyTransferred(show, event, at);
      return;
    case 'transfer-accepted':
      applyTransferAccepted(show, event);
      return;
    case 'transfer-ended':
      applyTransferEnded(show, event.ticket);
      return;
    case 'listed':
      show.answered.add(event.once, seq, ordinal, at);
      applyListed(show, event, at);
      return;
    case 'unlisted':
      endListing(show, event.ticket, TICKET.valid);
      return;
    case 'admitted':
      show.answered.add(event.once, seq, ordinal, at);
      applyAdmitted(show, event);
      return;
    case 'admission-undone':
      applyAdmissionUndone(show, event.ticket, event.until);
      return;
    case 'scanned':
      applyScanned(show, event);
      return;
    case 'plan-replaced':
      show.answered.add(event.once, seq, ordinal, at);
      applyPlanReplaced(show, event, seq);
      return;
    case 'stock-changed':
      show.answered.add(event.once, seq, ordinal, at);
      applyStockChanged(show, event, seq);
      return;
    case 'refused':
      show.answered.add(event.once, seq, ordinal, at);
      return;
    default:
      throw new Error(`unknown event ${JSON.stringify((event as { type: unknown }).type)} in row ${seq}`);
  }
}

type Held = Extract<ShowEvent, { type: 'held' }>;
type Ordered = Extract<ShowEvent, { type: 'ordered' }>;

function applyHeld(show: Show, event: Held, seq: number, ordinal: number, at: number): void {
  show.answered.add(event.once, seq, ordinal, at);
  ensure(event.hold === show.holds.next, 'I2', () => `hold ${event.hold} is not the next, ${show.holds.next}`);
  ensureListed(show, event);
  let first = -1;
  for (const seat of event.seats) {
    ensure(
      show.status[seat] === SEAT.free || (show.status[seat] === SEAT.listed && event.listed !== undefined),
      'I1',
      () => `seat ${seat} is held by ${event.hold} while in state ${show.status[seat]}`,
    );
    setSeat(show, seat, SEAT.held, event.hold);
    show.nextInHold[seat] = first;
    first = seat;
  }
  let quantity = event.seats.length;
  for (const [area, count] of event.areas) {
    movePlaces(show, area, count, SEAT.free, SEAT.held);
    quantity += count;
  }
  if (event.areas.length > 0) show.areasOfHold.set(event.hold, event.areas);
  const buyer = show.buyers.meet(event.buyer);
  ensure(show.buyers.liveHold[buyer] === 0, 'I4', () => `buyer ${event.buyer} has a live hold already`);
  show.buyers.liveHold[buyer] = event.hold;
  show.buyers.places[buyer] += quantity;
  const place = show.holds.add(at, event.until, buyer, first, quantity);
  show.deadlines.add(show.endOfHold(place), event.hold);
}

/** Exactly those of the seats that are listed are named as such, with their sellers and prices. */
function ensureListed(show: Show, { hold, seats, listed = [] }: Held): void {
  let count = 0;
  for (const seat of seats) if (show.status[seat] === SEAT.listed) count++;
  ensure(count === listed.length, 'I1', () => `hold ${hold} takes ${count} listed seats, and names ${listed.length}`);
  for (const [seat, ticket, price] of listed) {
    const seller = sellerOf(show, seat);
    ensure(
      seats.includes(seat) && show.status[seat] === SEAT.listed && seller?.ticket === ticket && seller.price === price,
      'I1',
      () => `hold ${hold} takes seat ${seat} from ticket ${ticket} for ${price}, which does not offer it so`,
    );
  }
}

function applyExpired(show: Show, hold: number, at: number): void {
  const place = show.holds.place(hold);
  ensure(place >= 0 && show.holds.isLive(place), 'I9', () => `hold ${hold} expired, but is not live`);
  ensure(at >= show.endOfHold(place), 'I9', () => `hold ${hold} expired ${show.endOfHold(place) - at} ms early`);
  const order = show.holds.order[place];
  if (order > 0) endUnpaid(show, orderIn(show, order, ORDER.awaiting, ORDER.pending), ORDER.expired, HOLD.expired);
  else endHold(show, hold, place, HOLD.expired);
}

function applyOrdered(show: Show, event: Ordered, seq: number, ordinal: number, at: number): void {
  show.answered.add(event.once, seq, ordinal, at);
  ensure(
    event.order === show.orders.count + 1,
    'I2',
    () => `order ${event.order} is not the next, ${show.orders.count + 1}`,
  );
  const place = livePlace(show, event.hold, HOLD.active);
  const { holds, orders, tickets, buyers } = show;
  ensure(
    event.lines.length === holds.quantity[place],
    'I8',
    () => `order ${event.order} has ${event.lines.length} lines for ${holds.quantity[place]} places`,
  );
  const buyer = holds.buyer[place];
  const firstTicket = tickets.count + 1;
  const order = orders.add(
    at,
    event.until,
    event.total,
    buyer,
    event.hold,
    holds.at[place],
    firstTicket,
    event.lines.length,
    buyers.newestOrder[buyer],
  );
  buyers.newestOrder[buyer] = order;
  for (const line of event.lines) addLine(show, order, event.hold, line);
  for (const [area, count] of show.areasOfHold.get(event.hold) ?? [])
    movePlaces(show, area, count, SEAT.held, SEAT.inPayment);
  holds.state[place] = HOLD.inPayment;
  holds.order[place] = order;
  holds.until[place] = event.until;
  orders.state[order] = ORDER.awaiting;
  orders.unsettled[order] = 1;
  show.unsettledOrders++;
  if (event.total === 0) {
    applyCommitted(show, order, at);
    makePaid(show, order);
    settle(show, order);
    applyResales(show, order, event.resold ?? [], at);
  } else {
    show.deadlines.add(show.endOfHold(place), event.hold);
  }
}

function addLine(show: Show, order: number, hold: number, line: OrderLine): void {
  if (line.seat >= 0) {
    ensure(
      show.status[line.seat] === SEAT.held && show.claim[line.seat] === hold,
      'I1',
      () => `order ${order} takes seat ${line.seat}, which hold ${hold} does not have`,
    );
    const seller = sellerOf(show, line.seat);
    ensure(
      line.from === seller?.ticket && (seller === undefined || line.price === seller.price),
      'I11',
      () => `order ${order} takes seat ${line.seat} for ${line.price} from ${line.from}, not from ${seller?.ticket}`,
    );
    setSeat(show, line.seat, SEAT.inPayment, hold);
  }
  const ticket = show.tickets.add(order, line.seat, line.price);
  if (line.from !== undefined) show.moves.boughtFrom.set(ticket, line.from);
}

function applyCommitted(show: Show, order: number, at: number): void {
  const { orders, holds, tickets } = show;
  const hold = orders.hold[order];
  const place = livePlace(show, hold, HOLD.inPayment);
  ensure(
    at < show.endOfHold(place),
    'I9',
    () => `order ${order} committed ${at - show.endOfHold(place)} ms after its hold ended`,
  );
  const end = orders.firstTicket[order] + orders.quantity[order];
  for (let ticket = orders.firstTicket[order]; ticket < end; ticket++) {
    const seat = tickets.seat[ticket];
    if (seat < 0) continue;
    ensure(
      show.status[seat] === SEAT.inPayment && show.claim[seat] === hold,
      'I1',
      () => `order ${order} is sold seat ${seat} that is not its own`,
    );
    if (sellerOf(show, seat) === undefined) show.moves.listings.delete(seat);
    setSeat(show, seat, SEAT.sold, ticket);
  }
  for (const [area, count] of show.areasOfHold.get(hold) ?? [])
    movePlaces(show, area, count, SEAT.inPayment, SEAT.sold);
  show.areasOfHold.delete(hold);
  show.buyers.liveHold[holds.buyer[place]] = 0;
  holds.state[place] = HOLD.bought;
  holds.firstSeat[place] = -1;
  orders.state[order] = ORDER.committed;
}

/** The places of an order that had expired are taken again: all are free, and its hold stays ended. */
function applyCommittedLate(show: Show, order: number): void {
  const { orders, tickets, buyers } = show;
  ensure(orders.unsettled[order] === 1, 'I10', () => `order ${order} is committed after it was settled`);
  const end = orders.firstTicket[order] + orders.quantity[order];
  for (let ticket = orders.firstTicket[order]; ticket < end; ticket++) {
    const seat = tickets.seat[ticket];
    if (seat < 0) {
      movePlaces(show, -1 - seat, 1, SEAT.free, SEAT.sold);
      continue;
    }
    const from = show.moves.boughtFrom.get(ticket);
    ensure(
      from === undefined ? show.status[seat] === SEAT.free : isStillListed(show, ticket, from),
      'I1',
      () => `order ${order} takes seat ${seat} again, which is not to be had`,
    );
    setSeat(show, seat, SEAT.sold, ticket);
  }
  buyers.places[orders.buyer[order]] += orders.quantity[order];
  orders.state[order] = ORDER.committed;
  setTickets(show, order, TICKET.none);
}

/** The hold of an order lives as long as the bank may take. */
function applyPending(show: Show, order: number, until: number): void {
  const { orders, holds, deadlines } = show;
  const hold = orders.hold[order];
  const place = livePlace(show, hold, HOLD.inPayment);
  orders.state[order] = ORDER.pending;
  orders.until[order] = until;
  holds.until[place] = until;
  deadlines.add(show.endOfHold(place), hold);
}

function makePaid(show: Show, order: number): void {
  show.orders.state[order] = ORDER.paid;
  setTickets(show, order, TICKET.valid);
}

function applyVoided(show: Show, order: number, reason: string): void {
  const { orders } = show;
  const end = orders.firstTicket[order] + orders.quantity[order];
  for (let ticket = orders.firstTicket[order]; ticket < end; ticket++) freeTicket(show, ticket);
  show.buyers.places[orders.buyer[order]] -= orders.quantity[order];
  orders.state[order] = ORDER.voided;
  orders.reasons.set(order, reason);
  setTickets(show, order, TICKET.void);
}

/** Money that was given back for an order that ended unpaid is ours to give back again. */
function unsettle(show: Show, order: number): void {
  const { orders } = show;
  ensure(
    orders.has(order) && orders.state[order] !== ORDER.paid && orders.unsettled[order] === 0,
    'I10',
    () => `order ${order} is to be settled again in state ${orders.state[order]}`,
  );
  orders.unsettled[order] = 1;
  show.unsettledOrders++;
}

function settle(show: Show, order: number): void {
  ensure(show.orders.unsettled[order] === 1, 'I10', () => `order ${order} is settled twice`);
  show.orders.unsettled[order] = 0;
  show.unsettledOrders--;
}
