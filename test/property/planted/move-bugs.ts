import { RULES } from '../../../src/actors/turns.ts';
import type { Show } from '../../../src/allocator/show.ts';
import { TICKET } from '../../../src/allocator/tickets.ts';
import { placeAtDoor } from '../../../src/allocator/validity.ts';
import { type Apply, type Decide, Forgets, type PlantedBugs, STRESS, withRules, withShow } from './bug.ts';

/** With tickets that change hands all the time. */
const MOVING = { ...STRESS, moves: 6 };

/** The buyer's ticket is valid and the seller paid back, and the seller's ticket is valid too. */
const applyResoldStaysValid: Apply = (show, event, ...place) => {
  RULES.apply(show, event, ...place);
  if (event.type === 'captured') for (const { ticket } of event.resold ?? []) show.tickets.state[ticket] = TICKET.valid;
};

/** Compares with what the seat costs now, as if it had been repriced to twice as much since it was sold. */
const decideListedByPriceNow: Decide = (show, command, at) => {
  if (command.type !== 'resell' || !show.tickets.has(command.ticket)) return RULES.decide(show, command, at);
  const paid = show.tickets.price[command.ticket];
  show.tickets.price[command.ticket] = 2 * paid;
  const decision = RULES.decide(show, command, at);
  show.tickets.price[command.ticket] = paid;
  return decision;
};

const applyListedByPriceNow: Apply = (show, event, ...place) => {
  if (event.type !== 'listed') return RULES.apply(show, event, ...place);
  const paid = show.tickets.price[event.ticket];
  show.tickets.price[event.ticket] = 2 * paid;
  RULES.apply(show, event, ...place);
  show.tickets.price[event.ticket] = paid;
};

const decideAcceptedBeyondLimit: Decide = (show, command, at) => {
  const buyer = command.type === 'accept-transfer' ? show.buyers.find(command.buyer) : -1;
  if (buyer < 0) return RULES.decide(show, command, at);
  const places = show.buyers.places[buyer];
  show.buyers.places[buyer] = 0;
  const decision = RULES.decide(show, command, at);
  show.buyers.places[buyer] = places;
  return decision;
};

/** A transfer no longer counts for its sender, and does not count for its receiver yet. */
const applyOfferedCountsForNobody: Apply = (show, event, ...place) => {
  const sender = event.type === 'transferred' ? show.holderOf(event.ticket) : -1;
  RULES.apply(show, event, ...place);
  if (sender >= 0) show.buyers.places[sender]--;
};

const applyTransferredStaysValid: Apply = (show, event, ...place) => {
  RULES.apply(show, event, ...place);
  if (event.type === 'transferred') show.tickets.state[event.ticket] = TICKET.valid;
};

/** What a ticket is now counts, not what it was when it was scanned. */
const decideScannedAsItIs: Decide = (show, command, at) => {
  const times = [...show.tickets.invalidSince];
  if (command.type === 'merge-scans') show.tickets.invalidSince.clear();
  const decision = RULES.decide(show, command, at);
  for (const [ticket, since] of times) show.tickets.invalidSince.set(ticket, since);
  return decision;
};

/** Whoever comes first with each code of a place is let in. */
const decidePassedOnAdmitted: Decide = (show, command, at) => {
  if (command.type !== 'admit') return RULES.decide(show, command, at);
  const { doors } = show;
  const right = doors.ticketsAt;
  doors.ticketsAt = () => [];
  const decision = RULES.decide(show, command, at);
  doors.ticketsAt = right;
  return decision;
};

/** As if the others were not there, so that the show does not see by itself what it did. */
const applyPassedOnAdmitted: Apply = (show, event, ...place) => {
  if (event.type !== 'admitted') return RULES.apply(show, event, ...place);
  const others = show.doors.ticketsAt(placeAtDoor(show, event.ticket)).filter((ticket) => ticket !== event.ticket);
  const undone = new Map(show.doors.undoneUntil);
  for (const ticket of others) show.doors.undo(ticket, Number.MAX_SAFE_INTEGER);
  RULES.apply(show, event, ...place);
  for (const ticket of others) {
    const before = undone.get(ticket);
    if (before === undefined) show.doors.undoneUntil.delete(ticket);
    else show.doors.undoneUntil.set(ticket, before);
  }
};

const forgetValidity = (show: Show): void => {
  for (const ticket of show.tickets.invalidSince.keys()) show.tickets.invalidSince.set(ticket, 0);
};

/** Tickets that change hands, and are somebody’s and somebody else’s too, also at the doors. */
export const MOVE_BUGS: PlantedBugs = {
  stress: MOVING,
  bugs: [
    ['a resale that leaves the seller’s ticket valid', 'I1', withRules(RULES.decide, applyResoldStaysValid)],
    [
      'a listing above what was paid, within what the seat costs now',
      'I11',
      withRules(decideListedByPriceNow, applyListedByPriceNow),
    ],
    ['a transfer beyond the receiver’s limit', 'I3', withRules(decideAcceptedBeyondLimit)],
    ['an offered ticket that counts for nobody', 'rules', withRules(RULES.decide, applyOfferedCountsForNobody)],
    ['a transferred ticket that stays valid', 'I1', withRules(RULES.decide, applyTransferredStaysValid)],
    ['a late scan of a ticket that was transferred since, taken for void', 'I3', withRules(decideScannedAsItIs)],
    [
      'an admission by the old code and by the new one',
      'I15|I3',
      withRules(decidePassedOnAdmitted, applyPassedOnAdmitted),
    ],
    ['times of validity forgotten in the snapshot', 'I6', withShow((show) => new Forgets(show, forgetValidity))],
  ],
};
