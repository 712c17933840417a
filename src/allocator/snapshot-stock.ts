import type { Show } from './show.ts';
import { type PriceList, Stock } from './stock.ts';

/** What a snapshot's header says of a stock that was changed; its columns: {@link stockColumns}. */
export interface StockHeader {
  readonly formerPrices: readonly PriceList[];
}

export function stockHeader({ stock }: Show): StockHeader | null {
  return stock === null ? null : { formerPrices: stock.formerPrices };
}

export function stockColumns(show: Show): ArrayBufferView[] {
  const { stock, prices, areaCapacity } = show;
  return stock === null ? [] : [prices, areaCapacity, stock.keptSeats, stock.keptPlaces];
}

/**
 * Puts back what {@link stockHeader} and {@link stockColumns} gave.
 * @param into copies the next column into this one, of the same length, or throws.
 */
export function restoreStock(show: Show, header: StockHeader, into: (column: StockColumn, what: string) => void): void {
  const stock = new Stock(show.hall.seatCount, show.hall.areas.length);
  let before = 0;
  for (const list of header.formerPrices) {
    if (!(list.before > before) || list.prices.length > show.prices.length)
      throw new Error(`the snapshot has a price list that does not fit before hold ${list.before}`);
    before = list.before;
  }
  stock.formerPrices = header.formerPrices;
  into(show.prices, 'prices');
  into(show.areaCapacity, 'capacities of areas');
  into(stock.keptSeats, 'seats that are kept back');
  into(stock.keptPlaces, 'places that are kept back');
  show.stock = stock;
}

type StockColumn = Float64Array | Int32Array | Uint8Array;
