import { HOLD } from './holds.ts';
import { ensure } from './invariants.ts';
import { sellerOf } from './resales.ts';
import { SEAT, SEAT_STATES, type Show } from './show.ts';
import { TICKET } from './tickets.ts';

/** What `apply` does to the places of holds, orders and tickets. Ensures I1, I5 and I8 on the way. */

/** Ends an order that was never paid and frees its seats. What the gateway may hold for it is settled later. */
export function endUnpaid(show: Show, order: number, state: number, holdState: number): void {
  const hold = show.orders.hold[order];
  endHold(show, hold, livePlace(show, hold, HOLD.inPayment), holdState);
  show.orders.state[order] = state;
  setTickets(show, order, TICKET.void);
}

/** Frees the places of a live hold, all of them; what was listed for resale is so again. */
export function endHold(show: Show, hold: number, place: number, state: number): void {
  const { holds } = show;
  const seatState = holds.state[place] === HOLD.inPayment ? SEAT.inPayment : SEAT.held;
  let places = 0;
  for (let seat = holds.firstSeat[place]; seat >= 0; seat = show.nextInHold[seat]) {
    ensure(
      show.claim[seat] === hold && show.status[seat] === seatState,
      'I1',
      () => `hold ${hold} ends with seat ${seat} that is not its own`,
    );
    letGo(show, seat);
    places++;
  }
  for (const [area, count] of show.areasOfHold.get(hold) ?? []) {
    movePlaces(show, area, count, seatState, SEAT.free);
    places += count;
  }
  ensure(
    places === holds.quantity[place],
    'I8',
    () => `hold ${hold} of ${holds.quantity[place]} places ends with ${places}`,
  );
  show.areasOfHold.delete(hold);
  const buyer = holds.buyer[place];
  show.buyers.liveHold[buyer] = 0;
  show.buyers.places[buyer] -= places;
  holds.state[place] = state;
  holds.firstSeat[place] = -1;
}

/** A sold ticket gives its place back. */
export function freeTicket(show: Show, ticket: number): void {
  const seat = show.tickets.seat[ticket];
  if (seat < 0) {
    movePlaces(show, -1 - seat, 1, SEAT.sold, SEAT.free);
    return;
  }
  ensure(
    show.status[seat] === SEAT.sold && show.claim[seat] === ticket,
    'I1',
    () => `ticket ${ticket} gives seat ${seat} back, which it does not own`,
  );
  letGo(show, seat);
}

/** A seat that somebody had is free, or for sale by its seller again. */
function letGo(show: Show, seat: number): void {
  const seller = sellerOf(show, seat);
  if (seller === undefined) {
    show.moves.listings.delete(seat);
    setSeat(show, seat, SEAT.free, 0);
  } else if (show.hasOpenDispute(show.tickets.order[seller.ticket])) {
    // The dispute did not end the listing, for a buyer had the seat.
    show.moves.listings.delete(seat);
    show.tickets.state[seller.ticket] = TICKET.suspended;
    setSeat(show, seat, SEAT.sold, seller.ticket);
  } else {
    setSeat(show, seat, SEAT.listed, seller.ticket);
  }
}

/** A ticket that is somebody's ends, and its place is free: unless it is listed and a buyer has it, who keeps it. */
export function endTicket(show: Show, ticket: number, state: number, at: number): void {
  const { tickets, moves, buyers } = show;
  const before = tickets.state[ticket];
  tickets.invalidate(ticket, state, at);
  if (state === TICKET.refunded) tickets.invalidSince.delete(ticket);
  buyers.places[show.holderOf(ticket)]--;
  if (before === TICKET.offered) moves.offers.delete(ticket);
  if (before !== TICKET.listed) {
    freeTicket(show, ticket);
    return;
  }
  const seat = tickets.seat[ticket];
  const listing = moves.listings.get(seat);
  ensure(listing?.ticket === ticket, 'I1', () => `ticket ${ticket} ends listed, but seat ${seat} is not`);
  if (show.status[seat] === SEAT.held || show.status[seat] === SEAT.inPayment) {
    moves.listings.set(seat, { ticket: 0, price: listing.price });
    return;
  }
  moves.listings.delete(seat);
  if (show.status[seat] === SEAT.listed) setSeat(show, seat, SEAT.free, 0);
}

export function livePlace(show: Show, hold: number, state: number): number {
  const place = show.holds.place(hold);
  ensure(place >= 0 && show.holds.state[place] === state, 'I9', () => `hold ${hold} is not in state ${state}`);
  return place;
}

export function orderIn(show: Show, order: number, ...states: readonly number[]): number {
  ensure(
    show.orders.has(order) && states.includes(show.orders.state[order]),
    'I10',
    () => `order ${order} is not in state ${states}`,
  );
  return order;
}

export function setTickets(show: Show, order: number, state: number): void {
  const first = show.orders.firstTicket[order];
  show.tickets.state.fill(state, first, first + show.orders.quantity[order]);
}

/** A seat changes its state; `claim` is the hold or ticket that has it then. */
export function setSeat(show: Show, seat: number, state: number, claim: number): void {
  const before = show.status[seat];
  show.status[seat] = state;
  show.claim[seat] = claim;
  show.seatCounts[before]--;
  show.seatCounts[state]++;
  show.touched.push(seat);
  if (before === SEAT.free || state === SEAT.free) {
    show.freeByCategory[show.hall.categoryOf[seat]] += state === SEAT.free ? 1 : -1;
    show.freeRuns.update(seat);
  }
}

export function movePlaces(show: Show, area: number, count: number, from: number, to: number): void {
  const at = area * SEAT_STATES;
  ensure(show.areaCounts[at + from] >= count, 'I5', () => `area ${area} has not ${count} places in state ${from}`);
  show.areaCounts[at + from] -= count;
  show.areaCounts[at + to] += count;
}
