import { isFormerSeat } from './hall.ts';
import { SEAT, SEAT_STATES, type Show } from './show.ts';
import { TICKET } from './tickets.ts';

/** An invariant does not hold: a bug. The actor that meets it stops before anything of the turn is kept or said. */
export class InvariantViolation extends Error {
  readonly invariant: string;
  constructor(invariant: string, message: string) {
    super(`${invariant}: ${message}`);
    this.name = 'InvariantViolation';
    this.invariant = invariant;
  }
}

export function ensure(condition: boolean, invariant: string, message: () => string): asserts condition {
  if (!condition) throw new InvariantViolation(invariant, message());
}

/**
 * What must hold after every turn, at a cost of the number of areas, not of the hall: the counts add up to the capacity
 * (I5) and none is negative. That each seat has one owner (I1) and that holds are whole (I8) is ensured where a seat
 * changes, in `apply`.
 */
export function assertCounts(show: Show): void {
  let seats = 0;
  for (let state = 0; state < SEAT_STATES; state++) seats += show.seatCounts[state];
  ensure(seats === show.hall.seatCount, 'I5', () => `${show.id}: ${seats} seats counted of ${show.hall.seatCount}`);
  let free = 0;
  for (const [category, count] of show.freeByCategory.entries()) {
    free += count;
    ensure(count === 0 || show.prices[category] >= 0, 'I5', () => `${show.id}: seats are free without a price`);
  }
  ensure(free === show.seatCounts[SEAT.free], 'I5', () => `${show.id}: free seats by category add up to ${free}`);
  for (const [index, area] of show.hall.areas.entries()) {
    let places = 0;
    for (let state = 0; state < SEAT_STATES; state++) {
      const count = show.areaCounts[index * SEAT_STATES + state];
      ensure(count >= 0, 'I5', () => `${show.id}: area ${area.id} has ${count} places in state ${state}`);
      places += count;
    }
    const capacity = show.areaCapacity[index];
    ensure(places === capacity, 'I5', () => `${show.id}: area ${area.id} counts ${places} of ${capacity}`);
    const free = show.areaCounts[index * SEAT_STATES + SEAT.free];
    ensure(
      free === 0 || show.prices[area.category] >= 0,
      'I5',
      () => `${show.id}: area ${area.id} is free without a price`,
    );
    const kept = show.stock?.keptPlaces[index] ?? 0;
    const blocked = show.areaCounts[index * SEAT_STATES + SEAT.blocked];
    ensure(
      kept >= 0 && kept <= blocked,
      'I5',
      () => `${show.id}: ${kept} of ${blocked} places of ${area.id} are kept back`,
    );
  }
}

/** The same and more from the seats and records themselves, at the cost of the whole hall: for `verify` and tests. */
export function assertWhole(show: Show): void {
  assertCounts(show);
  const counted = new Uint32Array(SEAT_STATES);
  const owners = new Map<number, number>();
  for (let seat = 0; seat < show.hall.seatCount; seat++) {
    const state = show.status[seat];
    counted[state]++;
    const claim = show.claim[seat];
    if (state === SEAT.held || state === SEAT.inPayment) {
      const place = show.holds.place(claim);
      ensure(
        place >= 0 && show.holds.isLive(place),
        'I1',
        () => `seat ${seat} is claimed by hold ${claim}, which is not live`,
      );
      owners.set(claim, (owners.get(claim) ?? 0) + 1);
    } else if (state === SEAT.sold || state === SEAT.listed) {
      ensure(
        show.tickets.has(claim) && show.tickets.seat[claim] === seat,
        'I1',
        () => `sold or listed seat ${seat} and ticket ${claim} disagree`,
      );
    } else {
      ensure(claim === 0, 'I1', () => `seat ${seat} is not taken, yet claimed by ${claim}`);
    }
    ensure(
      state === SEAT.blocked || !isFormerSeat(show.hall, seat),
      'I1',
      () => `seat ${seat} is in state ${state}, and not in the plan`,
    );
    const isKept = show.stock?.keptSeats[seat] === 1;
    ensure(!isKept || state === SEAT.blocked, 'I5', () => `seat ${seat} is kept back in state ${state}`);
  }
  for (let state = 0; state < SEAT_STATES; state++) {
    ensure(
      counted[state] === show.seatCounts[state],
      'I5',
      () => `${counted[state]} seats in state ${state}, counted ${show.seatCounts[state]}`,
    );
  }
  assertTickets(show);
  for (let n = show.holds.oldest; n < show.holds.next; n++) {
    const place = show.holds.place(n);
    if (!show.holds.isLive(place)) continue;
    const areas = show.areasOfHold.get(n) ?? [];
    const places = areas.reduce((sum, [, quantity]) => sum + quantity, owners.get(n) ?? 0);
    ensure(
      places === show.holds.quantity[place],
      'I8',
      () => `hold ${n} has ${places} of its ${show.holds.quantity[place]} places`,
    );
  }
}

/** Each ticket that is somebody's has its seat, or lists it; nothing else is listed or offered (I1, I11). */
function assertTickets({ tickets, moves, status, claim }: Show): void {
  let listed = 0;
  let offered = 0;
  for (let ticket = 1; ticket <= tickets.count; ticket++) {
    const seat = tickets.seat[ticket];
    const state = tickets.state[ticket];
    if (state === TICKET.offered) offered++;
    if (state === TICKET.listed) {
      listed++;
      const isMarked = status[seat] !== SEAT.listed || claim[seat] === ticket;
      const isSold = status[seat] === SEAT.sold && moves.boughtFrom.get(claim[seat]) !== ticket;
      ensure(
        moves.listings.get(seat)?.ticket === ticket && isMarked && !isSold,
        'I1',
        () => `ticket ${ticket} is listed, and seat ${seat} is not its own to sell`,
      );
    } else if (state === TICKET.valid || state === TICKET.offered || state === TICKET.suspended) {
      ensure(
        seat < 0 || (status[seat] === SEAT.sold && claim[seat] === ticket),
        'I1',
        () => `ticket ${ticket} is in state ${state} without its seat ${seat}`,
      );
    }
    ensure(
      (state === TICKET.transferred) === moves.successors.has(ticket),
      'I11',
      () => `ticket ${ticket} is in state ${state} and its successor is ${moves.successors.get(ticket)}`,
    );
  }
  let sellers = 0;
  for (const [seat, { ticket }] of moves.listings) {
    if (ticket !== 0) sellers++;
    else ensure(status[seat] === SEAT.held || status[seat] === SEAT.inPayment, 'I1', () => `nobody sells seat ${seat}`);
  }
  ensure(listed === sellers, 'I1', () => `${listed} tickets are listed, and ${sellers} seats`);
  ensure(offered === moves.offers.size, 'I11', () => `${offered} tickets are offered, to ${moves.offers.size}`);
}
