import type { OrderStatus, PlanLine } from './history.ts';
import { GrowingLists } from './lists.ts';
import type { Cases, ShowFile } from './show-file.ts';

/*
 * A show as the judge replays it from journal rows: plain and slow to look at, so that it is plain to see that it is
 * right. It shares no code with the product.
 */

export const FREE = 0;
export const HELD = 1;
export const IN_PAYMENT = 2;
export const SOLD = 3;
export const BLOCKED = 4;
export const LISTED = 5;

/** The places of a hold in the journal. `seats`: places in the plan line. */
export interface JournalHold {
  readonly id: string;
  readonly client: string;
  readonly seats: readonly number[];
  areas: readonly { readonly area: JournalArea; readonly quantity: number }[];
  /** The end that it was made with, those that it was given later, and the one that is in force. */
  readonly firstUntil: number;
  laterUntils: number[] | null;
  until: number;
  state: 'active' | 'inPayment' | 'bought' | 'released' | 'ended';
  /** The order that was made of it last. */
  order: JournalOrder | null;
  readonly n: number;
}

/** Its line, each field told also if it is absent: all tickets are then of one shape, which is faster to read. */
export interface JournalTicket {
  readonly id: string;
  readonly seat: string | undefined;
  readonly area: string | undefined;
  readonly price: number;
  readonly from: string | undefined;
  /** The place of its seat in the plan line, or -1. */
  readonly index: number;
  readonly order: JournalOrder;
  state: 'none' | 'valid' | 'suspended' | 'refunded' | 'void' | 'offered' | 'listed' | 'transferred' | 'resold';
  /** It took the place of another: no line of its order. */
  readonly isSuccessor?: true;
  /** Whose right to the place it has: the ticket that was transferred or resold for it. */
  before?: JournalTicket;
  /** Since when it is not valid any more, on the server's clock. */
  invalidSince?: number | undefined;
  /** Once it is resold: what its seller is owed. */
  resoldFor?: number;
  /** What the ledger of the doors has of it, and up to when that counts no more. */
  entries: readonly { readonly at: number; readonly gate: string; readonly wasVoid: boolean; readonly n: number }[];
  undoneUntil: number | undefined;
}

/** The states of a ticket that is paid for and somebody's. */
export const OWNED: readonly JournalTicket['state'][] = ['valid', 'offered', 'listed'];

export interface JournalOrder {
  readonly id: string;
  readonly hold: JournalHold;
  /** Its lines, and what took their place by transfers. */
  readonly tickets: JournalTicket[];
  readonly total: number;
  /** Disputes over it that are open. */
  disputes: number;
  /** One is open or lost: the buyer's bank has what was left of its money. */
  isWithdrawn: boolean;
  state: 'awaiting' | 'pending' | 'committed' | 'paid' | 'cancelled' | 'expired' | 'rejected' | 'declined' | 'voided';
  /** Whether its sale was ever committed. */
  wasSold: boolean;
  /** What it is for its client, and was. */
  told: ToldStatus | null;
  readonly n: number;
}

/** What an order was for its client from a position on, until what came after it. */
export interface ToldStatus {
  readonly since: number;
  readonly state: OrderStatus;
  readonly before: ToldStatus | null;
}

export interface JournalArea {
  readonly id: string;
  /** Places that are for sale, free or taken. */
  capacity: number;
  /** Places that are held, in payment or sold. */
  readonly taken: [held: number, inPayment: number, sold: number];
}

/** State of a show at one row, and what was met on the way there. */
export class JournalState {
  readonly plan: PlanLine;
  readonly seatIndex: ReadonlyMap<string, number>;
  readonly seats: Uint8Array;
  readonly owner: (JournalHold | null)[];
  readonly areas: ReadonlyMap<string, JournalArea>;
  /** By the numbers that their files have. */
  readonly holds: (JournalHold | undefined)[];
  readonly orders: (JournalOrder | undefined)[];
  readonly tickets: (JournalTicket | undefined)[];
  readonly #cases: Cases;
  /** What is for resale, by seat, also while a buyer has it: the sellers' tickets. */
  readonly listings = new Map<number, { readonly ticket: JournalTicket; readonly price: number }>();
  readonly refunds = new Map<
    string,
    { readonly order: JournalOrder; readonly tickets: readonly JournalTicket[]; readonly n: number }
  >();
  /** By seat: the positions at which it was taken and became free, in turn. */
  readonly turns = new GrowingLists();
  /** Keys of the changes of its stock. */
  readonly changes = new Set<string>();
  /** From when until when it sold, by how often that was moved. */
  readonly saleTimes: { readonly onSale: number; readonly offSale: number }[] = [];
  /** The position at which the show was called off, or 0. */
  cancelledAt = 0;
  /** Events so far: the position of the last. */
  position = 0;

  constructor({ plan, seatIndex, cases }: ShowFile) {
    this.plan = plan;
    const { onSale = Number.NEGATIVE_INFINITY, offSale = Number.POSITIVE_INFINITY } = plan;
    this.saleTimes.push({ onSale, offSale });
    this.#cases = cases;
    // As long as they will be, or nearly: an array that is written to far behind its end is no array to the engine.
    this.holds = new Array<JournalHold | undefined>(cases.holds.all.length).fill(undefined);
    this.orders = new Array<JournalOrder | undefined>(cases.orders.all.length).fill(undefined);
    this.tickets = new Array<JournalTicket | undefined>(cases.tickets.size).fill(undefined);
    this.seatIndex = seatIndex;
    this.seats = new Uint8Array(plan.seats.length);
    this.owner = new Array<JournalHold | null>(plan.seats.length).fill(null);
    for (const id of plan.blocked ?? []) this.seats[this.seatIndex.get(id) ?? -1] = BLOCKED;
    this.areas = new Map(plan.areas.map(({ id, capacity }) => [id, { id, capacity, taken: [0, 0, 0] }]));
  }

  hold(id: string): JournalHold | undefined {
    return this.holds[this.#cases.holds.of(id).number];
  }

  order(id: string): JournalOrder | undefined {
    return this.orders[this.#cases.orders.of(id).number];
  }

  ticket(id: string): JournalTicket | undefined {
    return this.tickets[this.#cases.tickets.add(id)];
  }

  addHold(hold: JournalHold): void {
    this.holds[this.#cases.holds.of(hold.id).number] = hold;
  }

  addOrder(order: JournalOrder): void {
    this.orders[this.#cases.orders.of(order.id).number] = order;
    order.hold.order = order;
  }

  /** @returns whether there was none of this id; the one that came last counts. */
  addTicket(ticket: JournalTicket): boolean {
    const number = this.#cases.tickets.add(ticket.id);
    const isNew = this.tickets[number] === undefined;
    this.tickets[number] = ticket;
    return isNew;
  }

  /** Nobody has the seat any more: it is free, or its seller's again. */
  letGo(seat: number): void {
    const ticket = this.listings.get(seat)?.ticket;
    if (ticket === undefined) {
      this.set(seat, FREE, null);
    } else if (ticket.order.disputes > 0) {
      this.listings.delete(seat);
      ticket.state = 'suspended';
      this.set(seat, SOLD, ticket.order.hold);
    } else {
      this.set(seat, LISTED, ticket.order.hold);
    }
  }

  /** Sets what a seat is, and keeps when it was taken or became free. */
  set(seat: number, state: number, owner: JournalHold | null): void {
    const before = this.seats[seat];
    this.seats[seat] = state;
    this.owner[seat] = owner;
    if ((before === FREE) === (state === FREE)) return;
    this.turns.push(seat, this.position);
  }
}

/** How an order is called to its client. */
export function statusOf(order: JournalOrder): OrderStatus {
  switch (order.state) {
    case 'awaiting':
      return 'awaiting_payment';
    case 'pending':
    case 'committed':
      return 'processing';
    case 'expired':
    case 'declined':
      return 'expired';
    case 'cancelled':
    case 'rejected':
    case 'voided':
      return 'cancelled';
    case 'paid': {
      let refunded = 0;
      let lines = 0;
      for (const { state } of order.tickets) {
        if (state !== 'transferred') lines++;
        if (state === 'refunded' || state === 'resold') refunded++;
      }
      if (refunded === 0) return 'paid';
      return refunded === lines ? 'refunded' : 'partially_refunded';
    }
  }
}
