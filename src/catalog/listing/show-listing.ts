import type { ShowFigures } from '../../actors/shows.ts';
import type { ListPage, PageRequest } from '../columns.ts';
import type { ShowRecord } from '../shows.ts';
import { KeptResults, type Result } from './kept-results.ts';
import { type ListedShow, ListedShows } from './listed-shows.ts';
import { best } from './ranking.ts';
import type { SlotList } from './slot-list.ts';
import { SlotOrder } from './slot-order.ts';
import { type WeightedText, WordIndex } from './word-index.ts';
import { wordsOf } from './words.ts';

/** Shows that are listed; with more, those that started longest ago are found by their ids only. */
export const LISTED_MAX = 300_000;
/** Of what a search finds so many can be paged through: nobody does, and each page further costs more. */
export const SEARCHED_MAX = 1_000;
/** Of a description so many characters are searched and listed: a list stays small, however much is written. */
export const DESCRIPTION_LISTED_MAX = 1_000;

/** What a word is worth by where it stands; in a title of few words each says more. */
const WEIGHT = { title: 8, wholeTitle: 16, performer: 12, venue: 6, city: 6, description: 1 } as const;

export const SHOW_SORTS = ['startsAt', '-startsAt', 'title', '-title'] as const;
export type ShowSort = (typeof SHOW_SORTS)[number];

/** Where the sale stands; `draft`: not public yet; `sold_out`: of those on sale the ones of which nothing is left. */
export type ListedPhase = 'draft' | 'scheduled' | 'on_sale' | 'sold_out' | 'closed' | 'cancelled';

export interface ShowQuery {
  /** Words to search for. */
  readonly q?: string | undefined;
  readonly city?: string | undefined;
  readonly country?: string | undefined;
  readonly venueId?: string | undefined;
  readonly performerId?: string | undefined;
  /** Starts at or after this (ms). */
  readonly from?: number | undefined;
  /** Starts before this (ms). */
  readonly to?: number | undefined;
  readonly phase?: ListedPhase | undefined;
  /** Whose drafts to list, with `phase` `draft`: an organiser's, or everybody's. */
  readonly draftsOf?: string | 'all' | undefined;
  /** By default the best match first when words are searched for, else the soonest show. */
  readonly sort?: ShowSort | undefined;
}

/**
 * All shows that can be listed, in memory: filtered, searched, sorted and paged without asking the database or a show. Told
 * of every change, it answers as of the last one; what it keeps of answers goes with the change that could alter them.
 */
export class ShowListing {
  readonly #shows = new ListedShows();
  readonly #words = new WordIndex();
  readonly #byStart = new SlotOrder((a, b) => this.#startOrder(a, b));
  readonly #byTitle = new SlotOrder((a, b) => this.#titleOrder(a, b));
  readonly #kept = new KeptResults();
  readonly #listedMax: number;

  constructor(listedMax = LISTED_MAX) {
    this.#listedMax = listedMax;
  }

  get size(): number {
    return this.#shows.size;
  }

  /** Distinct words that can be found. */
  get words(): number {
    return this.#words.words;
  }

  get(showId: string): ListedShow | null {
    const slot = this.#shows.slotOf(showId);
    return slot === undefined ? null : this.#shows.at(slot);
  }

  /** Enters a show or what has changed of it. @param isOneOfMany many are entered, and nobody reads meanwhile. */
  put(record: ShowRecord, figures: ShowFigures | null, isOneOfMany = false): void {
    const before = this.#shows.slotOf(record.id);
    const newest = newer(figures, before === undefined ? null : this.#shows.at(before).figures);
    if (before !== undefined) this.#delete(before);
    const slot = this.#shows.add(cut(record), newest);
    this.#words.add(slot, textsOf(this.#shows.at(slot).record));
    this.#byStart.add(slot, isOneOfMany);
    this.#byTitle.add(slot, isOneOfMany);
    if (this.#shows.size > this.#listedMax) this.#delete(this.#byStart.slots[0]);
    this.#kept.clear();
  }

  /** Notes the figures of a listed show, unless newer ones are known. */
  setFigures(showId: string, figures: ShowFigures): void {
    const slot = this.#shows.slotOf(showId);
    if (slot === undefined || newer(figures, this.#shows.at(slot).figures) !== figures) return;
    if (this.#shows.setFigures(slot, figures)) this.#kept.clear();
  }

  /** Whether everybody may see it at `now` (ms); null if it is not listed. */
  isPublic(showId: string, now: number): boolean | null {
    const slot = this.#shows.slotOf(showId);
    return slot === undefined ? null : this.#shows.publicAt[slot] <= now;
  }

  /** One page of what a query finds at `now` (ms). */
  find(query: ShowQuery, page: PageRequest, now: number): ListPage<ListedShow> {
    const key = JSON.stringify([query, page.offset, page.limit]);
    let result = this.#kept.get(key, now);
    if (result === null) {
      result = this.#find(query, page, now);
      this.#kept.keep(key, result);
    }
    return { items: result.slots.map((slot) => this.#shows.at(slot)), total: result.total, ...page };
  }

  #find(query: ShowQuery, { offset, limit }: PageRequest, now: number): Result {
    const filter = this.#filter(query, now);
    const end = offset + limit;
    const { sort } = query;
    if (query.q === undefined) {
      const candidates = this.#fewest(query);
      if (candidates === null) return this.#walk(sort ?? 'startsAt', filter, offset, end);
      return this.#select(candidates, filter, this.#orderOf(sort ?? 'startsAt'), offset, end);
    }
    const { slots, count, scores } = this.#words.search(query.q, this.#shows.room);
    const order = sort === undefined ? this.#rank(scores, now) : this.#orderOf(sort);
    return this.#select(slots.subarray(0, count), filter, order, offset, Math.min(end, SEARCHED_MAX));
  }

  /** Goes through all shows in their order. */
  #walk(sort: ShowSort, filter: Filter, offset: number, end: number): Result {
    const { slots } = sort.endsWith('title') ? this.#byTitle : this.#byStart;
    const isDown = sort.startsWith('-');
    const page: number[] = [];
    let total = 0;
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[isDown ? slots.length - 1 - i : i];
      if (!filter.lets(slot)) continue;
      if (total >= offset && total < end) page.push(slot);
      total++;
    }
    return { slots: page, total, until: filter.until };
  }

  #select(
    candidates: Uint32Array,
    filter: Filter,
    order: (a: number, b: number) => number,
    offset: number,
    end: number,
  ): Result {
    const passed = candidates.filter((slot) => filter.lets(slot));
    const page = best(passed, order, end).slice(offset);
    return { slots: page, total: passed.length, until: filter.until };
  }

  /** The shows of the venue or performer that is asked for, if one is. */
  #fewest({ venueId, performerId }: ShowQuery): Uint32Array | null {
    const { byVenue, byPerformer } = this.#shows;
    const list = performerId === undefined ? venueId && byVenue.get(venueId) : byPerformer.get(performerId);
    if (performerId === undefined && venueId === undefined) return null;
    return typeof list === 'object' ? list.slots() : new Uint32Array(0);
  }

  #filter(query: ShowQuery, now: number): Filter {
    const { startsAt, onSaleAt, offSaleAt, publicAt, cancelled, soldOut } = this.#shows;
    const { city, country, byVenue, byPerformer } = this.#shows;
    const { from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY, phase } = query;
    const cityNumber = query.city === undefined ? null : this.#shows.placeNumber(query.city);
    const countryNumber = query.country === undefined ? null : this.#shows.placeNumber(query.country);
    // Those of a venue or performer alone are candidates already; with words to search for, a set tells them.
    const among = (lists: ReadonlyMap<string, SlotList>, id: string | undefined): ReadonlySet<number> | null =>
      id === undefined ? null : new Set(lists.get(id)?.slots());
    const ofVenue = among(byVenue, query.venueId);
    const ofPerformer = among(byPerformer, query.performerId);
    const isRanked = query.q !== undefined && query.sort === undefined;
    const filter: Filter = {
      until: Number.POSITIVE_INFINITY,
      lets: (slot) => {
        if (startsAt[slot] < from || startsAt[slot] >= to) return false;
        if (cityNumber !== null && city[slot] !== cityNumber) return false;
        if (countryNumber !== null && country[slot] !== countryNumber) return false;
        if (ofVenue !== null && !ofVenue.has(slot)) return false;
        if (ofPerformer !== null && !ofPerformer.has(slot)) return false;
        // A rank knows which shows are over.
        if (isRanked && startsAt[slot] >= now) filter.until = Math.min(filter.until, startsAt[slot] + 1);
        const isDraft = publicAt[slot] > now;
        if (isDraft) filter.until = Math.min(filter.until, publicAt[slot]);
        if (phase === 'draft') return isDraft && this.#isDraftOf(slot, query.draftsOf);
        if (isDraft) return false;
        if (phase === undefined) return true;
        const next = onSaleAt[slot] > now ? onSaleAt[slot] : offSaleAt[slot];
        if (next > now && next < filter.until) filter.until = next;
        if (cancelled[slot] === 1) return phase === 'cancelled';
        if (onSaleAt[slot] > now) return phase === 'scheduled';
        if (offSaleAt[slot] <= now) return phase === 'closed';
        return phase === 'on_sale' || (phase === 'sold_out' && soldOut[slot] === 1);
      },
    };
    return filter;
  }

  #isDraftOf(slot: number, whose: string | undefined): boolean {
    return whose === 'all' || this.#shows.at(slot).record.organiserId === whose;
  }

  #orderOf(sort: ShowSort): (a: number, b: number) => number {
    const order = (a: number, b: number): number =>
      sort.endsWith('title') ? this.#titleOrder(a, b) : this.#startOrder(a, b);
    return sort.startsWith('-') ? (a, b) => order(b, a) : order;
  }

  /** Best first; of equals those still to come before those that were, then the soonest. */
  #rank(scores: Float32Array, now: number): (a: number, b: number) => number {
    const { startsAt } = this.#shows;
    return (a, b) => {
      if (scores[a] !== scores[b]) return scores[b] - scores[a];
      const isPast = startsAt[a] < now;
      if (isPast !== startsAt[b] < now) return isPast ? 1 : -1;
      return isPast ? this.#startOrder(b, a) : this.#startOrder(a, b);
    };
  }

  #startOrder(a: number, b: number): number {
    return this.#shows.startsAt[a] - this.#shows.startsAt[b] || this.#idOrder(a, b);
  }

  #titleOrder(a: number, b: number): number {
    const [left, right] = [this.#shows.at(a).titleKey, this.#shows.at(b).titleKey];
    if (left !== right) return left < right ? -1 : 1;
    return this.#idOrder(a, b);
  }

  #idOrder(a: number, b: number): number {
    if (a === b) return 0;
    return this.#shows.at(a).record.id < this.#shows.at(b).record.id ? -1 : 1;
  }

  #delete(slot: number): void {
    this.#words.delete(slot, textsOf(this.#shows.at(slot).record));
    this.#byStart.delete(slot);
    this.#byTitle.delete(slot);
    this.#shows.delete(slot);
  }
}

interface Filter {
  readonly lets: (slot: number) => boolean;
  /** When time alone changes what it lets through, of what it has seen by now (ms). */
  until: number;
}

function newer(a: ShowFigures | null, b: ShowFigures | null): ShowFigures | null {
  if (a === null || b === null) return a ?? b;
  return a.version > b.version ? a : b;
}

function cut(record: ShowRecord): ShowRecord {
  if (record.description === null || record.description.length <= DESCRIPTION_LISTED_MAX) return record;
  return { ...record, description: `${record.description.slice(0, DESCRIPTION_LISTED_MAX - 1)}…` };
}

function textsOf({ title, performers, venue, description }: ShowRecord): WeightedText[] {
  const titleWeight = WEIGHT.title + Math.round(WEIGHT.wholeTitle / Math.max(1, wordsOf(title).length));
  return [
    { text: title, weight: titleWeight },
    { text: performers.map(({ name }) => name).join(' '), weight: WEIGHT.performer },
    { text: venue.name, weight: WEIGHT.venue },
    { text: venue.address.city, weight: WEIGHT.city },
    { text: description ?? '', weight: WEIGHT.description },
  ];
}
