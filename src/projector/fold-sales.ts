import type { Resale, ShowEvent } from '../allocator/events.ts';
import type { Hall } from '../allocator/hall.ts';
import { scopedId } from '../ids.ts';
import type { Folds } from './fold.ts';
import { letListedGo, resell, sellerOf, takeListed } from './fold-moves.ts';
import { owe } from './fold-owed.ts';
import { orderPaid } from './news.ts';
import type { CategoryRow, OrderRow, SeatLabel, TicketRow } from './rows.ts';
import type { ShowModel } from './show-model.ts';

/** From the opening of a show to the capture of an order's money. */
export const SALES: Pick<
  Folds,
  | 'opened'
  | 'held'
  | 'extended'
  | 'released'
  | 'expired'
  | 'ordered'
  | 'cancelled'
  | 'pending'
  | 'committed'
  | 'declined'
  | 'rejected'
  | 'captured'
  | 'voided'
  | 'settled'
  | 'refused'
> = {
  opened(model, { terms }) {
    model.projection.currency = terms.currency;
    model.setCategories(categoriesOf(model.hall, terms.prices));
  },
  held(model, event) {
    const places: Record<string, number> = {};
    const add = (category: string, count: number): void => {
      places[category] = (places[category] ?? 0) + count;
    };
    const fromSellers = new Set((event.listed ?? []).map(([seat]) => seat));
    for (const seat of event.seats) if (!fromSellers.has(seat)) add(categoryOf(model.hall, seat), 1);
    for (const [area, count] of event.areas) add(categoryOf(model.hall, -1 - area), count);
    const { at } = model.projection;
    const listed = sellersOf(event);
    model.addHold({ number: event.hold, buyer_id: event.buyer, made_at: at, order_number: 0, places, listed });
    takeListed(model, listed, event.hold);
  },
  extended() {},
  released(model, event) {
    letGo(model, event.hold);
  },
  expired(model, event) {
    for (const hold of event.holds) endWithHold(model, hold, 'expired', null);
  },
  ordered,
  cancelled(model, event) {
    endUnpaid(model, model.order(event.order), 'cancelled');
  },
  pending(model, event) {
    const order = model.order(event.order);
    order.state = 'pending';
    order.until = event.until;
    model.changed(order);
  },
  committed(model, event) {
    commit(model, model.order(event.order), event.late === true);
  },
  declined(model, event) {
    const order = model.order(event.order);
    order.state = 'declined';
    order.reason = event.reason;
    model.changed(order);
  },
  rejected(model, event) {
    const order = model.order(event.order);
    order.reason = event.reason;
    endUnpaid(model, order, 'rejected');
  },
  captured(model, event) {
    pay(model, model.order(event.order), event.resold);
  },
  voided(model, event) {
    const order = model.order(event.order);
    order.state = 'voided';
    order.reason = event.reason;
    for (const line of model.ticketsOf(order)) {
      const seller = sellerOf(model, order, line);
      if (seller === null) model.addSales(line.category, { returned: 1 });
      else letListedGo(model, [seller.number]);
    }
    model.changed(order);
  },
  settled(model, event) {
    if (event.reason === undefined) return;
    const order = model.order(event.order);
    order.reason = event.reason;
    model.changed(order);
  },
  refused() {},
};

/** Ends a hold, and its order if it has one. */
export function endWithHold(model: ShowModel, number: number, state: OrderRow['state'], reason: string | null): void {
  const hold = model.hold(number);
  if (hold.order_number === 0) {
    letGo(model, number);
    return;
  }
  const order = model.order(hold.order_number);
  if (reason !== null) order.reason = reason;
  endUnpaid(model, order, state);
}

function letGo(model: ShowModel, number: number): void {
  letListedGo(model, model.hold(number).listed);
  model.endHold(number);
}

/** The tickets that sell what a hold takes of sellers. */
export function sellersOf({ listed = [] }: Extract<ShowEvent, { type: 'held' }>): number[] {
  return listed.map(([, ticket]) => ticket);
}

function endUnpaid(model: ShowModel, order: OrderRow, state: OrderRow['state']): void {
  letGo(model, order.hold_number);
  order.state = state;
  model.changed(order);
}

function ordered(model: ShowModel, event: Extract<ShowEvent, { type: 'ordered' }>): void {
  const hold = model.hold(event.hold);
  const { at, tickets: before } = model.projection;
  const id = scopedId('ord', at, model.showId, event.order);
  const order: OrderRow = {
    number: event.order,
    id,
    buyer_id: hold.buyer_id,
    hold_number: hold.number,
    held_at: hold.made_at,
    made_at: at,
    until: event.until,
    paid_at: null,
    total: event.total,
    is_comp: event.comp === true,
    state: 'awaiting',
    reason: null,
    disputes: [],
  };
  const tickets = event.lines.map(
    (line, i): TicketRow => ({
      number: before + 1 + i,
      line: before + 1 + i,
      id: scopedId('tkt', at, model.showId, before + 1 + i),
      order_number: event.order,
      order_id: id,
      holder_id: hold.buyer_id,
      is_received: false,
      category: categoryOf(model.hall, line.seat),
      seat: labelOf(model.hall, line.seat),
      price: line.price,
      state: 'unpaid',
      refund_number: null,
      from_number: line.from ?? null,
      list_price: null,
      taken_by: null,
      entries: [],
      undone_until: null,
      admitted_at: null,
    }),
  );
  model.addOrder(order, tickets);
  if (event.total === 0) {
    commit(model, order, false);
    pay(model, order, event.resold);
  } else {
    hold.order_number = event.order;
    model.changedHold(hold);
  }
}

/** Late or in time: the hold of one that is late has ended, and what it buys of sellers is taken again. */
function commit(model: ShowModel, order: OrderRow, isLate: boolean): void {
  const lines = model.ticketsOf(order);
  if (isLate) {
    const sellers = lines.flatMap((line) => line.from_number ?? []);
    takeListed(model, sellers, order.hold_number);
  } else {
    model.endHold(order.hold_number);
  }
  order.state = 'committed';
  for (const line of lines) {
    // What a seller sells is sold already.
    if (sellerOf(model, order, line) === null) model.addSales(line.category, { sold: 1 });
  }
  model.changed(order);
}

function pay(model: ShowModel, order: OrderRow, resold: readonly Resale[] = []): void {
  order.state = 'paid';
  order.paid_at = model.projection.at;
  for (const ticket of model.ticketsOf(order)) {
    ticket.state = 'valid';
    model.addSales(ticket.category, { gross: ticket.price });
  }
  model.changed(order);
  orderPaid(model, order);
  for (const refund of resell(model, resold)) owe(model, refund);
}

/** `seat` as in lines: its index, or -1 - area. */
function categoryOf({ categories, categoryOf, areas }: Hall, seat: number): string {
  return categories[seat >= 0 ? categoryOf[seat] : areas[-1 - seat].category];
}

function labelOf(hall: Hall, seat: number): SeatLabel {
  if (seat < 0) return { area: hall.areas[-1 - seat].name };
  const { zone, row } = hall.rows[hall.rowOf[seat]];
  return { id: hall.seatIds[seat], zone, row, number: hall.seatNumbers[seat] };
}

function categoriesOf(hall: Hall, prices: Readonly<Record<string, number>>): CategoryRow[] {
  const capacity = new Array<number>(hall.categories.length).fill(0);
  for (const category of hall.categoryOf) capacity[category]++;
  for (const area of hall.areas) capacity[area.category] += area.capacity;
  return hall.categories.map((category, i) => {
    const price = Object.hasOwn(prices, category) ? prices[category] : null;
    return { category, capacity: capacity[i], blocked: 0, removed: price === null ? capacity[i] : 0, price };
  });
}
