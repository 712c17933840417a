import type { BestRequest } from '../../src/allocator/commands.ts';
import type { ShowTerms } from '../../src/allocator/events.ts';
import { ACCESSIBLE, COMPANION, type Hall } from '../../src/allocator/hall.ts';
import type { ModelTicket } from './reference-state.ts';

export type PlaceState = 'free' | 'held' | 'inPayment' | 'sold' | 'blocked' | 'listed';

export interface ModelSeat {
  readonly index: number;
  readonly id: string;
  readonly category: string;
  /** Only a plan that was replaced had it. */
  isFormer: boolean;
  /** Neighbours have the same block and indices one apart. */
  block: number;
  accessible: boolean;
  /** Kept back from best-available, unless an accessible seat is asked for. */
  reserved: boolean;
  /** Minor units, or null when its category is not on sale. */
  price: number | null;
  state: PlaceState;
  /** Of a blocked one: for the house, not because it is not for sale. */
  kept: boolean;
  /** The hold or, of a sold or listed seat, the ticket that has it; 0 for none. */
  owner: number;
  /** What it is resold for, by whom; the seller's ticket is null once it was taken back while a buyer has the seat. */
  listing: { readonly ticket: ModelTicket | null; readonly price: number } | null;
}

export interface ModelArea {
  readonly id: string;
  readonly category: string;
  isFormer: boolean;
  price: number | null;
  capacity: number;
  /** Of the blocked places so many are for the house. */
  kept: number;
  readonly places: Record<PlaceState, number>;
}

export function priceOf(terms: ShowTerms, category: string): number | null {
  return Object.hasOwn(terms.prices, category) ? terms.prices[category] : null;
}

export function seatsOf(hall: Hall, terms: ShowTerms): ModelSeat[] {
  return hall.seatIds.map((id, index) => {
    const category = hall.categories[hall.categoryOf[index]];
    const price = priceOf(terms, category);
    return {
      index,
      id,
      category,
      isFormer: false,
      block: hall.blockOf[index],
      accessible: (hall.features[index] & ACCESSIBLE) !== 0,
      reserved: (hall.features[index] & (ACCESSIBLE | COMPANION)) !== 0,
      price,
      state: price === null ? 'blocked' : 'free',
      kept: false,
      owner: 0,
      listing: null,
    };
  });
}

export function areasOf(hall: Hall, terms: ShowTerms): ModelArea[] {
  return hall.areas.map(({ id, category: index, capacity }) => {
    const category = hall.categories[index];
    const price = priceOf(terms, category);
    const places = { free: 0, held: 0, inPayment: 0, sold: 0, blocked: 0, listed: 0 };
    places[price === null ? 'blocked' : 'free'] = capacity;
    return { id, category, isFormer: false, price, capacity, kept: 0, places };
  });
}

/** The seat or area of the plan in force that has this id. */
export function named<T extends ModelSeat | ModelArea>(places: readonly T[], id: string): T | undefined {
  return places.find((one) => one.id === id && !one.isFormer);
}

/** Every run of `quantity` neighbouring free seats of one category. */
export function freeWindows(seats: readonly ModelSeat[], quantity: number): ModelSeat[][] {
  const windows: ModelSeat[][] = [];
  for (let first = 0; first + quantity <= seats.length; first++) {
    const window = seats.slice(first, first + quantity);
    const same = window.every((seat) => seat.block === window[0].block && seat.category === window[0].category);
    if (same && window.every((seat) => seat.state === 'free')) windows.push(window);
  }
  return windows;
}

/** Free seats that taking `chosen` would leave single between two taken ones of their block. */
export function orphansOf(seats: readonly ModelSeat[], chosen: readonly ModelSeat[]): ModelSeat[] {
  const isTakenAfter = (seat: ModelSeat): boolean => seat.state !== 'free' || chosen.includes(seat);
  return seats.filter((seat) => {
    if (isTakenAfter(seat)) return false;
    const left = seats[seat.index - 1];
    const right = seats[seat.index + 1];
    if (left?.block !== seat.block || right?.block !== seat.block) return false;
    const isNew = chosen.includes(left) || chosen.includes(right);
    return isNew && isTakenAfter(left) && isTakenAfter(right);
  });
}

/** Whether best-available may choose this seat for the request. */
export function suits(seat: ModelSeat, best: BestRequest): boolean {
  if (seat.state !== 'free' || seat.price === null) return false;
  if (best.category !== undefined && seat.category !== best.category) return false;
  if (best.maxPrice !== undefined && seat.price > best.maxPrice) return false;
  return best.accessible === true || !seat.reserved;
}

/** The runs of neighbours that would do for the request. */
export function suitingWindows(seats: readonly ModelSeat[], best: BestRequest): ModelSeat[][] {
  return freeWindows(seats, best.quantity).filter(
    (window) =>
      window.every((seat) => suits(seat, best)) && (best.accessible !== true || window.some((seat) => seat.accessible)),
  );
}
