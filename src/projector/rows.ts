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
  /** By category. */
  places: Record<string, number>;
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

/** `unpaid`: a line of an order that is not paid, or ended so. `void`: its money was lost to a dispute. */
export type TicketState = 'unpaid' | 'valid' | 'suspended' | 'refunded' | 'void';

export interface TicketRow {
  number: number;
  id: string;
  order_number: number;
  order_id: string;
  holder_id: string;
  category: string;
  seat: SeatLabel;
  price: number;
  state: TicketState;
  /** The refund that took it back. */
  refund_number: number | null;
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
