import type { Answer } from '../../src/actors/shows.ts';
import type { Command, DisputeStatus, Once, Question, Viewer } from '../../src/allocator/commands.ts';
import type { ShowEvent, ShowTerms } from '../../src/allocator/events.ts';
import type { Hall } from '../../src/allocator/hall.ts';
import type { ErrorCode } from '../../src/errors.ts';
import { scopedId } from '../../src/ids.ts';
import type { Notice, NoticeKind } from '../../src/journal/journal.ts';
import { ModelDoors } from './model-doors.ts';
import { areasOf, type ModelArea, type ModelSeat, type PlaceState, priceOf, seatsOf } from './reference-seats.ts';
import { must } from './violation.ts';

export interface ModelHold {
  readonly number: number;
  readonly at: number;
  readonly buyer: string;
  readonly seats: readonly ModelSeat[];
  readonly areas: readonly (readonly [area: number, quantity: number])[];
  /** What it was told, by category. */
  readonly prices: ReadonlyMap<string, number | null>;
  until: number;
  state: 'active' | 'inPayment' | 'bought' | 'released' | 'expired';
  order: ModelOrder | null;
}

export interface ModelTicket {
  readonly number: number;
  /** As in an order line. */
  readonly seat: number;
  readonly price: number;
  readonly order: number;
  /** The seller's, if this line buys from one. */
  readonly from: ModelTicket | null;
  state: 'none' | 'valid' | 'void' | 'refunded' | 'suspended' | 'offered' | 'listed' | 'transferred';
  /** Since when it is in none of the states in which it is good at the doors; 0 if it never was. */
  invalidSince?: number;
  /** Whose it is, or was. */
  holder: string;
  /** To which address it is offered. */
  offeredTo: string | null;
  /** The one that took its place. */
  next: ModelTicket | null;
}

/** The states of a ticket that is paid for and somebody's. */
export const OWNED = ['valid', 'offered', 'listed'] as const;

export interface ModelDispute {
  readonly id: string;
  status: DisputeStatus;
}

export interface ModelOrder {
  readonly number: number;
  readonly at: number;
  readonly hold: ModelHold;
  readonly tickets: readonly ModelTicket[];
  readonly total: number;
  until: number;
  state: 'awaiting' | 'pending' | 'committed' | 'paid' | 'cancelled' | 'expired' | 'rejected' | 'voided' | 'declined';
  settled: boolean;
  reason?: string;
  readonly refunds: ModelRefund[];
  readonly disputes: ModelDispute[];
}

export interface ModelRefund {
  readonly number: number;
  readonly at: number;
  readonly order: ModelOrder;
  readonly tickets: readonly ModelTicket[];
  readonly amount: number;
  state: 'due' | 'done' | 'failed';
  reason?: string;
}

/** One request of a turn. */
export interface Asked {
  readonly message: Command | Question;
  readonly deadline: number;
}

/** What the show may answer: this, or a refusal with one of these codes. */
export interface Expected {
  readonly answer?: Answer;
  readonly codes?: readonly string[];
  /** The command has an event in this turn, or repeats one that has. */
  readonly inTurn: boolean;
}

export type KeyedCommand = Extract<Command, { readonly once: Once }>;
export type EventOf<T extends ShowEvent['type']> = Extract<ShowEvent, { type: T }>;

export const refusedBy = (...codes: ErrorCode[]): Expected => ({ codes, inTurn: false });
export const told = (value: unknown): Answer => ({ ok: true, value, replayed: false });

/** What there is of a show, in plain objects, and the turn that is being played on it. */
export class ReferenceState {
  readonly id: string;
  /** With the plan in force. */
  hall: Hall;
  /** In force: the organiser moves the times of sale. */
  terms: ShowTerms;
  readonly seats: ModelSeat[];
  readonly areas: ModelArea[];
  readonly holds: ModelHold[] = [];
  readonly orders: ModelOrder[] = [];
  readonly refunds: ModelRefund[] = [];
  readonly doors = new ModelDoors();
  cancelled: { readonly at: number; readonly reason: string } | null = null;
  tickets = 0;
  /** The plans that may be put in force, and the one that is; what earlier ones had besides. */
  readonly plans: Readonly<Record<string, Hall>>;
  planId: string;
  readonly formerCategories = new Set<string>();
  replacedInRow = 0;
  /** In force, by category; null where nothing is for sale. */
  readonly prices: Map<string, number | null>;
  isStockChanged = false;

  /** The requests of the turn, and its events that nothing has accounted for yet. */
  asked: readonly (Command | Question)[] = [];
  events: ShowEvent[] = [];
  at = 0;
  now = 0;
  seq = 0;
  toSettle: number[] = [];
  newBuyers: string[] = [];
  offeredTo: string[] = [];
  notices: Notice[] = [];

  constructor(id: string, hall: Hall, terms: ShowTerms, plans: Readonly<Record<string, Hall>> = {}) {
    this.id = id;
    this.hall = hall;
    this.terms = terms;
    this.plans = plans;
    this.planId = terms.planId;
    this.seats = seatsOf(hall, terms);
    this.areas = areasOf(hall, terms);
    this.prices = new Map(hall.categories.map((name) => [name, priceOf(terms, name)]));
  }

  /** Live holds. */
  get live(): ModelHold[] {
    return this.holds.filter((hold) => hold.state === 'active' || hold.state === 'inPayment');
  }

  /** Paid orders of a cancelled show that still have valid tickets. */
  get toRefund(): ModelOrder[] {
    if (this.cancelled === null) return [];
    return this.orders.filter(
      (order) => order.state === 'paid' && !isDisputed(order) && ticketsIn(order, ...OWNED).length > 0,
    );
  }

  /** Whether anything will have to be done with no request coming. */
  get isPending(): boolean {
    return (
      this.live.length > 0 ||
      this.orders.some((order) => !order.settled) ||
      this.refunds.some((refund) => refund.state === 'due') ||
      this.toRefund.length > 0
    );
  }

  get isPublic(): boolean {
    const { publishAt } = this.terms;
    return publishAt === undefined || (publishAt !== null && this.at >= publishAt);
  }

  get isOnSale(): boolean {
    return this.cancelled === null && this.at >= this.terms.onSaleAt && this.at < this.terms.offSaleAt;
  }

  /** What the limit per buyer counts: places held, in payment or sold. */
  placesOf(buyer: string): number {
    let places = 0;
    for (const hold of this.live) if (hold.buyer === buyer) places += sizeOf(hold);
    for (const order of this.orders) places += sold(order).filter(({ holder }) => holder === buyer).length;
    return places;
  }

  /** Seats and places of the plan in force, and those that the organiser added to areas. */
  get capacity(): number {
    const seats = this.seats.filter(({ isFormer }) => !isFormer).length;
    return this.areas.reduce((sum, area) => sum + area.capacity, seats);
  }

  total(state: PlaceState): number {
    let total = this.seats.filter((seat) => seat.state === state).length;
    for (const area of this.areas) total += area.places[state];
    return total;
  }

  ownHold(command: { readonly hold: number; readonly at: number; readonly buyer: string }): ModelHold | null {
    const hold = this.holds[command.hold - 1];
    return hold !== undefined && hold.at === command.at && hold.buyer === command.buyer ? hold : null;
  }

  /** The next event has to be this one. */
  take<T extends ShowEvent['type']>(type: T, fits: (event: EventOf<T>) => boolean): EventOf<T> {
    const event = this.events.shift();
    const isRight = event?.type === type && fits(event as EventOf<T>);
    if (!isRight) this.checkSale(event);
    must(isRight, 'I3', () => `${type} should have happened, not ${JSON.stringify(event)}`);
    return event as EventOf<T>;
  }

  /** An event that comes instead of another is a sale that can never be, or just not to be expected. */
  checkSale(event: ShowEvent | undefined): void {
    if (event?.type !== 'committed') return;
    const order = this.orders[event.order - 1];
    must(order?.state !== 'declined', 'I10', () => `order ${event.order} is committed after it was declined`);
    must(
      order?.state !== 'expired' || (event.late === true && !order.settled),
      'I9',
      () => `order ${event.order} is committed after its time`,
    );
    const isPaid = this.asked.some(
      (one) => one.type === 'commit' && order !== undefined && pays(one, order, this.terms),
    );
    must(isPaid, 'I10', () => `order ${event.order} is committed without the right payment`);
  }

  /** The buyer is to hear of this. */
  tell(kind: NoticeKind, order: ModelOrder, refund: ModelRefund | null = null): void {
    const orderId = scopedId('ord', order.at, this.id, order.number);
    const refundId = refund === null ? null : scopedId('rfd', refund.at, this.id, refund.number);
    this.notices.push({ id: `${kind}:${refundId ?? orderId}`, kind, orderId, refundId });
  }

  /** The ticket is good at the doors no more. */
  invalidate(ticket: ModelTicket, state: ModelTicket['state']): void {
    if (ticket.state === 'valid') ticket.invalidSince = this.at;
    ticket.state = state;
  }

  // ---- Places ----

  /** Moves all places of a live hold at once. */
  shift(hold: ModelHold, from: PlaceState, to: PlaceState): void {
    for (const seat of hold.seats) {
      const isRight = seat.state === from || (from === 'free' && seat.state === 'listed');
      must(isRight, 'I1', () => `seat ${seat.id} of hold ${hold.number} is ${seat.state}, not ${from}`);
      if (to === 'free') this.letGo(seat);
      else Object.assign(seat, { state: to, owner: hold.number });
    }
    for (const [index, quantity] of hold.areas) {
      this.areas[index].places[from] -= quantity;
      this.areas[index].places[to] += quantity;
    }
  }

  free(hold: ModelHold, state: 'released' | 'expired'): void {
    this.shift(hold, hold.order === null ? 'held' : 'inPayment', 'free');
    hold.state = state;
  }

  /** The ticket gets its place. */
  sell(ticket: ModelTicket, from: PlaceState): void {
    if (ticket.seat < 0) {
      this.areas[-1 - ticket.seat].places[from]--;
      this.areas[-1 - ticket.seat].places.sold++;
      return;
    }
    const seat = this.seats[ticket.seat];
    must(seat.state === from, 'I1', () => `seat ${seat.id} is sold while ${seat.state} by ${seat.owner}, not ${from}`);
    seat.state = 'sold';
    seat.owner = ticket.number;
  }

  /** Nobody has the seat any more: it is its seller's again, if it has one. */
  letGo(seat: ModelSeat): void {
    const seller = seat.listing?.ticket ?? null;
    if (seller !== null && !isDisputed(this.orders[seller.order - 1])) {
      Object.assign(seat, { state: 'listed', owner: seller.number });
      return;
    }
    seat.listing = null;
    if (seller !== null) seller.state = 'suspended';
    Object.assign(seat, seller === null ? { state: 'free', owner: 0 } : { state: 'sold', owner: seller.number });
  }

  /** A ticket that is somebody's is so no more. A listed seat that a buyer has by now stays the buyer's. */
  end(ticket: ModelTicket, state: 'void' | 'refunded'): void {
    ticket.offeredTo = null;
    const seat = this.seats[ticket.seat];
    if (ticket.state !== 'listed') {
      this.giveBack(ticket, state);
      return;
    }
    must(seat.listing?.ticket === ticket, 'I1', () => `ticket ${ticket.number} is listed, but not its seat`);
    ticket.state = state;
    if (seat.state === 'held' || seat.state === 'inPayment') {
      seat.listing = { ticket: null, price: seat.listing.price };
      return;
    }
    seat.listing = null;
    if (seat.state === 'listed') Object.assign(seat, { state: 'free', owner: 0 });
  }

  /** The place of a sold ticket is for sale again. */
  giveBack(ticket: ModelTicket, state: 'void' | 'refunded'): void {
    this.invalidate(ticket, state);
    if (ticket.seat < 0) {
      this.areas[-1 - ticket.seat].places.sold--;
      this.areas[-1 - ticket.seat].places.free++;
      return;
    }
    const seat = this.seats[ticket.seat];
    must(
      seat.state === 'sold' && seat.owner === ticket.number,
      'I1',
      () => `ticket ${ticket.number} gives back seat ${seat.id}, which is ${seat.state} by ${seat.owner}`,
    );
    this.letGo(seat);
  }

  checkCounts(): void {
    for (const area of this.areas) {
      const counts = Object.values(area.places);
      must(
        counts.every((count) => count >= 0),
        'I5',
        () => `area ${area.id} has a count below 0: ${counts}`,
      );
      must(
        counts.reduce((sum, count) => sum + count) === area.capacity,
        'I5',
        () => `area ${area.id} counts ${counts} of ${area.capacity}`,
      );
    }
  }
}

export function sizeOf(hold: ModelHold): number {
  return hold.areas.reduce((sum, [, quantity]) => sum + quantity, hold.seats.length);
}

/** All tickets of the order, each line's with those that took its place. */
export function allTickets(order: ModelOrder): ModelTicket[] {
  return order.tickets.flatMap((line) => {
    const tickets: ModelTicket[] = [];
    for (let ticket: ModelTicket | null = line; ticket !== null; ticket = ticket.next) tickets.push(ticket);
    return tickets;
  });
}

export function ticketsIn(order: ModelOrder, ...states: readonly ModelTicket['state'][]): ModelTicket[] {
  return allTickets(order).filter((ticket) => states.includes(ticket.state));
}

export function isDisputed(order: ModelOrder): boolean {
  return order.disputes.some(({ status }) => status === 'open');
}

/** Whether this says that the right money is there. */
export function pays(commit: Extract<Command, { type: 'commit' }>, order: ModelOrder, terms: ShowTerms): boolean {
  return commit.order === order.number && commit.amount === order.total && commit.currency === terms.currency;
}

/** The order's tickets that have a place. */
export function sold(order: ModelOrder): ModelTicket[] {
  if (order.state === 'committed') return [...order.tickets];
  if (order.state !== 'paid') return [];
  return ticketsIn(order, 'suspended', ...OWNED);
}

export function priceOfAll(tickets: readonly ModelTicket[]): number {
  return tickets.reduce((sum, ticket) => sum + ticket.price, 0);
}

export function sees(viewer: Viewer, order: ModelOrder): boolean {
  return viewer.all || viewer.user === order.hold.buyer;
}
