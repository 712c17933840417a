import type { Command } from './commands.ts';
import { type Decision, done, NO_ORDER, OUTCOME_DONE, refused } from './decision.ts';
import type { OrderLine, Resale, ShowEvent } from './events.ts';
import { HOLD } from './holds.ts';
import { ORDER } from './orders.ts';
import { HOLD_OVER, inPayment, NO_HOLD, ownHold } from './own-holds.ts';
import { isStillListed, resalesOf, sellerOf } from './resales.ts';
import { PAYMENT_WINDOW_MS, PENDING_WINDOW_MS, SEAT, SEAT_STATES, type Show } from './show.ts';
import { pricesOfHold } from './stock.ts';

type OrderCommand = Extract<Command, { type: 'order' }>;

export function decideOrder(show: Show, command: OrderCommand, at: number): Decision {
  const place = ownHold(show, command.buyer, command.hold, command.at);
  if (place < 0) return NO_HOLD;
  if (show.holds.state[place] === HOLD.inPayment || show.holds.state[place] === HOLD.bought)
    return inPayment(show, place);
  if (show.holds.state[place] !== HOLD.active || at >= show.endOfHold(place)) return HOLD_OVER;
  const isComp = command.comp === true;
  const prices = pricesOfHold(show, command.hold);
  const lines: OrderLine[] = [];
  let total = 0;
  for (const seat of show.seatsOfHold(place).sort((a, b) => a - b)) {
    const seller = sellerOf(show, seat);
    if (isComp && seller !== undefined)
      return refused('HOLD_INVALID', 'A seat that somebody resells cannot be given away.');
    const price = isComp ? 0 : (show.moves.listings.get(seat)?.price ?? prices[show.hall.categoryOf[seat]]);
    lines.push(seller === undefined ? { seat, price } : { seat, price, from: seller.ticket });
    total += price;
  }
  for (const [area, quantity] of show.areasOfHold.get(command.hold) ?? []) {
    const price = isComp ? 0 : prices[show.hall.areas[area].category];
    for (let i = 0; i < quantity; i++) lines.push({ seat: -1 - area, price });
    total += price * quantity;
  }
  const until = Math.max(show.holds.until[place], at + PAYMENT_WINDOW_MS);
  const resold = total === 0 ? resoldFree(show, lines) : [];
  return done({
    type: 'ordered',
    once: command.once,
    order: show.orders.count + 1,
    hold: command.hold,
    lines,
    total,
    until,
    ...(isComp ? { comp: true } : {}),
    ...(resold.length === 0 ? {} : { resold }),
  });
}

/** A free order is paid at once: its sellers get nothing back, and a refund that says so. */
function resoldFree(show: Show, lines: readonly OrderLine[]): readonly Resale[] {
  const sellers = lines.flatMap(({ from }) => from ?? []);
  return sellers.map((ticket, i) => ({ ticket, refund: show.refunds.count + 1 + i, amount: 0 }));
}

export function decideCaptured(show: Show, order: number): Decision {
  const isDue = show.orders.has(order) && show.orders.state[order] === ORDER.committed;
  const resold = isDue ? resalesOf(show, order) : [];
  const event: ShowEvent = resold.length === 0 ? { type: 'captured', order } : { type: 'captured', order, resold };
  return ofOrder(show, order, [ORDER.committed], [ORDER.paid], event);
}

export function decideCancel(show: Show, userId: string, order: number, madeAt: number): Decision {
  const { orders } = show;
  if (!orders.has(order) || orders.at[order] !== madeAt || orders.buyer[order] !== show.buyers.find(userId))
    return NO_ORDER;
  switch (orders.state[order]) {
    case ORDER.awaiting:
      return done({ type: 'cancelled', order });
    case ORDER.cancelled:
      return OUTCOME_DONE;
    case ORDER.pending:
      return refused('ORDER_NOT_CANCELLABLE', 'The bank has taken the payment on; it can only be refunded now.');
    default:
      return refused('ORDER_NOT_CANCELLABLE', 'Only an order that awaits its payment can be cancelled.');
  }
}

type CommitCommand = Extract<Command, { type: 'commit' }>;

/** The bank takes its time: the hold lives on until it has decided, within bounds. */
export function decidePending(show: Show, order: number, at: number): Decision {
  if (!show.orders.has(order)) return NO_ORDER;
  const { state, until } = show.orders;
  if (state[order] === ORDER.pending || state[order] === ORDER.committed || state[order] === ORDER.paid)
    return OUTCOME_DONE;
  if (state[order] !== ORDER.awaiting) return refused('ORDER_NOT_PAYABLE', 'The order has ended.');
  return done({ type: 'pending', order, until: Math.max(until[order], at + PENDING_WINDOW_MS) });
}

/** The seat decides: the first decision wins. A live hold is sold; of an expired one what is free is taken again. */
export function decideCommit(show: Show, command: CommitCommand, at: number): Decision {
  const { orders } = show;
  const { order } = command;
  if (!orders.has(order)) return NO_ORDER;
  const state = orders.state[order];
  if (state === ORDER.committed || state === ORDER.paid) return OUTCOME_DONE;
  // Once it is settled nothing is taken for it any more: nobody would look after its money.
  const isLate = state === ORDER.expired && command.late === true && orders.unsettled[order] === 1;
  if (state === ORDER.declined && command.late === true) return OUTCOME_DONE;
  if (!isLate && state !== ORDER.awaiting && state !== ORDER.pending)
    return refused('ORDER_NOT_PAYABLE', 'The order has ended; nothing is charged.');
  const isOther = command.amount !== orders.total[order] || command.currency !== show.terms.currency;
  if (isOther && !isLate)
    return refused('ORDER_NOT_PAYABLE', 'The payment is not for this order’s amount and currency; nothing is charged.');
  if (isLate) {
    const obstacle = isOther ? 'The payment was not for this order’s amount.' : obstacleTo(show, order, at);
    return done(
      obstacle === null ? { type: 'committed', order, late: true } : { type: 'declined', order, reason: obstacle },
    );
  }
  const place = show.holds.place(orders.hold[order]);
  if (at >= show.endOfHold(place)) return refused('ORDER_NOT_PAYABLE', 'The time to pay is over; nothing is charged.');
  return done({ type: 'committed', order });
}

/** Why the places of an expired order cannot be taken again, for its buyer; null if they can. */
function obstacleTo(show: Show, order: number, at: number): string | null {
  if (show.cancelled !== null) return 'The show was cancelled before the payment came.';
  if (!show.isOnSale(at)) return 'The sale had closed when the payment came.';
  const { orders, tickets, buyers, terms } = show;
  const wanted = new Map<number, number>();
  for (let i = 0; i < orders.quantity[order]; i++) {
    const ticket = orders.firstTicket[order] + i;
    const seat = tickets.seat[ticket];
    const from = show.moves.boughtFrom.get(ticket);
    if (seat < 0) wanted.set(-1 - seat, (wanted.get(-1 - seat) ?? 0) + 1);
    else if (show.status[seat] === SEAT.blocked)
      return 'The payment came too late: a seat had been taken off sale by then.';
    else if (from === undefined ? show.status[seat] !== SEAT.free : !isStillListed(show, ticket, from))
      return 'The payment came too late: others had the seats by then.';
  }
  for (const [area, quantity] of wanted) {
    if (show.areaCounts[area * SEAT_STATES + SEAT.free] < quantity)
      return 'The payment came too late: others had the places by then.';
  }
  if (buyers.places[orders.buyer[order]] + orders.quantity[order] > terms.perBuyer)
    return 'The payment came too late: with what was bought since it would be too many tickets.';
  return null;
}

/** An event about an order in one of `from`; no event if it has arrived in one of `already`; else refused. */
export function ofOrder(
  show: Show,
  order: number,
  from: readonly number[],
  already: readonly number[],
  event: ShowEvent,
): Decision {
  if (!show.orders.has(order)) return NO_ORDER;
  const state = show.orders.state[order];
  if (from.includes(state)) return done(event);
  return already.includes(state)
    ? OUTCOME_DONE
    : refused('ORDER_NOT_PAYABLE', `The order is past that: ${event.type} does not apply.`);
}

export function decideSettled(show: Show, order: number, reason: string | undefined): Decision {
  if (!show.orders.has(order)) return NO_ORDER;
  if (show.orders.unsettled[order] === 0) return OUTCOME_DONE;
  const state = show.orders.state[order];
  if (state === ORDER.awaiting || state === ORDER.pending || state === ORDER.committed)
    return refused('ORDER_NOT_PAYABLE', 'The order has not ended.');
  return done(reason === undefined ? { type: 'settled', order } : { type: 'settled', order, reason });
}
