import { type Fault, pointerTo, type Refusal } from '../errors.ts';
import { MAX_ANSWERS_WITH_ORDERS } from './answered.ts';
import type { ReplacePlanCommand } from './commands.ts';
import { NAMED_MAX, namesOf } from './decide-stock.ts';
import { type Decision, done, once, refused } from './decision.ts';
import { categoryNamed, type Hall, isFormerSeat } from './hall.ts';
import { replaces } from './hall-extend.ts';
import { PLAN_LIMITS } from './plan.ts';
import { SEAT, SEAT_STATES, type Show } from './show.ts';
import {
  formerCategoriesOf,
  noPlaces,
  type PlaceFigures,
  type StockFigures,
  seatFigures,
  stockFigures,
} from './stock.ts';

/** So often the plan of a show can be replaced. */
export const LATER_PLANS_MAX = 20;
/** So many seats all plans of a show may have together; one that two plans have in the same category counts once. */
export const SEATS_EVER_MAX = 2 * PLAN_LIMITS.seats;
/** The same of categories and areas. */
export const CATEGORIES_EVER_MAX = 2 * PLAN_LIMITS.categories;
export const AREAS_EVER_MAX = 2 * PLAN_LIMITS.areas;

const NOT_READY: Refusal = {
  code: 'UNAVAILABLE',
  detail: 'The plan of the show was replaced meanwhile; try again.',
  retryAfter: 1,
};

/**
 * Another plan in the place of the one in force, which every seat and place that is held or sold must have a part in; or a
 * refusal that names those that have none. Needs `show.comingHall`.
 */
export function decideReplacePlan(show: Show, command: ReplacePlanCommand, at: number): Decision {
  const { once: key } = command;
  // Not kept as the answer to this key: it says nothing of what was asked.
  const needsHall = command.planId !== show.planId && !isReplacedTooOften(show.hall);
  if (needsHall && show.answered.find(key.id) < 0 && comingHallOf(show, command) === null)
    return { kind: 'refused', refusal: NOT_READY, event: null };
  return once(show, key, at, MAX_ANSWERS_WITH_ORDERS, () => decideFirst(show, command));
}

/** Whether no other plan can take the place of the one in force any more. */
export function isReplacedTooOften({ laterPlans }: Hall): boolean {
  return laterPlans.length >= LATER_PLANS_MAX;
}

function comingHallOf({ hall, comingHall }: Show, { planId }: ReplacePlanCommand): Hall | null {
  if (comingHall === null || !replaces(comingHall, hall)) return null;
  return comingHall.laterPlans.at(-1)?.id === planId ? comingHall : null;
}

function decideFirst(show: Show, command: ReplacePlanCommand): Decision {
  if (show.cancelled !== null) return refused('NOT_ON_SALE', 'The show is cancelled; its plan stays as it is.');
  const isInForce = command.planId === show.planId;
  if (!isInForce && isReplacedTooOften(show.hall))
    return refused('STOCK_INVALID', `The plan of a show can be replaced ${LATER_PLANS_MAX} times; this was the last.`);
  const coming = isInForce ? show.hall : comingHallOf(show, command);
  if (coming === null) throw new RangeError(`decideReplacePlan: the hall with plan ${command.planId} is not there`);
  const faults: Fault[] = [];
  const prices = pricesWith(show, coming, command.prices ?? {}, faults);
  if (faults.length > 0) {
    const detail = `Nothing was changed. ${faults[0].detail}`;
    return {
      kind: 'refused',
      refusal: { code: 'STOCK_INVALID', detail, errors: faults.slice(0, NAMED_MAX) },
      event: null,
    };
  }
  if (isInForce) return done({ type: 'stock-changed', once: command.once, stock: stockFigures(show) });
  const tooMuch = tooMuchOf(coming);
  if (tooMuch !== null) return refused('STOCK_INVALID', `All plans of a show together have ${tooMuch} at most.`);
  const inUse = inUseWithout(show, coming);
  if (inUse.length > 0) {
    const detail = `Held or sold, and not in the new plan, or in another category: ${namesOf(inUse)}. Nothing was changed.`;
    return refused('SEAT_IN_USE', detail, { inUse: inUse.slice(0, NAMED_MAX) });
  }
  const first = prices.flatMap((price, category) =>
    price === (show.prices[category] ?? -1) ? [] : [[category, price]],
  );
  return done({
    type: 'plan-replaced',
    once: command.once,
    planId: command.planId,
    planHash: coming.laterPlans[coming.laterPlans.length - 1].hash,
    ...(first.length === 0 ? {} : { prices: first as [number, number][] }),
    stock: figuresAfter(show, coming, prices),
  });
}

function tooMuchOf({ seatCount, categories, areas }: Hall): string | null {
  if (seatCount > SEATS_EVER_MAX) return `${SEATS_EVER_MAX} seats`;
  if (categories.length > CATEGORIES_EVER_MAX) return `${CATEGORIES_EVER_MAX} categories`;
  return areas.length > AREAS_EVER_MAX ? `${AREAS_EVER_MAX} areas` : null;
}

/**
 * The prices in force, and the first ones of categories that have none, or that only earlier plans had and that come back: else
 * those cost what they did. By category of `coming`, -1 for none.
 */
function pricesWith(
  show: Show,
  coming: Hall,
  first: Readonly<Record<string, number>>,
  faults: Fault[],
): readonly number[] {
  const prices = coming.categories.map((_, category) => show.prices[category] ?? -1);
  const isInForce = coming === show.hall;
  for (const [name, price] of Object.entries(first)) {
    const category = categoryNamed(coming, name);
    const pointer = pointerTo('prices', name);
    const own = show.hall.formerCategories.has(category) ? -1 : (prices[category] ?? -1);
    if (category < 0) faults.push({ pointer, detail: `The plan has no category ${JSON.stringify(name)}.` });
    else if (own >= 0 && own !== price)
      faults.push({
        pointer,
        detail: `The price of ${JSON.stringify(name)} is ${own}; change it in the inventory.`,
      });
    else if (own < 0 && isInForce)
      faults.push({ pointer, detail: `The show has this plan; add what is to be sold of ${JSON.stringify(name)}.` });
    else prices[category] = price;
  }
  return prices;
}

/** The seats, and the areas, of which somebody has what the new plan has no room for. */
function inUseWithout(show: Show, coming: Hall): string[] {
  const { hall, status } = show;
  const inUse: string[] = [];
  for (let seat = 0; seat < hall.seatCount; seat++) {
    const isTaken = status[seat] !== SEAT.free && status[seat] !== SEAT.blocked;
    if (isTaken && isFormerSeat(coming, seat)) inUse.push(hall.seatIds[seat]);
  }
  for (const [area, { id }] of hall.areas.entries()) {
    if (takenPlaces(show, area) > coming.areas[area].capacity) inUse.push(id);
  }
  return inUse;
}

function takenPlaces({ areaCounts }: Show, area: number): number {
  const at = area * SEAT_STATES;
  return areaCounts[at + SEAT.held] + areaCounts[at + SEAT.inPayment] + areaCounts[at + SEAT.sold];
}

/** Seats of both plans stay what they are; new ones are for sale if their category has a price. */
function figuresAfter(show: Show, coming: Hall, prices: readonly number[]): StockFigures {
  const before = stockFigures(show);
  const categories = coming.categories.map(noPlaces);
  for (let seat = 0; seat < coming.seatCount; seat++) {
    if (isFormerSeat(coming, seat)) continue;
    const category = coming.categoryOf[seat];
    const isNew = seat >= show.hall.seatCount;
    categories[category][isNew ? (prices[category] < 0 ? 'removed' : 'free') : seatFigures(show, seat)]++;
  }
  const areas = coming.areas.map(({ category, capacity }, area) =>
    areaAfter(before.areas[area] ?? noPlaces(), capacity, prices[category] >= 0),
  );
  return { prices, categories, areas, ...formerCategoriesOf(coming) };
}

/**
 * An area has as many places as the new plan says. What is kept back stays so as far as there is room, then what is not
 * for sale; the rest is free.
 */
function areaAfter(before: PlaceFigures, capacity: number, isPriced: boolean): PlaceFigures {
  const { held, inPayment, sold } = before;
  const room = capacity - held - inPayment - sold;
  const blocked = Math.min(before.blocked, room);
  const removed = isPriced ? Math.min(before.removed, room - blocked) : room - blocked;
  return { free: room - blocked - removed, held, inPayment, sold, blocked, removed };
}
