import type { Command, Question } from '../../allocator/commands.ts';
import type { Refusal } from '../../errors.ts';

/** What one node asks of another for a show. */
export type Wanted =
  /** Decide or read, in turn. */
  | { readonly kind: 'ask'; readonly message: Command | Question }
  /** The seat map: all of it, or what changed after version `since` of the same `owner` (an incarnation). */
  | { readonly kind: 'seats'; readonly since: { readonly version: number; readonly owner: string } | null }
  /** The figures of its seats. */
  | { readonly kind: 'counts' };

export interface LetterRequest {
  /** Of the sender's incarnation; counts up from 1. */
  readonly number: number;
  readonly showId: string;
  readonly shard: number;
  /** Under which the sender believes the receiver to own the shard. */
  readonly epoch: number;
  /** By the database's clock, ms since the epoch: past it the request is dropped undone. */
  readonly deadline: number;
  readonly wanted: Wanted;
}

export type LetterAnswer =
  | { readonly number: number; readonly value: unknown; readonly replayed: boolean }
  | { readonly number: number; readonly refusal: Refusal; readonly replayed: boolean }
  /** Not begun: the receiver does not own the shard. `epoch`: the newest that it knows of. */
  | { readonly number: number; readonly moved: true; readonly epoch: number };

/** A shard that the sender gave up for the receiver to take. */
export interface Nudge {
  readonly shard: number;
  /** Of the shard's row, now without an owner. */
  readonly epoch: number;
  /** Shows that were awake, for the receiver to wake at once. */
  readonly awake: readonly string[];
}

/** Shows that the sender is about to hand over to the receiver, which may get them ready. */
export interface Preparation {
  /** Of the sender's incarnation; the receiver tells it when it is done. */
  readonly number: number;
  readonly shows: readonly string[];
}

/** What goes from node to node: many requests and answers in one message. */
export interface Letter {
  /** The sender's incarnation. */
  readonly from: string;
  readonly requests: readonly LetterRequest[];
  readonly answers: readonly LetterAnswer[];
  /** Shards that the sender owns from now on. */
  readonly owned: readonly { readonly shard: number; readonly epoch: number }[];
  readonly nudges: readonly Nudge[];
  /** The tables of nodes or shards have changed: worth reading now. */
  readonly look: boolean;
  readonly prepare: readonly Preparation[];
  /** Numbers of the receiver's preparations that are done. */
  readonly prepared: readonly number[];
}
