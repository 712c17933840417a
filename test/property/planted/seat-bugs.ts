import { RULES } from '../../../src/actors/turns.ts';
import { movePlaces } from '../../../src/allocator/apply-places.ts';
import { SEAT } from '../../../src/allocator/show.ts';
import { type Apply, type Decide, type PlantedBugs, STRESS, withRules } from './bug.ts';

export const decidePartialHold: Decide = (show, command, at) => {
  const decision = RULES.decide(show, command, at);
  if (command.type !== 'hold' || decision.kind !== 'refused' || decision.refusal.code !== 'SEATS_TAKEN')
    return decision;
  const seats = (command.seats ?? []).filter((id) => show.status[show.hall.seatIndex(id)] === SEAT.free);
  const partly = RULES.decide(show, { ...command, seats }, at);
  return partly.kind === 'done' ? partly : decision;
};

const decideTakenSeat: Decide = (show, command, at) => {
  const decision = RULES.decide(show, command, at);
  if (command.type !== 'hold' || decision.kind !== 'refused' || decision.refusal.code !== 'SEATS_TAKEN')
    return decision;
  const before = show.status.slice();
  for (const id of command.seats ?? []) {
    const seat = show.hall.seatIndex(id);
    if (show.status[seat] !== SEAT.blocked) show.status[seat] = SEAT.free;
  }
  const again = RULES.decide(show, command, at);
  show.status.set(before);
  return again;
};

const applyTakenSeat: Apply = (show, event, ...place) => {
  if (event.type === 'held') {
    for (const seat of event.seats) {
      show.seatCounts[show.status[seat]]--;
      show.seatCounts[SEAT.free]++;
      if (show.status[seat] !== SEAT.free) show.freeByCategory[show.hall.categoryOf[seat]]++;
      show.status[seat] = SEAT.free;
    }
  }
  RULES.apply(show, event, ...place);
};

const applyAreaOffByOne: Apply = (show, event, ...place) => {
  RULES.apply(show, event, ...place);
  const area = event.type === 'held' ? event.areas.find(([, quantity]) => quantity > 1) : undefined;
  if (area !== undefined) movePlaces(show, area[0], 1, SEAT.held, SEAT.free);
};

const decideWithoutOrphanRule: Decide = (show, command, at) => {
  const decision = RULES.decide(show, command, at);
  if (command.type !== 'hold' || decision.kind !== 'refused' || decision.refusal.code !== 'ORPHAN_SEAT')
    return decision;
  const { once, buyer } = command;
  const seats = (command.seats ?? []).map((id) => show.hall.seatIndex(id));
  const areas = (command.areas ?? []).map(({ id, quantity }) => [show.areaIndex.get(id) ?? -1, quantity] as const);
  const until = at + show.terms.holdSeconds * 1000;
  return { kind: 'done', event: { type: 'held', once, buyer, hold: show.holds.next, seats, areas, until } };
};

/** Holds of other seats and places than they may have. */
export const SEAT_BUGS: PlantedBugs = {
  stress: STRESS,
  bugs: [
    ['a partial hold kept after a conflict', 'I8', withRules(decidePartialHold)],
    ['a hold of a taken seat', 'I1', withRules(decideTakenSeat, applyTakenSeat)],
    ['a general-admission count off by one', 'I5', withRules(RULES.decide, applyAreaOffByOne)],
    ['an orphan rule that is not enforced', 'rules', withRules(decideWithoutOrphanRule)],
  ],
};
