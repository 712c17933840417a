import { RULES } from '../../../src/actors/turns.ts';
import { type Decide, type PlantedBugs, STRESS, withRules } from './bug.ts';

const decideWithoutBuyerLimit: Decide = (show, command, at) => {
  const buyer = command.type === 'hold' ? show.buyers.find(command.buyer) : -1;
  if (buyer < 0) return RULES.decide(show, command, at);
  const places = show.buyers.places[buyer];
  show.buyers.places[buyer] = 0;
  const decision = RULES.decide(show, command, at);
  show.buyers.places[buyer] = places;
  return decision;
};

const decideAnyAmount: Decide = (show, command, at) =>
  RULES.decide(
    show,
    command.type === 'commit' ? { ...command, amount: show.orders.total[command.order] } : command,
    at,
  );

/** Sales to whom, or for what, there must be none. */
export const ORDER_BUGS: PlantedBugs = {
  stress: STRESS,
  bugs: [
    ['a limit per buyer that is not enforced', 'rules', withRules(decideWithoutBuyerLimit)],
    ['a sale for the wrong amount', 'I10', withRules(decideAnyAmount)],
  ],
};
