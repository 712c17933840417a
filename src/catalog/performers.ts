import { type Kysely, type Selectable, sql } from 'kysely';
import { newId } from '../ids.ts';
import type { Clock, Random } from '../ports.ts';
import { rfc3339 } from '../rfc3339.ts';
import { allOf, contains, type ListPage, milliseconds, type PageRequest } from './columns.ts';
import type { CatalogueTables } from './tables.ts';

export interface NewPerformer {
  readonly name: string;
  readonly description?: string | undefined;
}

export interface PerformerView extends NewPerformer {
  readonly id: string;
  readonly createdAt: string;
}

const COLUMNS = ['id', 'name', 'description', milliseconds('created_at').as('created_ms')] as const;

type PerformerRow = Omit<Selectable<CatalogueTables['performer']>, 'created_at'> & { created_ms: number };

function view(row: PerformerRow): PerformerView {
  return {
    id: row.id,
    name: row.name,
    ...(row.description === null ? undefined : { description: row.description }),
    createdAt: rfc3339(row.created_ms),
  };
}

/** Who appears in shows; entered once, shared by all organisers. */
export class Performers {
  readonly #db: Kysely<CatalogueTables>;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(db: Kysely<CatalogueTables>, clock: Clock, random: Random) {
    this.#db = db;
    this.#clock = clock;
    this.#random = random;
  }

  async create(performer: NewPerformer): Promise<PerformerView> {
    const row = await this.#db
      .insertInto('performer')
      .values({
        id: newId('prf', this.#random),
        name: performer.name,
        description: performer.description ?? null,
        created_at: rfc3339(this.#clock.now()),
      })
      .returning(COLUMNS)
      .executeTakeFirstOrThrow();
    return view(row);
  }

  /** By name; `name` is part of it. */
  async list(name: string | undefined, descending: boolean, page: PageRequest): Promise<ListPage<PerformerView>> {
    const found = this.#db.selectFrom('performer').where(allOf(name === undefined ? [] : [contains('name', name)]));
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
