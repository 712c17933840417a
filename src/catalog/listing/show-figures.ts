import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { ShowFigures } from '../../actors/shows.ts';
import type { CatalogueTables } from '../tables.ts';

/** Shows written or read in one statement. */
export const FIGURES_PER_STATEMENT = 1_000;
/** Changed shows read at once: entering each into the list takes a part of a millisecond. */
export const SHOWS_PER_READING = 200;

export interface FiguresOf {
  readonly showId: string;
  readonly figures: ShowFigures;
}

/**
 * Keeps the figures of shows, at most {@link FIGURES_PER_STATEMENT}, unless newer ones are kept. No fence is needed: figures
 * are of a durable turn, so the higher version is the truth, whoever writes it.
 */
export async function writeFigures(db: Kysely<CatalogueTables>, batch: readonly FiguresOf[]): Promise<void> {
  // In one order everywhere: two nodes that write the same shows wait for each other, and never both.
  const sorted = batch.toSorted((a, b) => (a.showId < b.showId ? -1 : 1));
  const column = <T>(pick: (figures: ShowFigures) => T): T[] => sorted.map(({ figures }) => pick(figures));
  const ids = sorted.map(({ showId }) => showId);
  // First: figures that are kept say that all of the turn was told, and a show whose owner dies here is not woken for them.
  await mendShows(db, sorted);
  await sql`
    insert into show_figures as f (show_id, version, as_of, capacity, available, from_price, cancelled, prices)
    select * from unnest(
      ${ids}::text[], ${column((of) => of.version)}::int4[], ${column((of) => of.asOf)}::int8[],
      ${column((of) => of.capacity)}::int4[], ${column((of) => of.available)}::int4[],
      ${column((of) => of.fromPrice)}::int8[], ${column((of) => of.cancelled)}::boolean[],
      ${column(({ prices }) => (prices === undefined ? null : JSON.stringify(prices)))}::jsonb[])
    on conflict (show_id) do update set version = excluded.version, as_of = excluded.as_of,
      capacity = excluded.capacity, available = excluded.available, from_price = excluded.from_price,
      cancelled = excluded.cancelled, prices = excluded.prices, changed = pg_current_xact_id()
    where f.version < excluded.version`.execute(db);
}

/**
 * Whoever moved a show's times, replaced its plan, or called it off, may have died before the catalogue heard of it. Most
 * often it has: then nothing is locked or written.
 * @param batch in the order of ids
 */
async function mendShows(db: Kysely<CatalogueTables>, batch: readonly FiguresOf[]): Promise<void> {
  const news = batch.filter(({ figures }) => isNews(figures));
  if (news.length === 0) return;
  const column = <T>(pick: (figures: ShowFigures) => T): T[] => news.map(({ figures }) => pick(figures));
  await sql`
    with news as (
      select * from unnest(
        ${news.map(({ showId }) => showId)}::text[], ${column(({ times }) => times?.revision ?? 0)}::int4[],
        ${column(({ times }) => times?.onSaleAt ?? 0)}::int8[], ${column(({ times }) => times?.offSaleAt ?? 0)}::int8[],
        ${column(({ times }) => times?.publishAt ?? null)}::int8[],
        ${column(({ plan }) => plan?.revision ?? 0)}::int4[], ${column(({ plan }) => plan?.id ?? null)}::text[],
        ${column(({ cancelled, asOf }) => (cancelled ? asOf : null))}::int8[]
      ) as n (id, revision, on_sale_at, off_sale_at, publish_at, plan_revision, plan_id, cancelled_at)
    ), behind as materialized (
      select show.id from show join news n on show.id = n.id
      where show.revision < n.revision or show.plan_revision < n.plan_revision
        or (n.cancelled_at is not null and show.cancelled_at is null)
      order by show.id for no key update of show
    )
    update show set
      on_sale_at = case when show.revision < n.revision then ${instant('n.on_sale_at')} else show.on_sale_at end,
      off_sale_at = case when show.revision < n.revision then ${instant('n.off_sale_at')} else show.off_sale_at end,
      publish_at = case when show.revision < n.revision then ${instant('n.publish_at')} else show.publish_at end,
      revision = greatest(show.revision, n.revision),
      current_plan_id = case when show.plan_revision < n.plan_revision then n.plan_id else show.current_plan_id end,
      plan_revision = greatest(show.plan_revision, n.plan_revision),
      cancelled_at = coalesce(show.cancelled_at, ${instant('n.cancelled_at')})
    from behind join news n using (id) where show.id = behind.id`.execute(db);
}

/** A column of ms since the epoch as an instant. */
function instant(column: string): RawBuilder<Date> {
  return sql<Date>`to_timestamp(${sql.ref(column)} / 1000.0::float8)`;
}

function isNews({ cancelled, times, plan }: ShowFigures): boolean {
  return cancelled || plan !== undefined || (times?.revision ?? 0) > 0;
}

interface FiguresRow {
  readonly show_id: string;
  readonly version: number;
  readonly as_of: number;
  readonly capacity: number;
  readonly available: number;
  readonly from_price: number | null;
  readonly cancelled: boolean;
  readonly prices: Readonly<Record<string, number>> | null;
  readonly changed: string;
}

export interface KeptFigures extends FiguresOf {
  /** The transaction that kept them. */
  readonly changed: string;
}

function kept(row: FiguresRow): KeptFigures {
  const { show_id, version, as_of, capacity, available, from_price, cancelled, prices, changed } = row;
  const figures = { version, asOf: as_of, capacity, available, fromPrice: from_price, cancelled };
  return { showId: show_id, figures: prices === null ? figures : { ...figures, prices }, changed };
}

const COLUMNS = sql`show_id, version, as_of, capacity, available, from_price, cancelled, prices, changed::text as changed`;

/** What is kept of these shows. */
export async function figuresOf(db: Kysely<CatalogueTables>, ids: readonly string[]): Promise<KeptFigures[]> {
  if (ids.length === 0) return [];
  const { rows } = await sql<FiguresRow>`select ${COLUMNS} from show_figures where show_id = any(${ids})`.execute(db);
  return rows.map(kept);
}

/** Where a reader of changes stands: the next changes are those after this transaction and show. */
export interface ChangeMark {
  /** A 64-bit transaction number, as text. */
  readonly changed: string;
  readonly id: string;
}

/** Figures that were kept after the mark, in the order of their transactions. */
export async function figuresAfter(db: Kysely<CatalogueTables>, after: ChangeMark): Promise<KeptFigures[]> {
  const { rows } = await sql<FiguresRow>`
    select ${COLUMNS} from show_figures
    where (changed, show_id) > (${after.changed}::xid8, ${after.id})
    order by show_figures.changed, show_id limit ${FIGURES_PER_STATEMENT}`.execute(db);
  return rows.map(kept);
}

/** Shows that changed after the mark, in the order of their transactions. */
export async function showsChangedAfter(db: Kysely<CatalogueTables>, after: ChangeMark): Promise<ChangeMark[]> {
  const { rows } = await sql<ChangeMark>`
    select id, changed::text as changed from show
    where (changed, id) > (${after.changed}::xid8, ${after.id})
    order by show.changed, id limit ${SHOWS_PER_READING}`.execute(db);
  return rows;
}

/** The lowest transaction that may still be under way: whatever was changed by a lower one can be read now. */
export async function lowestOpenTransaction(db: Kysely<CatalogueTables>): Promise<string> {
  const { rows } = await sql<{ lowest: string }>`
    select pg_snapshot_xmin(pg_current_snapshot())::text as lowest`.execute(db);
  return rows[0].lowest;
}

/**
 * A database that was restored from a dump counts its transactions anew: changes that seem to be of the future would be read
 * again and again.
 */
export async function forgetFutureChanges(db: Kysely<CatalogueTables>): Promise<void> {
  // Others write shows and figures too: locked in one order everywhere, as by `writeFigures`.
  await sql`
    with future as materialized (
      select id from show where changed >= pg_snapshot_xmax(pg_current_snapshot()) order by id for no key update
    )
    update show set id = show.id from future where show.id = future.id`.execute(db);
  await sql`
    with future as materialized (
      select show_id from show_figures where changed >= pg_snapshot_xmax(pg_current_snapshot())
      order by show_id for no key update
    )
    update show_figures f set changed = pg_current_xact_id() from future where f.show_id = future.show_id`.execute(db);
}

/**
 * Shows of these shards, in pages, whose kept figures are older than their journal and that may still sell: their owner died
 * before it told. They are to be woken.
 */
export async function* untoldShows(
  db: Kysely<CatalogueTables>,
  shards: readonly number[],
): AsyncGenerator<readonly { readonly showId: string }[]> {
  let after = '';
  while (true) {
    const { rows } = await sql<{ showId: string }>`
      select show.id as "showId" from show
      cross join lateral (select seq from journal where show_id = show.id order by seq desc limit 1) last
      left join show_figures f on f.show_id = show.id
      where show.shard = any(${shards}::int2[]) and show.id > ${after}
        and (f.version is null or f.version < last.seq)
        and show.off_sale_at > statement_timestamp() and show.cancelled_at is null
      order by show.id limit ${FIGURES_PER_STATEMENT}`.execute(db);
    if (rows.length > 0) yield rows;
    if (rows.length < FIGURES_PER_STATEMENT) return;
    after = rows[rows.length - 1].showId;
  }
}
