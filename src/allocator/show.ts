import { Answered } from './answered.ts';
import { type Banks, banksOf } from './banks.ts';
import { Buyers } from './buyers.ts';
import type { DisputeStatus } from './commands.ts';
import { Deadlines } from './deadlines.ts';
import { Doors } from './doors.ts';
import type { ShowTerms } from './events.ts';
import { FreeRuns } from './free-runs.ts';
import type { Hall } from './hall.ts';
import { HOLD, Holds } from './holds.ts';
import { Moves } from './moves.ts';
import { ORDER, Orders } from './orders.ts';
import { Refunds } from './refunds.ts';
import type { Stock } from './stock.ts';
import { OWNED, Tickets } from './tickets.ts';
import { Windows } from './windows.ts';

/**
 * A seat's life; a general-admission place has the same, as counts:
 *
 *     free ──► held ──► inPayment ──► sold
 *      ▲        │           │          │
 *      └────────┴───────────┴──────────┘   released, expired, cancelled, voided, refunded
 *     blocked: not for sale in this show, or kept back for the house (see `stock.ts`); free ◄──► blocked by its organiser
 *
 * A sold seat may be listed for resale; then it goes the same way, and back to its seller instead of free:
 *
 *     sold ◄─► listed ◄─► held, inPayment ──► sold, to the buyer
 */
export const SEAT = { free: 0, held: 1, inPayment: 2, sold: 3, blocked: 4, listed: 5 } as const;
export const SEAT_STATES = 6;

/** The server keeps a hold this much longer than it shows the buyer, for requests on their way. */
export const HOLD_GRACE_MS = 60_000;
/** An order can be paid at least this long after it was made. */
export const PAYMENT_WINDOW_MS = 600_000;
/** While a bank takes its time over a payment, its seats are held so long at most. */
export const PENDING_WINDOW_MS = 7 * 24 * 3_600_000;
/** Extensions end when a hold is this many times its usual life old. */
export const MAX_HOLD_LIVES = 2;

/** The same terms as {@link ShowTerms}, by category index; -1 for a category that is not on sale. */
function pricesByCategory(hall: Hall, terms: ShowTerms): Float64Array {
  return Float64Array.from(hall.categories, (name) => (Object.hasOwn(terms.prices, name) ? terms.prices[name] : -1));
}

/** The index of each area of the plan in force, by its id. */
export function areaIndexOf({ areas, formerAreas }: Hall): ReadonlyMap<string, number> {
  return new Map(areas.flatMap(({ id }, index) => (formerAreas.has(index) ? [] : [[id, index] as const])));
}

/**
 * The whole state of one show, decided on in memory. Typed arrays over seat indices and record numbers, no object a
 * seat. Only `apply` changes it; everything in it follows from the journal.
 */
export class Show {
  readonly id: string;
  /** Replaced when the organiser replaces the seating plan (`apply-plan.ts`), and with it all that has its size. */
  hall: Hall;
  /** Replaced when the organiser moves the times of sale. */
  terms: ShowTerms;
  banks: Banks;
  /** Minor units by category index, -1 where not on sale: what a hold that is made now is told. */
  prices: Float64Array;
  /**
   * The hall with the plan that a command asks for, or that the next row brings, if there is one: whoever decides and
   * applies puts it here, since compiling a plan is no part of a turn.
   */
  comingHall: Hall | null = null;

  /** The last applied journal row and its time (ms). */
  seq = 0;
  at = 0;

  status: Uint8Array;
  /** The hold of a held seat or one in payment, the ticket of a sold or listed one. */
  claim: Uint32Array;
  /** Chain of the seats of one hold; -1 ends it. */
  nextInHold: Int32Array;
  /** Seats by state, over the hall. */
  readonly seatCounts = new Uint32Array(SEAT_STATES);
  /** Free seats by category. */
  freeByCategory: Uint32Array;
  /** General-admission places by area and state: `area * SEAT_STATES + state`. */
  areaCounts: Int32Array;
  /** Places by area; the hall's unless the organiser added some. */
  areaCapacity: Int32Array;
  /** Of the areas that the plan in force has. */
  areaIndex: ReadonlyMap<string, number>;
  /** The general-admission part of a hold that has one: pairs of area and quantity. */
  readonly areasOfHold = new Map<number, readonly (readonly [number, number])[]>();

  readonly holds = new Holds();
  readonly orders = new Orders();
  readonly tickets = new Tickets();
  readonly buyers = new Buyers();
  readonly answered = new Answered();
  /** Orders whose money is not at rest; refunds that are due count by themselves. */
  unsettledOrders = 0;
  readonly refunds = new Refunds();
  readonly moves = new Moves();
  readonly doors = new Doors();
  /** By order: the disputes over its payment, as they were heard of. */
  readonly disputes = new Map<number, readonly Dispute[]>();
  /** When the show was called off (ms), and why. */
  cancelled: { readonly at: number; readonly reason: string } | null = null;

  /** What the organiser made of the stock; null until it is changed for the first time. */
  stock: Stock | null = null;

  /** Derived: rebuilt on restore. */
  freeRuns: FreeRuns;
  windows: Windows;
  readonly deadlines = new Deadlines();
  /** Orders of a cancelled show of which refunds are still to begin. */
  readonly toRefund = new Set<number>();
  /** Seats changed since the reader last emptied this list. */
  readonly touched: number[] = [];

  constructor(id: string, hall: Hall, terms: ShowTerms) {
    this.id = id;
    this.hall = hall;
    this.terms = terms;
    this.banks = banksOf(hall);
    this.prices = pricesByCategory(hall, terms);
    this.status = new Uint8Array(hall.seatCount);
    this.claim = new Uint32Array(hall.seatCount);
    this.nextInHold = new Int32Array(hall.seatCount);
    this.freeByCategory = new Uint32Array(hall.categories.length);
    this.areaCounts = new Int32Array(hall.areas.length * SEAT_STATES);
    this.areaCapacity = Int32Array.from(hall.areas, (area) => area.capacity);
    this.areaIndex = areaIndexOf(hall);
    for (let seat = 0; seat < hall.seatCount; seat++) {
      const category = hall.categoryOf[seat];
      const state = this.prices[category] < 0 ? SEAT.blocked : SEAT.free;
      this.status[seat] = state;
      this.seatCounts[state]++;
      if (state === SEAT.free) this.freeByCategory[category]++;
    }
    for (const [index, area] of hall.areas.entries()) {
      const state = this.prices[area.category] < 0 ? SEAT.blocked : SEAT.free;
      this.areaCounts[index * SEAT_STATES + state] = area.capacity;
    }
    this.freeRuns = new FreeRuns(this.banks, this.status);
    this.windows = new Windows(this);
  }

  /** Seats and general-admission places in this state. */
  total(state: number): number {
    let total = this.seatCounts[state];
    for (let i = state; i < this.areaCounts.length; i += SEAT_STATES) total += this.areaCounts[i];
    return total;
  }

  /** Seats and general-admission places. */
  get capacity(): number {
    let total = this.hall.planSeats;
    for (const places of this.areaCapacity) total += places;
    return total;
  }

  /** Seats and places that are not for sale, or kept back. */
  get blocked(): number {
    return this.total(SEAT.blocked) - (this.hall.seatCount - this.hall.planSeats);
  }

  /** The plan that is in force. */
  get planId(): string {
    return this.hall.laterPlans.at(-1)?.id ?? this.terms.planId;
  }

  /** Whether others than its organiser may know of it. */
  isPublic(at: number): boolean {
    const { publishAt } = this.terms;
    return publishAt === undefined || (publishAt !== null && at >= publishAt);
  }

  isOnSale(at: number): boolean {
    return this.cancelled === null && at >= this.terms.onSaleAt && at < this.terms.offSaleAt;
  }

  /** When the hold at this place ends unless something happens (ms). */
  endOfHold(place: number): number {
    return this.holds.until[place] + HOLD_GRACE_MS;
  }

  /** The earliest end of a live hold, or +∞. Drops heap entries that are no longer true. */
  nextDeadline(): number {
    for (;;) {
      const time = this.deadlines.soonest;
      if (time === Number.POSITIVE_INFINITY) return time;
      const place = this.holds.place(this.deadlines.soonestHold);
      if (place >= 0 && this.holds.isLive(place) && this.endOfHold(place) === time) return time;
      this.deadlines.dropSoonest();
    }
  }

  /** When this show next has to be awake (ms), or null when nothing of it is pending. */
  wakeAt(): number | null {
    if (this.unsettledOrders > 0 || this.refunds.due > 0 || this.toRefund.size > 0) return this.at;
    const deadline = this.nextDeadline();
    return deadline === Number.POSITIVE_INFINITY ? null : deadline;
  }

  /** The seats of a hold, in no particular order. */
  seatsOfHold(place: number): number[] {
    const seats: number[] = [];
    for (let seat = this.holds.firstSeat[place]; seat >= 0; seat = this.nextInHold[seat]) seats.push(seat);
    return seats;
  }

  /** Rebuilds what is derived after columns were restored. */
  rederive(): void {
    this.rederiveFree();
    for (let n = this.holds.oldest; n < this.holds.next; n++) {
      const place = this.holds.place(n);
      if (this.holds.state[place] === HOLD.active || this.holds.state[place] === HOLD.inPayment) {
        this.deadlines.add(this.endOfHold(place), n);
      }
    }
    this.findOrdersToRefund();
  }

  /** The part of it that follows from which seats are free, and where they stand. */
  rederiveFree(): void {
    this.freeRuns = new FreeRuns(this.banks, this.status);
    this.windows = new Windows(this);
  }

  /** In a cancelled show every ticket that is somebody's is to be paid back. */
  findOrdersToRefund(): void {
    if (this.cancelled === null) return;
    for (let order = 1; order <= this.orders.count; order++) if (this.isToRefund(order)) this.toRefund.add(order);
  }

  /** Whether the order still has what a cancelled show pays back. While a dispute is open that is the bank's affair. */
  isToRefund(order: number): boolean {
    return (
      this.orders.state[order] === ORDER.paid &&
      !this.hasOpenDispute(order) &&
      this.ticketsOf(order, ...OWNED).length > 0
    );
  }

  hasOpenDispute(order: number): boolean {
    return this.disputes.get(order)?.some(({ status }) => status === 'open') === true;
  }

  /** The order's tickets in these states, in the order of its lines; those that took the place of others with their line. */
  ticketsOf(order: number, ...states: readonly number[]): number[] {
    const first = this.orders.firstTicket[order];
    const found: number[] = [];
    for (let line = first; line < first + this.orders.quantity[order]; line++) {
      for (let ticket: number | undefined = line; ticket !== undefined; ticket = this.moves.successors.get(ticket)) {
        if (states.includes(this.tickets.state[ticket])) found.push(ticket);
      }
    }
    return found;
  }

  /** The number of the buyer whose ticket it is; of one that was transferred, whose it was. */
  holderOf(ticket: number): number {
    return this.moves.holders.get(ticket) ?? this.orders.buyer[this.tickets.order[ticket]];
  }

  /** Only a paid order has tickets. */
  isPaid(ticket: number): boolean {
    return this.orders.state[this.tickets.order[ticket]] === ORDER.paid;
  }
}

/** A claim of the buyer's bank on the money of an order. */
export interface Dispute {
  /** As the gateway names it. */
  readonly id: string;
  readonly status: DisputeStatus;
}
