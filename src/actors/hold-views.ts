import type { ShowEvent } from '../allocator/events.ts';
import { HOLD } from '../allocator/holds.ts';
import type { Show } from '../allocator/show.ts';
import { pricesOfHold } from '../allocator/stock.ts';
import { scopedId } from '../ids.ts';
import { rfc3339 } from '../rfc3339.ts';
import type { HoldView, Money } from './shows.ts';

type Held = Extract<ShowEvent, { type: 'held' }>;

export function money(show: Show, amount: number): Money {
  return { amount, currency: show.terms.currency };
}
/** The hold as it was when it was made, told from its event. */
export function heldView(show: Show, event: Held, at: number): HoldView {
  return holdViewOf(
    show,
    event.hold,
    scopedId('hld', at, show.id, event.hold),
    event.seats,
    event.areas,
    'active',
    event.until,
    at,
    (seat) => event.listed?.find(([listed]) => listed === seat)?.[2],
  );
}

export function holdView(show: Show, place: number, hold: number, now: number): HoldView {
  const { holds } = show;
  const id = scopedId('hld', holds.at[place], show.id, hold);
  const status = holds.state[place] === HOLD.inPayment ? 'in_payment' : 'active';
  return holdViewOf(
    show,
    hold,
    id,
    show.seatsOfHold(place).reverse(),
    show.areasOfHold.get(hold) ?? [],
    status,
    holds.until[place],
    now,
    (seat) => show.moves.listings.get(seat)?.price,
  );
}

function holdViewOf(
  show: Show,
  hold: number,
  id: string,
  seats: readonly number[],
  areas: readonly (readonly [number, number])[],
  status: HoldView['status'],
  until: number,
  now: number,
  listedFor: (seat: number) => number | undefined,
): HoldView {
  const { hall } = show;
  const prices = pricesOfHold(show, hold);
  let total = 0;
  const seatViews = seats.map((seat) => {
    const category = hall.categoryOf[seat];
    const price = listedFor(seat) ?? prices[category];
    total += price;
    return { id: hall.seatIds[seat], category: hall.categories[category], price: money(show, price) };
  });
  const areaViews = areas.map(([index, quantity]) => {
    const area = hall.areas[index];
    total += prices[area.category] * quantity;
    return {
      id: area.id,
      category: hall.categories[area.category],
      quantity,
      price: money(show, prices[area.category]),
    };
  });
  return {
    id,
    showId: show.id,
    seats: seatViews,
    areas: areaViews,
    total: money(show, total),
    status,
    expiresAt: rfc3339(until),
    serverTime: rfc3339(now),
  };
}
