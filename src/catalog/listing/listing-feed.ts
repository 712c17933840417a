import type { Kysely } from 'kysely';
import type { ShowFigures } from '../../actors/shows.ts';
import type { Timer, Timers } from '../../ports.ts';
import type { ListPage, PageRequest } from '../columns.ts';
import type { ShowRecords } from '../shows.ts';
import type { CatalogueTables } from '../tables.ts';
import type { ListedShow } from './listed-shows.ts';
import {
  type ChangeMark,
  FIGURES_PER_STATEMENT,
  figuresAfter,
  figuresOf,
  forgetFutureChanges,
  lowestOpenTransaction,
  SHOWS_PER_READING,
  showsChangedAfter,
} from './show-figures.ts';
import { LISTED_MAX, ShowListing, type ShowQuery } from './show-listing.ts';

/** How long other nodes' changes may go unread. */
const READ_EVERY_MS = 250;
/** Shows read in one statement at the start. */
const PAGE_SHOWS = 2_000;
/** Before all starts of shows. */
const LATEST_MS = 8_000_000_000_000;

export interface ListingFeedDeps {
  readonly db: Kysely<CatalogueTables>;
  readonly records: Pick<ShowRecords, 'several' | 'startingBefore'>;
  readonly timers: Timers;
  readonly log: { warn(fields: object, message: string): void };
}

/**
 * Keeps a node's list of shows up with the database. Guarantee: every change that was committed before a reading began is in
 * the list when it ends. Each change bears its transaction's number, and a reading goes back to the lowest transaction that
 * was open when the reading before began: so one that takes its time is not missed, and no lost notice matters.
 */
export class ListingFeed {
  readonly #deps: ListingFeedDeps;
  readonly #listing = new ShowListing();
  /** Where the next reading begins; null until all shows were read. */
  #mark: string | null = null;
  #reading: Promise<void> | null = null;
  /** Begins after the reading under way. */
  #next: Promise<void> | null = null;
  #timer: Timer | null = null;
  #isLost = false;

  constructor(deps: ListingFeedDeps) {
    this.#deps = deps;
  }

  /** Reads all shows, then what changes, until closed. Rejects if the shows cannot be read now. */
  async start(): Promise<void> {
    await this.catchUp();
    this.#timer = this.#deps.timers.every(READ_EVERY_MS, () => {
      if (this.#reading !== null) return;
      this.catchUp().then(
        () => {
          this.#isLost = false;
        },
        (error) => {
          // Once, not four times a second.
          if (!this.#isLost)
            this.#deps.log.warn({ err: error }, 'changes of shows cannot be read; the list stays as it is');
          this.#isLost = true;
        },
      );
    });
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    await this.#reading?.catch(() => {});
  }

  /** Resolves when all that is committed by now is in the list. */
  catchUp(): Promise<void> {
    if (this.#reading === null) {
      this.#reading = this.#read().finally(() => {
        this.#reading = null;
      });
      return this.#reading;
    }
    // The one under way may have begun too early; whoever comes now shares the one after it.
    this.#next ??= this.#reading
      .catch(() => {})
      .then(() => {
        this.#next = null;
        return this.catchUp();
      });
    return this.#next;
  }

  /** The same for whoever has just changed something: it is done, whether the list has heard of it or not. */
  async noticeChange(): Promise<void> {
    try {
      await this.catchUp();
    } catch (error) {
      this.#deps.log.warn({ err: error }, 'a change of a show cannot be read yet');
    }
  }

  /** One page of what a query finds at `now` (ms). Rejects only if the shows could not be read even once. */
  async find(query: ShowQuery, page: PageRequest, now: number): Promise<ListPage<ListedShow>> {
    if (this.#mark === null) await this.catchUp();
    return this.#listing.find(query, page, now);
  }

  /** Whether everybody may see the show at `now` (ms); null if it is not listed. */
  isPublic(showId: string, now: number): boolean | null {
    return this.#listing.isPublic(showId, now);
  }

  /** News of a show of this node. */
  setFigures(showId: string, figures: ShowFigures): void {
    this.#listing.setFigures(showId, figures);
  }

  async #read(): Promise<void> {
    if (this.#mark === null) {
      await forgetFutureChanges(this.#deps.db);
      // Before anything is read: what commits meanwhile is read again.
      const mark = await lowestOpenTransaction(this.#deps.db);
      await this.#readAll();
      this.#mark = mark;
      return;
    }
    const mark = await lowestOpenTransaction(this.#deps.db);
    await this.#readShows({ changed: this.#mark, id: '' });
    await this.#readFigures({ changed: this.#mark, id: '' });
    this.#mark = mark;
  }

  async #readAll(): Promise<void> {
    const { db, records } = this.#deps;
    let [startsAt, id] = [LATEST_MS, ''];
    for (let read = 0; read < LISTED_MAX; read += PAGE_SHOWS) {
      const page = await records.startingBefore(startsAt, id, PAGE_SHOWS);
      const figures = new Map(
        (
          await figuresOf(
            db,
            page.map((record) => record.id),
          )
        ).map((kept) => [kept.showId, kept.figures]),
      );
      for (const record of page) this.#listing.put(record, figures.get(record.id) ?? null, true);
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE_SHOWS) return;
      [startsAt, id] = [last.startsAt, last.id];
    }
  }

  async #readShows(from: ChangeMark): Promise<void> {
    const { db, records } = this.#deps;
    for (let after = from; ; ) {
      const changes = await showsChangedAfter(db, after);
      const unknown = changes.filter(({ id, changed }) => this.#listing.get(id)?.record.changed !== changed);
      const ids = unknown.map(({ id }) => id);
      const read = await records.several(ids);
      // One that is new here may have figures that were kept before.
      const figures = new Map((await figuresOf(db, ids)).map((kept) => [kept.showId, kept.figures]));
      for (const record of read) this.#listing.put(record, figures.get(record.id) ?? null);
      const last = changes.at(-1);
      if (last === undefined || changes.length < SHOWS_PER_READING) return;
      after = last;
    }
  }

  async #readFigures(from: ChangeMark): Promise<void> {
    for (let after = from; ; ) {
      const changes = await figuresAfter(this.#deps.db, after);
      for (const { showId, figures } of changes) this.#listing.setFigures(showId, figures);
      const last = changes.at(-1);
      if (last === undefined || changes.length < FIGURES_PER_STATEMENT) return;
      after = { changed: last.changed, id: last.showId };
    }
  }
}
