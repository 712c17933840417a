import type { Entry, Errand } from './entry.ts';
import { Inbox } from './inbox.ts';
import type { ShardWork } from './load-figures.ts';

/** What a node keeps awake at most. */
export interface AwakeLimits {
  /** Beyond so many shows a sleeping show cannot be asked. */
  readonly shows: number;
  /**
   * Seats of awake shows; each costs up to 100 bytes while its show is awake. With more, shows at rest go to sleep at
   * once, those that nobody asked for longest first.
   */
  readonly seats: number;
  /** With so many more than that, no show is woken to answer a mere question. */
  readonly seatsMargin: number;
}

/** About a gigabyte of seats. */
const AWAKE_LIMITS: AwakeLimits = { shows: 20_000, seats: 10_000_000, seatsMargin: 2_000_000 };

/** The shows that are awake on this node, or on their way there or from there, and the room that they take. */
export class Entries {
  readonly #limits: AwakeLimits;
  readonly #byShow = new Map<string, Entry>();
  readonly #byShard = new Map<number, Set<Entry>>();
  #seats = 0;
  /** Seats of shows that are falling asleep. */
  seatsDozing = 0;

  constructor(limits: AwakeLimits = AWAKE_LIMITS) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#byShow.size;
  }

  get isFull(): boolean {
    return this.#byShow.size >= this.#limits.shows;
  }

  /** Whether so many seats are awake that no show is woken for a question. */
  get isCrowded(): boolean {
    return this.#seats > this.#limits.seats + this.#limits.seatsMargin;
  }

  /** Whether shows at rest are to sleep at once. */
  get needsRoom(): boolean {
    return this.#seats - this.seatsDozing > this.#limits.seats;
  }

  get(showId: string): Entry | undefined {
    return this.#byShow.get(showId);
  }

  all(): IterableIterator<Entry> {
    return this.#byShow.values();
  }

  /** All that are in these shards, as a list of its own. */
  inShards(shards: ReadonlySet<number>): Entry[] {
    const found: Entry[] = [];
    for (const shard of shards) {
      for (const entry of this.#byShard.get(shard) ?? []) found.push(entry);
    }
    return found;
  }

  /** A new entry of a show that has none. */
  add(showId: string, shard: number, errand: Errand, work: ShardWork, now: number): Entry {
    const entry: Entry = {
      state: 'waking',
      showId,
      shard,
      inbox: new Inbox(),
      work,
      isKnown: errand === 'pending',
      isNeeded: errand !== 'question',
      seats: 0,
      epoch: 0,
      turns: null,
      actor: null,
      lastAsked: now,
      announcedAt: now,
      lookAt: now,
      woken: Promise.resolve(),
    };
    this.#byShow.set(showId, entry);
    const neighbours = this.#byShard.get(shard);
    if (neighbours === undefined) this.#byShard.set(shard, new Set([entry]));
    else neighbours.add(entry);
    return entry;
  }

  /** Counts the seats of its hall, once that is known, and when another plan brings more; not of an entry that is forgotten. */
  countSeats(entry: Entry, seats: number): void {
    if (entry.state === 'gone') return;
    this.#seats += seats - entry.seats;
    entry.seats = seats;
  }

  /** Forgets the entry, if that has not been done. */
  remove(entry: Entry): void {
    if (entry.state === 'gone') return;
    entry.state = 'gone';
    this.#byShow.delete(entry.showId);
    const neighbours = this.#byShard.get(entry.shard);
    neighbours?.delete(entry);
    if (neighbours?.size === 0) this.#byShard.delete(entry.shard);
    this.#seats -= entry.seats;
  }
}
