import { RULES } from '../../../src/actors/turns.ts';
import { setSeat } from '../../../src/allocator/apply-places.ts';
import type { ShowEvent } from '../../../src/allocator/events.ts';
import { SEAT, SEAT_STATES, type Show } from '../../../src/allocator/show.ts';
import { type Apply, type Decide, Forgets, type PlantedBugs, STRESS, withRules, withShow } from './bug.ts';

/** With an organiser who changes the stock all the time. */
const RESTOCKED = { ...STRESS, restocks: 8 };

type StockChanged = Extract<ShowEvent, { type: 'stock-changed' }>;

const applyRepriceOfHolds: Apply = (show, event, ...place) => {
  RULES.apply(show, event, ...place);
  if (event.type === 'stock-changed' && show.stock !== null) show.stock.formerPrices = [];
};

/** Takes seats off sale that somebody holds. */
const decideRemoveHeld: Decide = (show, command, at) => {
  if (command.type !== 'stock') return RULES.decide(show, command, at);
  const seats = (command.remove ?? []).map((id) => (typeof id === 'string' ? show.hall.seatIndex(id) : -1));
  const held = seats.filter((seat) => seat >= 0 && show.status[seat] === SEAT.held);
  for (const seat of held) show.status[seat] = SEAT.free;
  const decision = RULES.decide(show, command, at);
  for (const seat of held) show.status[seat] = SEAT.held;
  return decision;
};

const applyRemoveHeld: Apply = (show, event, ...place) => {
  const seats = event.type === 'stock-changed' ? (event.removed?.seats ?? []) : [];
  for (const seat of seats) if (show.status[seat] === SEAT.held) setSeat(show, seat, SEAT.free, 0);
  RULES.apply(show, event, ...place);
};

/** Blocks all but the last place that was asked. */
const decideHalfBlock: Decide = (show, command, at) => {
  const decision = RULES.decide(show, command, at);
  if (decision.kind !== 'done' || decision.event?.type !== 'stock-changed') return decision;
  const { blocked } = decision.event;
  if (blocked === undefined || blocked.seats.length < 2) return decision;
  const event: StockChanged = { ...decision.event, blocked: { ...blocked, seats: blocked.seats.slice(0, -1) } };
  return { kind: 'done', event };
};

/** Places that come back on sale make their area larger. */
const applyAreaGrows: Apply = (show, event, ...place) => {
  RULES.apply(show, event, ...place);
  const area = event.type === 'stock-changed' ? event.added?.areas[0]?.[0] : undefined;
  if (area === undefined || show.areaCapacity[area] > show.hall.areas[area].capacity) return;
  show.areaCapacity[area]++;
  show.areaCounts[area * SEAT_STATES + SEAT.free]++;
};

const decideStockWhenCancelled: Decide = (show, command, at) => {
  const { cancelled } = show;
  if (command.type === 'stock') show.cancelled = null;
  const decision = RULES.decide(show, command, at);
  show.cancelled = cancelled;
  return decision;
};

const applyStockWhenCancelled: Apply = (show, event, ...place) => {
  const { cancelled } = show;
  if (event.type === 'stock-changed') show.cancelled = null;
  RULES.apply(show, event, ...place);
  if (event.type === 'stock-changed') show.cancelled = cancelled;
};

const forgetPrices = (show: Show): void => {
  if (show.stock !== null) show.stock.formerPrices = [];
};

const forgetKept = (show: Show): void => {
  show.stock?.keptSeats.fill(0);
};

/** Changes of the stock that touch what they must not, or are done by halves. */
export const STOCK_BUGS: PlantedBugs = {
  stress: RESTOCKED,
  bugs: [
    ['a change of prices that live holds pay', 'I4|I8', withRules(RULES.decide, applyRepriceOfHolds)],
    ['a held seat taken off sale', 'rules|I1', withRules(decideRemoveHeld, applyRemoveHeld)],
    ['half of the seats blocked', 'I8', withRules(decideHalfBlock)],
    ['an area that has a place too many', 'I5', withRules(RULES.decide, applyAreaGrows)],
    [
      'a change of the stock of a cancelled show',
      'rules',
      withRules(decideStockWhenCancelled, applyStockWhenCancelled),
    ],
    ['prices of holds forgotten in the snapshot', 'I6', withShow((show) => new Forgets(show, forgetPrices))],
    ['house seats forgotten in the snapshot', 'I6', withShow((show) => new Forgets(show, forgetKept))],
  ],
};
