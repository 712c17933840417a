import { isDeepStrictEqual } from 'node:util';
import type { ShowFigures } from '../../actors/shows.ts';
import type { ShowRecord } from '../shows.ts';
import { SlotList } from './slot-list.ts';
import { plainText } from './words.ts';

/** A show in the list: what its organiser wrote, and the newest figures that were heard. */
export interface ListedShow {
  /** Its description may be cut, see `ShowListing`. */
  readonly record: ShowRecord;
  readonly figures: ShowFigures | null;
}

interface Entry {
  record: ShowRecord;
  figures: ShowFigures | null;
  readonly titleKey: string;
}

/** When others than its organiser see a show, if that is not decided. */
const NEVER = Number.POSITIVE_INFINITY;

const FIRST_ROOM = 256;

/**
 * The listed shows by place, as columns: what is filtered by is read without looking at the show itself. A place is one
 * show's until it is deleted, then another's.
 */
export class ListedShows {
  readonly #entries: (Entry | undefined)[] = [];
  readonly #slots = new Map<string, number>();
  readonly #free: number[] = [];
  startsAt = new Float64Array(FIRST_ROOM);
  onSaleAt = new Float64Array(FIRST_ROOM);
  offSaleAt = new Float64Array(FIRST_ROOM);
  publicAt = new Float64Array(FIRST_ROOM);
  cancelled = new Uint8Array(FIRST_ROOM);
  /** 1 where nothing is left, as far as was heard. */
  soldOut = new Uint8Array(FIRST_ROOM);
  /** By the numbers of {@link placeNumber}. */
  city = new Int32Array(FIRST_ROOM);
  country = new Int32Array(FIRST_ROOM);
  readonly byVenue = new Map<string, SlotList>();
  readonly byPerformer = new Map<string, SlotList>();
  readonly #places = new Map<string, number>();
  /** One object for all shows of a venue: most of what a show weighs is not its own. */
  readonly #venues = new Map<string, ShowRecord['venue']>();

  get size(): number {
    return this.#slots.size;
  }

  /** More than the highest place. */
  get room(): number {
    return this.#entries.length;
  }

  slotOf(showId: string): number | undefined {
    return this.#slots.get(showId);
  }

  at(slot: number): Entry {
    const entry = this.#entries[slot];
    if (entry === undefined) throw new RangeError(`no show is listed at place ${slot}`);
    return entry;
  }

  /** The number of a city or country, whatever its case and accents; -1 for one where nothing is. */
  placeNumber(name: string): number {
    return this.#places.get(plainText(name)) ?? -1;
  }

  /** Enters a show that is not there. @returns its place. */
  add(record: ShowRecord, figures: ShowFigures | null): number {
    const slot = this.#free.pop() ?? this.#entries.length;
    if (slot >= this.startsAt.length) this.#grow();
    const shared = { ...record, venue: this.#shared(record.venue) };
    this.#entries[slot] = { record: shared, figures, titleKey: plainText(record.title) };
    this.#slots.set(record.id, slot);
    this.startsAt[slot] = record.startsAt;
    this.city[slot] = this.#placeOf(record.venue.address.city);
    this.country[slot] = this.#placeOf(record.venue.address.country);
    listAt(this.byVenue, record.venue.id).add(slot, 0);
    for (const { id } of record.performers) listAt(this.byPerformer, id).add(slot, 0);
    this.#noteStanding(slot);
    return slot;
  }

  delete(slot: number): void {
    const { record } = this.at(slot);
    unlist(this.byVenue, record.venue.id, slot);
    if (!this.byVenue.has(record.venue.id)) this.#venues.delete(record.venue.id);
    for (const { id } of record.performers) unlist(this.byPerformer, id, slot);
    this.#slots.delete(record.id);
    this.#entries[slot] = undefined;
    this.#free.push(slot);
  }

  /** @returns whether another list may come of it. */
  setFigures(slot: number, figures: ShowFigures): boolean {
    this.at(slot).figures = figures;
    return this.#noteStanding(slot);
  }

  /** The show itself knows its times best; the catalogue may lag behind it, or be ahead of its last figures. */
  #noteStanding(slot: number): boolean {
    const { record, figures } = this.at(slot);
    const told = figures?.times;
    const times = told !== undefined && told.revision > record.revision ? told : record;
    const publicAt = times.publishAt === undefined ? Number.NEGATIVE_INFINITY : (times.publishAt ?? NEVER);
    const cancelled = record.cancelledAt !== null || figures?.cancelled === true ? 1 : 0;
    const soldOut = figures?.available === 0 ? 1 : 0;
    const isSame =
      this.onSaleAt[slot] === times.onSaleAt &&
      this.offSaleAt[slot] === times.offSaleAt &&
      this.publicAt[slot] === publicAt &&
      this.cancelled[slot] === cancelled &&
      this.soldOut[slot] === soldOut;
    this.onSaleAt[slot] = times.onSaleAt;
    this.offSaleAt[slot] = times.offSaleAt;
    this.publicAt[slot] = publicAt;
    this.cancelled[slot] = cancelled;
    this.soldOut[slot] = soldOut;
    return !isSame;
  }

  #shared(venue: ShowRecord['venue']): ShowRecord['venue'] {
    const known = this.#venues.get(venue.id);
    if (known !== undefined && isDeepStrictEqual(known, venue)) return known;
    this.#venues.set(venue.id, venue);
    return venue;
  }

  /** Cities and countries are few, and stay known. */
  #placeOf(name: string): number {
    const plain = plainText(name);
    const known = this.#places.get(plain);
    if (known !== undefined) return known;
    this.#places.set(plain, this.#places.size);
    return this.#places.size - 1;
  }

  #grow(): void {
    const room = this.startsAt.length * 2;
    const wider = <T extends Float64Array | Int32Array | Uint8Array>(made: T, column: T): T => {
      made.set(column);
      return made;
    };
    this.startsAt = wider(new Float64Array(room), this.startsAt);
    this.onSaleAt = wider(new Float64Array(room), this.onSaleAt);
    this.offSaleAt = wider(new Float64Array(room), this.offSaleAt);
    this.publicAt = wider(new Float64Array(room), this.publicAt);
    this.cancelled = wider(new Uint8Array(room), this.cancelled);
    this.soldOut = wider(new Uint8Array(room), this.soldOut);
    this.city = wider(new Int32Array(room), this.city);
    this.country = wider(new Int32Array(room), this.country);
  }
}

function listAt(lists: Map<string, SlotList>, id: string): SlotList {
  let list = lists.get(id);
  if (list === undefined) {
    list = new SlotList();
    lists.set(id, list);
  }
  return list;
}

function unlist(lists: Map<string, SlotList>, id: string, slot: number): void {
  const list = lists.get(id);
  list?.delete(slot);
  if (list?.size === 0) lists.delete(id);
}
