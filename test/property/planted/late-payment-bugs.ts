import { RULES } from '../../../src/actors/turns.ts';
import { setSeat } from '../../../src/allocator/apply-places.ts';
import { ORDER } from '../../../src/allocator/orders.ts';
import { SEAT } from '../../../src/allocator/show.ts';
import { type Apply, type Decide, type PlantedBugs, STRESS, withRules } from './bug.ts';

/** Sells an order late although it was declined, for a reason that `isIgnored`. */
function decideLate(isIgnored: (reason: string) => boolean): Decide {
  return (show, command, at) => {
    const decision = RULES.decide(show, command, at);
    if (command.type !== 'commit' || decision.kind !== 'done' || decision.event?.type !== 'declined') return decision;
    const { order } = command;
    if (!isIgnored(decision.event.reason)) return decision;
    return { kind: 'done', event: { type: 'committed', order, late: true } };
  };
}

const decideDeclinedSold: Decide = (show, command, at) => {
  if (command.type !== 'commit' || show.orders.state[command.order] !== ORDER.declined)
    return RULES.decide(show, command, at);
  return { kind: 'done', event: { type: 'committed', order: command.order, late: true } };
};

/** Takes the seats of an order that is sold late from whoever has them. */
const applyOthersSeat: Apply = (show, event, ...place) => {
  if (event.type === 'committed' && event.late === true) {
    const { firstTicket, quantity } = show.orders;
    const first = firstTicket[event.order];
    for (const seat of show.tickets.seat.subarray(first, first + quantity[event.order]))
      if (seat >= 0 && show.status[seat] !== SEAT.free) setSeat(show, seat, SEAT.free, 0);
  }
  RULES.apply(show, event, ...place);
};

const applyDeclinedSold: Apply = (show, event, ...place) => {
  const isPlanted = event.type === 'committed' && show.orders.state[event.order] === ORDER.declined;
  if (isPlanted) show.orders.state[event.order] = ORDER.committed;
  else RULES.apply(show, event, ...place);
};

/** Orders that were paid too late, and are sold all the same. */
export const LATE_PAYMENT_BUGS: PlantedBugs = {
  stress: STRESS,
  bugs: [
    [
      'a late commit that takes a seat of somebody else’s',
      'I1',
      withRules(
        decideLate((reason) => reason.includes('others had the seats')),
        applyOthersSeat,
      ),
    ],
    [
      'a late commit beyond the limit per buyer',
      'rules',
      withRules(decideLate((reason) => reason.includes('too many'))),
    ],
    ['a declined order that is sold', 'I10', withRules(decideDeclinedSold, applyDeclinedSold)],
  ],
};
