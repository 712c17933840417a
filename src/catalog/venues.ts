import { type Kysely, type RawBuilder, type Selectable, type SqlBool, sql } from 'kysely';
import { RefusedError } from '../errors.ts';
import { isId, newId } from '../ids.ts';
import type { Clock, Random } from '../ports.ts';
import { rfc3339 } from '../rfc3339.ts';
import { allOf, contains, type ListPage, milliseconds, type PageRequest, sameText } from './columns.ts';
import type { CatalogueTables } from './tables.ts';

export interface VenueAddress {
  readonly street: string;
  readonly city: string;
  readonly state?: string | undefined;
  readonly country: string;
  readonly postalCode?: string | undefined;
  readonly additional?: string | undefined;
}

export interface NewVenue {
  readonly name: string;
  readonly address: VenueAddress;
}

export interface VenueView extends NewVenue {
  readonly id: string;
  readonly createdAt: string;
}

export interface VenueFilter {
  /** Part of the name. */
  readonly name?: string | undefined;
  readonly city?: string | undefined;
  readonly state?: string | undefined;
  readonly country?: string | undefined;
  readonly postalCode?: string | undefined;
}

/** What Postgres answers when a row refers to one that is not there. */
const FOREIGN_KEY_VIOLATION = '23503';

const COLUMNS = [
  'venue.id',
  'venue.name',
  'venue.street',
  'venue.city',
  'venue.state',
  'venue.country',
  'venue.postal_code',
  'venue.additional',
  milliseconds('venue.created_at').as('created_ms'),
] as const;

type VenueRow = Omit<Selectable<CatalogueTables['venue']>, 'created_at' | 'organiser_id'> & { created_ms: number };

/** An address without the members that were not given. */
export function addressOf(
  row: Pick<VenueRow, 'street' | 'city' | 'state' | 'country' | 'postal_code' | 'additional'>,
): VenueAddress {
  return {
    street: row.street,
    city: row.city,
    ...(row.state === null ? undefined : { state: row.state }),
    country: row.country,
    ...(row.postal_code === null ? undefined : { postalCode: row.postal_code }),
    ...(row.additional === null ? undefined : { additional: row.additional }),
  };
}

function view(row: VenueRow): VenueView {
  return { id: row.id, name: row.name, address: addressOf(row), createdAt: rfc3339(row.created_ms) };
}

/** Places where shows are held; each belongs to the organiser who entered it. */
export class Venues {
  readonly #db: Kysely<CatalogueTables>;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(db: Kysely<CatalogueTables>, clock: Clock, random: Random) {
    this.#db = db;
    this.#clock = clock;
    this.#random = random;
  }

  /** @throws RefusedError `UNAUTHENTICATED` if there is no such organiser any more */
  async create(organiserId: string, venue: NewVenue): Promise<VenueView> {
    const { street, city, state, country, postalCode, additional } = venue.address;
    const row = await this.#db
      .insertInto('venue')
      .values({
        id: newId('ven', this.#random),
        organiser_id: organiserId,
        name: venue.name,
        street,
        city,
        state: state ?? null,
        country,
        postal_code: postalCode ?? null,
        additional: additional ?? null,
        created_at: rfc3339(this.#clock.now()),
      })
      .returning(COLUMNS)
      .executeTakeFirstOrThrow()
      .catch((error: { readonly code?: string }) => {
        if (error.code !== FOREIGN_KEY_VIOLATION) throw error;
        throw new RefusedError({
          code: 'UNAUTHENTICATED',
          detail: 'The account of this token does not exist any more.',
        });
      });
    return view(row);
  }

  async get(id: string): Promise<VenueView | null> {
    if (!isId('ven', id)) return null;
    const row = await this.#db.selectFrom('venue').select(COLUMNS).where('id', '=', id).executeTakeFirst();
    return row === undefined ? null : view(row);
  }

  /** The user id of a venue's organiser, or `null` for an unknown venue. */
  async organiserOf(id: string): Promise<string | null> {
    if (!isId('ven', id)) return null;
    const row = await this.#db.selectFrom('venue').select('organiser_id').where('id', '=', id).executeTakeFirst();
    return row?.organiser_id ?? null;
  }

  /** By name. */
  async list(filter: VenueFilter, descending: boolean, page: PageRequest): Promise<ListPage<VenueView>> {
    const conditions: RawBuilder<SqlBool>[] = [];
    if (filter.name !== undefined) conditions.push(contains('venue.name', filter.name));
    if (filter.city !== undefined) conditions.push(sameText('venue.city', filter.city));
    if (filter.state !== undefined) conditions.push(sameText('venue.state', filter.state));
    if (filter.country !== undefined) conditions.push(sameText('venue.country', filter.country));
    if (filter.postalCode !== undefined) conditions.push(sameText('venue.postal_code', filter.postalCode));
    const found = this.#db.selectFrom('venue').where(allOf(conditions));
    const direction = descending ? 'desc' : 'asc';
    const [rows, { total }] = await Promise.all([
      found
        .select(COLUMNS)
        .orderBy('name', direction)
        .orderBy('id', direction)
        .offset(page.offset)
        .limit(page.limit)
        .execute(),
      found.select(sql<number>`count(*)::int`.as('total')).executeTakeFirstOrThrow(),
    ]);
    return { items: rows.map(view), total, ...page };
  }
}
