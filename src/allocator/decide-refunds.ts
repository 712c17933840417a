import { scopedId } from '../ids.ts';
import type { Command } from './commands.ts';
import { type Decision, done, NO_ORDER, OUTCOME_DONE, refused } from './decision.ts';
import type { ShowEvent } from './events.ts';
import { ORDER } from './orders.ts';
import { REFUND } from './refunds.ts';
import type { Show } from './show.ts';
import { OWNED } from './tickets.ts';

/** Refunds of a cancelled show that begin in one turn; the rest follow in the next ones. */
export const REFUNDS_PER_TURN = 256;

type RefundCommand = Extract<Command, { type: 'refund' }>;

/** Only tickets that are somebody's are taken back, each once; so an order is never refunded beyond what it cost. */
export function decideRefund(show: Show, command: RefundCommand): Decision {
  const { order } = command;
  const { orders, tickets } = show;
  if (!orders.has(order) || orders.at[order] !== command.at) return NO_ORDER;
  if (orders.state[order] !== ORDER.paid) {
    return refused('ORDER_NOT_REFUNDABLE', 'Only a paid order can be refunded; an unpaid one can be cancelled.');
  }
  // Its tickets are suspended, but for those listed that a buyer has: the money of these is the bank's to decide on as well.
  if (show.hasOpenDispute(order))
    return refused('ORDER_NOT_REFUNDABLE', 'The payment is disputed; it can be refunded once the dispute is won.');
  const valid = show.ticketsOf(order, ...OWNED);
  const wanted = command.tickets ?? valid;
  const foreign = wanted.filter((ticket) => tickets.order[ticket] !== order);
  if (foreign.length > 0) return refused('NOT_FOUND', 'The order has no such ticket.');
  const gone = wanted.filter((ticket) => !valid.includes(ticket));
  if (wanted.length === 0 || gone.length > 0 || new Set(wanted).size < wanted.length) {
    return refused('ORDER_NOT_REFUNDABLE', 'Only valid tickets can be refunded, each once.', {
      tickets: gone.map((ticket) => scopedId('tkt', orders.at[order], show.id, ticket)),
    });
  }
  return done({
    type: 'refunding',
    once: command.once,
    refund: show.refunds.count + 1,
    order,
    tickets: wanted,
    amount: wanted.reduce((sum, ticket) => sum + tickets.price[ticket], 0),
    partial: wanted.length < valid.length,
    reason: command.reason,
  });
}

/** The end of a refund: this one, unless it has ended before, and then as it did. */
export function ofRefund(show: Show, refund: number, state: number, event: ShowEvent): Decision {
  const { refunds } = show;
  if (!refunds.has(refund)) return refused('NOT_FOUND', 'There is no such refund.');
  if (refunds.state[refund] === REFUND.due) return done(event);
  return refunds.state[refund] === state ? OUTCOME_DONE : refused('ORDER_NOT_REFUNDABLE', 'The refund has ended.');
}

/** Which of them came back is for the gateway to say, when it is asked again: it gives each once. */
export function decideRefundReturned(show: Show, order: number): Decision {
  const { orders } = show;
  if (!orders.has(order)) return NO_ORDER;
  if (orders.state[order] !== ORDER.paid) {
    return orders.unsettled[order] === 1 ? OUTCOME_DONE : done({ type: 'refund-returned', order, refunds: [] });
  }
  const { state, amount } = show.refunds;
  const given = [...show.refunds.of(order)].filter((refund) => state[refund] === REFUND.done && amount[refund] > 0);
  return given.length === 0 ? OUTCOME_DONE : done({ type: 'refund-returned', order, refunds: given.reverse() });
}

type DisputeCommand = Extract<Command, { type: 'dispute' }>;

/** Each dispute of an order begins once and ends once; what is told late of its beginning changes nothing. */
export function decideDispute(show: Show, { order, dispute, status }: DisputeCommand): Decision {
  if (!show.orders.has(order)) return NO_ORDER;
  if (show.orders.state[order] !== ORDER.paid)
    return refused('ORDER_NOT_REFUNDABLE', 'The order has no captured payment to dispute.');
  const known = show.disputes.get(order)?.find(({ id }) => id === dispute);
  if (known !== undefined && (known.status === status || known.status !== 'open')) return OUTCOME_DONE;
  return done({ type: 'disputed', order, dispute, status });
}

export function decideCancelShow(show: Show, reason: string): Decision {
  if (show.cancelled !== null) return OUTCOME_DONE;
  const holds: number[] = [];
  for (let hold = show.holds.oldest; hold < show.holds.next; hold++) {
    if (show.holds.isLive(show.holds.place(hold))) holds.push(hold);
  }
  return done({ type: 'show-cancelled', reason, holds });
}

export function decideRefundNext(show: Show): Decision {
  const orders: number[] = [];
  for (const order of show.toRefund) {
    if (orders.length === REFUNDS_PER_TURN) break;
    orders.push(order);
  }
  if (orders.length === 0) return OUTCOME_DONE;
  return done({ type: 'refunding-all', refund: show.refunds.count + 1, orders });
}
