import type { OrderStatus, PlanLine, TicketLine } from './history.ts';

/*
 * A show as the judge replays it from journal rows: plain and slow to look at, so that it is plain to see that it is
 * right. It shares no code with the product.
 */

export const FREE = 0;
export const HELD = 1;
export const IN_PAYMENT = 2;
export const SOLD = 3;
export const BLOCKED = 4;

/** The places of a hold in the journal. `seats`: places in the plan line. */
export interface JournalHold {
  readonly id: string;
  readonly client: string;
  readonly seats: readonly number[];
  readonly areas: readonly { readonly area: JournalArea; readonly quantity: number }[];
  /** All ends that it was ever given, the last being in force. */
  readonly untils: number[];
  state: 'active' | 'inPayment' | 'bought' | 'released' | 'ended';
  readonly position: number;
  readonly n: number;
}

export interface JournalTicket extends TicketLine {
  readonly index: number;
  state: 'none' | 'valid' | 'suspended' | 'refunded' | 'void';
}

export interface JournalOrder {
  readonly id: string;
  readonly hold: JournalHold;
  readonly tickets: readonly JournalTicket[];
  readonly total: number;
  state: 'awaiting' | 'pending' | 'committed' | 'paid' | 'cancelled' | 'expired' | 'rejected' | 'declined' | 'voided';
  /** Whether its sale was ever committed. */
  wasSold: boolean;
  /** What it was for its client, since which position. */
  readonly told: { readonly since: number; readonly state: OrderStatus }[];
  readonly position: number;
  readonly n: number;
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
  readonly holds = new Map<string, JournalHold>();
  readonly orders = new Map<string, JournalOrder>();
  readonly tickets = new Map<string, JournalTicket>();
  readonly refunds = new Map<
    string,
    { readonly order: JournalOrder; readonly tickets: readonly JournalTicket[]; readonly n: number }
  >();
  /** By seat: the positions at which it was taken and became free, in turn. */
  readonly turns: (number[] | undefined)[] = [];
  /** Keys of the changes of its stock. */
  readonly changes = new Set<string>();
  /** The position at which the show was called off, or 0. */
  cancelledAt = 0;
  /** Events so far: the position of the last. */
  position = 0;

  constructor(plan: PlanLine) {
    this.plan = plan;
    this.seatIndex = new Map(plan.seats.map((id, i) => [id, i]));
    this.seats = new Uint8Array(plan.seats.length);
    this.owner = new Array<JournalHold | null>(plan.seats.length).fill(null);
    for (const id of plan.blocked ?? []) this.seats[this.seatIndex.get(id) ?? -1] = BLOCKED;
    this.areas = new Map(plan.areas.map(({ id, capacity }) => [id, { id, capacity, taken: [0, 0, 0] }]));
  }

  /** Sets what a seat is, and keeps when it was taken or became free. */
  set(seat: number, state: number, owner: JournalHold | null): void {
    const before = this.seats[seat];
    this.seats[seat] = state;
    this.owner[seat] = owner;
    if ((before === FREE) === (state === FREE)) return;
    let turns = this.turns[seat];
    if (turns === undefined) {
      turns = [];
      this.turns[seat] = turns;
    }
    turns.push(this.position);
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
      for (const { state } of order.tickets) if (state === 'refunded') refunded++;
      if (refunded === 0) return 'paid';
      return refunded === order.tickets.length ? 'refunded' : 'partially_refunded';
    }
  }
}
