import { applyPrices } from './apply-stock.ts';
import { banksOf } from './banks.ts';
import { widened } from './columns.ts';
import type { PlanReplaced } from './events.ts';
import { type Hall, isFormerSeat } from './hall.ts';
import { replaces } from './hall-extend.ts';
import { ensure } from './invariants.ts';
import { areaIndexOf, SEAT, SEAT_STATES, type Show } from './show.ts';
import { Stock } from './stock.ts';

/**
 * Puts another plan in the place of the one in force: `show.comingHall`, which has to be the one that the event names (I6).
 * Ensures that nobody's seat or place goes with the old plan (I1).
 */
export function applyPlanReplaced(show: Show, event: PlanReplaced, seq: number): void {
  ensure(show.cancelled === null, 'I2', () => 'the plan of a cancelled show is replaced');
  const { hall: before, comingHall: coming } = show;
  const plan = coming?.laterPlans.at(-1);
  ensure(
    coming !== null && replaces(coming, before) && plan?.id === event.planId && plan.hash === event.planHash,
    'I6',
    () => `plan ${event.planId} is put in force, and plan ${plan?.id} is there`,
  );
  show.comingHall = null;
  show.stock ??= new Stock(before.seatCount, before.areas.length);
  dropSeats(show, show.stock, coming);
  grow(show, show.stock, coming);
  applyPrices(show, event.prices ?? [], seq);
  for (let seat = before.seatCount; seat < coming.seatCount; seat++) addSeat(show, seat);
  for (const [area, figures] of event.stock.areas.entries()) setPlaces(show, show.stock, area, figures);
  show.rederiveFree();
}

/**
 * Free runs and what changed are derived anew afterwards; to keep them up seat by seat would cost the square of a row's
 * length.
 */
function dropSeats(show: Show, stock: Stock, coming: Hall): void {
  const { hall, status, seatCounts, freeByCategory } = show;
  for (let seat = 0; seat < hall.seatCount; seat++) {
    if (!isFormerSeat(coming, seat)) continue;
    stock.keptSeats[seat] = 0;
    if (status[seat] === SEAT.free) {
      status[seat] = SEAT.blocked;
      seatCounts[SEAT.free]--;
      seatCounts[SEAT.blocked]++;
      freeByCategory[hall.categoryOf[seat]]--;
    }
    ensure(status[seat] === SEAT.blocked, 'I1', () => `seat ${seat} is somebody's, and not in the new plan`);
  }
}

/** Everything as it was, in the size of the coming hall. */
function grow(show: Show, stock: Stock, coming: Hall): void {
  const { seatCount, areas, categories } = coming;
  show.hall = coming;
  show.banks = banksOf(coming);
  show.areaIndex = areaIndexOf(coming);
  show.status = widened(show.status, seatCount);
  show.claim = widened(show.claim, seatCount);
  show.nextInHold = widened(show.nextInHold, seatCount);
  show.freeByCategory = widened(show.freeByCategory, categories.length);
  const prices = new Float64Array(categories.length).fill(-1);
  prices.set(show.prices);
  show.prices = prices;
  show.areaCounts = widened(show.areaCounts, areas.length * SEAT_STATES);
  show.areaCapacity = widened(show.areaCapacity, areas.length);
  stock.keptSeats = widened(stock.keptSeats, seatCount);
  stock.keptPlaces = widened(stock.keptPlaces, areas.length);
}

function addSeat(show: Show, seat: number): void {
  const category = show.hall.categoryOf[seat];
  const state = show.prices[category] < 0 ? SEAT.blocked : SEAT.free;
  show.status[seat] = state;
  show.seatCounts[state]++;
  if (state === SEAT.free) show.freeByCategory[category]++;
}

function setPlaces(show: Show, stock: Stock, area: number, figures: PlanReplaced['stock']['areas'][number]): void {
  const at = area * SEAT_STATES;
  const { free, held, inPayment, sold, blocked, removed } = figures;
  const { areaCounts } = show;
  ensure(
    areaCounts[at + SEAT.held] === held &&
      areaCounts[at + SEAT.inPayment] === inPayment &&
      areaCounts[at + SEAT.sold] === sold,
    'I1',
    () => `the new plan has ${held + inPayment + sold} places of area ${area} that are somebody's, which are others`,
  );
  areaCounts[at + SEAT.free] = free;
  areaCounts[at + SEAT.blocked] = blocked + removed;
  stock.keptPlaces[area] = blocked;
  show.areaCapacity[area] = free + held + inPayment + sold + blocked + removed;
  ensure(
    show.areaCapacity[area] === show.hall.areas[area].capacity,
    'I5',
    () => `area ${area} has ${show.areaCapacity[area]} places, not those of the new plan`,
  );
}
