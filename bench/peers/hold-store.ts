import type { BestRequest } from '../../src/allocator/commands.ts';

/** What a peer needs to know before it serves; the same for all of them. */
export interface PeerSetting {
  readonly jwtSecret: string;
  readonly shows: readonly string[];
  /** Seat ids of every show, the best first. */
  readonly seats: readonly string[];
  readonly category: string;
  /** Minor units. */
  readonly price: number;
  readonly currency: string;
  /** Absent for peers without Postgres. */
  readonly databaseUrl?: string;
  readonly redisUrl?: string;
  /** For peers of the doors: how many tickets the first show has, and the key (`x` of its JWK) that proves their codes. */
  readonly tickets?: number;
  readonly ticketKey?: string;
}

interface HoldOrder {
  readonly showId: string;
  readonly buyer: string;
  readonly holdId: string;
  /** Exactly one of the two is given. */
  readonly seats?: readonly string[];
  readonly best?: BestRequest;
}

/** A peer's way to hold seats. */
export interface HoldStore {
  /** Holds all the seats asked for, or none: then `null`. Resolves with their ids. */
  hold(order: HoldOrder): Promise<readonly string[] | null>;
  /** Held seats of each show, in the order of {@link PeerSetting.shows}; `null` for a peer that keeps nothing. */
  held(): Promise<readonly number[] | null>;
  close(): Promise<void>;
}

/** Seconds a hold lasts: the product's default. */
export const HOLD_SECONDS = 600;
/** Connections of the Postgres peers. */
export const POOL_SIZE = 20;
