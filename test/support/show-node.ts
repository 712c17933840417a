import { type ActorLog, type AwakeLimits, ShowActors } from '../../src/actors/show-actors.ts';
import type { Answer } from '../../src/actors/shows.ts';
import { RULES, type Rules } from '../../src/actors/turns.ts';
import type { Command, Question } from '../../src/allocator/commands.ts';
import type { ShowTerms } from '../../src/allocator/events.ts';
import type { Hall } from '../../src/allocator/hall.ts';
import { type ManualTime, manualTime, settled } from './manual-time.ts';
import { MemoryJournal } from './memory-journal.ts';
import { ON_SALE_AT, onceOf, rowsOfTen, termsOf, userOf } from './small-show.ts';

/** All test shows live in this shard. */
export const SHARD = 7;
/** More turns of the event loop than any chain of turns, recoveries and stops here takes. */
const QUIET_AFTER = 60;

/** Lets the actors do all that they can do without time passing. */
export async function quiet(): Promise<void> {
  for (let i = 0; i < QUIET_AFTER; i++) await settled();
}

export interface NodeParts {
  readonly journal?: MemoryJournal;
  readonly time?: ManualTime;
  readonly rules?: Rules;
  readonly hall?: Hall;
  readonly terms?: ShowTerms;
  readonly limits?: AwakeLimits;
}

/** One node's show actors on a journal in memory and time that stands still. */
export class ShowNode {
  readonly journal: MemoryJournal;
  readonly time: ManualTime;
  readonly actors: ShowActors;
  readonly unsettled: { readonly showId: string; readonly orders: readonly number[] }[] = [];
  readonly logged: string[] = [];
  /** Shows that the catalogue knows; all while null. */
  known: Set<string> | null = null;

  constructor(parts: NodeParts = {}) {
    this.journal = parts.journal ?? new MemoryJournal();
    this.time = parts.time ?? manualTime(ON_SALE_AT);
    const hall = parts.hall ?? rowsOfTen(4);
    const terms = parts.terms ?? termsOf();
    const note = (_: object, message: string): void => void this.logged.push(message);
    const log: ActorLog = { info: note, warn: note, error: note };
    this.actors = new ShowActors({
      source: {
        exists: async (showId) => this.#isKnown(showId),
        load: async (showId) => (this.#isKnown(showId) ? { hall, terms } : null),
      },
      journal: this.journal,
      leases: this.journal.leases,
      shardOf: () => SHARD,
      clock: this.time.clock,
      timers: this.time.timers,
      rules: parts.rules ?? RULES,
      log,
      onUnsettled: (showId, orders) => void this.unsettled.push({ showId, orders }),
      ...(parts.limits === undefined ? {} : { limits: parts.limits }),
    });
  }

  #isKnown(showId: string): boolean {
    return this.known === null || this.known.has(showId);
  }

  /** Asks with ten seconds to answer. */
  ask<T = unknown>(showId: string, message: Command | Question): Promise<Answer<T>> {
    return this.actors.ask<T>(showId, message, this.time.clock.now() + 10_000);
  }

  /** Lets time pass and everything that it brings about happen. */
  async advance(ms: number): Promise<void> {
    await quiet();
    await this.time.advance(ms);
    await quiet();
  }
}

/** Buyer `n` asks, under key `n`, for the best seats. */
export function holdOf(n: number, quantity = 1): Command {
  return { type: 'hold', once: onceOf(n), buyer: userOf(n), best: { quantity } };
}
