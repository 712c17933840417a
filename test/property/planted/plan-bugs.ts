import { RULES } from '../../../src/actors/turns.ts';
import { setSeat } from '../../../src/allocator/apply-places.ts';
import { type Hall, isFormerSeat } from '../../../src/allocator/hall.ts';
import { replaces } from '../../../src/allocator/hall-extend.ts';
import { SEAT, SEAT_STATES, type Show } from '../../../src/allocator/show.ts';
import { Stock } from '../../../src/allocator/stock.ts';
import { type Apply, type Decide, Forgets, type PlantedBugs, STRESS, withRules, withShow } from './bug.ts';

/** With an organiser who replaces the plan all the time, and changes the stock in between. */
const REPLANNED = { ...STRESS, restocks: 4, replans: 6 };

// ---- What is in use ----

/** The seats that somebody has, and the coming plan has not. */
function takenWithout({ status, comingHall }: Show): number[] {
  const taken: number[] = [];
  for (const [seat, state] of status.entries())
    if (state !== SEAT.free && state !== SEAT.blocked && comingHall !== null && isFormerSeat(comingHall, seat))
      taken.push(seat);
  return taken;
}

const decideDropsTaken: Decide = (show, command, at) => {
  if (command.type !== 'replace-plan') return RULES.decide(show, command, at);
  const before = show.status.slice();
  for (const seat of takenWithout(show)) show.status[seat] = SEAT.free;
  const decision = RULES.decide(show, command, at);
  show.status.set(before);
  return decision;
};

/** As if nobody had them, so that the show does not see by itself whose seats it drops. */
const applyDropsTaken: Apply = (show, event, ...place) => {
  if (event.type === 'plan-replaced') for (const seat of takenWithout(show)) setSeat(show, seat, SEAT.free, 0);
  RULES.apply(show, event, ...place);
};

/** Makes each area of the coming plan as large as what people have of it. */
function makeRoom(show: Show): void {
  const { comingHall: coming, areaCounts } = show;
  if (coming === null) return;
  const areas = coming.areas.map((area, index) => {
    const at = index * SEAT_STATES;
    const taken = areaCounts[at + SEAT.held] + areaCounts[at + SEAT.inPayment] + areaCounts[at + SEAT.sold];
    return taken > area.capacity ? { ...area, capacity: taken } : area;
  });
  show.comingHall = { ...coming, areas };
}

const decideMakesRoom: Decide = (show, command, at) => {
  if (command.type === 'replace-plan') makeRoom(show);
  return RULES.decide(show, command, at);
};

const applyMakesRoom: Apply = (show, event, ...place) => {
  if (event.type === 'plan-replaced') makeRoom(show);
  RULES.apply(show, event, ...place);
};

// ---- What is for sale then ----

/** Categories of the new plan that have no price cost nothing. */
const decideUnpricedForNothing: Decide = (show, command, at) => {
  const { comingHall: coming } = show;
  if (command.type !== 'replace-plan' || coming === null) return RULES.decide(show, command, at);
  const unpriced = coming.categories.filter(
    (_, category) => !coming.formerCategories.has(category) && !(show.prices[category] >= 0),
  );
  const prices = { ...Object.fromEntries(unpriced.map((name) => [name, 0])), ...command.prices };
  return RULES.decide(show, { ...command, prices }, at);
};

/** What is kept back of both plans comes on sale with the new one. */
const applyForgetsKept: Apply = (show, event, ...place) => {
  RULES.apply(show, event, ...place);
  if (event.type !== 'plan-replaced') return;
  for (const [seat, isKept] of show.stock?.keptSeats.entries() ?? []) {
    if (isKept === 0) continue;
    setSeat(show, seat, SEAT.free, 0);
    show.stock?.keptSeats.fill(0, seat, seat + 1);
  }
};

/** Areas keep the capacity that they had, where the show's own counts let that through. */
const applyKeepsCapacity: Apply = (show, event, ...place) => {
  const before = show.areaCapacity;
  RULES.apply(show, event, ...place);
  if (event.type !== 'plan-replaced') return;
  for (const [area, capacity] of before.entries()) {
    const state = show.prices[show.hall.areas[area].category] < 0 ? SEAT.blocked : SEAT.free;
    const more = capacity - show.areaCapacity[area];
    const at = area * SEAT_STATES + state;
    if (show.areaCounts[at] + more < (state === SEAT.free ? 0 : (show.stock?.keptPlaces[area] ?? 0))) continue;
    show.areaCounts[at] += more;
    show.areaCapacity[area] = capacity;
  }
};

// ---- The hall of before ----

/** The hall that is in force as that of before the turn, if the coming one was made from that and is no smaller. */
function hallOfBefore({ hall, comingHall: coming }: Show): Hall {
  const isStale = coming !== null && !replaces(coming, hall);
  const fits =
    isStale &&
    coming.seatCount >= hall.seatCount &&
    coming.areas.length >= hall.areas.length &&
    coming.categories.length >= hall.categories.length;
  return fits ? { ...hall, laterPlans: coming.laterPlans.slice(0, -1) } : hall;
}

/** Takes a hall for the coming one that was made from the plan before the one in force. */
const decideOnHallOfBefore: Decide = (show, command, at) => {
  const { hall } = show;
  if (command.type === 'replace-plan' && command.planId !== show.planId) show.hall = hallOfBefore(show);
  const decision = RULES.decide(show, command, at);
  show.hall = hall;
  return decision;
};

const applyOnHallOfBefore: Apply = (show, event, ...place) => {
  if (event.type === 'plan-replaced') show.hall = hallOfBefore(show);
  RULES.apply(show, event, ...place);
};

// ---- Snapshots ----

const forgetStock = (show: Show): void => {
  const { seatCount, areas, laterPlans } = show.hall;
  if (laterPlans.length > 0) show.stock = new Stock(seatCount, areas.length);
};

const forgetPlans = (show: Show): void => {
  show.hall = { ...show.hall, laterPlans: [] };
};

/** Replacements of the plan that take from people what they have, or leave of the plan before what they must not. */
export const PLAN_BUGS: PlantedBugs = {
  stress: REPLANNED,
  bugs: [
    ['a plan without a seat that is held or sold', 'rules', withRules(decideDropsTaken, applyDropsTaken)],
    ['a plan with an area too small for what is held and sold', 'rules', withRules(decideMakesRoom, applyMakesRoom)],
    ['a category of a new plan without a price, sold for nothing', 'rules', withRules(decideUnpricedForNothing)],
    ['house seats that a new plan puts on sale', 'I1', withRules(RULES.decide, applyForgetsKept)],
    ['an area that keeps the capacity of the plan before', 'I5', withRules(RULES.decide, applyKeepsCapacity)],
    ['a plan that replaces one that is not in force', 'rules', withRules(decideOnHallOfBefore, applyOnHallOfBefore)],
    ['the stock forgotten in the snapshot of a later plan', 'I6', withShow((show) => new Forgets(show, forgetStock))],
    ['later plans forgotten in the snapshot', 'I6', withShow((show) => new Forgets(show, forgetPlans))],
  ],
};
