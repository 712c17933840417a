import type { TurnActor } from './actor-system.ts';
import type { Inbox } from './inbox.ts';
import type { ShardWork } from './load-figures.ts';
import type { Turns } from './turns.ts';

/** For what a show is woken: to be read, to be changed, or for unfinished work that the journal or this node knows of. */
export type Errand = 'question' | 'command' | 'pending';

/**
 * A show on this node:
 *
 *     waking ──► awake ◄──► dozing ──► gone   asleep
 *        │         └──► leaving ◄┘       ▲    handed over, or its turn did not end in time
 *        └───────────────┴───────────────┘    failed (it is woken again), dropped, drained
 *
 * Only an entry that is not gone is found under its show's id. Whoever comes back to one after an await looks whether it
 * is gone: by then another entry may have the show.
 */
export interface Entry {
  state: 'waking' | 'awake' | 'dozing' | 'leaving' | 'gone';
  readonly showId: string;
  readonly shard: number;
  readonly inbox: Inbox;
  readonly work: ShardWork;
  /** Whether it is certain that there is such a show. */
  isKnown: boolean;
  /** Whether it wakes for more than questions. */
  isNeeded: boolean;
  /** Counted into the seats of awake shows; 0 until its hall is known. */
  seats: number;
  /** Under which it recovered; 0 while waking. */
  epoch: number;
  turns: Turns | null;
  actor: TurnActor | null;
  lastAsked: number;
  announcedAt: number;
  /** No sweep finds something to do for it before this time (ms). */
  lookAt: number;
  /** Resolves when the show is awake or gone. */
  woken: Promise<void>;
}
