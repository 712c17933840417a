import { movePlaces, setSeat } from './apply-places.ts';
import type { StockChanged, StockPart } from './events.ts';
import { ensure } from './invariants.ts';
import { SEAT, SEAT_STATES, type Show } from './show.ts';
import { priceListsInUse, removedPlaces, Stock } from './stock.ts';

const NOTHING: StockPart = { seats: [], areas: [] };

/** Changes what is for sale. Ensures that no place that somebody has is touched (I1), and that none is counted twice (I5). */
export function applyStockChanged(show: Show, event: StockChanged, seq: number): void {
  ensure(show.cancelled === null, 'I2', () => 'the stock of a cancelled show changes');
  show.stock ??= new Stock(show.hall.seatCount, show.hall.areas.length);
  const { added = NOTHING, removed = NOTHING, blocked = NOTHING, unblocked = NOTHING, prices = [] } = event;
  applyPrices(show, prices, seq);
  applyAdded(show, added);
  applyRemoved(show, show.stock, removed);
  applyBlocked(show, show.stock, blocked);
  applyUnblocked(show, show.stock, unblocked);
}

/** Prices for holds that are made from now on. */
export function applyPrices(show: Show, prices: readonly (readonly [number, number])[], seq: number): void {
  const { stock, holds } = show;
  if (stock === null || prices.length === 0) return;
  const lists = priceListsInUse(show);
  // Nobody was told what is in force since the last list went out of it, or nothing of it changes for whom it was told.
  const wasTold = (lists.at(-1)?.before ?? 1) < holds.next && prices.some(([category]) => show.prices[category] >= 0);
  stock.formerPrices = wasTold ? [...lists, { before: holds.next, seq, prices: [...show.prices] }] : lists;
  for (const [category, price] of prices) {
    ensure(price >= 0 && category < show.prices.length, 'I5', () => `category ${category} gets the price ${price}`);
    show.prices[category] = price;
  }
}

function applyAdded(show: Show, { seats, areas }: StockPart): void {
  for (const seat of seats) {
    const isKept = show.stock?.keptSeats[seat] === 1;
    ensure(!isKept, 'I5', () => `seat ${seat} goes on sale, but is kept back`);
    changeSeat(show, seat, SEAT.blocked, SEAT.free);
  }
  for (const [area, count] of areas) {
    const back = Math.min(count, removedPlaces(show, area));
    movePlaces(show, area, back, SEAT.blocked, SEAT.free);
    show.areaCapacity[area] += count - back;
    show.areaCounts[area * SEAT_STATES + SEAT.free] += count - back;
  }
}

function applyRemoved(show: Show, stock: Stock, { seats, areas }: StockPart): void {
  for (const seat of seats) {
    if (stock.keptSeats[seat] === 1) stock.keptSeats[seat] = 0;
    else changeSeat(show, seat, SEAT.free, SEAT.blocked);
  }
  for (const [area, count] of areas) movePlaces(show, area, count, SEAT.free, SEAT.blocked);
}

function applyBlocked(show: Show, stock: Stock, { seats, areas }: StockPart): void {
  for (const seat of seats) {
    changeSeat(show, seat, SEAT.free, SEAT.blocked);
    stock.keptSeats[seat] = 1;
  }
  for (const [area, count] of areas) {
    movePlaces(show, area, count, SEAT.free, SEAT.blocked);
    stock.keptPlaces[area] += count;
  }
}

function applyUnblocked(show: Show, stock: Stock, { seats, areas }: StockPart): void {
  for (const seat of seats) {
    ensure(stock.keptSeats[seat] === 1, 'I5', () => `seat ${seat} is released, but was not kept back`);
    stock.keptSeats[seat] = 0;
    changeSeat(show, seat, SEAT.blocked, SEAT.free);
  }
  for (const [area, count] of areas) {
    const kept = stock.keptPlaces[area];
    ensure(kept >= count, 'I5', () => `${count} places of area ${area} are released, but ${kept} kept back`);
    stock.keptPlaces[area] -= count;
    movePlaces(show, area, count, SEAT.blocked, SEAT.free);
  }
}

function changeSeat(show: Show, seat: number, from: number, to: number): void {
  ensure(
    show.status[seat] === from,
    'I1',
    () => `the organiser changes seat ${seat} from ${from} to ${to}, which is in state ${show.status[seat]}`,
  );
  setSeat(show, seat, to, 0);
}
