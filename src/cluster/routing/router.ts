import type { SeatMap } from '../../actors/seat-map.ts';
import type { Answer, CurrentPlan, SeatCounts, Shows } from '../../actors/shows.ts';
import type { Command, Question } from '../../allocator/commands.ts';
import type { Refusal } from '../../errors.ts';
import type { Clock } from '../../ports.ts';
import type { Carrier } from './carrier.ts';
import { asAnswer } from './errand.ts';
import type { SeatReplicas } from './seat-replicas.ts';

/** How long a list of shows waits for the figures of one of them; without them it is shown all the same. */
const COUNTS_MS = 500;

/** Seats of own maps that are remembered, five bytes each where the show no longer has them itself. */
const OWN_SEATS_MAX = 4_000_000;
/** Own maps that are remembered: halls of standing places have no seats, and others few. */
export const OWN_MAPS_MAX = 4_096;

const NOT_COUNTED: Refusal = { code: 'UNAVAILABLE', detail: 'The seats cannot be counted now.', retryAfter: 1 };

/** Asks the owner of a show for its seats. Never rejects. */
export type SeatFetch = (
  showId: string,
  since: { readonly version: number; readonly owner: string } | null,
  deadline: number,
) => Promise<
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly refusal: Refusal; readonly unreachable: boolean }
>;

export interface RouterOptions {
  readonly shardOf: (showId: string) => number;
  readonly clock: Clock;
  readonly carrier: Carrier;
  readonly replicas: (fetch: SeatFetch) => SeatReplicas;
}

interface OwnMap {
  readonly map: SeatMap;
  /** As they were counted: a map is live, and another plan may bring it more. */
  readonly seats: number;
}

/**
 * The shows of the whole cluster, as if they were all here. A show of this node is asked directly, and what it cannot
 * answer because it moves away meanwhile is carried after it; another node's is asked there.
 */
export class Router implements Shows {
  readonly #options: RouterOptions;
  readonly #replicas: SeatReplicas;
  /** Maps of own shows that were read last, for the time when one of them cannot be woken. */
  readonly #own = new Map<string, OwnMap>();
  #ownSeats = 0;

  constructor(options: RouterOptions) {
    this.#options = options;
    this.#replicas = options.replicas(async (showId, since, deadline) => {
      const outcome = await options.carrier.carry(showId, options.shardOf(showId), { kind: 'seats', since }, deadline);
      if (outcome.ok) return { ok: true, value: outcome.value };
      return { ok: false, refusal: outcome.refusal, unreachable: outcome.unreachable === true };
    });
  }

  ask<T>(showId: string, message: Command | Question, deadline: number): Promise<Answer<T>> {
    const { shardOf, carrier } = this.#options;
    const shard = shardOf(showId);
    const { local } = carrier;
    if (local === null || local.leases.epochOf(shard) === null) {
      return carrier.carry(showId, shard, { kind: 'ask', message }, deadline).then(asAnswer<T>);
    }
    return local.shows.ask<T>(showId, message, deadline).then((answer) => {
      if (answer.ok || answer.moved === undefined) return answer;
      return carrier.carry(showId, shard, { kind: 'ask', message }, deadline).then(asAnswer<T>);
    });
  }

  async seatMap(showId: string): Promise<SeatMap | Refusal> {
    const { shardOf, carrier } = this.#options;
    const shard = shardOf(showId);
    const { local } = carrier;
    if (local !== null && local.leases.epochOf(shard) !== null) {
      const map = await local.shows.seatMap(showId);
      if (!('code' in map)) {
        this.#remember(map);
        return map;
      }
      // A show of this node that cannot wake now may have been seen before.
      if (local.leases.epochOf(shard) !== null && map.code !== 'UNAVAILABLE') return map;
    }
    return this.#replicas.get(showId, local?.shows.lastSeats(showId) ?? this.#own.get(showId)?.map ?? null);
  }

  /** Nothing is copied: it is the show's own map, which stays as it is once the show has stopped. */
  #remember(map: SeatMap): void {
    const { showId } = map;
    const seats = map.letters.length;
    const before = this.#own.get(showId);
    if (before?.map === map && before.seats === seats) return;
    this.#ownSeats += seats - (before?.seats ?? 0);
    this.#own.delete(showId);
    this.#own.set(showId, { map, seats });
    for (const [other, { seats: freed }] of this.#own) {
      const isTooMuch = this.#ownSeats > OWN_SEATS_MAX || this.#own.size > OWN_MAPS_MAX;
      if (!isTooMuch || other === showId) return;
      this.#own.delete(other);
      this.#ownSeats -= freed;
    }
  }

  async seatCounts(showId: string): Promise<SeatCounts | Refusal> {
    const { shardOf, carrier, clock } = this.#options;
    const deadline = clock.now() + COUNTS_MS;
    const outcome = await carrier.carry(showId, shardOf(showId), { kind: 'counts' }, deadline);
    if (!outcome.ok) return outcome.refusal;
    return isSeatCounts(outcome.value) ? outcome.value : NOT_COUNTED;
  }
}

function isSeatCounts(value: unknown): value is SeatCounts {
  const { capacity, available, fromPrice, prices, plan, cancelled } = (value ?? {}) as Partial<SeatCounts>;
  return (
    Number.isInteger(capacity) &&
    Number.isInteger(available) &&
    (fromPrice === null || Number.isInteger(fromPrice)) &&
    (prices === undefined || isPrices(prices)) &&
    (plan === undefined || isPlan(plan)) &&
    (cancelled === undefined || typeof cancelled === 'boolean')
  );
}

function isPlan(value: unknown): boolean {
  const { id, revision } = (value ?? {}) as Partial<CurrentPlan>;
  return typeof id === 'string' && Number.isInteger(revision);
}

function isPrices(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.values(value).every((price) => Number.isInteger(price));
}
