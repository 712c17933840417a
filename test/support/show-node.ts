import type { AwakeLimits } from '../../src/actors/entries.ts';
import type { ActorLog } from '../../src/actors/shared-parts.ts';
import { ShowActors } from '../../src/actors/show-actors.ts';
import type { Answer } from '../../src/actors/shows.ts';
import { type OnPublished, RULES, type Rules } from '../../src/actors/turns.ts';
import type { Command, Question } from '../../src/allocator/commands.ts';
import type { ShowEvent, ShowTerms } from '../../src/allocator/events.ts';
import type { Hall } from '../../src/allocator/hall.ts';
import { FORMAT } from '../../src/formats.ts';
import { madeOf } from './made-show.ts';
import { type ManualTime, manualTime } from './manual-time.ts';
import { MemoryJournal, type MemoryLeases } from './memory-journal.ts';
import { ON_SALE_AT, onceOf, rowsOfTen, termsOf, userOf } from './small-show.ts';

/** Where test shows live, unless the test says otherwise. */
export const SHARD = 7;

export interface NodeParts {
  readonly journal?: MemoryJournal;
  readonly time?: ManualTime;
  readonly rules?: Rules;
  readonly hall?: Hall;
  readonly terms?: ShowTerms;
  /** The plans that may replace the first, compiled, by their ids. */
  readonly plans?: Readonly<Record<string, Hall>>;
  readonly limits?: AwakeLimits;
  /** Those of the journal's first node if absent. */
  readonly leases?: MemoryLeases;
  readonly shardOf?: (showId: string) => number;
  readonly onPublished?: OnPublished;
}

/** One node's show actors on a journal in memory and time that stands still. */
export class ShowNode {
  readonly journal: MemoryJournal;
  readonly time: ManualTime;
  readonly leases: MemoryLeases;
  readonly actors: ShowActors;
  readonly unsettled: { readonly showId: string; readonly orders: readonly number[] }[] = [];
  readonly logged: string[] = [];
  /** What the errors that were logged say. */
  readonly errors: string[] = [];
  /** Shows that the catalogue knows; all while null. */
  known: Set<string> | null = null;
  /** Time (ms) that has passed for this node without its timers: its process was stopped so long. */
  stoppedMs = 0;
  /** The form of the rows that it writes. */
  format: number = FORMAT.newest;
  /** How often the catalogue was asked. */
  lookUps = 0;
  /** Shows that the catalogue knows of, but never loads. */
  readonly unanswered = new Set<string>();
  /** Plans of which it never says what they make of a hall. */
  readonly unansweredPlans = new Set<string>();

  constructor(parts: NodeParts = {}) {
    this.journal = parts.journal ?? new MemoryJournal();
    this.leases = parts.leases ?? this.journal.leases;
    this.time = parts.time ?? manualTime(ON_SALE_AT);
    const hall = parts.hall ?? rowsOfTen(4);
    const terms = parts.terms ?? termsOf();
    const note = (_: object, message: string): void => void this.logged.push(message);
    const noteError = (fields: object, message: string): void => {
      if ('err' in fields) this.errors.push((fields.err as Error).message);
      note(fields, message);
    };
    const log: ActorLog = { info: note, warn: note, error: noteError };
    this.actors = new ShowActors({
      source: {
        exists: async (showId) => this.#isKnown(showId),
        load: async (showId) => {
          if (this.unanswered.has(showId)) await new Promise(() => {});
          const made = madeOf(hall, terms, parts.plans);
          const laterHall: typeof made.laterHall = async (planIds) => {
            if (planIds.some((id) => this.unansweredPlans.has(id))) await new Promise(() => {});
            return made.laterHall(planIds);
          };
          return this.#isKnown(showId) ? { ...made, laterHall } : null;
        },
      },
      journal: this.journal,
      format: () => this.format,
      writer: 'nod_test',
      leases: this.leases,
      shardOf: parts.shardOf ?? (() => SHARD),
      clock: { now: () => this.now },
      timers: this.time.timers,
      rules: parts.rules ?? RULES,
      log,
      onUnsettled: (showId, orders) => void this.unsettled.push({ showId, orders }),
      onPublished: parts.onPublished,
      ...(parts.limits === undefined ? {} : { limits: parts.limits }),
    });
  }

  /** By this node's clock. */
  get now(): number {
    return this.time.clock.now() + this.stoppedMs;
  }

  #isKnown(showId: string): boolean {
    this.lookUps++;
    return this.known === null || this.known.has(showId);
  }

  /** Asks with ten seconds to answer. */
  ask<T = unknown>(showId: string, message: Command | Question): Promise<Answer<T>> {
    return this.actors.ask<T>(showId, message, this.now + 10_000);
  }

  /** Drains it. */
  async stop(): Promise<void> {
    const drained = this.actors.drain();
    await this.advance(1_000);
    await drained;
  }

  /** Lets time pass and everything that it brings about happen. */
  advance(ms: number): Promise<void> {
    return this.time.advance(ms);
  }
}

/** The code of a refusal, or "ok"; "moved" if another node may be asked instead. */
export function toldBy(answer: Answer): string {
  if (answer.ok) return 'ok';
  return answer.moved === true ? 'moved' : answer.refusal.code;
}

export function eventsIn(journal: MemoryJournal, showId: string): ShowEvent[] {
  return journal.rows(showId).flatMap((row) => JSON.parse(row.events) as ShowEvent[]);
}

export function heldIn(journal: MemoryJournal, showId: string): Extract<ShowEvent, { type: 'held' }>[] {
  return eventsIn(journal, showId).filter((event) => event.type === 'held');
}

/** Holds appends up until it is opened. */
export function closeGate(journal: MemoryJournal): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  journal.gate = promise;
  return () => {
    journal.gate = null;
    resolve();
  };
}

/** Buyer `n` asks, under key `n`, for the best seats. */
export function holdOf(n: number, quantity = 1): Command {
  return { type: 'hold', once: onceOf(n), buyer: userOf(n), best: { quantity } };
}
