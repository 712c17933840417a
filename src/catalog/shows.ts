import { type Kysely, type RawBuilder, type SqlBool, sql } from 'kysely';
import type { CurrentPlan, SaleTimes } from '../actors/shows.ts';
import { RefusedError } from '../errors.ts';
import { newId } from '../ids.ts';
import type { Clock, Random } from '../ports.ts';
import { rfc3339 } from '../rfc3339.ts';
import { milliseconds } from './columns.ts';
import {
  type ChangedTimes,
  checkShow,
  type NewShow,
  type PayableAmounts,
  PERFORMERS_MAX,
  type ShowChanges,
} from './show-rules.ts';
import type { CatalogueTables } from './tables.ts';
import { addressOf, type VenueAddress } from './venues.ts';

/** A show as the catalogue knows it: all but its seats. Times in ms since the epoch. */
export interface ShowRecord {
  readonly id: string;
  readonly organiserId: string;
  readonly title: string;
  readonly description: string | null;
  readonly venue: { readonly id: string; readonly name: string; readonly address: VenueAddress };
  /** The one that it was made with. */
  readonly planId: string;
  readonly planHash: string;
  /** The one in force, which may be another. */
  readonly currentPlan: CurrentPlan;
  /** Seats and places of the whole plan that is in force. */
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
  readonly mediaLinks: readonly string[];
  readonly createdAt: number;
  /** Before it only its organiser sees the show; null while that is not decided, absent for one that never was a draft. */
  readonly publishAt?: number | null;
  /** How many changes of its times are in this. */
  readonly revision: number;
  /** The transaction that changed it last. */
  readonly changed: string;
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

/** Whether everybody may see it at `now` (ms). */
export function isPublic({ publishAt }: Pick<ShowRecord, 'publishAt'>, now: number): boolean {
  return publishAt === undefined || (publishAt !== null && now >= publishAt);
}

/** Who creates a show or changes one: an organiser uses own things, an admin anybody's. */
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
  'plan.id as current_plan_id',
  'show.plan_revision',
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
  'show.media_links',
  'show.is_draft',
  milliseconds<number | null>('show.publish_at').as('publish_ms'),
  'show.revision',
  sql<string>`show.changed::text`.as('changed'),
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
  readonly #onChange: () => Promise<void>;

  /** @param onChange called after each change; whoever made it waits for that. */
  constructor(
    db: Kysely<CatalogueTables>,
    clock: Clock,
    random: Random,
    shardOf: (showId: string) => number,
    amounts: PayableAmounts,
    onChange: () => Promise<void>,
  ) {
    this.#db = db;
    this.#clock = clock;
    this.#random = random;
    this.#shardOf = shardOf;
    this.#amounts = amounts;
    this.#onChange = onChange;
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
          media_links: JSON.stringify(show.mediaLinks ?? []),
          is_draft: checked.publishAt !== undefined,
          publish_at: checked.publishAt === undefined || checked.publishAt === null ? null : rfc3339(checked.publishAt),
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
    await this.#onChange();
    const record = await this.get(id);
    if (record === null) throw new Error(`The show ${id} was not kept`);
    return record;
  }

  async get(id: string): Promise<ShowRecord | null> {
    const [record] = await this.several([id]);
    return record ?? null;
  }

  /** Those of these shows that there are, in no order. */
  async several(ids: readonly string[]): Promise<ShowRecord[]> {
    return ids.length === 0 ? [] : this.#records(sql<SqlBool>`show.id = any(${ids})`, ids.length);
  }

  /** The shows that start before that time (ms), latest first; of those at that time, the ones whose id is less. */
  async startingBefore(startsAt: number, id: string, limit: number): Promise<ShowRecord[]> {
    return this.#records(sql<SqlBool>`(show.starts_at, show.id) < (${rfc3339(startsAt)}::timestamptz, ${id})`, limit);
  }

  /** The titles of an organiser's shows that are there of these. */
  async titlesOf(organiserId: string, titles: readonly string[]): Promise<string[]> {
    const rows = await this.#db
      .selectFrom('show')
      .select('title')
      .where('organiser_id', '=', organiserId)
      .where('title', 'in', titles)
      .execute();
    return rows.map(({ title }) => title);
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
    await this.#onChange();
  }

  /**
   * What its organiser writes of a show: texts, links, and when it begins and ends. The times of sale are the show's own, see
   * {@link noteTimes}.
   */
  async change(id: string, changes: ShowChanges, times: ChangedTimes): Promise<void> {
    const { title, description, screen, mediaUrl, mediaLinks } = changes;
    const { startsAt, endsAt } = times;
    const set = {
      ...(title === undefined ? {} : { title }),
      ...(description === undefined ? {} : { description }),
      ...(screen === undefined ? {} : { screen }),
      ...(mediaUrl === undefined ? {} : { media_url: mediaUrl }),
      ...(mediaLinks === undefined ? {} : { media_links: JSON.stringify(mediaLinks) }),
      ...(startsAt === undefined ? {} : { starts_at: rfc3339(startsAt) }),
      ...(endsAt === undefined ? {} : { ends_at: endsAt === null ? null : rfc3339(endsAt) }),
    };
    if (Object.keys(set).length === 0) return;
    await this.#db.updateTable('show').set(set).where('id', '=', id).execute();
    await this.#onChange();
  }

  /** What the show has decided about its times; older news than what is known changes nothing. Safe to repeat. */
  async noteTimes(id: string, { onSaleAt, offSaleAt, publishAt, revision }: SaleTimes): Promise<void> {
    await this.#db
      .updateTable('show')
      .set({
        on_sale_at: rfc3339(onSaleAt),
        off_sale_at: rfc3339(offSaleAt),
        publish_at: publishAt === undefined || publishAt === null ? null : rfc3339(publishAt),
        revision,
      })
      .where('id', '=', id)
      .where('revision', '<', revision)
      .execute();
    await this.#onChange();
  }

  /**
   * Safe to repeat: one that appears already stays where it stands.
   * @throws RefusedError `NOT_FOUND` for an unknown performer, `SHOW_INVALID` when too many appear
   */
  async addPerformer(id: string, performerId: string): Promise<void> {
    const unknown = await this.#unknownPerformers([performerId]);
    if (unknown.length > 0) throw notFound('performer');
    await this.#db.transaction().execute(async (transaction) => {
      // Locks the show: of several who add at once each counts the others.
      await transaction.updateTable('show').set({ id }).where('id', '=', id).execute();
      const rows = await transaction
        .selectFrom('show_performer')
        .select(['performer_id', 'position'])
        .where('show_id', '=', id)
        .execute();
      if (rows.some((row) => row.performer_id === performerId)) return;
      if (rows.length >= PERFORMERS_MAX) {
        throw new RefusedError({ code: 'SHOW_INVALID', detail: `A show has ${PERFORMERS_MAX} performers at most.` });
      }
      const position = Math.max(-1, ...rows.map((row) => row.position)) + 1;
      await transaction
        .insertInto('show_performer')
        .values({ show_id: id, performer_id: performerId, position })
        .execute();
    });
    await this.#onChange();
  }

  /** Safe to repeat. */
  async removePerformer(id: string, performerId: string): Promise<void> {
    await this.#db.transaction().execute(async (transaction) => {
      await transaction.updateTable('show').set({ id }).where('id', '=', id).execute();
      await transaction
        .deleteFrom('show_performer')
        .where('show_id', '=', id)
        .where('performer_id', '=', performerId)
        .execute();
    });
    await this.#onChange();
  }

  async #records(condition: RawBuilder<SqlBool>, limit: number): Promise<ShowRecord[]> {
    const rows = await this.#db
      .selectFrom('show')
      .innerJoin('venue', 'venue.id', 'show.venue_id')
      .innerJoin('plan', (join) =>
        join.on((eb) => eb('plan.id', '=', eb.fn.coalesce('show.current_plan_id', 'show.plan_id'))),
      )
      .where(condition)
      .select(COLUMNS)
      .orderBy('show.starts_at', 'desc')
      .orderBy('show.id', 'desc')
      .limit(limit)
      .execute();
    return rows.map((row) => ({
      id: row.id,
      organiserId: row.organiser_id,
      title: row.title,
      description: row.description,
      venue: { id: row.venue_id, name: row.venue_name, address: addressOf(row) },
      planId: row.plan_id,
      planHash: row.plan_hash,
      currentPlan: { id: row.current_plan_id, revision: row.plan_revision },
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
      mediaLinks: row.media_links,
      ...(row.is_draft ? { publishAt: row.publish_ms } : undefined),
      revision: row.revision,
      changed: row.changed,
      createdAt: row.created_ms,
      cancelledAt: row.cancelled_ms,
    }));
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
