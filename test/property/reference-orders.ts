import { isDeepStrictEqual } from 'node:util';
import type { Answer } from '../../src/actors/shows.ts';
import type { Command } from '../../src/allocator/commands.ts';
import type { OrderLine, Resale } from '../../src/allocator/events.ts';
import { PAYMENT_WINDOW_MS, PENDING_WINDOW_MS } from '../../src/allocator/show.ts';
import type { ErrorCode } from '../../src/errors.ts';
import {
  type EventOf,
  type Expected,
  type ModelOrder,
  type ModelRefund,
  type ModelTicket,
  pays,
  type ReferenceState,
  refusedBy,
  told,
} from './reference-state.ts';
import { orderView } from './reference-views.ts';
import { must } from './violation.ts';

type CommandOf<T extends Command['type']> = Extract<Command, { type: T }>;

export function reasonsAgainstOrder(state: ReferenceState, command: CommandOf<'order'>): ErrorCode[] {
  const hold = state.ownHold(command);
  if (hold === null) return ['NOT_FOUND'];
  if (hold.order !== null && hold.state !== 'released' && hold.state !== 'expired') return ['HOLD_IN_PAYMENT'];
  if (hold.state !== 'active') return ['HOLD_EXPIRED'];
  const reasons: ErrorCode[] = state.at >= hold.until ? ['HOLD_EXPIRED'] : [];
  if (command.comp === true && hold.seats.some(({ listing }) => listing?.ticket)) reasons.push('HOLD_INVALID');
  return reasons;
}

export function makeOrder(state: ReferenceState, command: CommandOf<'order'>, event: EventOf<'ordered'>): Answer {
  const hold = state.ownHold(command);
  const name = `order ${event.order}`;
  must(event.order === state.orders.length + 1, 'I2', () => `${name} should be number ${state.orders.length + 1}`);
  must(hold !== null && hold.number === event.hold, 'I3', () => `${name} is of another hold than asked for`);
  must(hold.state === 'active', 'I9', () => `${name} is of a hold that is ${hold.state}`);
  must(event.comp === command.comp, 'rules', () => `${name} is given away, or not, as nobody asked`);
  const isComp = command.comp === true;
  const priceOf = (category: string): number => (isComp ? 0 : (hold.prices.get(category) ?? Number.NaN));
  const lines: OrderLine[] = hold.seats.map((seat) => {
    // A seat whose seller was paid back meanwhile is the organiser's, who may give it away.
    const price = isComp ? 0 : (seat.listing?.price ?? priceOf(seat.category));
    const line = { seat: seat.index, price };
    return seat.listing?.ticket ? { ...line, from: seat.listing.ticket.number } : line;
  });
  for (const [area, quantity] of hold.areas) {
    for (let i = 0; i < quantity; i++) lines.push({ seat: -1 - area, price: priceOf(state.areas[area].category) });
  }
  must(
    isDeepStrictEqual(sortedLines(event.lines), sortedLines(lines)),
    'I8',
    () => `${name} has other lines than its hold`,
  );
  const total = lines.reduce((sum, line) => sum + line.price, 0);
  must(event.total === total, 'rules', () => `${name} costs ${event.total}, not ${total}`);
  const until = Math.max(hold.until, state.at + PAYMENT_WINDOW_MS);
  must(event.until === until, 'I9', () => `${name} can be paid until ${event.until}, not ${until}`);
  if (!state.orders.some((order) => order.hold.buyer === hold.buyer)) state.newBuyers.push(hold.buyer);
  const order: ModelOrder = {
    number: event.order,
    at: state.at,
    hold,
    tickets: event.lines.map(({ seat, price, from }) => ({
      number: ++state.tickets,
      order: event.order,
      seat,
      price,
      from: from === undefined ? null : (state.seats[seat].listing?.ticket ?? null),
      state: 'none',
      holder: hold.buyer,
      offeredTo: null,
      next: null,
    })),
    total,
    until,
    state: 'awaiting',
    settled: false,
    refunds: [],
    disputes: [],
  };
  state.orders.push(order);
  hold.order = order;
  hold.until = until;
  hold.state = 'inPayment';
  state.shift(hold, 'held', 'inPayment');
  if (total === 0) {
    sellHeld(state, order);
    pay(state, order, event.resold);
  }
  // The first answer tells of the order as it was made.
  return told(orderView(state, order));
}

export function cancel(state: ReferenceState, command: CommandOf<'cancel'>): Expected {
  const order = state.orders[command.order - 1];
  if (order === undefined || order.at !== command.at || order.hold.buyer !== command.buyer)
    return refusedBy('NOT_FOUND');
  if (order.state === 'cancelled') return unchanged(state, order);
  if (order.state !== 'awaiting') return refusedBy('ORDER_NOT_CANCELLABLE');
  state.take('cancelled', (event) => event.order === order.number);
  endUnpaid(state, order, 'cancelled');
  state.free(order.hold, 'released');
  return changed(state, order);
}

export function pending(state: ReferenceState, command: CommandOf<'pending'>): Expected {
  const order = state.orders[command.order - 1];
  if (order === undefined) return refusedBy('NOT_FOUND');
  if (order.state === 'pending' || order.state === 'committed' || order.state === 'paid')
    return unchanged(state, order);
  if (order.state !== 'awaiting') return refusedBy('ORDER_NOT_PAYABLE');
  const until = Math.max(order.until, state.at + PENDING_WINDOW_MS);
  state.take('pending', (event) => event.order === order.number && event.until === until);
  order.state = 'pending';
  order.until = until;
  order.hold.until = until;
  return changed(state, order);
}

export function commit(state: ReferenceState, command: CommandOf<'commit'>): Expected {
  const order = state.orders[command.order - 1];
  if (order === undefined) return refusedBy('NOT_FOUND');
  if (order.state === 'committed' || order.state === 'paid') return unchanged(state, order);
  if (order.state === 'declined' && command.late === true) return unchanged(state, order);
  const isLate = order.state === 'expired' && command.late === true && !order.settled;
  if (!pays(command, order, state.terms)) return isLate ? declineOther(state, order) : refusedBy('ORDER_NOT_PAYABLE');
  if (isLate) return commitLate(state, order);
  if (order.state !== 'awaiting' && order.state !== 'pending') return refusedBy('ORDER_NOT_PAYABLE');
  const event = state.events[0];
  const isCommitted = event?.type === 'committed' && event.order === command.order;
  if (state.at >= order.hold.until && !isCommitted) return refusedBy('ORDER_NOT_PAYABLE');
  state.take('committed', (committed) => committed.order === order.number && committed.late === undefined);
  sellHeld(state, order);
  return changed(state, order);
}

/** Money that is not the order's is never what it is sold for. */
function declineOther(state: ReferenceState, order: ModelOrder): Expected {
  const event = state.take('declined', (declined) => declined.order === order.number && /amount/.test(declined.reason));
  order.state = 'declined';
  order.reason = event.reason;
  return changed(state, order);
}

/** What is in the way of an order that was paid too late, the invariant that it would break, and how a buyer reads of it. */
const OBSTACLES: readonly (readonly [
  invariant: string,
  isThere: (state: ReferenceState, order: ModelOrder) => boolean,
  reason: RegExp,
])[] = [
  [
    'I1',
    (state, order) => order.tickets.some((ticket) => ticket.seat >= 0 && !isToBeHadAgain(state, ticket)),
    /others had the seats|taken off sale/,
  ],
  [
    'I5',
    (state, order) =>
      state.areas.some(
        ({ places }, index) => order.tickets.filter(({ seat }) => seat === -1 - index).length > places.free,
      ),
    /others had the places/,
  ],
  ['rules', (state) => state.cancelled !== null, /cancelled/],
  ['rules', (state) => !state.isOnSale, /closed/],
  [
    'rules',
    (state, order) => state.placesOf(order.hold.buyer) + order.tickets.length > state.terms.perBuyer,
    /too many tickets/,
  ],
];

/** What was the organiser's to sell has to be free, what somebody resold listed by them for the same price. */
function isToBeHadAgain(state: ReferenceState, { seat, from, price }: ModelTicket): boolean {
  const { state: is, listing } = state.seats[seat];
  if (from === null) return is === 'free';
  return is === 'listed' && listing?.ticket === from && listing.price === price;
}

function commitLate(state: ReferenceState, order: ModelOrder): Expected {
  const event = state.events.shift();
  must(
    (event?.type === 'committed' || event?.type === 'declined') && event.order === order.number,
    'I3',
    () => `order ${order.number} is paid late, and neither sold nor declined: ${JSON.stringify(event)}`,
  );
  const obstacles = OBSTACLES.filter(([, isThere]) => isThere(state, order));
  if (event.type === 'declined') {
    must(
      obstacles.some(([, , reason]) => reason.test(event.reason)),
      'rules',
      () => `order ${order.number} is declined for no reason: ${event.reason}`,
    );
    order.state = 'declined';
    order.reason = event.reason;
    return changed(state, order);
  }
  must(event.late === true, 'I9', () => `order ${order.number} is committed after its time as if it were in time`);
  must(
    obstacles.length === 0,
    obstacles[0]?.[0],
    () => `order ${order.number} is sold late in spite of ${obstacles.map(([, , reason]) => reason)}`,
  );
  for (const ticket of order.tickets) {
    state.sell(ticket, ticket.from === null ? 'free' : 'listed');
    ticket.state = 'none';
  }
  order.state = 'committed';
  return changed(state, order);
}

export function reject(state: ReferenceState, command: CommandOf<'reject'>): Expected {
  const order = state.orders[command.order - 1];
  if (order === undefined) return refusedBy('NOT_FOUND');
  if (['rejected', 'cancelled', 'expired', 'declined'].includes(order.state)) return unchanged(state, order);
  if (order.state !== 'awaiting' && order.state !== 'pending') return refusedBy('ORDER_NOT_PAYABLE');
  state.take('rejected', (event) => event.order === order.number && event.reason === command.reason);
  order.reason = command.reason;
  order.state = 'rejected';
  order.settled = true;
  for (const ticket of order.tickets) ticket.state = 'void';
  state.free(order.hold, 'released');
  state.tell('failed', order);
  return changed(state, order);
}

export function captured(state: ReferenceState, command: CommandOf<'captured'>): Expected {
  const order = state.orders[command.order - 1];
  if (order === undefined) return refusedBy('NOT_FOUND');
  if (order.state === 'paid') return unchanged(state, order);
  if (order.state !== 'committed') return refusedBy('ORDER_NOT_PAYABLE');
  const event = state.take('captured', (one) => one.order === order.number);
  pay(state, order, event.resold);
  return changed(state, order);
}

export function voidSale(state: ReferenceState, command: CommandOf<'void'>): Expected {
  const order = state.orders[command.order - 1];
  if (order === undefined) return refusedBy('NOT_FOUND');
  if (order.state === 'voided') return unchanged(state, order);
  if (order.state !== 'committed') return refusedBy('ORDER_NOT_PAYABLE');
  state.take('voided', (event) => event.order === order.number && event.reason === command.reason);
  order.reason = command.reason;
  order.state = 'voided';
  for (const ticket of order.tickets) state.giveBack(ticket, 'void');
  state.toSettle.push(order.number);
  state.tell('failed', order);
  return changed(state, order);
}

export function settle(state: ReferenceState, command: CommandOf<'settled'>): Expected {
  const order = state.orders[command.order - 1];
  if (order === undefined) return refusedBy('NOT_FOUND');
  if (order.settled) return unchanged(state, order);
  if (['awaiting', 'pending', 'committed'].includes(order.state)) return refusedBy('ORDER_NOT_PAYABLE');
  state.take('settled', (event) => event.order === order.number && event.reason === command.reason);
  order.settled = true;
  if (command.reason !== undefined) {
    order.reason = command.reason;
    state.tell('late', order);
  }
  return changed(state, order);
}

/** The order ends, its places are still to be freed. */
export function endUnpaid(state: ReferenceState, order: ModelOrder, to: 'cancelled' | 'expired'): void {
  must(
    order.state === 'awaiting' || order.state === 'pending',
    'I9',
    () => `order ${order.number} becomes ${to}, but it is ${order.state}`,
  );
  order.state = to;
  for (const ticket of order.tickets) ticket.state = 'void';
  state.toSettle.push(order.number);
  state.tell(to, order);
}

function sellHeld(state: ReferenceState, order: ModelOrder): void {
  order.state = 'committed';
  order.hold.state = 'bought';
  for (const ticket of order.tickets) {
    state.sell(ticket, 'inPayment');
    const seat = state.seats[ticket.seat];
    if (seat?.listing?.ticket === null) seat.listing = null;
  }
}

/** What the order bought from sellers is the buyer's alone now; they are owed what it cost. */
function pay(state: ReferenceState, order: ModelOrder, resold: readonly Resale[] = []): void {
  order.state = 'paid';
  order.settled = true;
  for (const ticket of order.tickets) ticket.state = 'valid';
  state.tell('paid', order);
  const sold = order.tickets.filter(({ from, seat }) => from !== null && state.seats[seat].listing?.ticket === from);
  const due = sold.map(({ from, price }, i) => ({
    ticket: from?.number,
    refund: state.refunds.length + 1 + i,
    amount: price,
  }));
  must(
    isDeepStrictEqual(resold, due),
    'I11',
    () => `order ${order.number} resells ${JSON.stringify(resold)}, not ${JSON.stringify(due)}`,
  );
  for (const { from, price, seat } of sold) {
    if (from === null) continue;
    must(price <= from.price, 'I11', () => `ticket ${from.number} is resold for ${price}, and cost ${from.price}`);
    from.state = 'void';
    state.seats[seat].listing = null;
    const seller = state.orders[from.order - 1];
    const refund: ModelRefund = {
      number: state.refunds.length + 1,
      at: state.at,
      order: seller,
      tickets: [from],
      amount: price,
      state: price === 0 ? 'done' : 'due',
    };
    state.refunds.push(refund);
    seller.refunds.push(refund);
    if (price > 0) state.toSettle.push(seller.number);
    state.tell('refund', seller, refund);
  }
}

/** The command has taken effect before. */
export function unchanged(state: ReferenceState, order: ModelOrder): Expected {
  return { answer: told(orderView(state, order)), inTurn: false };
}

export function changed(state: ReferenceState, order: ModelOrder): Expected {
  return { answer: told(orderView(state, order)), inTurn: true };
}

function sortedLines(lines: readonly { readonly seat: number; readonly price: number }[]): unknown[] {
  return [...lines].sort((a, b) => a.seat - b.seat);
}
