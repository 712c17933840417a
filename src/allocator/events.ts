import type { Refusal } from '../errors.ts';
import type { DisputeStatus, Once } from './commands.ts';
import type { ScanRecord } from './doors.ts';
import type { StockFigures } from './stock.ts';

/** What a show was created with; the first event of every journal. Times in ms since the epoch, money in minor units. */
export interface ShowTerms {
  readonly planId: string;
  /** SHA-256 (hex) of the plan document, so that a journal is never replayed against another hall. */
  readonly planHash: string;
  readonly currency: string;
  /** Price of each category by its name; a category without one is not for sale. */
  readonly prices: Readonly<Record<string, number>>;
  readonly onSaleAt: number;
  /** Sales close here; `startsAt` of the show if the organiser gave none. */
  readonly offSaleAt: number;
  readonly perHold: number;
  readonly perBuyer: number;
  readonly holdSeconds: number;
  /** Nothing is sold before it; null while that is not decided. Absent: the show was public from the beginning. */
  readonly publishAt?: number | null;
  /** How often the times were changed; absent: never. */
  readonly revision?: number;
}

/** `seat` is an index into the hall, or -1 - area for a general-admission place. */
export interface OrderLine {
  readonly seat: number;
  readonly price: number;
  /** The ticket of the seller, for a seat that is listed for resale. */
  readonly from?: number;
}

/** A listed seat, as a hold takes it: the seller's ticket, and the price. */
export type ListedSeat = readonly [seat: number, ticket: number, price: number];

/** A seller's ticket that is void now, and what is owed for it. */
export interface Resale {
  readonly ticket: number;
  readonly refund: number;
  readonly amount: number;
}

/** Places that change in one way: seats by their indices in the hall, and so many places of areas. */
export interface StockPart {
  readonly seats: readonly number[];
  readonly areas: readonly (readonly [area: number, count: number])[];
}

/**
 * What happened, as the journal keeps it. A turn's events stand together in one row; the row's `at` is their time.
 * Everything that the first answer said can be told again from the event alone (and the hall and terms).
 */
export type ShowEvent =
  | { readonly type: 'opened'; readonly terms: ShowTerms }
  | Rescheduled
  | {
      readonly type: 'held';
      readonly once: Once;
      readonly buyer: string;
      readonly hold: number;
      readonly seats: readonly number[];
      readonly areas: readonly (readonly [area: number, quantity: number])[];
      readonly until: number;
      /** Which of the seats were listed for resale. */
      readonly listed?: readonly ListedSeat[];
    }
  | { readonly type: 'extended'; readonly hold: number; readonly until: number }
  | { readonly type: 'released'; readonly hold: number }
  | { readonly type: 'expired'; readonly holds: readonly number[] }
  | {
      readonly type: 'ordered';
      readonly once: Once;
      readonly order: number;
      readonly hold: number;
      readonly lines: readonly OrderLine[];
      readonly total: number;
      readonly until: number;
      readonly comp?: true;
      /** A free order is paid at once, and with it what it bought from sellers. */
      readonly resold?: readonly Resale[];
    }
  | { readonly type: 'cancelled'; readonly order: number }
  /** The seats are held until then, for a payment that takes days. */
  | { readonly type: 'pending'; readonly order: number; readonly until: number }
  /** `late`: the order had expired, and its places were free. */
  | { readonly type: 'committed'; readonly order: number; readonly late?: true }
  /** Paid too late: the order had expired, and its places are not to be had any more. */
  | { readonly type: 'declined'; readonly order: number; readonly reason: string }
  | { readonly type: 'rejected'; readonly order: number; readonly reason: string }
  | { readonly type: 'captured'; readonly order: number; readonly resold?: readonly Resale[] }
  | { readonly type: 'voided'; readonly order: number; readonly reason: string }
  | { readonly type: 'settled'; readonly order: number; readonly reason?: string }
  /** The tickets are taken back and their price, `amount`, is owed. All are of one order. */
  | {
      readonly type: 'refunding';
      readonly once: Once;
      readonly refund: number;
      readonly order: number;
      readonly tickets: readonly number[];
      readonly amount: number;
      /** Whether the order keeps other valid tickets. */
      readonly partial: boolean;
      readonly reason: string;
    }
  /** All valid tickets of each of these orders of a cancelled show: refunds `refund`, `refund` + 1, … in this order. */
  | { readonly type: 'refunding-all'; readonly refund: number; readonly orders: readonly number[] }
  | { readonly type: 'refunded'; readonly refund: number }
  | { readonly type: 'refund-failed'; readonly refund: number; readonly reason: string }
  /** Refunds that are due again; none of an order that ended unpaid, whose whole money is. */
  | { readonly type: 'refund-returned'; readonly order: number; readonly refunds: readonly number[] }
  | { readonly type: 'disputed'; readonly order: number; readonly dispute: string; readonly status: DisputeStatus }
  /** `holds`: those that were live and end with it. */
  | { readonly type: 'show-cancelled'; readonly reason: string; readonly holds: readonly number[] }
  /** The ticket ends; `to` is another of its order, offered to whoever has this address (a digest of it). */
  | {
      readonly type: 'transferred';
      readonly once: Once;
      readonly ticket: number;
      readonly to: number;
      readonly address: string;
    }
  | { readonly type: 'transfer-accepted'; readonly ticket: number; readonly buyer: string }
  /** Withdrawn or declined: the ticket is its sender's. */
  | { readonly type: 'transfer-ended'; readonly ticket: number }
  | { readonly type: 'listed'; readonly once: Once; readonly ticket: number; readonly price: number }
  | { readonly type: 'unlisted'; readonly ticket: number }
  /** Let in at the door. `at`: as the ledger has it, by the gate's clock; `gate`: '' if none was named. */
  | {
      readonly type: 'admitted';
      readonly once: Once;
      readonly ticket: number;
      readonly at: number;
      readonly gate: string;
    }
  /** Entries of the ticket up to then (ms) count no more. */
  | { readonly type: 'admission-undone'; readonly ticket: number; readonly until: number }
  /** Scans of a gate that the ledger did not have. */
  | { readonly type: 'scanned'; readonly gate: string; readonly scans: readonly ScanRecord[] }
  | StockChanged
  | PlanReplaced
  | { readonly type: 'refused'; readonly once: Once; readonly refusal: Refusal };

/** The times of sale from now on. `publishAt` is absent if it stays as it was. */
export interface Rescheduled {
  readonly type: 'rescheduled';
  readonly onSaleAt: number;
  readonly offSaleAt: number;
  readonly publishAt?: number;
}

/**
 * Another plan is in force. Seats that both have, in the same category, stay what they are; those that only the new one has
 * are for sale if their category has a price.
 */
export interface PlanReplaced {
  readonly type: 'plan-replaced';
  readonly once: Once;
  readonly planId: string;
  /** SHA-256 (hex) of the plan document. */
  readonly planHash: string;
  /** Minor units: first prices of categories, by their index in the hall with the new plan. */
  readonly prices?: StockChanged['prices'];
  /** The stock after it, by the indices of the hall with the new plan. */
  readonly stock: StockFigures;
}

/** What the organiser changed of the stock. A part is absent if nothing changed in that way. */
export interface StockChanged {
  readonly type: 'stock-changed';
  readonly once: Once;
  /** Not for sale before, free now. Places of an area that it did not have make it larger. */
  readonly added?: StockPart;
  /** Free before, not for sale now; seats may also have been kept back. */
  readonly removed?: StockPart;
  /** Free before, kept back now. */
  readonly blocked?: StockPart;
  /** Kept back before, free now. */
  readonly unblocked?: StockPart;
  /** Minor units, by category. Holds that were made before keep the prices that they were told. */
  readonly prices?: readonly (readonly [category: number, price: number])[];
  /** The stock after it. */
  readonly stock: StockFigures;
}
