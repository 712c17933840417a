import type { Refusal } from '../errors.ts';
import type { SeatMap } from './seat-map.ts';
import type { SeatCounts, Shows } from './shows.ts';

/** The shows of one node, as the cluster sees them. */
export interface NodeShows extends Shows {
  /** Counted since the start. */
  readonly counts: Readonly<ActorCounts>;
  /** Shows awake, or on their way there. */
  readonly awake: number;
  /** Requests that wait in inboxes. */
  readonly waiting: number;
  /** Whether this node is stopping, and takes no more requests. */
  readonly isDraining: boolean;

  /** @param deadline ms since the epoch: how long a sleeping show may take to wake; some seconds if absent. */
  seatMap(showId: string, deadline?: number): Promise<SeatMap | Refusal>;
  /** @param deadline as of {@link seatMap}. */
  seatCounts(showId: string, deadline?: number): Promise<SeatCounts | Refusal>;

  /**
   * The last durable seat map of a show that is awake here, whoever owns the show by now; null when it is not awake. Does
   * not keep the show awake.
   */
  lastSeats(showId: string): SeatMap | null;

  /**
   * Wakes shows that have something pending, without asking them anything. Resolves when those that could be begun are
   * awake or gone; the others are woken as soon as there is room and their shard can be worked in. Never rejects.
   */
  wake(showIds: readonly string[]): Promise<void>;

  /** Ids of the shows of these shards that the next owner is to wake at once, most lately asked first. */
  wanted(shards: ReadonlySet<number>): string[];

  /**
   * Recovers shows of another node, as far as their journals go by now, so that little is left to do should they come
   * here within seconds. Resolves when that is done or has failed; nothing depends on it. Never rejects.
   */
  prepare(showIds: readonly string[]): Promise<void>;

  /**
   * Keeps the snapshots that {@link leave} would find worth it, while the shows go on working: to be called before
   * admission is closed, so that the pause is short. Resolves within seconds, whatever the journal does. Never rejects.
   */
  keepSnapshots(shards: ReadonlySet<number>): Promise<void>;

  /**
   * Ends the shows of these shards so that another node can have them. The caller has closed admission: the leases say
   * null for these shards. What waits is answered `moved` at once; turns under way end and are answered. After `limitMs`
   * nothing is waited for any longer: a turn that is still under way then is answered with what is known of it, and
   * whatever becomes of it changes nothing here. Never rejects.
   * @returns ids of the shows that were asked lately or have something pending: for the next owner to wake at once.
   */
  leave(shards: ReadonlySet<number>, limitMs?: number): Promise<string[]>;

  /**
   * Forgets the shows of these shards, which are another node's: to be called for every shard that was lost without
   * {@link leave}. What waits is answered `moved`; turns under way are answered by what the journal says of them. After
   * `'all'` this object takes nothing more.
   */
  drop(shards: ReadonlySet<number> | 'all'): void;

  load(): NodeLoad;

  /** Stops admission, finishes what waits, keeps snapshots and stops the actors. */
  drain(): Promise<void>;
}

/** What a node counts of its shows, for `/metrics`. */
export interface ActorCounts {
  turns: number;
  commands: number;
  events: number;
  recoveries: number;
  restarts: number;
  turnedAway: number;
}

/** How much a node has to do. */
export interface NodeLoad {
  /** Requests decided a second, lately. */
  readonly perSecond: number;
  /** Requests that wait in inboxes. */
  readonly inbox: number;
  /** Shows awake. */
  readonly awake: number;
  /** Age of the oldest turn that is not durable yet, ms. */
  readonly lagMs: number;
  /** The busiest shards, busiest first: number, and requests decided a second. */
  readonly hot: readonly (readonly [shard: number, perSecond: number])[];
}
