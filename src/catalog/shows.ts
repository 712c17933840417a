import { type Kysely, type RawBuilder, type SqlBool, sql } from 'kysely';
import { RefusedError } from '../errors.ts';
import { newId } from '../ids.ts';
import type { Clock, Random } from '../ports.ts';
import { rfc3339 } from '../rfc3339.ts';
import { allOf, type ListPage, milliseconds, type PageRequest, sameText } from './columns.ts';
import { checkShow, type NewShow, type PayableAmounts } from './show-rules.ts';
import type { CatalogueTables } from './tables.ts';
import { addressOf, type VenueAddress } from './venues.ts';

/** A show as the catalogue knows it: all but its seats. Times in ms since the epoch. */
export interface ShowRecord {
  readonly id: string;
  readonly organiserId: string;
  readonly title: string;
  readonly description: string | null;
  readonly venue: { readonly id: string; readonly name: string; readonly address: VenueAddress };
  readonly planId: string;
  readonly planHash: string;
  /** Seats and places of the whole plan. */
  readonly planCapacity: number;
  readonly screen: string | null;
  readonly performers: readonly { readonly id: string; readonly name: string }[];
  readonly startsAt: number;
  readonly endsAt: number | null;
  readonly onSaleAt: number;
  readonly offSaleAt: number;
  readonly currency: string;
  readonly prices: Readonly<Record<string, number>>;
  readonly perHold: number;
  readonly perBuyer: number;
  readonly holdSeconds: number;
  readonly mediaUrl: string | null;
  readonly createdAt: number;
  /** When it was called off; null if it was not. */
  readonly cancelledAt: number | null;
}

/** What time says of a show, and whether it was called off. */
export type SalePhase = 'scheduled' | 'on_sale' | 'closed' | 'cancelled';

/** Where a show stands at `now` (ms). */
export function salePhase(show: Pick<ShowRecord, 'onSaleAt' | 'offSaleAt' | 'cancelledAt'>, now: number): SalePhase {
  if (show.cancelledAt !== null) return 'cancelled';
  if (now < show.onSaleAt) return 'scheduled';
  return now < show.offSaleAt ? 'on_sale' : 'closed';
}

export const SHOW_SORTS = ['startsAt', '-startsAt', 'title', '-title'] as const;
export type ShowSort = (typeof SHOW_SORTS)[number];

export interface ShowFilter {
  readonly city?: string | undefined;
  readonly country?: string | undefined;
  readonly venueId?: string | undefined;
  readonly performerId?: string | undefined;
  /** Starts at or after this (ms). */
  readonly from?: number | undefined;
  /** Starts before this (ms). */
  readonly to?: number | undefined;
  readonly phase?: SalePhase | undefined;
}

/** Who creates a show: an organiser uses own venues, an admin anybody's. */
export interface Creator {
  readonly id: string;
  readonly admin: boolean;
}

const COLUMNS = [
  'show.id',
  'show.organiser_id',
  'show.title',
  'show.description',
  'show.venue_id',
  'venue.name as venue_name',
  'venue.street',
  'venue.city',
  'venue.state',
  'venue.country',
  'venue.postal_code',
  'venue.additional',
  'show.plan_id',
  'show.plan_hash',
  sql<number>`(plan.seats + plan.places)::int`.as('plan_capacity'),
  'show.screen',
  sql<{ id: string; name: string }[]>`coalesce((
    select json_agg(json_build_object('id', performer.id, 'name', performer.name) order by show_performer.position)
    from show_performer join performer on performer.id = show_performer.performer_id
    where show_performer.show_id = show.id), '[]'::json)`.as('performers'),
  milliseconds('show.starts_at').as('starts_ms'),
  milliseconds<number | null>('show.ends_at').as('ends_ms'),
  milliseconds('show.on_sale_at').as('on_sale_ms'),
  milliseconds('show.off_sale_at').as('off_sale_ms'),
  'show.currency',
  'show.prices',
  'show.per_hold',
  'show.per_buyer',
  'show.hold_seconds',
  'show.media_url',
  milliseconds('show.created_at').as('created_ms'),
  milliseconds('show.cancelled_at').as('cancelled_ms'),
] as const;

function notFound(kind: string): RefusedError {
  return new RefusedError({ code: 'NOT_FOUND', detail: `There is no such ${kind}.` });
}

/** Shows as records. Their seats, holds and sales are the show actors' business. */
export class ShowRecords {
  readonly #db: Kysely<CatalogueTables>;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #shardOf: (showId: string) => number;
  readonly #amounts: PayableAmounts;

  constructor(
    db: Kysely<CatalogueTables>,
    clock: Clock,
    random: Random,
    shardOf: (showId: string) => number,
    amounts: PayableAmounts,
  ) {
    this.#db = db;
    this.#clock = clock;
    this.#random = random;
    this.#shardOf = shardOf;
    this.#amounts = amounts;
  }

  /**
   * Enters a show.
   * @throws RefusedError `NOT_FOUND` for a venue or plan that is unknown or someone else's, `SHOW_INVALID` with every fault
   */
  async create(creator: Creator, show: NewShow): Promise<ShowRecord> {
    const venue = await this.#db
      .selectFrom('venue')
      .select(['id', 'organiser_id'])
      .where('id', '=', show.venueId)
      .executeTakeFirst();
    if (venue === undefined || (venue.organiser_id !== creator.id && !creator.admin)) throw notFound('venue');
    const plan = await this.#db
      .selectFrom('plan')
      .select(['id', 'hash', 'categories'])
      .where('id', '=', show.planId)
      .where('venue_id', '=', venue.id)
      .executeTakeFirst();
    if (plan === undefined) throw notFound('plan of this venue');

    const now = this.#clock.now();
    const checked = checkShow(show, plan.categories, now, this.#amounts);
    const faults = 'startsAt' in checked ? [] : [...checked];
    faults.push(...(await this.#unknownPerformers(show.performerIds ?? [])));
    if (!('startsAt' in checked) || faults.length > 0) {
      throw new RefusedError({ code: 'SHOW_INVALID', detail: 'Mend what `errors` points at.', errors: faults });
    }

    const id = newId('shw', this.#random);
    await this.#db.transaction().execute(async (transaction) => {
      await transaction
        .insertInto('show')
        .values({
          id,
          shard: this.#shardOf(id),
          organiser_id: venue.organiser_id,
          venue_id: venue.id,
          plan_id: plan.id,
          plan_hash: plan.hash,
          title: show.title,
          description: show.description ?? null,
          screen: show.screen ?? null,
          starts_at: rfc3339(checked.startsAt),
          ends_at: checked.endsAt === null ? null : rfc3339(checked.endsAt),
          on_sale_at: rfc3339(checked.onSaleAt),
          off_sale_at: rfc3339(checked.offSaleAt),
          currency: show.currency,
          prices: JSON.stringify(show.prices),
          per_hold: checked.perHold,
          per_buyer: checked.perBuyer,
          hold_seconds: checked.holdSeconds,
          media_url: show.mediaUrl ?? null,
          created_at: rfc3339(now),
        })
        .execute();
      const performers = (show.performerIds ?? []).map((performerId, position) => ({
        show_id: id,
        performer_id: performerId,
        position,
      }));
      if (performers.length > 0) await transaction.insertInto('show_performer').values(performers).execute();
    });
    const record = await this.get(id);
    if (record === null) throw new Error(`The show ${id} was not kept`);
    return record;
  }

  async get(id: string): Promise<ShowRecord | null> {
    const [record] = await this.#records([sql<SqlBool>`show.id = ${id}`], 'startsAt', { offset: 0, limit: 1 });
    return record ?? null;
  }

  async list(filter: ShowFilter, sort: ShowSort, page: PageRequest): Promise<ListPage<ShowRecord>> {
    const conditions = this.#conditions(filter);
    const [items, { total }] = await Promise.all([
      this.#records(conditions, sort, page),
      this.#db
        .selectFrom('show')
        .innerJoin('venue', 'venue.id', 'show.venue_id')
        .where(allOf(conditions))
        .select(sql<number>`count(*)::int`.as('total'))
        .executeTakeFirstOrThrow(),
    ]);
    return { items, total, ...page };
  }

  /** The user id of a show's organiser, or `null` for an unknown show. */
  async organiserOf(id: string): Promise<string | null> {
    const row = await this.#db.selectFrom('show').select('organiser_id').where('id', '=', id).executeTakeFirst();
    return row?.organiser_id ?? null;
  }

  /** Safe to repeat: the first time stays. */
  async markCancelled(id: string): Promise<void> {
    await this.#db
      .updateTable('show')
      .set({ cancelled_at: rfc3339(this.#clock.now()) })
      .where('id', '=', id)
      .where('cancelled_at', 'is', null)
      .execute();
  }

  async #records(conditions: readonly RawBuilder<SqlBool>[], sort: ShowSort, page: PageRequest): Promise<ShowRecord[]> {
    const direction = sort.startsWith('-') ? 'desc' : 'asc';
    const rows = await this.#db
      .selectFrom('show')
      .innerJoin('venue', 'venue.id', 'show.venue_id')
      .innerJoin('plan', 'plan.id', 'show.plan_id')
      .where(allOf(conditions))
      .select(COLUMNS)
      .orderBy(sort.endsWith('title') ? 'show.title' : 'show.starts_at', direction)
      .orderBy('show.id', direction)
      .offset(page.offset)
      .limit(page.limit)
      .execute();
    return rows.map((row) => ({
      id: row.id,
      organiserId: row.organiser_id,
      title: row.title,
      description: row.description,
      venue: { id: row.venue_id, name: row.venue_name, address: addressOf(row) },
      planId: row.plan_id,
      planHash: row.plan_hash,
      planCapacity: row.plan_capacity,
      screen: row.screen,
      performers: row.performers,
      startsAt: row.starts_ms,
      endsAt: row.ends_ms,
      onSaleAt: row.on_sale_ms,
      offSaleAt: row.off_sale_ms,
      currency: row.currency,
      prices: row.prices,
      perHold: row.per_hold,
      perBuyer: row.per_buyer,
      holdSeconds: row.hold_seconds,
      mediaUrl: row.media_url,
      createdAt: row.created_ms,
      cancelledAt: row.cancelled_ms,
    }));
  }

  #conditions(filter: ShowFilter): RawBuilder<SqlBool>[] {
    const conditions: RawBuilder<SqlBool>[] = [];
    if (filter.city !== undefined) conditions.push(sameText('venue.city', filter.city));
    if (filter.country !== undefined) conditions.push(sameText('venue.country', filter.country));
    if (filter.venueId !== undefined) conditions.push(sql<SqlBool>`show.venue_id = ${filter.venueId}`);
    if (filter.performerId !== undefined) {
      conditions.push(sql<SqlBool>`exists (select from show_performer
        where show_performer.show_id = show.id and show_performer.performer_id = ${filter.performerId})`);
    }
    if (filter.from !== undefined) conditions.push(sql<SqlBool>`show.starts_at >= ${rfc3339(filter.from)}`);
    if (filter.to !== undefined) conditions.push(sql<SqlBool>`show.starts_at < ${rfc3339(filter.to)}`);
    if (filter.phase !== undefined) conditions.push(inPhase(filter.phase, rfc3339(this.#clock.now())));
    return conditions;
  }

  async #unknownPerformers(ids: readonly string[]): Promise<{ pointer: string; detail: string }[]> {
    if (ids.length === 0) return [];
    const rows = await this.#db.selectFrom('performer').select('id').where('id', 'in', ids).execute();
    const known = new Set(rows.map(({ id }) => id));
    return ids.flatMap((id, i) =>
      known.has(id) ? [] : [{ pointer: `/performerIds/${i}`, detail: 'is no performer' }],
    );
  }
}

/** {@link salePhase}, in SQL. */
function inPhase(phase: SalePhase, now: string): RawBuilder<SqlBool> {
  const goesOn = sql<SqlBool>`show.cancelled_at is null`;
  switch (phase) {
    case 'scheduled':
      return sql<SqlBool>`${goesOn} and show.on_sale_at > ${now}`;
    case 'on_sale':
      return sql<SqlBool>`${goesOn} and show.on_sale_at <= ${now} and show.off_sale_at > ${now}`;
    case 'closed':
      return sql<SqlBool>`${goesOn} and show.on_sale_at <= ${now} and show.off_sale_at <= ${now}`;
    case 'cancelled':
      return sql<SqlBool>`not ${goesOn}`;
  }
}
