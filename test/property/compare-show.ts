import { isDeepStrictEqual } from 'node:util';
import type { PublishedSeats } from '../../src/actors/published-seats.ts';
import { SEAT_LETTERS } from '../../src/actors/seat-map.ts';
import { ORDER } from '../../src/allocator/orders.ts';
import { REFUND } from '../../src/allocator/refunds.ts';
import { SEAT, SEAT_STATES, type Show } from '../../src/allocator/show.ts';
import { OWNED, TICKET } from '../../src/allocator/tickets.ts';
import type { PlaceState } from './reference-seats.ts';
import { allTickets, type ModelOrder, type ReferenceState } from './reference-state.ts';
import { must } from './violation.ts';

/** The show has what the model has, whoever of `users` looks; and its money adds up by itself. */
export function compareShow(show: Show, model: ReferenceState, users: readonly string[]): void {
  must(
    isDeepStrictEqual(show.terms, model.terms),
    'rules',
    () => `the terms are ${JSON.stringify(show.terms)}, not ${JSON.stringify(model.terms)}`,
  );
  compareSeats(show, model);
  compareHolds(show, model, users);
  compareOrders(show, model);
  compareRefunds(show, model);
  compareDoors(show, model);
  checkMoney(show);
}

function compareSeats(show: Show, model: ReferenceState): void {
  for (const { index, id, state, owner } of model.seats) {
    const is = `${show.status[index]} by ${show.claim[index]}`;
    must(
      show.status[index] === SEAT[state] && show.claim[index] === owner,
      'I1',
      () => `seat ${id} is ${is}, not ${state} by ${owner}`,
    );
  }
  for (const [index, area] of model.areas.entries()) {
    for (const [state, count] of Object.entries(area.places)) {
      const counted = show.areaCounts[index * SEAT_STATES + SEAT[state as PlaceState]];
      must(counted === count, 'I5', () => `area ${area.id} counts ${counted} ${state}, not ${count}`);
    }
    const { [index]: capacity } = show.areaCapacity;
    must(capacity === area.capacity, 'I5', () => `area ${area.id} has ${capacity} places, not ${area.capacity}`);
    const kept = show.stock?.keptPlaces[index] ?? 0;
    must(kept === area.kept, 'I5', () => `${kept} places of ${area.id} are kept back, not ${area.kept}`);
  }
  for (const { index, id, kept } of model.seats)
    must((show.stock?.keptSeats[index] === 1) === kept, 'I5', () => `seat ${id} is kept back, or not, by itself`);
  for (const [category, name] of model.hall.categories.entries()) {
    const price = model.prices.get(name) ?? -1;
    must(show.prices[category] === price, 'rules', () => `${name} costs ${show.prices[category]}, not ${price}`);
  }
}

function compareHolds(show: Show, model: ReferenceState, users: readonly string[]): void {
  for (const hold of model.live) {
    const place = show.holds.place(hold.number);
    must(
      place >= 0 && show.holds.isLive(place) && show.holds.until[place] === hold.until,
      'I9',
      () => `hold ${hold.number} is not live until ${hold.until}`,
    );
  }
  for (const user of users) {
    const buyer = show.buyers.find(user);
    const places = buyer < 0 ? 0 : show.buyers.places[buyer];
    must(places === model.placesOf(user), 'rules', () => `${user} has ${places} places, not ${model.placesOf(user)}`);
  }
}

function compareOrders(show: Show, model: ReferenceState): void {
  const { orders, tickets } = show;
  must(orders.count === model.orders.length, 'I6', () => `${orders.count} orders, not ${model.orders.length}`);
  for (const order of model.orders) {
    const { number, state, settled, until } = order;
    const isRight =
      orders.state[number] === ORDER[state satisfies ModelOrder['state']] &&
      (orders.unsettled[number] === 0) === settled &&
      orders.until[number] === until;
    must(isRight, 'I6', () => `order ${number} is not ${state}`);
    for (const ticket of allTickets(order)) {
      const is = tickets.state[ticket.number];
      must(is === TICKET[ticket.state], 'I11', () => `ticket ${ticket.number} is ${is}, not ${ticket.state}`);
      const holder = show.buyers.userId(show.holderOf(ticket.number));
      must(holder === ticket.holder, 'I14', () => `ticket ${ticket.number} is of ${holder}, not of ${ticket.holder}`);
    }
  }
}

function compareRefunds(show: Show, model: ReferenceState): void {
  const { refunds } = show;
  must(refunds.count === model.refunds.length, 'I6', () => `${refunds.count} refunds, not ${model.refunds.length}`);
  for (const { number, state, amount, order } of model.refunds) {
    const isRight =
      refunds.state[number] === REFUND[state] &&
      refunds.amount[number] === amount &&
      refunds.order[number] === order.number;
    must(isRight, 'I10', () => `refund ${number} is not ${state}, of ${amount} for order ${order.number}`);
  }
  const due = model.refunds.filter((refund) => refund.state === 'due').length;
  must(refunds.due === due, 'I12', () => `${refunds.due} refunds are due, not ${due}`);
  const waiting = model.toRefund.map(({ number }) => number);
  must(
    [...show.toRefund].sort((a, b) => a - b).join() === waiting.join(),
    'I12',
    () => `orders ${[...show.toRefund]} are to be refunded with the show, not ${waiting}`,
  );
}

function compareDoors({ doors }: Show, { doors: model }: ReferenceState): void {
  const entries = Array.from({ length: doors.count }, (_, i) => i + 1);
  const told = entries.map(
    (entry) => `${doors.ticket[entry]} ${doors.at[entry]} ${doors.gateName(entry)} ${doors.kindOf(entry)}`,
  );
  const due = model.entries.map((entry) => `${entry.ticket} ${entry.at} ${entry.gate} ${model.kindOf(entry)}`);
  must(told.sort().join() === due.sort().join(), 'I15', () => `the ledger has ${told}, not ${due}`);
  const counts = [doors.admitted, doors.doubles, doors.voids].join();
  const counted = [model.count('admission'), model.count('double'), model.count('void')].join();
  must(counts === counted, 'I15', () => `the ledger counts ${counts}, not ${counted}`);
}

/**
 * From the show's own books: what was captured for an order, less its refunds, what the bank took back for its lost disputes
 * and what was kept of its resales, is the price of its tickets that are somebody's or suspended.
 */
function checkMoney(show: Show): void {
  const { orders, refunds, tickets, disputes } = show;
  const priceOf = (found: readonly number[]): number => found.reduce((sum, ticket) => sum + tickets.price[ticket], 0);
  for (let order = 1; order <= orders.count; order++) {
    const valid = priceOf(show.ticketsOf(order, TICKET.suspended, ...OWNED));
    const ended = show.ticketsOf(order, TICKET.void);
    const resold = ended.filter((ticket) => refunds.ofTicket.has(ticket));
    const isLost = disputes.get(order)?.some(({ status }) => status === 'lost') === true;
    const taken = isLost ? priceOf(ended) - priceOf(resold) : 0;
    const paidToSellers = resold.reduce((sum, ticket) => sum + refunds.amount[refunds.ofTicket.get(ticket) ?? 0], 0);
    const kept = priceOf(resold) - paidToSellers;
    let given = 0;
    for (const refund of refunds.of(order)) given += refunds.amount[refund];
    const paid = orders.state[order] === ORDER.paid ? orders.total[order] : 0;
    must(given <= paid, 'I10', () => `order ${order} is refunded ${given} of ${paid}`);
    must(
      paid - given - taken - kept === valid && kept >= 0,
      'I11',
      () =>
        `order ${order} has tickets of ${valid} for ${paid} paid, ${given} given, ${taken} taken back and ${kept} kept`,
    );
  }
}

export function comparePublished(seats: PublishedSeats, model: ReferenceState, version: number): void {
  const letters = {
    free: 'available',
    held: 'held',
    inPayment: 'held',
    sold: 'sold',
    blocked: 'blocked',
    listed: 'listed',
  } as const;
  must(seats.version === version, 'I6', () => `the seat map has version ${seats.version}, not ${version}`);
  for (const { index, id, state } of model.seats) {
    const letter = seats.letters[model.hall.documentOrder[index]];
    must(
      letter === SEAT_LETTERS[letters[state]],
      'I6',
      () => `seat ${id} is published as ${String.fromCharCode(letter)}, not ${state}`,
    );
  }
  const areas = model.areas.filter(({ isFormer }) => !isFormer);
  must(seats.areas.length === areas.length, 'I6', () => `${seats.areas.length} areas are published`);
  for (const [index, area] of areas.entries()) {
    must(
      seats.areas[index].available === area.places.free,
      'I6',
      () => `area ${area.id} is published with ${seats.areas[index].available}`,
    );
    must(
      seats.areas[index].capacity === area.capacity,
      'I5',
      () => `area ${area.id} is published with ${seats.areas[index].capacity} places`,
    );
  }
  const free = [
    ...model.seats.filter(({ state }) => state === 'free'),
    ...model.areas.filter((a) => a.places.free > 0),
  ];
  const cheapest = free.length === 0 ? null : Math.min(...free.map(({ price }) => price ?? Number.NaN));
  must(seats.fromPrice === cheapest, 'rules', () => `prices are published from ${seats.fromPrice}, not ${cheapest}`);
  must(seats.planId === model.planId, 'I6', () => `plan ${seats.planId} is published, not ${model.planId}`);
  const prices = [...model.prices].filter(([name, price]) => price !== null && !model.formerCategories.has(name));
  must(
    isDeepStrictEqual(seats.prices, model.isStockChanged ? Object.fromEntries(prices) : undefined),
    'rules',
    () => `published are prices of ${JSON.stringify(seats.prices)}, not ${JSON.stringify(prices)}`,
  );
  must(seats.available === model.total('free'), 'I6', () => `${seats.available} places are published as available`);
}
