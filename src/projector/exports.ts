import type { Pool } from 'pg';
import type { OrderRow, SeatLabel, TicketRow } from './rows.ts';
import { linesOf, statusOf } from './views.ts';

/** Rows read at a time; of them no more than two batches are in memory. */
const BATCH_ROWS = 1_000;

/** A line of an export: texts and numbers by the names of its columns. */
export type ExportLine = Readonly<Record<string, string | number>>;

export const ORDER_COLUMNS = [
  ...['order_id', 'created_at', 'paid_at', 'status', 'buyer_id', 'buyer_email', 'buyer_name'],
  ...['tickets', 'total', 'refunded', 'currency', 'comp', 'reason'],
] as const;

export const ATTENDEE_COLUMNS = [
  ...['ticket_id', 'order_id', 'status', 'zone', 'row', 'seat', 'area', 'category'],
  ...['price', 'currency', 'holder_id', 'holder_email', 'holder_name', 'admitted_at'],
] as const;

const ISO = (column: string): string =>
  `coalesce(to_char(to_timestamp(${column} / 1000.0) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), '')`;
const NAME = `coalesce(person.first_name || ' ' || person.last_name, '')`;

const ORDERS = `
  select o.number, o.state, o.id, ${ISO('o.made_at')} as "madeAt", ${ISO('o.paid_at')} as "paidAt", o.buyer_id, o.total,
    o.is_comp, o.reason, p.currency, coalesce(person.email, '') as email, ${NAME} as name,
    array(select json_build_object('number', number, 'line', line, 'refund_number', refund_number) from read_ticket t
      where t.show_id = o.show_id and t.order_number = o.number) as tickets,
    (select coalesce(sum(amount), 0)::int8 from read_refund r
      where r.show_id = o.show_id and r.order_number = o.number) as refunded
  from read_order o join projection p on p.show_id = o.show_id
  left join usher_user person on person.id = o.buyer_id
  where o.show_id = $1 and o.number > $2 order by o.number limit ${BATCH_ROWS}`;

/** Tickets that are somebody's. */
const ATTENDEES = `
  select t.number, t.id, t.order_id, t.state, t.seat, t.category, t.price, t.holder_id,
    ${ISO('t.admitted_at')} as "admittedAt", p.currency, coalesce(person.email, '') as email, ${NAME} as name
  from read_ticket t join projection p on p.show_id = t.show_id
  left join usher_user person on person.id = t.holder_id
  where t.show_id = $1 and t.number > $2 and t.state in ('valid', 'suspended', 'offered', 'listed') order by t.number limit ${BATCH_ROWS}`;

interface Person {
  readonly email: string;
  readonly name: string;
}

type FoundOrder = Person &
  Pick<OrderRow, 'number' | 'state' | 'id' | 'buyer_id' | 'total' | 'is_comp' | 'reason'> & {
    readonly madeAt: string;
    readonly paidAt: string;
    readonly currency: string;
    readonly tickets: readonly Pick<TicketRow, 'number' | 'line' | 'refund_number'>[];
    readonly refunded: number;
  };

type FoundTicket = Person &
  Pick<TicketRow, 'number' | 'id' | 'order_id' | 'state' | 'category' | 'price' | 'holder_id'> & {
    readonly seat: SeatLabel;
    readonly admittedAt: string;
    readonly currency: string;
  };

/** What organisers take away: each line as it is when it is read, in the order of their numbers. Money in minor units. */
export interface Exports {
  orders(showId: string): AsyncGenerator<readonly ExportLine[]>;
  attendees(showId: string): AsyncGenerator<readonly ExportLine[]>;
}

export function createExports(pool: Pool): Exports {
  /** By key, batch after batch: whoever reads slowly holds neither a transaction nor a connection. */
  async function* batches<T extends { readonly number: number }>(
    text: string,
    showId: string,
    lineOf: (row: T) => ExportLine,
  ): AsyncGenerator<readonly ExportLine[]> {
    for (let after = 0; ; ) {
      const { rows } = await pool.query<T>(text, [showId, after]);
      if (rows.length > 0) yield rows.map(lineOf);
      if (rows.length < BATCH_ROWS) return;
      after = rows[rows.length - 1].number;
    }
  }
  return {
    orders: (showId) => batches<FoundOrder>(ORDERS, showId, orderLine),
    attendees: (showId) => batches<FoundTicket>(ATTENDEES, showId, attendeeLine),
  };
}

function orderLine(row: FoundOrder): Record<(typeof ORDER_COLUMNS)[number], string | number> {
  return {
    order_id: row.id,
    created_at: row.madeAt,
    paid_at: row.paidAt,
    status: statusOf(row, row.tickets),
    buyer_id: row.buyer_id,
    buyer_email: row.email,
    buyer_name: row.name,
    tickets: linesOf(row.tickets).length,
    total: row.total,
    refunded: row.refunded,
    currency: row.currency,
    comp: row.is_comp ? 'yes' : 'no',
    reason: row.reason ?? '',
  };
}

function attendeeLine(row: FoundTicket): Record<(typeof ATTENDEE_COLUMNS)[number], string | number> {
  return {
    ticket_id: row.id,
    order_id: row.order_id,
    status: row.state,
    zone: row.seat.zone ?? '',
    row: row.seat.row ?? '',
    seat: row.seat.number ?? '',
    area: row.seat.area ?? '',
    category: row.category,
    price: row.price,
    currency: row.currency,
    holder_id: row.holder_id,
    holder_email: row.email,
    holder_name: row.name,
    admitted_at: row.admittedAt,
  };
}
