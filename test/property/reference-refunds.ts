import { isDeepStrictEqual } from 'node:util';
import type { Answer } from '../../src/actors/shows.ts';
import type { Command } from '../../src/allocator/commands.ts';
import type { ErrorCode } from '../../src/errors.ts';
import { scopedId } from '../../src/ids.ts';
import { changed, endUnpaid, unchanged } from './reference-orders.ts';
import {
  allTickets,
  type EventOf,
  type Expected,
  isDisputed,
  type ModelOrder,
  type ModelTicket,
  OWNED,
  priceOfAll,
  type ReferenceState,
  refusedBy,
  ticketsIn,
  told,
} from './reference-state.ts';
import { cancellationView, refundView } from './reference-views.ts';
import { must } from './violation.ts';

type CommandOf<T extends Command['type']> = Extract<Command, { type: T }>;

/** The most refunds of a cancelled show that may begin in one turn; fewer only if no more are due. */
const BATCH = 256;

export function reasonsAgainstRefund(state: ReferenceState, command: CommandOf<'refund'>): ErrorCode[] {
  const order = state.orders[command.order - 1];
  if (order === undefined || order.at !== command.at) return ['NOT_FOUND'];
  if (order.state !== 'paid') return ['ORDER_NOT_REFUNDABLE'];
  const wanted = command.tickets ?? ticketsIn(order, ...OWNED).map(({ number }) => number);
  const reasons: ErrorCode[] = [];
  const named = wanted.map((number) => allTickets(order).find((ticket) => ticket.number === number));
  if (named.includes(undefined)) reasons.push('NOT_FOUND');
  const isOnce = new Set(wanted).size === wanted.length;
  if (isDisputed(order)) reasons.push('ORDER_NOT_REFUNDABLE');
  if (wanted.length === 0 || !isOnce || named.some((ticket) => ticket !== undefined && !isOwned(ticket)))
    reasons.push('ORDER_NOT_REFUNDABLE');
  return reasons;
}

export function makeRefund(state: ReferenceState, command: CommandOf<'refund'>, event: EventOf<'refunding'>): Answer {
  const order = state.orders[command.order - 1];
  const name = `refund ${event.refund}`;
  must(event.order === command.order, 'I3', () => `${name} is of another order than asked for`);
  must(event.reason === command.reason, 'I3', () => `${name} has another reason than was given`);
  const tickets = event.tickets.map((number) => allTickets(order).find((ticket) => ticket.number === number));
  must(!tickets.includes(undefined), 'I10', () => `${name} is of tickets that are not of order ${event.order}`);
  const wanted = command.tickets ?? ticketsIn(order, ...OWNED).map(({ number }) => number);
  takeBack(state, event.refund, order, tickets as ModelTicket[], event.amount, command.reason);
  must(
    isDeepStrictEqual([...event.tickets], [...wanted]),
    'I8',
    () => `${name} takes tickets ${event.tickets} back, not ${wanted}`,
  );
  const left = ticketsIn(order, ...OWNED).length;
  must(event.partial === left > 0, 'rules', () => `${name} leaves ${left} tickets, and says otherwise`);
  // In the order in which they were named.
  const ticketIds = event.tickets.map((number) => scopedId('tkt', order.at, state.id, number));
  const orderStatus = left > 0 ? 'partially_refunded' : 'refunded';
  return told({ ...refundView(state, state.refunds[event.refund - 1]), ticketIds, orderStatus });
}

/** The show's own refunds come at the beginning of a turn, until each paid order has had its own. */
export function refundCancelled(state: ReferenceState): void {
  const due = state.toRefund;
  if (due.length === 0) return;
  const event = state.events[0];
  must(
    event?.type === 'refunding-all',
    'I11',
    () => `the show is cancelled, and orders ${due.map(({ number }) => number)} are not refunded`,
  );
  state.events.shift();
  for (const [i, number] of event.orders.entries()) {
    const order = due.find((one) => one.number === number);
    must(order !== undefined, 'I10', () => `order ${number} is refunded with the show, and has nothing to refund`);
    const tickets = ticketsIn(order, ...OWNED);
    takeBack(state, event.refund + i, order, tickets, priceOfAll(tickets));
  }
  const expected = Math.min(due.length, BATCH);
  must(
    event.orders.length === expected,
    'I11',
    () => `${event.orders.length} refunds of a cancelled show begin, not ${expected}`,
  );
}

function takeBack(
  state: ReferenceState,
  number: number,
  order: ModelOrder,
  tickets: readonly ModelTicket[],
  amount: number,
  reason?: string,
): void {
  const name = `refund ${number}`;
  must(number === state.refunds.length + 1, 'I2', () => `${name} should be number ${state.refunds.length + 1}`);
  must(order.state === 'paid', 'I10', () => `${name} is of order ${order.number}, which is ${order.state}`);
  const isOnce = new Set(tickets).size === tickets.length;
  for (const ticket of tickets) {
    must(
      isOnce && isOwned(ticket),
      'I10',
      () => `${name} gives ticket ${ticket.number} back, which is ${ticket.state}`,
    );
  }
  must(amount === priceOfAll(tickets), 'I10', () => `${name} gives ${amount} back for ${priceOfAll(tickets)}`);
  for (const ticket of tickets) state.end(ticket, 'refunded');
  const refund = {
    number,
    at: state.at,
    order,
    tickets,
    amount,
    state: amount === 0 ? ('done' as const) : ('due' as const),
    ...(reason === undefined ? {} : { reason }),
  };
  state.refunds.push(refund);
  order.refunds.push(refund);
  if (amount > 0) state.toSettle.push(order.number);
  state.tell('refund', order, refund);
}

export function endRefund(state: ReferenceState, command: CommandOf<'refunded' | 'refund-failed'>): Expected {
  const refund = state.refunds[command.refund - 1];
  if (refund === undefined) return refusedBy('NOT_FOUND');
  const end = command.type === 'refunded' ? 'done' : 'failed';
  if (refund.state === end) return { answer: told(null), inTurn: false };
  if (refund.state !== 'due') return refusedBy('ORDER_NOT_REFUNDABLE');
  if (command.type === 'refunded') {
    state.take('refunded', (event) => event.refund === refund.number);
  } else {
    const { reason } = command;
    state.take('refund-failed', (event) => event.refund === refund.number && event.reason === reason);
    refund.reason = reason;
  }
  refund.state = end;
  return { answer: told(null), inTurn: true };
}

/** Those that were given are due again; who gives them tells which came back. */
export function returnRefunds(state: ReferenceState, command: CommandOf<'refund-returned'>): Expected {
  const order = state.orders[command.order - 1];
  if (order === undefined) return refusedBy('NOT_FOUND');
  if (order.state !== 'paid') {
    if (!order.settled) return { answer: told(null), inTurn: false };
    state.take('refund-returned', (event) => event.order === order.number && event.refunds.length === 0);
    order.settled = false;
    state.toSettle.push(order.number);
    return { answer: told(null), inTurn: true };
  }
  const given = order.refunds.filter((refund) => refund.state === 'done' && refund.amount > 0);
  if (given.length === 0) return { answer: told(null), inTurn: false };
  state.take('refund-returned', (event) => {
    const numbers = given.map(({ number }) => number);
    return event.order === order.number && isDeepStrictEqual([...event.refunds], numbers);
  });
  for (const refund of given) refund.state = 'due';
  state.toSettle.push(order.number);
  return { answer: told(null), inTurn: true };
}

export function dispute(state: ReferenceState, command: CommandOf<'dispute'>): Expected {
  const order = state.orders[command.order - 1];
  if (order === undefined) return refusedBy('NOT_FOUND');
  if (order.state !== 'paid') return refusedBy('ORDER_NOT_REFUNDABLE');
  const { dispute: id, status } = command;
  const known = order.disputes.find((one) => one.id === id);
  if (known !== undefined && (known.status === status || known.status !== 'open')) return unchanged(state, order);
  state.take('disputed', (event) => event.order === order.number && event.dispute === id && event.status === status);
  if (known === undefined) order.disputes.push({ id, status });
  else known.status = status;
  if (status === 'open') {
    for (const ticket of ticketsIn(order, ...OWNED)) suspend(state, ticket);
  } else if (status === 'lost') {
    for (const ticket of ticketsIn(order, 'suspended', ...OWNED)) state.end(ticket, 'void');
  } else if (order.disputes.every((one) => one.status !== 'open')) {
    for (const ticket of ticketsIn(order, 'suspended')) ticket.state = 'valid';
  }
  return changed(state, order);
}

/** Nothing of it is offered or listed any more, but a listed seat that a buyer has is still the buyer's. */
function suspend(state: ReferenceState, ticket: ModelTicket): void {
  ticket.offeredTo = null;
  const seat = state.seats[ticket.seat];
  if (ticket.state === 'listed') {
    if (seat.state !== 'listed') return;
    seat.listing = null;
    seat.state = 'sold';
  }
  state.invalidate(ticket, 'suspended');
}

function isOwned(ticket: ModelTicket): boolean {
  return (OWNED as readonly string[]).includes(ticket.state);
}

export function cancelShow(state: ReferenceState, command: CommandOf<'cancel-show'>): Expected {
  const { reason } = command;
  if (state.cancelled === null) {
    const live = state.live.map(({ number }) => number);
    const event = state.take('show-cancelled', (cancelled) => cancelled.reason === reason);
    must(
      isDeepStrictEqual([...event.holds].sort(), [...live].sort()),
      'I9',
      () => `holds ${event.holds} end with the show, not ${live}`,
    );
    for (const number of event.holds) {
      const hold = state.holds[number - 1];
      if (hold.order !== null) {
        endUnpaid(state, hold.order, 'cancelled');
        hold.order.reason = reason;
      }
      state.free(hold, 'released');
    }
    state.cancelled = { at: state.at, reason };
    return { answer: told(cancellationView(state, state.cancelled)), inTurn: true };
  }
  return { answer: told(cancellationView(state, state.cancelled)), inTurn: false };
}
