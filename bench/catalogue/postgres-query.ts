import type { ShowView } from '../../src/http/show-views.ts';
import { rfc3339 } from '../../src/rfc3339.ts';

/**
 * What the peer searches: one text a show, without accents and capitals, with the indexes that its extensions offer. Kept up
 * by nobody here: that work is spared to the peer.
 */
export const SEARCHED = [
  'create extension if not exists pg_trgm',
  'create extension if not exists unaccent',
  `create table bench_searched as
    select show.id as show_id, lower(unaccent(concat_ws(' ', show.title,
      (select string_agg(performer.name, ' ') from show_performer join performer on performer.id = performer_id
        where show_id = show.id), venue.name, venue.city, show.description))) as text
    from show join venue on venue.id = show.venue_id`,
  'alter table bench_searched add primary key (show_id)',
  'create index bench_searched_text on bench_searched using gin (text gin_trgm_ops)',
  'analyze',
];

export interface Asked {
  readonly q?: string;
  readonly city?: string;
  readonly status?: string;
}

export interface Statement {
  /** One for each form of the text. */
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

/** The product's page of shows, and how many there are: only what is asked for stands in the text. */
export function statementsFor(
  { q, city, status }: Asked,
  offset: number,
  limit: number,
): { page: Statement; total: Statement } {
  const values: unknown[] = [];
  const value = (given: unknown): string => `$${values.push(given)}`;
  // As a query of its own it is worked out once, and not for each row.
  const words = q === undefined ? null : `(select lower(unaccent(${value(q)}::text)))`;
  const conditions = ['true'];
  if (words !== null) conditions.push(`${words} <% s.text`);
  if (city !== undefined) conditions.push(`lower(venue.city) = lower(${value(city)})`);
  if (status !== undefined)
    conditions.push('show.on_sale_at <= now() and show.off_sale_at > now() and show.cancelled_at is null');
  const found = `
    from show join venue on venue.id = show.venue_id ${words === null ? '' : 'join bench_searched s on s.show_id = show.id'}
    where ${conditions.join(' and ')}`;
  const form = [q, city, status].map((part) => (part === undefined ? '-' : '+')).join('');
  const total = { name: `total ${form}`, text: `select count(*)::int as total ${found}`, values: [...values] };
  const rank = words === null ? '' : `word_similarity(${words}, s.text) desc, `;
  const text = `
    with found as (
      select show.*, row_number() over () as place from (
        select show.* ${found} order by ${rank}show.starts_at, show.id
        offset ${value(offset)} limit ${value(limit)}
      ) show
    )
    select found.id, found.organiser_id, found.title, found.description, found.plan_id, found.currency, found.prices,
      found.per_hold, found.per_buyer, found.hold_seconds,
      venue.id as venue_id, venue.name as venue_name, venue.street, venue.city, venue.country,
      (extract(epoch from found.starts_at) * 1000)::float8 as starts_ms,
      (extract(epoch from found.on_sale_at) * 1000)::float8 as on_sale_ms,
      f.capacity, f.available, f.from_price::float8 as from_price,
      coalesce((select json_agg(json_build_object('id', performer.id, 'name', performer.name) order by position)
        from show_performer join performer on performer.id = performer_id where show_id = found.id), '[]') as performers
    from found join venue on venue.id = found.venue_id left join show_figures f on f.show_id = found.id
    order by found.place`;
  return { page: { name: `page ${form}`, text, values }, total };
}

export interface ShowRow {
  readonly id: string;
  readonly organiser_id: string;
  readonly title: string;
  readonly description: string;
  readonly plan_id: string;
  readonly currency: string;
  readonly prices: Record<string, number>;
  readonly per_hold: number;
  readonly per_buyer: number;
  readonly hold_seconds: number;
  readonly venue_id: string;
  readonly venue_name: string;
  readonly street: string;
  readonly city: string;
  readonly country: string;
  readonly starts_ms: number;
  readonly on_sale_ms: number;
  readonly capacity: number;
  readonly available: number;
  readonly from_price: number;
  readonly performers: { id: string; name: string }[];
}

export function viewOfRow(row: ShowRow): ShowView {
  const { id, title, description, performers, currency, prices, capacity, available } = row;
  const [startsAt, onSaleAt] = [rfc3339(row.starts_ms), rfc3339(row.on_sale_ms)];
  return {
    ...{ id, title, description, performers, currency, prices, capacity, available, startsAt, onSaleAt },
    organiserId: row.organiser_id,
    venue: {
      id: row.venue_id,
      name: row.venue_name,
      address: { street: row.street, city: row.city, country: row.country },
    },
    planId: row.plan_id,
    offSaleAt: startsAt,
    limits: { perHold: row.per_hold, perBuyer: row.per_buyer, holdSeconds: row.hold_seconds },
    createdAt: onSaleAt,
    status: available === 0 ? 'sold_out' : 'on_sale',
    fromPrice: { amount: row.from_price, currency },
  };
}
