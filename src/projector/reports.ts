import type { Pool } from 'pg';

/** Intervals of one report, at most: the newest ones. */
export const INTERVALS_MAX = 1_000;

/** Ms. */
export const INTERVALS = { hour: 3_600_000, day: 86_400_000 } as const;
export type Interval = keyof typeof INTERVALS;

/** Places. `removed` are not for sale in this show. */
export interface CategoryReport {
  readonly category: string;
  /** Minor units; null if it is not for sale. */
  readonly price: number | null;
  readonly capacity: number;
  readonly free: number;
  readonly held: number;
  readonly inPayment: number;
  readonly sold: number;
  readonly blocked: number;
  readonly removed: number;
}

/** What was sold and taken, and what came back. Minor units. */
export interface SalesFigures {
  readonly sold: number;
  readonly returned: number;
  readonly gross: number;
  readonly refunded: number;
  readonly lost: number;
}

export interface ShowReport {
  readonly currency: string;
  /** Up to which row of the journal, and when that was (ms). */
  readonly seq: number;
  readonly at: number;
  readonly isBehind: boolean;
  readonly categories: readonly CategoryReport[];
  readonly sales: SalesFigures;
  readonly intervals: readonly (SalesFigures & { readonly startsAt: number; readonly category: string })[];
  /** Refunds that the provider has not given yet, or cannot. */
  readonly refunds: { readonly pending: number; readonly failed: number };
  readonly admissions: { readonly expected: number; readonly admitted: number };
}

export interface ShowSales extends SalesFigures {
  readonly showId: string;
  readonly title: string;
  readonly startsAt: number;
  readonly currency: string;
}

export interface SalesOverview {
  readonly total: number;
  readonly items: readonly ShowSales[];
  /** Over all shows, by currency. */
  readonly sums: readonly (SalesFigures & { readonly currency: string })[];
}

const SUMS = ['sold', 'returned', 'gross', 'refunded', 'lost']
  .map((name) => `coalesce(sum(sales.${name}), 0)::int8 as ${name}`)
  .join(', ');

/** All of one moment. */
const REPORT = `
  select p.currency, p.seq, p.at,
    p.seq < (select seq from journal where show_id = $1 order by seq desc limit 1) as "isBehind",
    array(
      select json_build_object('category', c.category, 'price', c.price, 'capacity', c.capacity, 'blocked', c.blocked,
        'removed', c.removed, 'held', holds.held, 'inPayment', holds.in_payment, 'sold', sales.sold,
        'free', c.capacity - c.blocked - c.removed - holds.held - holds.in_payment - sales.sold)
      from read_category c
      cross join lateral (
        select coalesce(sum((places ->> c.category)::int4) filter (where order_number = 0), 0) as held,
          coalesce(sum((places ->> c.category)::int4) filter (where order_number > 0), 0) as in_payment
        from read_hold where show_id = $1 and places ? c.category
      ) holds
      cross join lateral (
        select coalesce(sum(sold - returned), 0) as sold from read_sales where show_id = $1 and category = c.category
      ) sales
      where c.show_id = $1 order by c.category
    ) as categories,
    (select row_to_json(sums) from (select ${SUMS} from read_sales sales where show_id = $1) sums) as sales,
    array(
      select row_to_json(one) from (
        select sales.hour_at / $2::int8 * $2::int8 as "startsAt", sales.category, ${SUMS}
        from read_sales sales
        where show_id = $1 and hour_at >= $3::int8 and hour_at < $4::int8
        group by 1, 2 order by 1 desc, 2 limit $5
      ) one order by one."startsAt", one.category
    ) as intervals,
    (select json_build_object(
        'pending', coalesce(sum(amount) filter (where state = 'due'), 0),
        'failed', coalesce(sum(amount) filter (where state = 'failed'), 0))
      from read_refund where show_id = $1) as refunds,
    (select json_build_object(
        'expected', count(*) filter (where state in ('valid', 'offered', 'listed')), 'admitted', count(admitted_at))
      from read_ticket where show_id = $1) as admissions
  from projection p where p.show_id = $1`;

/** Of a show of which nothing was taken over yet: everything that has a price is free. */
const UNOPENED = `
  select show.currency, 0 as seq, 0 as at,
    exists (select from journal where show_id = show.id) as "isBehind",
    array(
      select json_build_object('category', name, 'price', price, 'capacity', capacity, 'blocked', 0,
        'removed', case when price is null then capacity else 0 end, 'held', 0, 'inPayment', 0, 'sold', 0,
        'free', case when price is null then 0 else capacity end)
      from (
        select c ->> 'name' as name, (show.prices ->> (c ->> 'name'))::int8 as price,
          (c ->> 'seats')::int8 + (c ->> 'places')::int8 as capacity
        from jsonb_array_elements(plan.categories::jsonb) c
      ) c order by name
    ) as categories
  from show join plan on plan.id = show.plan_id where show.id = $1`;
const NOTHING: SalesFigures = { sold: 0, returned: 0, gross: 0, refunded: 0, lost: 0 };

/** `$1` null: of everybody's shows. */
const IS_OWN = '($1::text is null or show.organiser_id = $1)';
const OVERVIEW = `
  select (select count(*)::int4 from show where ${IS_OWN}) as total,
    array(
      select json_build_object('showId', show.id, 'title', show.title,
        'startsAt', round(extract(epoch from show.starts_at) * 1000)::int8, 'currency', show.currency,
        'sold', sums.sold, 'returned', sums.returned, 'gross', sums.gross, 'refunded', sums.refunded, 'lost', sums.lost)
      from (select * from show where ${IS_OWN} order by starts_at desc, id desc offset $2 limit $3) show
      cross join lateral (select ${SUMS} from read_sales sales where sales.show_id = show.id) sums
      order by show.starts_at desc, show.id desc
    ) as items,
    array(
      select row_to_json(sums) from (
        select show.currency, ${SUMS}
        from show left join read_sales sales on sales.show_id = show.id
        where ${IS_OWN} group by show.currency order by show.currency
      ) sums
    ) as sums`;

export interface Reports {
  /** Null for an unknown show. `from` and `to` (ms) bound the intervals. */
  ofShow(showId: string, interval: Interval, from: number, to: number): Promise<ShowReport | null>;
  /** @param organiserId null for those of everybody */
  ofOrganiser(organiserId: string | null, page: { offset: number; limit: number }): Promise<SalesOverview>;
}

export function createReports(pool: Pool): Reports {
  return {
    async ofShow(showId, interval, from, to) {
      const values = [showId, INTERVALS[interval], from, to, INTERVALS_MAX];
      const { rows } = await pool.query<ShowReport>(REPORT, values);
      if (rows.length > 0) return rows[0];
      const [unopened] = (await pool.query<ShowReport>(UNOPENED, [showId])).rows;
      if (unopened === undefined) return null;
      const refunds = { pending: 0, failed: 0 };
      return { ...unopened, sales: NOTHING, intervals: [], refunds, admissions: { expected: 0, admitted: 0 } };
    },
    async ofOrganiser(organiserId, { offset, limit }) {
      const { rows } = await pool.query<SalesOverview>(OVERVIEW, [organiserId, offset, limit]);
      return rows[0];
    },
  };
}
