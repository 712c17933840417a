import type { ShowTerms } from '../allocator/events.ts';
import { categoryNamed, type Hall } from '../allocator/hall.ts';
import { SEAT, SEAT_STATES, type Show } from '../allocator/show.ts';
import { type AreaCount, currentPlan, SEAT_LETTERS, type SeatMap, type VersionGap } from './seat-map.ts';
import type { SaleTimes, ShowFigures } from './shows.ts';

const LETTERS = new Uint8Array(SEAT_STATES);
LETTERS[SEAT.free] = SEAT_LETTERS.available;
LETTERS[SEAT.held] = SEAT_LETTERS.held;
LETTERS[SEAT.inPayment] = SEAT_LETTERS.held;
LETTERS[SEAT.sold] = SEAT_LETTERS.sold;
LETTERS[SEAT.blocked] = SEAT_LETTERS.blocked;
LETTERS[SEAT.listed] = SEAT_LETTERS.listed;

/** The seat map that the world sees. It follows the show from durable turn to durable turn, never ahead. */
export class PublishedSeats implements SeatMap {
  readonly showId: string;
  planId: string;
  hall: Hall;
  readonly currency: string;
  capacity: number;
  readonly stale = false;
  version: number;
  asOf: number;
  letters: Uint8Array;
  changedAt: Uint32Array;
  gaps: readonly VersionGap[] = [];
  areas: readonly AreaCount[];
  available: number;
  fromPrice: number | null;
  prices?: Readonly<Record<string, number>>;
  cancelled: boolean;
  #terms: ShowTerms;
  /** By category, as {@link prices} tells them. */
  #told: Float64Array = new Float64Array(0);

  /** Of a show as it was recovered. What changed before is not known, so every seat counts as changed now. */
  constructor(show: Show) {
    this.showId = show.id;
    this.planId = show.planId;
    this.hall = show.hall;
    this.currency = show.terms.currency;
    this.capacity = show.capacity;
    this.version = show.seq;
    this.asOf = show.at;
    this.letters = lettersOf(show);
    this.changedAt = new Uint32Array(show.hall.seatCount).fill(show.seq);
    // Who followed the seats of an earlier plan has some that are gone.
    if (show.hall.laterPlans.length > 0) this.gaps = [{ after: 0, before: show.seq }];
    this.areas = areasOf(show);
    this.available = show.total(SEAT.free);
    this.fromPrice = cheapest(show);
    if (show.stock !== null) this.#tellPrices(show);
    this.cancelled = show.cancelled !== null;
    this.#terms = show.terms;
    show.touched.length = 0;
  }

  /** Takes over what the last turn changed; to be called only once it is durable. */
  publish(show: Show): void {
    this.version = show.seq;
    this.asOf = show.at;
    if (this.hall !== show.hall) this.#takeHall(show);
    for (const seat of show.touched) {
      const place = show.hall.documentOrder[seat];
      const letter = LETTERS[show.status[seat]];
      if (this.letters[place] === letter) continue;
      this.letters[place] = letter;
      this.changedAt[place] = show.seq;
    }
    show.touched.length = 0;
    if (show.hall.areas.length > 0) this.areas = areasOf(show);
    this.available = show.total(SEAT.free);
    this.fromPrice = cheapest(show);
    if (show.stock !== null) {
      this.capacity = show.capacity;
      this.#tellPrices(show);
    }
    this.cancelled = show.cancelled !== null;
    this.#terms = show.terms;
  }

  /** Places are those of another document now: what changed since an earlier version cannot be told. */
  #takeHall(show: Show): void {
    this.planId = show.planId;
    this.hall = show.hall;
    this.letters = lettersOf(show);
    this.changedAt = new Uint32Array(show.hall.seatCount).fill(show.seq);
    this.gaps = [{ after: 0, before: show.seq }];
    // Prices are told of the plan's own categories.
    this.#told = new Float64Array(0);
  }

  #tellPrices(show: Show): void {
    const isTold = this.#told.length === show.prices.length && this.#told.every((price, i) => price === show.prices[i]);
    if (this.prices !== undefined && isTold) return;
    this.#told = show.prices.slice();
    this.prices = pricesOf(show);
  }

  /** What lists of shows tell of it now. */
  figures(): ShowFigures {
    const { version, asOf, capacity, available, fromPrice, cancelled, prices } = this;
    const figures = { version, asOf, capacity, available, fromPrice, cancelled, times: saleTimesOf(this.#terms) };
    return {
      ...figures,
      ...currentPlan(this),
      ...(prices === undefined ? {} : { prices }),
    };
  }
}

function lettersOf({ hall, status }: Show): Uint8Array {
  const letters = new Uint8Array(hall.seatCount);
  for (let seat = 0; seat < hall.seatCount; seat++) letters[hall.documentOrder[seat]] = LETTERS[status[seat]];
  return letters;
}

function pricesOf({ hall, prices }: Show): Record<string, number> {
  const named = hall.categories.map((name, category): [string, number] => [name, prices[category]]);
  return Object.fromEntries(named.filter(([name, price]) => price >= 0 && categoryNamed(hall, name) >= 0));
}

export function saleTimesOf({ onSaleAt, offSaleAt, publishAt, revision = 0 }: ShowTerms): SaleTimes {
  const times = { onSaleAt, offSaleAt, revision };
  return publishAt === undefined ? times : { ...times, publishAt };
}

function areasOf(show: Show): AreaCount[] {
  const { areas, formerAreas } = show.hall;
  const counts = areas.map(({ id }, index) => ({
    id,
    capacity: show.areaCapacity[index],
    available: show.areaCounts[index * SEAT_STATES + SEAT.free],
  }));
  return formerAreas.size === 0 ? counts : counts.filter((_, index) => !formerAreas.has(index));
}

function cheapest(show: Show): number | null {
  let least = Number.POSITIVE_INFINITY;
  for (let category = 0; category < show.prices.length; category++) {
    if (show.freeByCategory[category] > 0 && show.prices[category] < least) least = show.prices[category];
  }
  for (const [index, area] of show.hall.areas.entries()) {
    if (show.areaCounts[index * SEAT_STATES + SEAT.free] > 0) least = Math.min(least, show.prices[area.category]);
  }
  return least === Number.POSITIVE_INFINITY ? null : least;
}
