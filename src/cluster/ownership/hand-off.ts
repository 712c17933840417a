import type { NodeShows } from '../../actors/node-shows.ts';
import type { Clock } from '../../ports.ts';
import type { Nudge } from '../messages/letter.ts';
import { PREPARE_MAX } from '../messages/letter-codec.ts';
import type { Registry } from '../registry/registry.ts';
import type { NodeRow } from '../view.ts';
import type { Leases } from './leases.ts';

/** Shards that leave in one go: few enough that none waits long for its neighbours. */
const SHARDS_AT_ONCE = 32;
/**
 * How long shards that leave together wait, in all, for their next owners to be prepared. Then they go all the same, only
 * with a longer pause: a node that drains is not to wait for all of its shows.
 */
export const PREPARE_MS = 2_000;

export interface HandOffParts {
  readonly incarnation: string;
  readonly registry: Registry;
  readonly leases: Leases;
  readonly shows: NodeShows;
  readonly shardOf: (showId: string) => number;
  readonly clock: Clock;
  readonly log: { warn(fields: object, message: string): void };
  /** Has the next owner get shows ready; resolves when it has, or after `limitMs`. */
  readonly prepare: (to: string, showIds: readonly string[], limitMs: number) => Promise<void>;
  /** Tells the next owner. */
  readonly nudge: (to: string, nudges: readonly Nudge[]) => void;
  readonly isUp: (incarnation: string) => boolean;
  /** The tables are worth reading now. */
  readonly onLook: () => void;
  /** The shards were given up, under these new epochs. */
  readonly released: (shards: readonly { readonly shard: number; readonly epoch: number }[]) => void;
}

/** A shard on its way; `to`: null when there is nobody to take it. */
export interface Departure {
  readonly shard: number;
  readonly to: NodeRow | null;
}

/**
 * Gives shards away. A shard goes through
 *
 *     open ──► closed ──► left ──► released ──► taken (by the next owner)
 *
 * Open: its shows keep snapshots, and the next owner prepares them. Closed: no request is admitted, here or from other nodes; they wait where they came in. Left: the turns under way are
 * durable and answered, the actors have ended. Released: the row says nobody's, under a new epoch, so that nothing more
 * of this node can land. Whoever dies between any two steps leaves a row from which the nodes' next look goes on: an
 * unreleased one is taken when its owner is declared dead, a released one by whoever it is placed on then.
 */
export class HandOffs {
  readonly #parts: HandOffParts;
  readonly #waiting = new Map<number, NodeRow | null>();
  #leaving = new Set<number>();
  #running: Promise<void> | null = null;

  constructor(parts: HandOffParts) {
    this.#parts = parts;
  }

  /** Shards on their way or waiting for it. */
  get size(): number {
    return this.#waiting.size + this.#leaving.size;
  }

  /** Sends these on their way, a few at a time, in the background. Those that wait already get the newer destination. */
  start(departures: readonly Departure[]): Promise<void> {
    for (const { shard, to } of departures) if (!this.#leaving.has(shard)) this.#waiting.set(shard, to);
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  /** Shards that are no longer to go stay. */
  keepOnly(wanted: ReadonlySet<number>): void {
    for (const shard of this.#waiting.keys()) if (!wanted.has(shard)) this.#waiting.delete(shard);
  }

  async #run(): Promise<void> {
    let patience = PREPARE_MS;
    while (this.#waiting.size > 0) {
      const batch = [...this.#waiting].slice(0, SHARDS_AT_ONCE);
      for (const [shard] of batch) this.#waiting.delete(shard);
      this.#leaving = new Set(batch.map(([shard]) => shard));
      patience -= await this.#leave(new Map(batch), patience);
      this.#leaving = new Set();
    }
  }

  /** @returns for how long (ms) it waited for next owners to be prepared, at most `patience`. */
  async #leave(destinations: ReadonlyMap<number, NodeRow | null>, patience: number): Promise<number> {
    const { leases, shows, registry, incarnation, clock, log, isUp, onLook } = this.#parts;
    await shows.keepSnapshots(new Set(destinations.keys()));
    const waitedMs = await this.#prepare(destinations, patience);
    // All that takes a while: who was to have the shards may be gone by now.
    const shards = new Set<number>();
    for (const [shard, to] of destinations) {
      if (leases.takenAs(shard) !== null && (to === null || isUp(to.incarnation))) shards.add(shard);
    }
    if (shards.size < destinations.size) onLook();
    if (shards.size === 0) return waitedMs;
    leases.close(shards);
    const closedAt = clock.now();
    const awake = await shows.leave(shards);
    const departing = [...shards].flatMap((shard) => {
      const epoch = leases.takenAs(shard);
      return epoch === null ? [] : [{ shard, epoch }];
    });
    try {
      const closedMsAgo = clock.now() - closedAt;
      const released = await registry.release(
        incarnation,
        departing.map((each) => ({ ...each, closedMsAgo })),
      );
      leases.drop(shards);
      this.#parts.released(released);
      this.#nudge(destinations, released, awake);
    } catch (error) {
      leases.drop(shards);
      // It may have been done. The next look at the table finds the shards nobody's, or still ours: then they are taken anew.
      log.warn({ err: error, shards: departing.length }, 'shards could not be released');
      onLook();
    }
    return waitedMs;
  }

  /** What is asked most gets ready at its next owner while it still sells here, so that the pause is short. */
  async #prepare(destinations: ReadonlyMap<number, NodeRow | null>, patience: number): Promise<number> {
    const { shows, shardOf, prepare, clock } = this.#parts;
    if (patience <= 0) return 0;
    const from = clock.now();
    const wanted = shows.wanted(new Set(destinations.keys())).slice(0, PREPARE_MAX);
    const byTarget = Map.groupBy(wanted, (showId) => destinations.get(shardOf(showId))?.incarnation);
    await Promise.all(
      [...byTarget].map(([to, showIds]) => (to === undefined ? undefined : prepare(to, showIds, patience))),
    );
    return clock.now() - from;
  }

  #nudge(
    destinations: ReadonlyMap<number, NodeRow | null>,
    released: readonly { readonly shard: number; readonly epoch: number }[],
    awakeShows: readonly string[],
  ): void {
    const awake = Map.groupBy(awakeShows, this.#parts.shardOf);
    const letters = new Map<string, Nudge[]>();
    for (const { shard, epoch } of released) {
      const to = destinations.get(shard)?.incarnation;
      if (to === undefined) continue;
      const nudges = letters.get(to) ?? [];
      nudges.push({ shard, epoch, awake: awake.get(shard) ?? [] });
      letters.set(to, nudges);
    }
    for (const [to, nudges] of letters) this.#parts.nudge(to, nudges);
  }
}
