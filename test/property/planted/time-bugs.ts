import { RULES } from '../../../src/actors/turns.ts';
import { HOLD } from '../../../src/allocator/holds.ts';
import { ORDER } from '../../../src/allocator/orders.ts';
import { HOLD_GRACE_MS, type Show } from '../../../src/allocator/show.ts';
import { type Apply, type Decide, type PlantedBugs, STRESS, withRules } from './bug.ts';

const decideCommitLate: Decide = (show, command, at) => {
  const isExpired = command.type === 'commit' && show.orders.state[command.order] === ORDER.expired;
  return isExpired
    ? { kind: 'done', event: { type: 'committed', order: command.order } }
    : RULES.decide(show, command, at);
};

const applyCommitLate: Apply = (show, event, ...place) => {
  if (event.type === 'committed' && show.orders.state[event.order] === ORDER.expired) {
    show.orders.state[event.order] = ORDER.committed;
  } else {
    RULES.apply(show, event, ...place);
  }
};

function holdsIn(show: Show, state: number): number[] {
  const found: number[] = [];
  for (let n = show.holds.oldest; n < show.holds.next; n++)
    if (show.holds.state[show.holds.place(n)] === state) found.push(n);
  return found;
}

const decideExpireBought: Decide = (show, command, at) => {
  const decision = RULES.decide(show, command, at);
  if (command.type !== 'expire' || decision.kind !== 'done' || decision.event?.type !== 'expired') return decision;
  const over = holdsIn(show, HOLD.bought).filter((hold) => show.endOfHold(show.holds.place(hold)) <= at);
  return { kind: 'done', event: { type: 'expired', holds: [...decision.event.holds, ...over] } };
};

const applyExpireBought: Apply = (show, event, ...place) => {
  if (event.type !== 'expired') return RULES.apply(show, event, ...place);
  const holds = event.holds.filter((hold) => show.holds.state[show.holds.place(hold)] !== HOLD.bought);
  RULES.apply(show, { type: 'expired', holds }, ...place);
};

const decideExpireEarly: Decide = (show, command, at) => {
  if (command.type !== 'expire') return RULES.decide(show, command, at);
  RULES.decide(show, command, at);
  return { kind: 'done', event: { type: 'expired', holds: holdsIn(show, HOLD.active) } };
};

const applyExpireEarly: Apply = (show, event, seq, ordinal, at) => {
  if (event.type === 'expired') {
    for (const hold of event.holds) show.holds.until[show.holds.place(hold)] = at - HOLD_GRACE_MS;
  }
  RULES.apply(show, event, seq, ordinal, at);
};

/** A show that is asked at `at` decides as if the sale were open. */
const decideBeforeSale: Decide = (show, command, at) => {
  if (command.type !== 'hold' || at >= show.terms.onSaleAt) return RULES.decide(show, command, at);
  const decision = RULES.decide(show, command, show.terms.onSaleAt);
  if (decision.kind !== 'done' || decision.event?.type !== 'held') return decision;
  return { kind: 'done', event: { ...decision.event, until: at + show.terms.holdSeconds * 1000 } };
};

const decidePendingExpires: Decide = (show, command, at) => {
  const decision = RULES.decide(show, command, at);
  if (command.type !== 'expire') return decision;
  const { holds, orders } = show;
  const pending = holdsIn(show, HOLD.inPayment).filter(
    (hold) => orders.state[holds.order[holds.place(hold)]] === ORDER.pending,
  );
  const over = decision.kind === 'done' && decision.event?.type === 'expired' ? decision.event.holds : [];
  return { kind: 'done', event: { type: 'expired', holds: [...new Set([...over, ...pending])] } };
};

/** Holds and sales that begin or end when they should not. */
export const TIME_BUGS: PlantedBugs = {
  stress: STRESS,
  bugs: [
    ['no expiry check at commit', 'I9', withRules(decideCommitLate, applyCommitLate)],
    ['an expiry that ignores a commit', 'I9', withRules(decideExpireBought, applyExpireBought)],
    ['holds that end early', 'I9', withRules(decideExpireEarly, applyExpireEarly)],
    ['a sale that opens early', 'rules', withRules(decideBeforeSale)],
    ['a pending order that expires before its time', 'I9', withRules(decidePendingExpires, applyExpireEarly)],
  ],
};
