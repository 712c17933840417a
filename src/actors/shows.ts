import type { Command, DisputeStatus, Question } from '../allocator/commands.ts';
import type { EntryKind } from '../allocator/doors.ts';
import type { ShowTerms } from '../allocator/events.ts';
import type { Hall } from '../allocator/hall.ts';
import type { ORDER } from '../allocator/orders.ts';
import type { Refusal } from '../errors.ts';
import type { SeatMap } from './seat-map.ts';

/** What a show answers: JSON in the contract's form, or a refusal. `replayed`: the first answer, told again. */
export type Answer<T = unknown> =
  | { readonly ok: true; readonly value: T; readonly replayed: boolean }
  | {
      readonly ok: false;
      readonly refusal: Refusal;
      readonly replayed: boolean;
      /** Not begun here, since the show is another node's or on its way there: whoever owns it may be asked instead. */
      readonly moved?: true;
    };

/** The shows of the cluster, as HTTP and settlement see them; also those of one node, as the cluster sees them. */
export interface Shows {
  /**
   * Asks a show; resolves when the answer is durable, always by the deadline (plus one append). Never rejects.
   * @param deadline ms since the epoch; a command that is still waiting then is dropped undone.
   */
  ask<T = unknown>(showId: string, message: Command | Question, deadline: number): Promise<Answer<T>>;
  /** The last durable seat map, or a refusal (`NOT_FOUND`, `UNAVAILABLE`, `OVERLOADED`). */
  seatMap(showId: string): Promise<SeatMap | Refusal>;
  /** Only the figures of the seat map, for lists of shows. */
  seatCounts(showId: string): Promise<SeatCounts | Refusal>;
}

/** Of a show's last durable seat map. */
export interface SeatCounts {
  readonly capacity: number;
  readonly available: number;
  /** Minor units; the cheapest price that is still to be had, or null. */
  readonly fromPrice: number | null;
  /** By the names of categories, if they are not those that the show was made with. */
  readonly prices?: Readonly<Record<string, number>>;
  /** If it is not the one that the show was made with. */
  readonly plan?: CurrentPlan;
  /** True once the show was called off. Absent from nodes that do not tell it yet. */
  readonly cancelled?: boolean;
}

/** When a show is sold, as the show itself has it (ms since the epoch). */
export interface SaleTimes {
  readonly onSaleAt: number;
  readonly offSaleAt: number;
  /** Absent: public from the beginning; null: not decided yet. */
  readonly publishAt?: number | null;
  /** How often they were changed. */
  readonly revision: number;
}

/** The plan in force of a show of which the plan was replaced. */
export interface CurrentPlan {
  readonly id: string;
  /** How many plans replaced the first. */
  readonly revision: number;
}

/** What lists tell of a show besides what its organiser wrote: as of the durable turn `version`. */
export interface ShowFigures {
  readonly version: number;
  /** ms since the epoch of that turn. */
  readonly asOf: number;
  readonly capacity: number;
  readonly available: number;
  readonly fromPrice: number | null;
  readonly cancelled: boolean;
  /** As in {@link SeatCounts}. */
  readonly prices?: Readonly<Record<string, number>>;
  /** Absent while the first plan is in force, and where only the catalogue has it. */
  readonly plan?: CurrentPlan;
  /** Absent where only the catalogue has them. */
  readonly times?: SaleTimes;
}

/** `GET /holds/{id}` and the answer to a hold. */
export interface HoldView {
  readonly id: string;
  readonly showId: string;
  readonly seats: readonly { readonly id: string; readonly category: string; readonly price: Money }[];
  readonly areas: readonly {
    readonly id: string;
    readonly category: string;
    readonly quantity: number;
    readonly price: Money;
  }[];
  readonly total: Money;
  readonly status: 'active' | 'in_payment';
  readonly expiresAt: string;
  readonly serverTime: string;
}

export interface Money {
  readonly amount: number;
  readonly currency: string;
}

export type OrderStatus =
  | 'awaiting_payment'
  | 'processing'
  | 'paid'
  | 'cancelled'
  | 'expired'
  | 'refunded'
  | 'partially_refunded';

export interface OrderView {
  readonly id: string;
  readonly showId: string;
  readonly holdId: string;
  readonly lines: readonly { readonly ticketId: string; readonly seat: SeatName; readonly price: Money }[];
  readonly total: Money;
  readonly status: OrderStatus;
  /** Absent for a free order. HTTP adds the provider and, while the order can be paid, the client's secret. */
  readonly payment?: { readonly id: string };
  readonly createdAt: string;
  readonly expiresAt: string;
  /** Why it ended, and what became of money that came too late. */
  readonly reason?: string;
  /** Oldest first; absent while there are none. */
  readonly refunds?: readonly RefundView[];
  /** The newest claim of the buyer's bank on its money. */
  readonly dispute?: { readonly id: string; readonly status: DisputeStatus };
}

export interface RefundView {
  readonly id: string;
  readonly orderId: string;
  readonly amount: Money;
  /** Of the tickets that were taken back. */
  readonly ticketIds: readonly string[];
  readonly status: 'pending' | 'succeeded' | 'failed';
  readonly reason?: string;
  readonly createdAt: string;
}

/** How far a cancelled show has come. */
export interface CancellationView {
  readonly showId: string;
  readonly status: 'refunding' | 'refunded';
  readonly reason: string;
  readonly cancelledAt: string;
  readonly refunds: {
    /** Orders of which the refund is still to begin, those included whose payment is being captured. */
    readonly waiting: number;
    readonly pending: number;
    readonly succeeded: number;
    readonly failed: number;
  };
  /** Given back so far. */
  readonly refunded: Money;
}

/** A seat or a general-admission place (then only `area`) as a person reads it on the ticket. */
export interface SeatName {
  readonly id?: string;
  readonly zone?: string;
  readonly row?: string;
  readonly number?: string;
  readonly area?: string;
  readonly category: string;
}

export interface TicketView {
  readonly id: string;
  readonly showId: string;
  /** Absent for whoever got the ticket by a transfer: the order is its payer's. */
  readonly orderId?: string;
  readonly seat: SeatName;
  readonly price: Money;
  /** `used`: valid, and admitted at the door. */
  readonly status: TicketStatus;
  /** What the seat is listed for. */
  readonly listing?: { readonly price: Money };
  /** Of a used ticket, for who sees all: when it was admitted, and where if a gate was named. */
  readonly admittedAt?: string;
  readonly gate?: string;
}

export type TicketStatus = 'valid' | 'used' | 'listed' | 'offered' | 'transferred' | 'refunded' | 'void' | 'suspended';

/** The answer to an admission. */
export interface AdmissionView {
  readonly ticketId: string;
  readonly showId: string;
  readonly seat: SeatName;
  readonly admittedAt: string;
  readonly gate?: string;
}

/** An entry of the ledger of the doors. */
export interface LedgerEntry {
  readonly at: string;
  readonly gate?: string;
  readonly kind: EntryKind;
}

/** A ticket with all that the ledger has of it, earliest first. */
export interface TicketAtDoor extends Omit<AdmissionView, 'admittedAt'> {
  readonly ticketStatus: TicketStatus;
  /** Of its standing admission; absent without one. */
  readonly admittedAt?: string;
  readonly entries: readonly LedgerEntry[];
}

/** An entry of the ledger, or why the scan is none. */
export type ScanOutcome = EntryKind | 'unknown' | 'bad_time' | 'no_room';

export interface UploadedScan extends Partial<Pick<AdmissionView, 'ticketId' | 'showId' | 'seat'>> {
  readonly at: string;
  readonly result: ScanOutcome;
  /** Of the admission that a double entry doubles. */
  readonly admittedAt?: string;
  readonly gate?: string;
}

export interface AdmissionList {
  readonly total: number;
  readonly items: readonly TicketAtDoor[];
  readonly counts: {
    /** Tickets that are valid, used or not. */
    readonly valid: number;
    /** Tickets with a standing admission. */
    readonly admitted: number;
    /** Entries. */
    readonly double: number;
    readonly void: number;
  };
}

export interface VoidedTickets {
  /** The show's journal row that it is of. */
  readonly version: number;
  /** Ticket numbers, ascending. */
  readonly tickets: readonly number[];
}

/** A seat that is for resale now. */
export interface ListingView {
  readonly seat: SeatName;
  readonly price: Money;
}

/** A page of what a show has. */
export interface Listed<T> {
  readonly total: number;
  readonly items: readonly T[];
}

/** What settlement needs to know of an order. */
export interface PaymentWork {
  readonly orderId: string;
  readonly paymentId: string;
  readonly buyer: string;
  readonly amount: number;
  readonly currency: string;
  readonly status: OrderStatus;
  readonly state: OrderState;
  /** The gateway may still hold money for an order that ended unpaid. */
  readonly unsettled: boolean;
  /** Why it ended. */
  readonly reason?: string;
  /** ms since the epoch. */
  readonly createdAt: number;
  /** Refunds that are due. `at`: when it was decided, ms since the epoch. */
  readonly refunds: readonly {
    readonly number: number;
    readonly id: string;
    readonly amount: number;
    readonly at: number;
  }[];
}

/** See `allocator/orders.ts`. */
export type OrderState = keyof typeof ORDER;

export interface ShowSummary {
  readonly capacity: number;
  readonly available: number;
  readonly held: number;
  readonly inPayment: number;
  readonly sold: number;
  readonly blocked: number;
  readonly version: number;
}

/** What there is of the seats of a category, or the places of an area. */
export interface StockCounts {
  readonly category: string;
  /** Null while nothing of its category is for sale. */
  readonly price: Money | null;
  readonly free: number;
  readonly held: number;
  readonly inPayment: number;
  readonly sold: number;
  /** Kept back for the house. */
  readonly blocked: number;
  /** Not for sale in this show. */
  readonly removed: number;
}

/** The stock of a show as its organiser sees it. */
export interface InventoryView {
  readonly showId: string;
  readonly capacity: number;
  readonly available: number;
  /** Seats. */
  readonly categories: readonly StockCounts[];
  readonly areas: readonly (StockCounts & { readonly id: string; readonly capacity: number })[];
  /** Some of those that are not for sale, if that was asked. */
  readonly seats?: { readonly total: number; readonly items: readonly string[] };
}

/** What a show is made of when it wakes. */
export interface MadeShow {
  /** Of the plan that it was made with. */
  readonly hall: Hall;
  readonly terms: ShowTerms;
  /** The hall once these plans have replaced the first, one after the other; null if one of them is unknown. */
  laterHall(planIds: readonly string[]): Promise<Hall | null>;
}

/** What the catalogue says of shows. */
export interface ShowSource {
  /** Whether there is such a show; cheap, for it is asked of ids that anybody may have made up. */
  exists(showId: string): Promise<boolean>;
  /** `null` for an unknown show. */
  load(showId: string): Promise<MadeShow | null>;
}
