import type { Pool, PoolClient } from 'pg';
import type { MadeShow } from '../actors/shows.ts';
import type { JournalRow } from '../journal/journal.ts';
import { enqueue } from '../webhooks/outbox.ts';
import { fold, parsed } from './fold.ts';
import type { HoldRow, OrderRow, ProjectionRow, RefundRow, TicketRow } from './rows.ts';
import type { Changes, Keys, LoadedRows } from './show-model.ts';

const READ_TABLES = ['read_category', 'read_hold', 'read_order', 'read_ticket', 'read_refund', 'read_sales'] as const;

const PROJECTION_COLUMNS =
  'seq, at, told_seq, plans, currency, tickets, for_sale, sold, is_sold_out, cancelled_at, cancel_reason';
const CHECKPOINT = 'select seq from projection where show_id = $1';
const ENTER = 'insert into projection (show_id) values ($1) on conflict do nothing';
const LEAVE = 'delete from projection where show_id = $1';
const LOCK = `select ${PROJECTION_COLUMNS} from projection where show_id = $1 for update`;

const LOAD_HOLDS = `
  select number, buyer_id, made_at, order_number, places, listed from read_hold where show_id = $1 and number = any($2::int4[])`;
const LOAD_REFUNDS = `
  select number, order_number, made_at, amount, state, reason from read_refund
  where show_id = $1 and number = any($2::int4[])`;
const LOAD_ORDERS = `
  select number, id, buyer_id, hold_number, held_at, made_at, until, paid_at, total, is_comp, state, reason, disputes
  from read_order where show_id = $1 and number = any(array(
    select unnest($2::int4[])
    union select order_number from read_ticket where show_id = $1 and number = any($3::int4[])
  ))`;
const LOAD_TICKETS = `
  select number, id, line, order_number, order_id, holder_id, is_received, category, seat, price, state, refund_number,
    from_number, list_price, taken_by, entries, undone_until, admitted_at
  from read_ticket where show_id = $1 and order_number = any($2::int4[])`;

/** A statement that writes rows of one show, given as JSON, over those that have their key. */
function writeInto(table: string, key: string, columns: readonly string[], onConflict?: string): string {
  const names = [key, ...columns].join(', ');
  const update = onConflict ?? columns.map((name) => `${name} = excluded.${name}`).join(', ');
  return `
    insert into ${table} (show_id, ${names})
    select $1, ${names} from json_populate_recordset(null::${table}, $2::json)
    on conflict (show_id, ${key}) do update set ${update}`;
}

const SALES_FIGURES = ['sold', 'returned', 'gross', 'refunded', 'lost'];
const WRITE = {
  categories: writeInto('read_category', 'category', ['capacity', 'blocked', 'removed', 'price']),
  holds: writeInto('read_hold', 'number', ['buyer_id', 'made_at', 'order_number', 'places', 'listed']),
  orders: writeInto('read_order', 'number', [
    ...['id', 'buyer_id', 'hold_number', 'held_at', 'made_at', 'until', 'paid_at', 'total'],
    ...['is_comp', 'state', 'reason', 'disputes'],
  ]),
  tickets: writeInto('read_ticket', 'number', [
    ...['id', 'line', 'order_number', 'order_id', 'holder_id', 'is_received', 'category', 'seat', 'price', 'state'],
    ...['refund_number', 'from_number', 'list_price', 'taken_by', 'entries', 'undone_until', 'admitted_at'],
  ]),
  refunds: writeInto('read_refund', 'number', ['order_number', 'made_at', 'amount', 'state', 'reason']),
  // Added to what the hour has already.
  sales: writeInto(
    'read_sales',
    'hour_at, category',
    SALES_FIGURES,
    SALES_FIGURES.map((name) => `${name} = read_sales.${name} + excluded.${name}`).join(', '),
  ),
} as const;
const END_HOLDS = 'delete from read_hold where show_id = $1 and number = any($2::int4[])';
const MOVE_ON = `
  update projection set (${PROJECTION_COLUMNS}) =
    (select ${PROJECTION_COLUMNS} from json_populate_record(null::projection, $2::json))
  where show_id = $1`;

/**
 * The tables of the read models. The guarantee: rows of the journal and what they change are taken over together, in one
 * transaction, under the lock of the show's row; so each takes effect once, however often and from wherever it is tried.
 */
export class Projections {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** The row of the journal up to which the show was read; 0 before the first. */
  async checkpoint(showId: string): Promise<number> {
    const { rows } = await this.#pool.query<{ seq: number }>(CHECKPOINT, [showId]);
    return rows[0]?.seq ?? 0;
  }

  /**
   * Takes a page of the journal over; `false` if somebody else is at the show now, or has taken these rows over.
   * @throws ProjectionFault, RowFormatUnknown; whatever the database throws, and then nothing has changed, or all if its
   *   answer was lost.
   */
  advance(showId: string, made: MadeShow, page: readonly JournalRow[]): Promise<boolean> {
    return this.#transaction(async (client) => {
      if (page[0].seq === 1) await client.query(ENTER, [showId]);
      const projection = await lock(client, showId, 'skip locked');
      if (projection === null || projection.seq !== page[0].seq - 1) return false;
      await take(client, showId, made, projection, page);
      return true;
    });
  }

  /**
   * Makes all rows of a show anew from its journal. In one transaction: until it is over readers see the old ones, and the
   * projectors of nodes pass the show over. Resolves with the last row that was read.
   */
  rebuild(showId: string, made: MadeShow, pages: AsyncIterable<readonly JournalRow[]>): Promise<number> {
    return this.#transaction(async (client) => {
      await client.query(ENTER, [showId]);
      const before = await lock(client, showId, '');
      for (const table of READ_TABLES) await client.query(`delete from ${table} where show_id = $1`, [showId]);
      let projection: ProjectionRow = { ...EMPTY, told_seq: before?.told_seq ?? 0 };
      await client.query(MOVE_ON, [showId, JSON.stringify(projection)]);
      for await (const page of pages) projection = await take(client, showId, made, projection, page);
      // Of one that has not opened there is nothing to be read.
      if (projection.seq === 0) await client.query(LEAVE, [showId]);
      return projection.seq;
    });
  }

  async #transaction<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect();
    let failure: Error | undefined;
    try {
      await client.query('begin');
      const result = await work(client);
      await client.query('commit');
      return result;
    } catch (error) {
      failure = error as Error;
      // A connection that cannot even do this is not used again.
      await client.query('rollback').then(
        () => {
          failure = undefined;
        },
        () => {},
      );
      throw error;
    } finally {
      client.release(failure);
    }
  }
}

const EMPTY: ProjectionRow = {
  seq: 0,
  at: 0,
  told_seq: 0,
  plans: [],
  currency: '',
  tickets: 0,
  for_sale: 0,
  sold: 0,
  is_sold_out: false,
  cancelled_at: null,
  cancel_reason: null,
};

async function lock(client: PoolClient, showId: string, wait: 'skip locked' | ''): Promise<ProjectionRow | null> {
  const { rows } = await client.query<ProjectionRow>(`${LOCK} ${wait}`, [showId]);
  return rows[0] ?? null;
}

async function take(
  client: PoolClient,
  showId: string,
  made: MadeShow,
  projection: ProjectionRow,
  page: readonly JournalRow[],
): Promise<ProjectionRow> {
  const load = (keys: Keys): Promise<LoadedRows> => loadRows(client, showId, projection, keys);
  const changes = await fold(showId, made, page.map(parsed), load);
  await write(client, showId, changes);
  return changes.projection;
}

async function loadRows(
  client: PoolClient,
  showId: string,
  projection: ProjectionRow,
  keys: Keys,
): Promise<LoadedRows> {
  const find = async <T extends object>(text: string, ...numbers: readonly (readonly number[])[]): Promise<T[]> => {
    if (numbers.every((list) => list.length === 0)) return [];
    return (await client.query<T>(text, [showId, ...numbers])).rows;
  };
  const holds = await find<HoldRow>(LOAD_HOLDS, [...keys.holds]);
  const refunds = await find<RefundRow>(LOAD_REFUNDS, [...keys.refunds]);
  const wanted = new Set(keys.orders);
  for (const { order_number } of [...holds, ...refunds]) if (order_number > 0) wanted.add(order_number);
  const orders = await find<OrderRow>(LOAD_ORDERS, [...wanted], [...keys.tickets]);
  const tickets = await find<TicketRow>(
    LOAD_TICKETS,
    orders.map(({ number }) => number),
  );
  return { projection: { ...projection }, holds, refunds, orders, tickets, keys };
}

async function write(client: PoolClient, showId: string, changes: Changes): Promise<void> {
  for (const [name, text] of Object.entries(WRITE)) {
    const rows = changes[name as keyof typeof WRITE];
    if (rows.length > 0) await client.query(text, [showId, JSON.stringify(rows)]);
  }
  if (changes.endedHolds.length > 0) await client.query(END_HOLDS, [showId, changes.endedHolds]);
  await enqueue(client, showId, changes.announcements);
  await client.query(MOVE_ON, [showId, JSON.stringify(changes.projection)]);
}
