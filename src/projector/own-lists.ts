import type { Pool } from 'pg';
import type { OrderView, TicketView } from '../actors/shows.ts';
import type { OrderRow, RefundRow, TicketRow } from './rows.ts';
import { orderView, type ShowFacts, ticketView } from './views.ts';

/** Of the shows where a user bought, the newest so many are looked at for what is newer than the read models. */
const SHOWS_OF_USER_MAX = 1_000;

export interface ListPart<T> {
  readonly total: number;
  /** Newest first. */
  readonly items: readonly T[];
}

interface PartOfList {
  readonly offset: number;
  readonly limit: number;
}

/** A user's orders and tickets over all shows, as far as the journal has been taken over. */
export interface OwnLists {
  /**
   * Shows of which rows are durable that the lists may not have yet, newest show first: who wants to see all has to ask
   * them. To be asked before the lists.
   */
  showsBehind(userId: string): Promise<readonly string[]>;
  /** Without those of the shows `except`. */
  orders(userId: string, except: readonly string[], part: PartOfList): Promise<ListPart<OrderView>>;
  tickets(userId: string, except: readonly string[], part: PartOfList): Promise<ListPart<TicketView>>;
}

/** Down an index for each show: the last row that was journaled, and the last that was taken over. */
const BEHIND = `
  select own.show_id
  from (select show_id from buyer_show where buyer_id = $1 order by show_id desc limit ${SHOWS_OF_USER_MAX}) own
  left join projection on projection.show_id = own.show_id
  cross join lateral (select seq from journal where show_id = own.show_id order by seq desc limit 1) head
  where head.seq > coalesce(projection.seq, 0)
  order by own.show_id desc`;

/** One statement, so that an order and its tickets are of one moment. */
const ORDERS = `
  select
    (select count(*)::int4 from read_order where buyer_id = $1 and show_id <> all($2::text[])) as total,
    array(
      select json_build_object(
        'show', json_build_object(
          'showId', o.show_id, 'currency', projection.currency, 'cancelReason', projection.cancel_reason),
        'order', o,
        'tickets', (select json_agg(t order by t.number) from read_ticket t
          where t.show_id = o.show_id and t.order_number = o.number),
        'refunds', (select coalesce(json_agg(r order by r.number), '[]') from read_refund r
          where r.show_id = o.show_id and r.order_number = o.number))
      from read_order o join projection on projection.show_id = o.show_id
      where o.buyer_id = $1 and o.show_id <> all($2::text[])
      order by o.id desc offset $3 limit $4
    ) as items`;
const TICKETS = `
  select
    (select count(*)::int4 from read_ticket
      where holder_id = $1 and state <> 'unpaid' and show_id <> all($2::text[])) as total,
    array(
      select json_build_object(
        'show', json_build_object('showId', t.show_id, 'currency', projection.currency, 'cancelReason', null),
        'ticket', t)
      from read_ticket t join projection on projection.show_id = t.show_id
      where t.holder_id = $1 and t.state <> 'unpaid' and t.show_id <> all($2::text[])
      order by t.order_id desc, t.number offset $3 limit $4
    ) as items`;

interface FoundOrder {
  readonly show: ShowFacts;
  readonly order: OrderRow;
  readonly tickets: readonly TicketRow[];
  readonly refunds: readonly RefundRow[];
}

interface FoundTicket {
  readonly show: ShowFacts;
  readonly ticket: TicketRow;
}

export function createOwnLists(pool: Pool): OwnLists {
  const list = async <T>(text: string, userId: string, except: readonly string[], part: PartOfList) => {
    const values = [userId, except, part.offset, part.limit];
    const { rows } = await pool.query<{ total: number; items: readonly T[] }>(text, values);
    return rows[0];
  };
  return {
    async showsBehind(userId) {
      const { rows } = await pool.query<{ show_id: string }>(BEHIND, [userId]);
      return rows.map(({ show_id }) => show_id);
    },
    async orders(userId, except, part) {
      const { total, items } = await list<FoundOrder>(ORDERS, userId, except, part);
      return {
        total,
        items: items.map(({ show, order, tickets, refunds }) => orderView(show, order, tickets, refunds)),
      };
    },
    async tickets(userId, except, part) {
      const { total, items } = await list<FoundTicket>(TICKETS, userId, except, part);
      return { total, items: items.map(({ show, ticket }) => ticketView(show, ticket)) };
    },
  };
}
