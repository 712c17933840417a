import type { SeatsNotForSale } from '../allocator/commands.ts';
import { isFormerSeat } from '../allocator/hall.ts';
import { SEAT, type Show } from '../allocator/show.ts';
import { type PlaceFigures, type StockFigures, stockFigures } from '../allocator/stock.ts';
import { money } from './hold-views.ts';
import type { InventoryView, StockCounts } from './shows.ts';

/** The stock as an event or the show itself counts it. */
export function inventoryView(
  show: Show,
  { prices, categories, areas, formerCategories = [] }: StockFigures,
): InventoryView {
  const { hall } = show;
  const former = new Set(formerCategories);
  const counts = (category: number, figures: PlaceFigures): StockCounts => ({
    category: hall.categories[category],
    price: prices[category] < 0 ? null : money(show, prices[category]),
    ...figures,
  });
  const all = [...categories, ...areas];
  return {
    showId: show.id,
    capacity: all.reduce((sum, figures) => sum + placesOf(figures), 0),
    available: all.reduce((sum, { free }) => sum + free, 0),
    categories: categories.flatMap((figures, category) => (former.has(category) ? [] : [counts(category, figures)])),
    areas: areas.flatMap((figures, area) => {
      const { id, category } = hall.areas[area];
      const capacity = placesOf(figures);
      // Only an earlier plan had it: in a plan each has a place at least.
      return capacity === 0 ? [] : [{ id, capacity, ...counts(category, figures) }];
    }),
  };
}

function placesOf({ free, held, inPayment, sold, blocked, removed }: PlaceFigures): number {
  return free + held + inPayment + sold + blocked + removed;
}

/** The stock now. */
export function inventory(show: Show, seats: SeatsNotForSale | undefined): InventoryView {
  const view = inventoryView(show, stockFigures(show));
  return seats === undefined ? view : { ...view, seats: seatsNotForSale(show, seats) };
}

/** In the order of the plan document. */
function seatsNotForSale(
  { hall, status, stock }: Show,
  { are, offset, limit }: SeatsNotForSale,
): NonNullable<InventoryView['seats']> {
  const wanted = are === 'blocked' ? 1 : 0;
  const places: number[] = [];
  for (let seat = 0; seat < hall.seatCount; seat++)
    if (status[seat] === SEAT.blocked && !isFormerSeat(hall, seat) && (stock?.keptSeats[seat] ?? 0) === wanted)
      places.push(seat);
  const { documentOrder, seatIds } = hall;
  places.sort((a, b) => documentOrder[a] - documentOrder[b]);
  return { total: places.length, items: places.slice(offset, offset + limit).map((seat) => seatIds[seat]) };
}
