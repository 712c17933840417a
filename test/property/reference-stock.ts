import { isDeepStrictEqual } from 'node:util';
import type { Answer, InventoryView, StockCounts } from '../../src/actors/shows.ts';
import type { SeatsNotForSale, StockAddition, StockCommand, StockPlaces } from '../../src/allocator/commands.ts';
import type { ErrorCode, Refusal } from '../../src/errors.ts';
import { type ModelArea, type ModelSeat, named as placeNamed } from './reference-seats.ts';
import { type EventOf, type ReferenceState, told } from './reference-state.ts';
import { must } from './violation.ts';

type List = 'add' | 'remove' | 'block' | 'unblock';

/** One place or some of an area, as a list of the command names it. */
interface Named {
  readonly list: List;
  readonly id: string;
  readonly seat: ModelSeat | undefined;
  readonly area: ModelArea | undefined;
  readonly count: number;
  readonly addition: StockAddition | null;
}

function namedIn(state: ReferenceState, command: StockCommand): Named[] {
  const named: Named[] = [];
  const add = (list: List, places: StockPlaces, addition: StockAddition | null): void => {
    const isSeat = typeof places === 'string';
    const id = isSeat ? places : places.area;
    const seat = isSeat ? placeNamed(state.seats, id) : undefined;
    const area = isSeat ? undefined : placeNamed(state.areas, id);
    named.push({ list, id, seat, area, count: isSeat ? 1 : places.count, addition });
  };
  for (const one of command.add ?? []) add('add', 'seat' in one ? one.seat : one, one);
  for (const list of ['remove', 'block', 'unblock'] as const)
    for (const places of command[list] ?? []) add(list, places, null);
  return named;
}

/** What the organiser calls the state of a seat. */
function standing({ state, kept }: ModelSeat): 'free' | 'blocked' | 'removed' | 'in use' {
  if (state === 'free') return 'free';
  if (state !== 'blocked') return 'in use';
  return kept ? 'blocked' : 'removed';
}

/** The prices after it, or null if they cannot be. */
function pricesAfter(state: ReferenceState, command: StockCommand): Map<string, number | null> | null {
  const prices = new Map(state.prices);
  for (const [name, price] of Object.entries(command.reprice ?? {})) {
    if (state.formerCategories.has(name) || (state.prices.get(name) ?? null) === null) return null;
    prices.set(name, price);
  }
  for (const { category, price } of command.add ?? []) {
    const own = prices.get(category) ?? null;
    if (own !== null && own !== price) return null;
    prices.set(category, price);
  }
  return prices;
}

export function reasonsAgainstStock(state: ReferenceState, command: StockCommand): ErrorCode[] {
  const reasons: ErrorCode[] = [];
  if (state.cancelled !== null) reasons.push('NOT_ON_SALE');
  const named = namedIn(state, command);
  if (new Set(named.map(({ id }) => id)).size < named.length) reasons.push('STOCK_INVALID');
  if (pricesAfter(state, command) === null) reasons.push('STOCK_INVALID');
  for (const { list, seat, area, count, addition } of named) {
    const place = seat ?? area;
    if (place === undefined) {
      reasons.push('UNKNOWN_SEAT');
      continue;
    }
    if (addition !== null && addition.category !== place.category) reasons.push('STOCK_INVALID');
    if (seat !== undefined) {
      const is = standing(seat);
      if (list === 'add' && is === 'blocked') reasons.push('STOCK_INVALID');
      if ((list === 'block' || list === 'unblock') && is === 'removed') reasons.push('STOCK_INVALID');
    }
    if (area !== undefined && list === 'unblock' && area.kept < count) reasons.push('STOCK_INVALID');
  }
  if (inUse(state, command).length > 0) reasons.push('SEAT_IN_USE');
  return reasons;
}

/** What the command names that others have. */
function inUse(state: ReferenceState, command: StockCommand): string[] {
  const found: string[] = [];
  for (const { list, id, seat, area, count } of namedIn(state, command)) {
    if (seat !== undefined && standing(seat) === 'in use') found.push(id);
    if (area !== undefined && (list === 'remove' || list === 'block') && area.places.free < count) found.push(id);
  }
  return found;
}

export function checkInUse(state: ReferenceState, command: StockCommand, refusal: Refusal): void {
  const named = inUse(state, command);
  must(
    isDeepStrictEqual(refusal.extra?.inUse, named),
    'rules',
    () => `in use are ${named}, not ${refusal.extra?.inUse}`,
  );
}

/** All of the command happens, and nothing else. */
export function changeStock(state: ReferenceState, command: StockCommand, event: EventOf<'stock-changed'>): Answer {
  const reasons = reasonsAgainstStock(state, command);
  must(reasons.length === 0, 'rules', () => `the stock is changed in spite of ${reasons.join(', ')}`);
  const done = { add: event.added, remove: event.removed, block: event.blocked, unblock: event.unblocked };
  const expected: Record<List, { seats: number[]; areas: (readonly [number, number])[] }> = {
    add: { seats: [], areas: [] },
    remove: { seats: [], areas: [] },
    block: { seats: [], areas: [] },
    unblock: { seats: [], areas: [] },
  };
  for (const { list, seat, area, count } of namedIn(state, command)) {
    if (seat !== undefined && moveSeat(list, seat)) expected[list].seats.push(seat.index);
    if (area !== undefined) {
      movePlaces(list, area, count);
      expected[list].areas.push([state.areas.indexOf(area), count]);
    }
  }
  for (const list of ['add', 'remove', 'block', 'unblock'] as const) {
    const { seats = [], areas = [] } = done[list] ?? {};
    const isWhole = isDeepStrictEqual({ seats: [...seats], areas: [...areas] }, expected[list]);
    must(isWhole, 'I8', () => `${list} became ${JSON.stringify(done[list])}, not ${JSON.stringify(expected[list])}`);
  }
  takePrices(state, command, event);
  state.isStockChanged = true;
  return told(inventoryOf(state));
}

function takePrices(state: ReferenceState, command: StockCommand, event: EventOf<'stock-changed'>): void {
  const prices = pricesAfter(state, command) ?? state.prices;
  const changed = [...state.prices.keys()].flatMap((name, index) => {
    const price = prices.get(name) ?? null;
    return price === null || price === state.prices.get(name) ? [] : [[index, price]];
  });
  must(
    isDeepStrictEqual(event.prices ?? [], changed),
    'rules',
    () => `prices become ${JSON.stringify(event.prices)}, not ${JSON.stringify(changed)}`,
  );
  for (const [name, price] of prices) state.prices.set(name, price);
  for (const place of [...state.seats, ...state.areas]) place.price = prices.get(place.category) ?? null;
}

/** Whether it was not yet what it is to become. */
function moveSeat(list: List, seat: ModelSeat): boolean {
  const before = standing(seat);
  seat.state = list === 'remove' || list === 'block' ? 'blocked' : 'free';
  seat.kept = list === 'block';
  return standing(seat) !== before;
}

function movePlaces(list: List, area: ModelArea, count: number): void {
  const { places } = area;
  const isTaken = list === 'remove' || list === 'block';
  const fromBlocked = list === 'add' ? Math.min(count, places.blocked - area.kept) : count;
  places.free += isTaken ? -count : count;
  places.blocked += isTaken ? count : -fromBlocked;
  if (list === 'add') area.capacity += count - fromBlocked;
  if (list === 'block') area.kept += count;
  if (list === 'unblock') area.kept -= count;
}

export function inventoryOf(state: ReferenceState, seats?: SeatsNotForSale): InventoryView {
  const counts = (category: string): Pick<StockCounts, 'category' | 'price'> => {
    const amount = state.prices.get(category) ?? null;
    return { category, price: amount === null ? null : { amount, currency: state.terms.currency } };
  };
  const seatsOfPlan = state.seats.filter((seat) => !seat.isFormer);
  const categories = [...state.prices.keys()].filter((category) => !state.formerCategories.has(category));
  const view = {
    showId: state.id,
    capacity: state.capacity,
    available: state.total('free'),
    categories: categories.map((category) => {
      const own = seatsOfPlan.filter((seat) => seat.category === category);
      const inState = (is: ModelSeat['state']): number => own.filter((seat) => seat.state === is).length;
      return {
        ...counts(category),
        free: inState('free'),
        held: inState('held'),
        inPayment: inState('inPayment'),
        sold: inState('sold') + inState('listed'),
        blocked: own.filter((seat) => standing(seat) === 'blocked').length,
        removed: own.filter((seat) => standing(seat) === 'removed').length,
      };
    }),
    areas: state.areas
      .filter(({ isFormer }) => !isFormer)
      .map(({ id, category, capacity, kept, places }) => {
        const { free, held, inPayment, sold, blocked } = places;
        return {
          id,
          capacity,
          ...counts(category),
          free,
          held,
          inPayment,
          sold,
          blocked: kept,
          removed: blocked - kept,
        };
      }),
  };
  if (seats === undefined) return view;
  const listed = seatsOfPlan
    .filter((seat) => standing(seat) === seats.are)
    .sort((a, b) => state.hall.documentOrder[a.index] - state.hall.documentOrder[b.index]);
  const items = listed.slice(seats.offset, seats.offset + seats.limit).map(({ id }) => id);
  return { ...view, seats: { total: listed.length, items } };
}
