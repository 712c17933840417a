import type { Pool } from 'pg';

/** Written by the box office itself, at its own time: beats, leases, mail, failed log-ins, what lists tell of seats, and what follows from money. */
const ITS_OWN = [
  'journal',
  'snapshot',
  'lane_backend',
  'node',
  'shard',
  'cluster',
  'mail',
  'webhook_event',
  'webhook_poll',
  'log_in_failure',
  'show_figures',
];
/** What a show tells the catalogue of its plan, some time after it was replaced; that it was is an event. */
const TOLD_LATER = ['current_plan_id', 'plan_revision', 'changed'];
const OF_SETTLEMENT = ['sandbox_payment', 'sandbox_refund', 'buyer_show'];
/** What only a client can bring about. */
const OF_CLIENTS = new Set([
  ...['held', 'extended', 'released', 'ordered', 'cancelled', 'refunding', 'show-cancelled'],
  ...['transferred', 'transfer-accepted', 'transfer-ended', 'listed', 'unlisted'],
  ...['admitted', 'admission-undone', 'scanned', 'stock-changed', 'plan-replaced', 'rescheduled'],
]);

/** Sees what requests leave behind in the database of a box office. */
export class BoxOfficeTraces {
  readonly #pool: Pool;
  #tables: string | null = null;
  #read = '(0,0)';
  #seen = '';

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** What has changed since the last call that clients ask for: events of shows, and tables. */
  async news(): Promise<string[]> {
    const { rows } = await this.#pool.query<{ at: string; events: { type: string }[] }>(
      // The journal is only ever appended to.
      'select ctid::text as at, events from journal where ctid > $1::tid order by ctid',
      [this.#read],
    );
    this.#read = rows.at(-1)?.at ?? this.#read;
    const news = rows.flatMap(({ events }) => events.map(({ type }) => type)).filter((type) => OF_CLIENTS.has(type));
    const before = this.#seen;
    this.#seen = JSON.stringify((await this.#pool.query(await this.#counts())).rows[0]);
    if (this.#seen !== before) news.push(`tables ${before} -> ${this.#seen}`);
    return news;
  }

  /** Of each table how many rows there are and which transaction wrote last; of shows what they say. */
  async #counts(): Promise<string> {
    if (this.#tables !== null) return this.#tables;
    const { rows } = await this.#pool.query<{ name: string }>(
      `select table_name as name from information_schema.tables where table_schema = 'public' and table_name <> all($1)`,
      [[...ITS_OWN, ...OF_SETTLEMENT]],
    );
    const lastWrite = 'max(xmin::text::bigint)';
    const contents = `sum(hashtextextended((to_jsonb("show") - '{${TOLD_LATER.join()}}'::text[])::text, 0))`;
    const each = rows.map(
      ({ name }) => `(select count(*) || '@' || ${name === 'show' ? contents : lastWrite} from "${name}") as "${name}"`,
    );
    this.#tables = `select ${each.join(', ')}`;
    return this.#tables;
  }
}
