import type { MadeShow } from '../../src/actors/shows.ts';
import type { Hall } from '../../src/allocator/hall.ts';
import type { JournalRow } from '../../src/journal/journal.ts';
import { fold, parsed } from '../../src/projector/fold.ts';
import type {
  CategoryRow,
  HoldRow,
  OrderRow,
  ProjectionRow,
  RefundRow,
  SalesRow,
  TicketRow,
} from '../../src/projector/rows.ts';
import type { Changes, Keys, LoadedRows } from '../../src/projector/show-model.ts';
import type { Announcement } from '../../src/webhooks/announcements.ts';
import { madeOf } from './made-show.ts';

/** The read model of one show, kept in memory as the tables keep it. */
export class MemoryProjection {
  readonly #showId: string;
  readonly #made: MadeShow;
  projection: ProjectionRow = {
    ...{ seq: 0, at: 0, told_seq: 0, currency: '', tickets: 0, for_sale: 0, sold: 0 },
    plans: [],
    ...{ is_sold_out: false, cancelled_at: null, cancel_reason: null },
  };
  readonly categories = new Map<string, CategoryRow>();
  readonly holds = new Map<number, HoldRow>();
  readonly orders = new Map<number, OrderRow>();
  readonly tickets = new Map<number, TicketRow>();
  readonly refunds = new Map<number, RefundRow>();
  readonly sales = new Map<string, SalesRow>();
  readonly announcements: Announcement[] = [];
  /** How often what was to be folded had to be loaded again. */
  reloads = -1;

  /** @param plans that may replace the first, by their ids. */
  constructor(showId: string, hall: Hall, plans: Readonly<Record<string, Hall>> = {}) {
    this.#showId = showId;
    this.#made = madeOf(hall, undefined, plans);
  }

  /** What these rows change; nothing has changed yet. */
  async changesOf(page: readonly JournalRow[]): Promise<Changes> {
    this.reloads = -1;
    return fold(this.#showId, this.#made, page.map(parsed), async (keys) => {
      this.reloads++;
      return this.#load(keys);
    });
  }

  write(given: Changes): void {
    const changes = structuredClone(given);
    this.projection = changes.projection;
    for (const row of changes.categories) this.categories.set(row.category, row);
    for (const row of changes.holds) this.holds.set(row.number, row);
    for (const number of changes.endedHolds) this.holds.delete(number);
    for (const row of changes.orders) this.orders.set(row.number, row);
    for (const row of changes.tickets) this.tickets.set(row.number, row);
    for (const row of changes.refunds) this.refunds.set(row.number, row);
    for (const row of changes.sales) this.#addSales(row);
    this.announcements.push(...changes.announcements);
  }

  /** All rows, to compare with those of another. */
  rows(): unknown {
    const sorted = <T>(map: ReadonlyMap<number | string, T>): T[] =>
      [...map].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
    const { categories, holds, orders, tickets, refunds, sales } = this;
    return [
      this.projection,
      ...[categories, holds, orders, tickets, refunds, sales].map((map) =>
        sorted(map as ReadonlyMap<number | string, object>),
      ),
    ];
  }

  #addSales(row: SalesRow): void {
    const key = `${row.hour_at} ${row.category}`;
    const before = this.sales.get(key);
    if (before === undefined) {
      this.sales.set(key, row);
      return;
    }
    for (const name of ['sold', 'returned', 'gross', 'refunded', 'lost'] as const) before[name] += row[name];
  }

  #load(keys: Keys): LoadedRows {
    const find = <T>(map: ReadonlyMap<number, T>, numbers: Iterable<number>): T[] =>
      [...numbers].flatMap((number) => map.get(number) ?? []);
    const holds = find(this.holds, keys.holds);
    const refunds = find(this.refunds, keys.refunds);
    const named = find(this.tickets, keys.tickets);
    const wanted = new Set([...keys.orders, ...[...holds, ...refunds, ...named].map((row) => row.order_number)]);
    const orders = find(this.orders, wanted);
    const tickets = [...this.tickets.values()].filter((row) =>
      orders.some(({ number }) => number === row.order_number),
    );
    return structuredClone({ projection: this.projection, holds, refunds, orders, tickets, keys });
  }
}
