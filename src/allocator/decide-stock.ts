import { type Fault, pointerTo, type Refusal } from '../errors.ts';
import type { AreaPlaces, StockAddition, StockCommand, StockPlaces } from './commands.ts';
import type { Decision } from './decision.ts';
import { done, refused } from './decision.ts';
import type { StockChanged, StockPart } from './events.ts';
import { categoryNamed } from './hall.ts';
import { PLAN_LIMITS } from './plan.ts';
import { SEAT, SEAT_STATES, type Show } from './show.ts';
import { type PlaceFigures, PRICE_LISTS_MAX, priceListsInUse, removedPlaces, stockFigures } from './stock.ts';

/** Of each kind a refusal names so many at most, and says how many there are. */
export const NAMED_MAX = 100;

/** How the organiser may change a place, and as what it is counted after it. */
type List = 'add' | 'remove' | 'block' | 'unblock';
const BECOMES = { add: 'free', remove: 'removed', block: 'blocked', unblock: 'free' } as const;

/** The change of the stock in one event, or a refusal that names all that is in its way; nothing is changed by halves. */
export function decideStock(show: Show, command: StockCommand): Decision {
  if (show.cancelled !== null) return refused('NOT_ON_SALE', 'The show is cancelled; its stock stays as it is.');
  const change = new StockChange(show);
  change.reprice(command.reprice ?? {});
  for (const [i, one] of (command.add ?? []).entries()) change.add(one, `/add/${i}`);
  for (const list of ['remove', 'block', 'unblock'] as const)
    for (const [i, places] of (command[list] ?? []).entries()) change.list(list, places, `/${list}/${i}`);
  return change.refusal() ?? done(change.event(command));
}

/** One change as it is put together, place by place. */
class StockChange {
  readonly #show: Show;
  readonly #prices: number[];
  readonly #figures;
  readonly #seats: Record<List, number[]> = { add: [], remove: [], block: [], unblock: [] };
  readonly #areas: Record<List, [number, number][]> = { add: [], remove: [], block: [], unblock: [] };
  /** Seats and, as -1 - area, areas that a list names. */
  readonly #named = new Set<number>();
  readonly #faults: Fault[] = [];
  readonly #unknown: string[] = [];
  readonly #inUse: string[] = [];

  constructor(show: Show) {
    this.#show = show;
    this.#prices = [...show.prices];
    this.#figures = stockFigures(show);
  }

  reprice(prices: Readonly<Record<string, number>>): void {
    for (const [name, price] of Object.entries(prices)) {
      const category = categoryNamed(this.#show.hall, name);
      if (category < 0) this.#fault(pointerTo('reprice', name), `The plan has no category ${JSON.stringify(name)}.`);
      else if (this.#show.prices[category] < 0)
        this.#fault(
          pointerTo('reprice', name),
          `${JSON.stringify(name)} has no price yet; it gets one with what is added of it.`,
        );
      else this.#prices[category] = price;
    }
  }

  add(addition: StockAddition, pointer: string): void {
    const { category: name, price } = addition;
    const at = 'seat' in addition ? this.#seat(addition.seat, pointer) : this.#area(addition, pointer);
    if (at === null) return;
    const { hall } = this.#show;
    const category = at < 0 ? hall.areas[-1 - at].category : hall.categoryOf[at];
    if (hall.categories[category] !== name) {
      const own = JSON.stringify(hall.categories[category]);
      this.#fault(`${pointer}/category`, `It is of category ${own} in the plan.`);
      return;
    }
    if (this.#prices[category] < 0) {
      this.#prices[category] = price;
    } else if (this.#prices[category] !== price) {
      const own = this.#prices[category];
      this.#fault(`${pointer}/price`, `The price of ${JSON.stringify(name)} is ${own}; change it with \`reprice\`.`);
      return;
    }
    if (at >= 0) this.#moveSeat('add', at, pointer);
    else this.#movePlaces('add', -1 - at, 'count' in addition ? addition.count : 0, pointer);
  }

  list(list: Exclude<List, 'add'>, places: StockPlaces, pointer: string): void {
    const at = typeof places === 'string' ? this.#seat(places, pointer) : this.#area(places, pointer);
    if (at === null) return;
    if (typeof places === 'string') this.#moveSeat(list, at, pointer);
    else this.#movePlaces(list, -1 - at, places.count, pointer);
  }

  #seat(id: string, pointer: string): number | null {
    const seat = this.#show.hall.seatIndex(id);
    return this.#known(seat < 0 ? undefined : seat, id, pointer);
  }

  #area({ area: id }: AreaPlaces, pointer: string): number | null {
    const area = this.#show.areaIndex.get(id);
    return this.#known(area === undefined ? undefined : -1 - area, id, pointer);
  }

  #known(at: number | undefined, id: string, pointer: string): number | null {
    if (at === undefined) {
      this.#unknown.push(id);
      return null;
    }
    if (this.#named.has(at)) {
      this.#fault(pointer, `${JSON.stringify(id)} is named twice.`);
      return null;
    }
    this.#named.add(at);
    return at;
  }

  /** A seat that is already what it is to become is no fault. */
  #moveSeat(list: List, seat: number, pointer: string): void {
    const { hall, status, stock } = this.#show;
    const id = hall.seatIds[seat];
    const isKept = stock?.keptSeats[seat] === 1;
    if (status[seat] !== SEAT.free && status[seat] !== SEAT.blocked) {
      this.#inUse.push(id);
      return;
    }
    const is = status[seat] === SEAT.free ? 'free' : isKept ? 'blocked' : 'removed';
    if (is === BECOMES[list]) return;
    if (list === 'add' && is === 'blocked') this.#fault(pointer, `Seat ${id} is kept back; unblock it.`);
    else if ((list === 'block' || list === 'unblock') && is === 'removed')
      this.#fault(pointer, `Seat ${id} is not for sale in this show; add it.`);
    else {
      this.#seats[list].push(seat);
      count(this.#figures.categories[hall.categoryOf[seat]], is, BECOMES[list], 1);
    }
  }

  #movePlaces(list: List, area: number, wanted: number, pointer: string): void {
    const show = this.#show;
    const { id } = show.hall.areas[area];
    const figures = this.#figures.areas[area];
    if (list === 'add') {
      const back = Math.min(wanted, removedPlaces(show, area));
      if (show.areaCapacity[area] + wanted - back > PLAN_LIMITS.areaCapacity) {
        this.#fault(`${pointer}/count`, `An area has at most ${PLAN_LIMITS.areaCapacity} places.`);
        return;
      }
      count(figures, 'removed', 'free', back);
      figures.free += wanted - back;
    } else if (list === 'unblock') {
      const kept = show.stock?.keptPlaces[area] ?? 0;
      if (kept < wanted) {
        this.#fault(`${pointer}/count`, `Of area ${JSON.stringify(id)} ${kept} places are kept back.`);
        return;
      }
      count(figures, 'blocked', 'free', wanted);
    } else {
      if (show.areaCounts[area * SEAT_STATES + SEAT.free] < wanted) {
        this.#inUse.push(id);
        return;
      }
      count(figures, 'free', BECOMES[list], wanted);
    }
    this.#areas[list].push([area, wanted]);
  }

  #fault(pointer: string, detail: string): void {
    this.#faults.push({ pointer, detail });
  }

  /** What is in the way: first what the request gets wrong, then what others have. */
  refusal(): Decision | null {
    if (this.#unknown.length > 0) {
      const detail = `The plan has no seat or area ${namesOf(this.#unknown)}. Nothing was changed.`;
      return refused('UNKNOWN_SEAT', detail, { unknown: this.#unknown.slice(0, NAMED_MAX) });
    }
    if (this.#faults.length > 0) {
      const detail = `Nothing was changed. ${this.#faults[0].detail}`;
      const refusal: Refusal = { code: 'STOCK_INVALID', detail, errors: this.#faults.slice(0, NAMED_MAX) };
      return { kind: 'refused', refusal, event: null };
    }
    if (this.#inUse.length > 0) {
      const detail = `Held or sold: ${namesOf(this.#inUse)}. Nothing was changed.`;
      return refused('SEAT_IN_USE', detail, { inUse: this.#inUse.slice(0, NAMED_MAX) });
    }
    if (this.#newPrices().length > 0 && priceListsInUse(this.#show).length >= PRICE_LISTS_MAX)
      return refused('STOCK_INVALID', 'The prices were changed too often within a day; change them later.');
    return null;
  }

  event({ once }: StockCommand): StockChanged {
    const { add, remove, block, unblock } = this.#seats;
    const areas = this.#areas;
    const prices = this.#newPrices();
    return {
      type: 'stock-changed',
      once,
      ...partOf('added', add, areas.add),
      ...partOf('removed', remove, areas.remove),
      ...partOf('blocked', block, areas.block),
      ...partOf('unblocked', unblock, areas.unblock),
      ...(prices.length === 0 ? {} : { prices }),
      stock: { ...this.#figures, prices: this.#prices },
    };
  }

  #newPrices(): [number, number][] {
    const changed: [number, number][] = [];
    for (const [category, price] of this.#prices.entries())
      if (price !== this.#show.prices[category]) changed.push([category, price]);
    return changed;
  }
}

function partOf<N extends string>(
  name: N,
  seats: readonly number[],
  areas: StockPart['areas'],
): { readonly [K in N]?: StockPart } {
  if (seats.length === 0 && areas.length === 0) return {};
  return { [name]: { seats, areas } } as { readonly [K in N]?: StockPart };
}

function count(figures: PlaceFigures, from: keyof PlaceFigures, to: keyof PlaceFigures, quantity: number): void {
  figures[from] -= quantity;
  figures[to] += quantity;
}

/** For a person: all of them, or so many and how many more. */
export function namesOf(ids: readonly string[]): string {
  const named = ids.slice(0, NAMED_MAX).map((id) => JSON.stringify(id));
  return ids.length > NAMED_MAX ? `${named.join(', ')} and ${ids.length - NAMED_MAX} more` : named.join(', ');
}
