import { RULES } from '../../../src/actors/turns.ts';
import { setSeat } from '../../../src/allocator/apply-places.ts';
import type { ShowEvent } from '../../../src/allocator/events.ts';
import { REFUND } from '../../../src/allocator/refunds.ts';
import { SEAT, type Show } from '../../../src/allocator/show.ts';
import { TICKET } from '../../../src/allocator/tickets.ts';
import { type Apply, type Decide, Forgets, NOTHING, type PlantedBugs, STRESS, withRules, withShow } from './bug.ts';

type Refunding = Extract<ShowEvent, { type: 'refunding' }>;

/** Lets `change` have a word in each refund that is decided. */
function decideRefunds(change: (show: Show, event: Refunding) => Refunding): Decide {
  return (show, command, at) => {
    const decision = RULES.decide(show, command, at);
    if (decision.kind !== 'done' || decision.event?.type !== 'refunding') return decision;
    return { kind: 'done', event: change(show, decision.event) };
  };
}

const applyRefundKeepsSeat: Apply = (show, event, ...place) => {
  const seats = event.type === 'refunding' ? event.tickets.map((ticket) => show.tickets.seat[ticket]) : [];
  const claims = seats.map((seat) => show.claim[seat]);
  RULES.apply(show, event, ...place);
  for (const [i, seat] of seats.entries()) if (seat >= 0) setSeat(show, seat, SEAT.sold, claims[i]);
};

/** Gives the tickets back again that were given back before. */
const decideRefundTwice: Decide = (show, command, at) => {
  const decision = RULES.decide(show, command, at);
  if (command.type !== 'refund' || decision.kind !== 'refused' || decision.refusal.code !== 'ORDER_NOT_REFUNDABLE')
    return decision;
  const { order, once, reason } = command;
  const tickets = show.orders.has(order) ? show.ticketsOf(order, TICKET.refunded) : [];
  if (tickets.length === 0) return decision;
  const amount = tickets.reduce((sum, ticket) => sum + show.tickets.price[ticket], 0);
  const refund = show.refunds.count + 1;
  const event: ShowEvent = { type: 'refunding', once, refund, order, tickets, amount, partial: false, reason };
  return { kind: 'done', event };
};

const applyRefundTwice: Apply = (show, event, seq, ordinal, at) => {
  const isAgain = event.type === 'refunding' && show.tickets.state[event.tickets[0]] === TICKET.refunded;
  if (!isAgain) return RULES.apply(show, event, seq, ordinal, at);
  show.answered.add(event.once, seq, ordinal, at);
  show.refunds.add(at, event.order, event.amount);
};

const decideRefundLess = decideRefunds((show, event) => {
  const less = event.amount - show.tickets.price[event.tickets[0]];
  return { ...event, amount: less };
});

const applyRefundLess: Apply = (show, event, ...place) => {
  if (event.type !== 'refunding') return RULES.apply(show, event, ...place);
  const amount = event.tickets.reduce((sum, ticket) => sum + show.tickets.price[ticket], 0);
  RULES.apply(show, { ...event, amount }, ...place);
  show.refunds.amount[event.refund] = event.amount;
};

const decideSkipsRefund: Decide = (show, command, at) => {
  const decision = RULES.decide(show, command, at);
  if (decision.kind !== 'done' || decision.event?.type !== 'refunding-all') return decision;
  const orders = decision.event.orders.slice(1);
  return orders.length === 0 ? NOTHING : { kind: 'done', event: { ...decision.event, orders } };
};

const decideHoldWhenCancelled: Decide = (show, command, at) => {
  const { cancelled } = show;
  if (command.type === 'hold') show.cancelled = null;
  const decision = RULES.decide(show, command, at);
  show.cancelled = cancelled;
  return decision;
};

const applyDisputedStaysValid: Apply = (show, event, ...place) => {
  if (event.type !== 'disputed' || event.status !== 'open') return RULES.apply(show, event, ...place);
  const valid = show.ticketsOf(event.order, TICKET.valid);
  RULES.apply(show, event, ...place);
  for (const ticket of valid) show.tickets.state[ticket] = TICKET.valid;
};

/** Those that are due are taken for done. */
const forgetDue = (show: Show): void => {
  for (let refund = 1; refund <= show.refunds.count; refund++)
    if (show.refunds.state[refund] === REFUND.due) show.refunds.end(refund, REFUND.done);
};

/** Money that is given back wrongly, and what comes with it. */
export const REFUND_BUGS: PlantedBugs = {
  stress: STRESS,
  bugs: [
    ['a refund that frees no seat', 'I1', withRules(RULES.decide, applyRefundKeepsSeat)],
    ['a ticket refunded twice', 'I10', withRules(decideRefundTwice, applyRefundTwice)],
    ['a refund of one ticket too few', 'I10', withRules(decideRefundLess, applyRefundLess)],
    ['an order left out of the refunds of a cancelled show', 'I11', withRules(decideSkipsRefund)],
    ['a hold in a cancelled show', 'rules', withRules(decideHoldWhenCancelled)],
    ['a disputed ticket that stays valid', 'I11', withRules(RULES.decide, applyDisputedStaysValid)],
    ['a refund forgotten in the snapshot', 'I6', withShow((show) => new Forgets(show, forgetDue))],
  ],
};
