import { type Hall, isFormerSeat } from './hall.ts';
import { SEAT, SEAT_STATES, type Show } from './show.ts';

/**
 * What the organiser made of the stock of a show. A place that is blocked is either kept back for the house, or not for
 * sale in this show (removed, or its category never had a price):
 *
 *     not for sale ──add──► free ◄──block, unblock──► kept back
 *           ▲                 │                           │
 *           └─────remove──────┴───────────────────────────┘ (seats only)
 */
export class Stock {
  /** 1 for a seat that is kept back. */
  keptSeats: Uint8Array;
  /** How many blocked places of each area are kept back. */
  keptPlaces: Int32Array;
  /** The price lists that live or repeatable holds were told, oldest first; the one in force is the show's. */
  formerPrices: readonly PriceList[] = [];

  constructor(seats: number, areas: number) {
    this.keptSeats = new Uint8Array(seats);
    this.keptPlaces = new Int32Array(areas);
  }
}

/** What holds below number `before`, down to the list before, were told. */
export interface PriceList {
  readonly before: number;
  /** The row in which it went out of force. */
  readonly seq: number;
  /** As {@link Show.prices}, for the categories that there were. */
  readonly prices: readonly number[];
}

/** So many former price lists are kept; a show that would need more is not repriced until older ones can go. */
export const PRICE_LISTS_MAX = 1_000;

/** The prices that this hold was told when it was made, by category. Costs a look while prices never changed. */
export function pricesOfHold(show: Show, hold: number): ArrayLike<number> {
  for (const list of show.stock?.formerPrices ?? []) if (hold < list.before) return list.prices;
  return show.prices;
}

/** The former price lists that somebody may still be told of: who has a hold, or repeats the request for one. */
export function priceListsInUse({ stock, holds, answered }: Show): readonly PriceList[] {
  const lists = stock?.formerPrices ?? [];
  return lists.filter((list) => list.before > holds.oldest || list.seq >= answered.oldestRow);
}

/** Blocked places of the area that are not kept back. */
export function removedPlaces(show: Show, area: number): number {
  return show.areaCounts[area * SEAT_STATES + SEAT.blocked] - (show.stock?.keptPlaces[area] ?? 0);
}

/** What there is of one category of seats, or of one area. */
export interface PlaceFigures {
  free: number;
  held: number;
  inPayment: number;
  sold: number;
  /** Kept back for the house. */
  blocked: number;
  /** Not for sale in this show. */
  removed: number;
}

/** By the indices of the hall. Prices are those in force, -1 for none. */
export interface StockFigures {
  readonly prices: readonly number[];
  readonly categories: readonly PlaceFigures[];
  readonly areas: readonly PlaceFigures[];
  /** Categories that only earlier plans had; absent if there are none. */
  readonly formerCategories?: readonly number[];
}

/** As {@link StockFigures} has it. */
export function formerCategoriesOf({ formerCategories }: Hall): Pick<StockFigures, 'formerCategories'> {
  return formerCategories.size === 0 ? {} : { formerCategories: [...formerCategories] };
}

const FIGURES: readonly (keyof PlaceFigures)[] = (() => {
  const names = new Array<keyof PlaceFigures>(SEAT_STATES).fill('sold');
  names[SEAT.free] = 'free';
  names[SEAT.held] = 'held';
  names[SEAT.inPayment] = 'inPayment';
  names[SEAT.blocked] = 'removed';
  return names;
})();

/** As what a seat of the plan in force is counted. */
export function seatFigures({ status, stock }: Show, seat: number): keyof PlaceFigures {
  return stock?.keptSeats[seat] === 1 ? 'blocked' : FIGURES[status[seat]];
}

/** Counted over the whole house: for organisers, not for buyers. */
export function stockFigures(show: Show): StockFigures {
  const { hall, stock } = show;
  const categories = hall.categories.map(noPlaces);
  for (let seat = 0; seat < hall.seatCount; seat++) {
    if (isFormerSeat(hall, seat)) continue;
    categories[hall.categoryOf[seat]][seatFigures(show, seat)]++;
  }
  const areas = hall.areas.map((_, area) => {
    const figures = noPlaces();
    for (let state = 0; state < SEAT_STATES; state++)
      figures[FIGURES[state]] += show.areaCounts[area * SEAT_STATES + state];
    const kept = stock?.keptPlaces[area] ?? 0;
    figures.blocked += kept;
    figures.removed -= kept;
    return figures;
  });
  return { prices: [...show.prices], categories, areas, ...formerCategoriesOf(hall) };
}

export function noPlaces(): PlaceFigures {
  return { free: 0, held: 0, inPayment: 0, sold: 0, blocked: 0, removed: 0 };
}
