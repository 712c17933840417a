import type { Journal, ShardLeases } from '../journal/journal.ts';
import type { Clock, Timers } from '../ports.ts';
import type { ActorSystem } from './actor-system.ts';
import type { AwakeLimits, Entries } from './entries.ts';
import type { LoadFigures } from './load-figures.ts';
import type { ActorCounts } from './node-shows.ts';
import type { PreparedShows } from './prepared-shows.ts';
import type { ShardEpochs } from './shard-epochs.ts';
import type { ShowSource } from './shows.ts';
import type { ToWake } from './to-wake.ts';
import type { OnPublished, Rules } from './turns.ts';

export interface ActorLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface ShowActorsOptions {
  readonly source: ShowSource;
  readonly journal: Journal;
  /** The form in which rows of the journal are to be written now. */
  readonly format: () => number;
  /** The incarnation in whose name the journal writes. */
  readonly writer: string;
  /** Asked before every request and every turn. */
  readonly leases: ShardLeases;
  readonly shardOf: (showId: string) => number;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly rules: Rules;
  readonly log: ActorLog;
  /** Orders whose money has to be put to rest; the same ones again every `ANNOUNCE_MS`. */
  readonly onUnsettled: (showId: string, orders: readonly number[]) => void;
  /** Whenever a row of a show has become durable; must not block. */
  readonly onJournaled?: (showId: string) => void;
  /** Told after each durable turn, and of each show that woke: what lists of shows tell may have changed. Must not block. */
  readonly onPublished?: OnPublished | undefined;
  readonly limits?: AwakeLimits;
}

/** What waking, falling asleep and leaving of one node's shows work on together. */
export interface SharedParts {
  readonly options: ShowActorsOptions;
  readonly system: ActorSystem;
  readonly entries: Entries;
  readonly toWake: ToWake;
  readonly prepared: PreparedShows;
  readonly epochs: ShardEpochs;
  readonly load: LoadFigures;
  readonly counts: ActorCounts;
}
