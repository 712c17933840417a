/** 128 bits as base64url (22 characters): names one intention of one client, whatever number of times it is sent. */
export type CommandId = string;

/** Makes a command safe to repeat: its id, and a fingerprint (unsigned 32 bits) of what was asked. */
export interface Once {
  readonly id: CommandId;
  readonly fingerprint: number;
}

export interface BestRequest {
  readonly quantity: number;
  /** A category's name; all priced categories if absent. */
  readonly category?: string;
  /** Minor units, a seat. */
  readonly maxPrice?: number;
  /** At least one seat of the party is accessible, the others beside it. */
  readonly accessible?: boolean;
}

export interface AreaRequest {
  readonly id: string;
  readonly quantity: number;
}

/** A seat by its id, or so many places of an area. */
export type StockPlaces = string | AreaPlaces;

export interface AreaPlaces {
  readonly area: string;
  readonly count: number;
}

/** What goes on sale, at the price of its category, or at the first price that the category gets. */
export type StockAddition = (AreaPlaces | { readonly seat: string }) & {
  readonly category: string;
  /** Minor units. */
  readonly price: number;
};

/**
 * What can be asked of a show. `buyer` is a user id and also the authority: a command about another buyer's hold or
 * order answers `NOT_FOUND`. Numbers are those inside scoped ids; `at` beside one is the id's time, checked.
 */
export type Command =
  | {
      readonly type: 'hold';
      readonly once: Once;
      readonly buyer: string;
      readonly seats?: readonly string[];
      readonly best?: BestRequest;
      readonly areas?: readonly AreaRequest[];
    }
  | { readonly type: 'extend'; readonly buyer: string; readonly hold: number; readonly at: number }
  | { readonly type: 'release'; readonly buyer: string; readonly hold: number; readonly at: number }
  /** Ends every hold whose time and grace are over. Sent by the show's own clock. */
  | { readonly type: 'expire' }
  | {
      readonly type: 'order';
      readonly once: Once;
      readonly buyer: string;
      readonly hold: number;
      readonly at: number;
      /** The organiser gives the places away: all for nothing. */
      readonly comp?: true;
    }
  /** The buyer gives an unpaid order up. */
  | { readonly type: 'cancel'; readonly buyer: string; readonly order: number; readonly at: number }
  /** The buyer has paid by a method that takes days: the seats are held meanwhile. */
  | { readonly type: 'pending'; readonly order: number }
  /**
   * The gateway has authorised this order's payment: the seat decides. `amount` is what was authorised. `late`: the sender
   * knows that the order's time is over; if its places are free they are taken again, else the order is declined for good.
   */
  | {
      readonly type: 'commit';
      readonly order: number;
      readonly amount: number;
      readonly currency: string;
      readonly late?: true;
    }
  /** The gateway can never authorise this payment. */
  | { readonly type: 'reject'; readonly order: number; readonly reason: string }
  /** The money of a committed order has been captured: its tickets become valid. */
  | { readonly type: 'captured'; readonly order: number }
  /** The money of a committed order can never be captured: the sale is void, the seats are free. */
  | { readonly type: 'void'; readonly order: number; readonly reason: string }
  /** The gateway holds no money any more for an order that ended unpaid. `reason`: what became of money that it had. */
  | { readonly type: 'settled'; readonly order: number; readonly reason?: string }
  /** The organiser gives the price of valid tickets back, all of the order's if none are named, and takes them back. */
  | {
      readonly type: 'refund';
      readonly once: Once;
      readonly order: number;
      readonly at: number;
      readonly tickets?: readonly number[];
      readonly reason: string;
    }
  /** The money of this refund is on its way to the buyer, and cannot fail any more. */
  | { readonly type: 'refunded'; readonly refund: number }
  /** The money of this refund cannot be given back by the gateway: people have to. */
  | { readonly type: 'refund-failed'; readonly refund: number; readonly reason: string }
  /** Money of this order that had been given back came back from the buyer's bank: it is due again. */
  | { readonly type: 'refund-returned'; readonly order: number }
  /** The buyer's bank claims the money of an order back (`open`), has lost or won. */
  | { readonly type: 'dispute'; readonly order: number; readonly dispute: string; readonly status: DisputeStatus }
  /** The organiser calls the show off: nothing is sold any more, and everybody is paid back. */
  | { readonly type: 'cancel-show'; readonly reason: string }
  /** Begins the next refunds of a cancelled show. Sent by the show's own clock. */
  | { readonly type: 'refund-next' }
  /** The owner gives a ticket to whoever has the address, of which this is the digest; they have to accept it. */
  | {
      readonly type: 'transfer';
      readonly once: Once;
      readonly buyer: string;
      readonly ticket: number;
      readonly at: number;
      readonly address: string;
    }
  | {
      readonly type: 'accept-transfer';
      readonly buyer: string;
      readonly address: string;
      readonly ticket: number;
      readonly at: number;
    }
  | { readonly type: 'withdraw-transfer'; readonly buyer: string; readonly ticket: number; readonly at: number }
  | { readonly type: 'decline-transfer'; readonly address: string; readonly ticket: number; readonly at: number }
  /** The owner lists the seat of a ticket for resale. */
  | {
      readonly type: 'resell';
      readonly once: Once;
      readonly buyer: string;
      readonly ticket: number;
      readonly at: number;
      readonly price: number;
    }
  | { readonly type: 'withdraw-listing'; readonly buyer: string; readonly ticket: number; readonly at: number }
  /** Lets a ticket in, whose code was proved. `scannedAt`: when, by the gate's clock (ms); now if absent. */
  | {
      readonly type: 'admit';
      readonly once: Once;
      readonly ticket: number;
      readonly at: number;
      readonly gate?: string;
      readonly scannedAt?: number;
    }
  /** The organiser takes an admission back: this one if `admittedAt` (ms) says which, else the standing one. */
  | { readonly type: 'undo-admission'; readonly ticket: number; readonly at: number; readonly admittedAt?: number }
  /** What a gate has let in while it was offline. The same scan again is no other. */
  | { readonly type: 'merge-scans'; readonly gate: string; readonly scans: readonly Scan[] }
  | RescheduleCommand
  | StockCommand
  | ReplacePlanCommand;

/** The organiser puts another plan in the place of the one in force. */
export interface ReplacePlanCommand {
  readonly type: 'replace-plan';
  readonly once: Once;
  readonly planId: string;
  /** Minor units: first prices, by the names of categories that have none. */
  readonly prices?: Readonly<Record<string, number>>;
}

/** A ticket whose code was proved, and when it was scanned (ms, by the gate's clock). */
export interface Scan {
  readonly ticket: number;
  readonly at: number;
  readonly scannedAt: number;
}

/** The organiser moves the times of sale, or publishes a draft. What is absent stays as it is; safe to repeat. */
export interface RescheduleCommand {
  readonly type: 'reschedule';
  readonly onSaleAt?: number;
  readonly offSaleAt?: number;
  readonly publishAt?: number | 'now';
}

/** The organiser changes what is for sale, and at which prices: all of it or nothing. */
export interface StockCommand {
  readonly type: 'stock';
  readonly once: Once;
  readonly add?: readonly StockAddition[];
  /** Not for sale in this show any more. */
  readonly remove?: readonly StockPlaces[];
  /** Kept back for the house. */
  readonly block?: readonly StockPlaces[];
  /** Kept back no longer. */
  readonly unblock?: readonly StockPlaces[];
  /** New prices by the names of their categories, minor units. */
  readonly reprice?: Readonly<Record<string, number>>;
}

/** `won`: the money is ours again; `lost`: it is the buyer's for good. */
export type DisputeStatus = 'open' | 'won' | 'lost';

/** What can be read of a show; answered in turn with the commands, so that it never shows what is not yet durable. */
export type Question =
  /** `all`: whoever's it is. */
  | {
      readonly type: 'get-hold';
      readonly buyer: string;
      readonly all?: true;
      readonly hold: number;
      readonly at: number;
    }
  | { readonly type: 'get-order'; readonly viewer: Viewer; readonly order: number; readonly at: number }
  | { readonly type: 'get-ticket'; readonly viewer: Viewer; readonly ticket: number; readonly at: number }
  /** All the buyer's orders in this show, newest first. */
  | { readonly type: 'list-orders'; readonly buyer: string }
  /** A buyer's own tickets, or all of the show's when `viewer.all`; newest first, answered as `{total, items}`. */
  | { readonly type: 'list-tickets'; readonly viewer: Viewer; readonly offset: number; readonly limit: number }
  /** Tickets that are offered to whoever has the address; answered as `{total, items}`. */
  | { readonly type: 'list-offers'; readonly address: string; readonly offset: number; readonly limit: number }
  /** What is for resale and held by nobody; answered as `{total, items}`. */
  | { readonly type: 'list-listings'; readonly offset: number; readonly limit: number }
  /** The order as settlement needs it. */
  | { readonly type: 'get-payment'; readonly order: number }
  /** How far the refunds of a cancelled show have come. */
  | { readonly type: 'get-cancellation' }
  /** Tickets of the ledger of the doors, by number, and counts; answered as `AdmissionList`. */
  | {
      readonly type: 'list-admissions';
      readonly only: 'admitted' | 'double' | 'void';
      readonly offset: number;
      readonly limit: number;
    }
  /** Tickets that had a code and are not valid now. */
  | { readonly type: 'get-voided' }
  /** What is for sale; with `seats` also some of those that are not, and how many there are. */
  | { readonly type: 'get-inventory'; readonly seats?: SeatsNotForSale }
  | { readonly type: 'get-summary' };

export interface SeatsNotForSale {
  readonly are: 'blocked' | 'removed';
  readonly offset: number;
  readonly limit: number;
}

/** Who looks: `all` for the show's organiser and admins. */
export interface Viewer {
  readonly user: string;
  readonly all: boolean;
}

const SINCE_FORMAT_3: ReadonlySet<string> = new Set<(Command | Question)['type']>([
  'pending',
  'refund',
  'refunded',
  'refund-failed',
  'refund-returned',
  'dispute',
  'cancel-show',
  'refund-next',
  'get-cancellation',
]);

const SINCE_FORMAT_4: ReadonlySet<string> = new Set<(Command | Question)['type']>([
  'transfer',
  'accept-transfer',
  'withdraw-transfer',
  'decline-transfer',
  'resell',
  'withdraw-listing',
  'list-offers',
  'list-listings',
  'admit',
  'undo-admission',
  'merge-scans',
  'list-admissions',
  'get-voided',
  'reschedule',
  'stock',
  'get-inventory',
]);

const SINCE_FORMAT_5: ReadonlySet<string> = new Set<(Command | Question)['type']>(['replace-plan']);

/** The format (`formats.ts`) that every node must read before this may be asked: what it leads to is journaled in it. */
export function formatOf(message: Command | Question): number {
  if (SINCE_FORMAT_5.has(message.type)) return 5;
  if (SINCE_FORMAT_4.has(message.type)) return 4;
  const isNew =
    SINCE_FORMAT_3.has(message.type) ||
    (message.type === 'order' && message.comp === true) ||
    (message.type === 'commit' && message.late === true) ||
    (message.type === 'settled' && message.reason !== undefined);
  return isNew ? 3 : 1;
}
