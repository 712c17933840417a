import { isDeepStrictEqual } from 'node:util';
import type { Answer } from '../../src/actors/shows.ts';
import type { ReplacePlanCommand } from '../../src/allocator/commands.ts';
import { ACCESSIBLE, COMPANION, type Hall } from '../../src/allocator/hall.ts';
import type { ErrorCode, Refusal } from '../../src/errors.ts';
import { hashOf, laterHall } from '../support/made-show.ts';
import { type ModelArea, type ModelSeat, named } from './reference-seats.ts';
import { type EventOf, type ReferenceState, told } from './reference-state.ts';
import { inventoryOf } from './reference-stock.ts';
import { must } from './violation.ts';

/** Whether the hall that was made for the command, before the turn, is still the one that it needs. */
export function isReady(state: ReferenceState, { planId }: ReplacePlanCommand): boolean {
  return planId === state.planId || state.replacedInRow < state.seq;
}

export function reasonsAgainstPlan(state: ReferenceState, command: ReplacePlanCommand): ErrorCode[] {
  const reasons: ErrorCode[] = [];
  if (state.cancelled !== null) reasons.push('NOT_ON_SALE');
  const plan = state.plans[command.planId];
  const isInForce = command.planId === state.planId;
  for (const [name, price] of Object.entries(command.prices ?? {})) {
    // One that comes back may cost something else.
    const own = state.formerCategories.has(name) ? null : (state.prices.get(name) ?? null);
    const isKnown = isInForce
      ? state.prices.has(name) && !state.formerCategories.has(name)
      : plan.categories.includes(name);
    if (!isKnown || (own === null ? isInForce : own !== price)) reasons.push('STOCK_INVALID');
  }
  if (!isInForce && inUseWithout(state, plan).length > 0) reasons.push('SEAT_IN_USE');
  return reasons;
}

function placesIn(plan: Hall): Map<string, string> {
  return new Map(plan.seatIds.map((id, seat) => [id, plan.categories[plan.categoryOf[seat]]]));
}

/** What somebody has that is not in the plan, or not in its category, or too much of it. */
function inUseWithout(state: ReferenceState, plan: Hall): string[] {
  const categoryOf = placesIn(plan);
  const seats = state.seats.filter(
    (seat) => seat.state !== 'free' && seat.state !== 'blocked' && categoryOf.get(seat.id) !== seat.category,
  );
  const areas = state.areas.filter((area) => takenOf(area) > capacityIn(plan, area));
  return [...seats, ...areas].map(({ id }) => id);
}

function takenOf({ places }: ModelArea): number {
  return places.held + places.inPayment + places.sold;
}

function capacityIn(plan: Hall, area: ModelArea): number {
  if (area.isFormer) return 0;
  const found = plan.areas.find((one) => one.id === area.id && plan.categories[one.category] === area.category);
  return found?.capacity ?? 0;
}

export function checkPlanInUse(state: ReferenceState, { planId }: ReplacePlanCommand, refusal: Refusal): void {
  const inUse = inUseWithout(state, state.plans[planId]);
  must(
    isDeepStrictEqual(refusal.extra?.inUse, inUse),
    'rules',
    () => `in use are ${inUse}, not ${refusal.extra?.inUse}`,
  );
}

/** The plan is in force already: nothing changes. */
export function keepPlan(state: ReferenceState, command: ReplacePlanCommand, event: EventOf<'stock-changed'>): Answer {
  const reasons = reasonsAgainstPlan(state, command);
  must(command.planId === state.planId && reasons.length === 0, 'rules', () => `plan ${state.planId} is said to stay`);
  const { added, removed, blocked, unblocked, prices } = event;
  must(
    [added, removed, blocked, unblocked, prices].every((part) => part === undefined),
    'I8',
    () => `the plan stays, and ${JSON.stringify(event)} happens`,
  );
  state.isStockChanged = true;
  return told(inventoryOf(state));
}

export function replacePlan(
  state: ReferenceState,
  command: ReplacePlanCommand,
  event: EventOf<'plan-replaced'>,
): Answer {
  const reasons = reasonsAgainstPlan(state, command);
  must(reasons.length === 0, 'rules', () => `the plan is replaced in spite of ${reasons.join(', ')}`);
  must(isReady(state, command), 'rules', () => `the plan is replaced twice in row ${state.seq}`);
  must(
    event.planId === command.planId && event.planHash === hashOf(command.planId),
    'I6',
    () => `plan ${event.planId} is put in force, not ${command.planId}`,
  );
  const plan = state.plans[command.planId];
  state.planId = command.planId;
  state.replacedInRow = state.seq;
  state.hall = laterHall(state.hall, [[command.planId, plan]]);
  takePrices(state, command, event, plan);
  takeSeats(state, plan);
  takeAreas(state, plan);
  state.isStockChanged = true;
  return told(inventoryOf(state));
}

function takePrices(
  state: ReferenceState,
  command: ReplacePlanCommand,
  event: EventOf<'plan-replaced'>,
  plan: Hall,
): void {
  const before = new Map(state.prices);
  for (const name of plan.categories) if (!state.prices.has(name)) state.prices.set(name, null);
  for (const [name, price] of Object.entries(command.prices ?? {})) state.prices.set(name, price);
  state.formerCategories.clear();
  for (const name of state.prices.keys()) if (!plan.categories.includes(name)) state.formerCategories.add(name);
  const changed = [...state.prices].flatMap(([name, price], index) =>
    price === null || price === before.get(name) ? [] : [[index, price]],
  );
  must(
    isDeepStrictEqual(event.prices ?? [], changed),
    'rules',
    () => `prices become ${JSON.stringify(event.prices)}, not ${JSON.stringify(changed)}`,
  );
}

/** Seats of both stay as they are; the others of the plan come after all that there were. */
function takeSeats(state: ReferenceState, plan: Hall): void {
  const categoryOf = placesIn(plan);
  for (const seat of state.seats) {
    seat.price = state.prices.get(seat.category) ?? null;
    if (seat.isFormer || categoryOf.get(seat.id) === seat.category) continue;
    Object.assign(seat, { isFormer: true, state: 'blocked', kept: false });
  }
  const planSeats = new Map<ModelSeat, number>();
  for (const [planSeat, id] of plan.seatIds.entries()) {
    const seat = named(state.seats, id) ?? newSeat(state, plan, planSeat);
    seat.accessible = (plan.features[planSeat] & ACCESSIBLE) !== 0;
    seat.reserved = (plan.features[planSeat] & (ACCESSIBLE | COMPANION)) !== 0;
    planSeats.set(seat, planSeat);
  }
  let block = -1;
  for (const [index, seat] of state.seats.entries()) {
    const here = planSeats.get(seat);
    const last = index === 0 ? undefined : planSeats.get(state.seats[index - 1]);
    const areNeighbours =
      here !== undefined &&
      last !== undefined &&
      Math.abs(here - last) === 1 &&
      plan.blockOf[here] === plan.blockOf[last];
    if (!areNeighbours) block++;
    seat.block = block;
  }
}

function newSeat(state: ReferenceState, plan: Hall, planSeat: number): ModelSeat {
  const category = plan.categories[plan.categoryOf[planSeat]];
  const price = state.prices.get(category) ?? null;
  const seat: ModelSeat = {
    ...{ index: state.seats.length, id: plan.seatIds[planSeat], category, isFormer: false, block: 0 },
    ...{ accessible: false, reserved: false, price, state: price === null ? 'blocked' : 'free' },
    ...{ kept: false, owner: 0, listing: null },
  };
  state.seats.push(seat);
  return seat;
}

/** As many places as the plan says: what people have, then what is kept back, then what is not for sale; the rest is free. */
function takeAreas(state: ReferenceState, plan: Hall): void {
  for (const area of state.areas) {
    area.price = state.prices.get(area.category) ?? null;
    const capacity = capacityIn(plan, area);
    area.isFormer ||= !plan.areas.some((one) => one.id === area.id && plan.categories[one.category] === area.category);
    const room = capacity - takenOf(area);
    const removed = area.places.blocked - area.kept;
    area.kept = Math.min(area.kept, room);
    area.places.blocked = area.kept + (area.price === null ? room - area.kept : Math.min(removed, room - area.kept));
    area.places.free = room - area.places.blocked;
    area.capacity = capacity;
  }
  for (const { id, category: index, capacity } of plan.areas) {
    if (named(state.areas, id) !== undefined) continue;
    const category = plan.categories[index];
    const price = state.prices.get(category) ?? null;
    const places = { free: 0, held: 0, inPayment: 0, sold: 0, blocked: 0, listed: 0 };
    places[price === null ? 'blocked' : 'free'] = capacity;
    state.areas.push({ id, category, isFormer: false, price, capacity, kept: 0, places });
  }
}
