import { RULES } from '../../../src/actors/turns.ts';
import type { ShowTerms } from '../../../src/allocator/events.ts';
import type { Show } from '../../../src/allocator/show.ts';
import { MemoryJournal } from '../../support/memory-journal.ts';
import type { Parts } from '../run-trial.ts';
import { type Apply, type Decide, Forgets, type PlantedBugs, STRESS, withShow } from './bug.ts';

/** With an organiser who moves the times of sale all the time. */
const RESCHEDULED = { ...STRESS, reschedules: 6 };

/** Sells until the end that was told when the show was opened. */
function sellsByTheFirstTimes(): Parts {
  let first: ShowTerms | null = null;
  const decide: Decide = (show, command, at) => {
    const { terms } = show;
    if (command.type === 'hold' && first !== null) show.terms = { ...terms, offSaleAt: first.offSaleAt };
    const decision = RULES.decide(show, command, at);
    show.terms = terms;
    return decision;
  };
  const apply: Apply = (show, event, ...place) => {
    if (event.type === 'opened') first = event.terms;
    RULES.apply(show, event, ...place);
  };
  return { rules: { decide, apply }, journal: new MemoryJournal() };
}

const forgetTimes = (show: Show): void => {
  show.terms = { ...show.terms, revision: 0 };
};

/** Times of sale that were moved, and do not count. */
export const SCHEDULE_BUGS: PlantedBugs = {
  stress: RESCHEDULED,
  bugs: [
    ['an end of the sale of before it was moved', 'rules', sellsByTheFirstTimes],
    ['moved times forgotten in the snapshot', 'I6', withShow((show) => new Forgets(show, forgetTimes))],
  ],
};
