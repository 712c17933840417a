import type { DisputeStatus } from '../allocator/commands.ts';
import type { ORDER } from '../allocator/orders.ts';

/**
 * The rows of `migrations/0027-read-models.ts`, as the database has them. Times in ms since the epoch, money in minor
 * units; what is numbered is numbered as in the show.
 */

export interface ProjectionRow {
  /** The row of the journal that was read last. */
  seq: number;
  at: number;
  told_seq: number;
  /** The plans that replaced the first, by their ids. */
  plans: string[];
  currency: string;
  /** How many tickets (lines of orders) there are. */
  tickets: number;
  /** Places that are sold or can be. */
  for_sale: number;
  sold: number;
  is_sold_out: boolean;
  cancelled_at: number | null;
  cancel_reason: string | null;
}

export interface CategoryRow {
  category: string;
  capacity: number;
  /** Kept back for the house. */
  blocked: number;
  /** Not for sale in this show. */
  removed: number;
  price: number | null;
}

export interface HoldRow {
  number: number;
  buyer_id: string;
  made_at: number;
  /** 0 before it is ordered. */
  order_number: number;
  /** By category; without those that are bought from sellers, which stay sold. */
  places: Record<string, number>;
  /** The tickets of the sellers of the rest. */
  listed: number[];
}

export interface OrderRow {
  number: number;
  id: string;
  buyer_id: string;
  hold_number: number;
  held_at: number;
  made_at: number;
  until: number;
  paid_at: number | null;
  total: number;
  is_comp: boolean;
  state: keyof typeof ORDER;
  reason: string | null;
  /** In the order in which they were first told of. */
  disputes: { id: string; status: DisputeStatus }[];
}

/** What a person reads of a place on the ticket, but for its category. */
export interface SeatLabel {
  id?: string;
  zone?: string;
  row?: string;
  number?: string;
  area?: string;
}

/**
 * `unpaid`: a line of an order that is not paid, or ended so. `void`: its money was lost to a dispute, or it was resold, and
 * then a refund names it.
 */
export type TicketState = 'unpaid' | 'valid' | 'suspended' | 'refunded' | 'void' | 'offered' | 'listed' | 'transferred';

export interface TicketRow {
  number: number;
  id: string;
  /** The line of the order whose place it has: its own number, unless it took the place of a transferred ticket. */
  line: number;
  order_number: number;
  order_id: string;
  /** Whose it is; of one that was transferred, whose it was. */
  holder_id: string;
  /** Not by whoever bought it: they may know nothing of the order. */
  is_received: boolean;
  category: string;
  seat: SeatLabel;
  price: number;
  state: TicketState;
  /** The refund that took it back. */
  refund_number: number | null;
  /** The ticket of whoever the line was bought from. */
  from_number: number | null;
  /** What its holder sells it for, or sold it for. */
  list_price: number | null;
  /** The hold of whoever has the place of a ticket that is listed; until they have paid. */
  taken_by: number | null;
  /** When it was scanned while it was valid (ms), in the order in which that was told. */
  entries: number[];
  /** Entries up to then do not count. */
  undone_until: number | null;
  /** When its holder was let in. */
  admitted_at: number | null;
}

export interface RefundRow {
  number: number;
  order_number: number;
  made_at: number;
  amount: number;
  state: 'due' | 'done' | 'failed';
  reason: string | null;
}

/** What an hour adds to the sales of a category. */
export interface SalesRow {
  hour_at: number;
  category: string;
  sold: number;
  returned: number;
  gross: number;
  refunded: number;
  lost: number;
}
