import type { AreaCount, SeatMap, VersionGap } from '../../actors/seat-map.ts';
import { type Hall, planAreas } from '../../allocator/hall.ts';
import type { ChangedSeats, SeatsAnswer } from './seat-wire.ts';

/** So many gaps are remembered apart; of more, the two oldest become one. */
export const GAPS_KEPT = 8;

/**
 * The seats of a show that another node owns, in one hall, as it last told them. Versions are the journal's, the same whoever tells
 * them, and only durable ones are told: so a greater one is newer, and this never goes back.
 */
export class SeatReplica implements SeatMap {
  readonly showId: string;
  planId?: string;
  readonly hall: Hall;
  readonly stale = false;
  currency: string;
  capacity: number;
  version: number;
  asOf: number;
  readonly letters: Uint8Array;
  readonly changedAt: Uint32Array;
  gaps: readonly VersionGap[];
  areas: readonly AreaCount[];
  available: number;
  fromPrice: number | null;
  /** The incarnation that told this version; null if it came in another way. */
  owner: string | null;
  /** The same seats, as they are now and as they change, for whoever has to be told that they may be old. */
  readonly asStale: SeatMap = new StaleSeats(this);

  /** A copy of a map. */
  constructor(map: SeatMap, owner: string | null) {
    this.showId = map.showId;
    this.#takePlanId(map);
    this.hall = map.hall;
    this.currency = map.currency;
    this.capacity = map.capacity;
    this.version = map.version;
    this.asOf = map.asOf;
    this.letters = map.letters.slice();
    this.changedAt = map.changedAt.slice();
    this.gaps = map.gaps ?? [];
    this.areas = map.areas;
    this.available = map.available;
    this.fromPrice = map.fromPrice;
    this.owner = owner;
  }

  /** The first that is heard of a show; null if the answer is only of changes. */
  static first(showId: string, hall: Hall, answer: SeatsAnswer): SeatReplica | null {
    const { version, asOf, owner, seats, fromPrice, available, capacity, currency, planId } = answer;
    if ('since' in seats) return null;
    const letters = Buffer.from(seats.letters, 'latin1');
    const changedAt = new Uint32Array(hall.seatCount).fill(version);
    const gaps = withGap([], { after: 0, before: version });
    const areas = areasOf(hall, answer);
    const figures = { version, asOf, areas, fromPrice, available, capacity, currency, planId };
    return new SeatReplica({ showId, hall, stale: false, letters, changedAt, gaps, ...figures }, owner);
  }

  /**
   * Takes over what an owner told.
   *
   * @returns false if it is of no use: older than what is known already, or changes since a version that is not.
   */
  apply(answer: SeatsAnswer): boolean {
    const { version, seats } = answer;
    if (version < this.version) return false;
    if (!('since' in seats)) this.#replace(seats.letters, version);
    else if (seats.since <= this.version) this.#change(seats, version);
    else return false;
    this.#takePlanId(answer);
    this.version = version;
    this.asOf = answer.asOf;
    this.owner = answer.owner;
    this.areas = areasOf(this.hall, answer);
    this.available = answer.available;
    this.fromPrice = answer.fromPrice;
    this.capacity = answer.capacity;
    this.currency = answer.currency;
    return true;
  }

  /** Takes a map of the same hall over that is newer than this one; it knows what it changed, and when. */
  adopt(map: SeatMap): void {
    this.letters.set(map.letters);
    this.changedAt.set(map.changedAt);
    this.gaps = map.gaps ?? [];
    this.#takePlanId(map);
    this.version = map.version;
    this.asOf = map.asOf;
    this.owner = null;
    this.areas = map.areas;
    this.available = map.available;
    this.fromPrice = map.fromPrice;
    this.capacity = map.capacity;
    this.currency = map.currency;
  }

  /** An older node names none. */
  #takePlanId({ planId }: Pick<SeatMap, 'planId'>): void {
    if (planId !== undefined) this.planId = planId;
  }

  /** What changed and changed back on the way from version to version cannot be seen: hence the gap. */
  #replace(letters: string, version: number): void {
    this.gaps = withGap(this.gaps, { after: this.version, before: version });
    for (let place = 0; place < this.letters.length; place++) {
      const letter = letters.charCodeAt(place);
      if (this.letters[place] === letter) continue;
      this.letters[place] = letter;
      this.changedAt[place] = version;
    }
  }

  /** A seat that is as it was counts as changed too: whoever read it from another node in between may have it otherwise. */
  #change({ places, letters }: ChangedSeats, version: number): void {
    for (let i = 0; i < places.length; i++) {
      this.letters[places[i]] = letters.charCodeAt(i);
      this.changedAt[places[i]] = version;
    }
  }
}

function withGap(gaps: readonly VersionGap[], newest: VersionGap): readonly VersionGap[] {
  if (newest.before <= newest.after + 1) return gaps;
  const all = [...gaps, newest];
  if (all.length <= GAPS_KEPT) return all;
  const [first, second, ...others] = all;
  return [{ after: first.after, before: second.before }, ...others];
}

function areasOf(hall: Hall, answer: SeatsAnswer): AreaCount[] {
  const { areas, areaCapacities } = answer;
  return planAreas(hall).map(({ id, capacity }, index) => ({
    id,
    capacity: areaCapacities?.[index] ?? capacity,
    available: areas[index],
  }));
}

/** A replica, seen as one that may be old. */
class StaleSeats implements SeatMap {
  readonly #replica: SeatReplica;
  readonly stale = true;

  constructor(replica: SeatReplica) {
    this.#replica = replica;
  }

  get showId(): string {
    return this.#replica.showId;
  }
  get planId(): string | undefined {
    return this.#replica.planId;
  }
  get hall(): Hall {
    return this.#replica.hall;
  }
  get version(): number {
    return this.#replica.version;
  }
  get asOf(): number {
    return this.#replica.asOf;
  }
  get letters(): Uint8Array {
    return this.#replica.letters;
  }
  get changedAt(): Uint32Array {
    return this.#replica.changedAt;
  }
  get gaps(): readonly VersionGap[] {
    return this.#replica.gaps;
  }
  get areas(): readonly AreaCount[] {
    return this.#replica.areas;
  }
  get fromPrice(): number | null {
    return this.#replica.fromPrice;
  }
  get currency(): string {
    return this.#replica.currency;
  }
  get available(): number {
    return this.#replica.available;
  }
  get capacity(): number {
    return this.#replica.capacity;
  }
}
