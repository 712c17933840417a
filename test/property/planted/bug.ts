import fc from 'fast-check';
import { RULES, type Rules } from '../../../src/actors/turns.ts';
import type { Command } from '../../../src/allocator/commands.ts';
import type { Decision } from '../../../src/allocator/decision.ts';
import type { Show } from '../../../src/allocator/show.ts';
import { decodeShow, encodeShow, laterPlansIn, stateHash } from '../../../src/allocator/snapshot.ts';
import type { Snapshot } from '../../../src/journal/journal.ts';
import { MemoryJournal } from '../../support/memory-journal.ts';
import { type Parts, runTrial } from '../run-trial.ts';
import { type Stress, trialsOf } from '../schedules.ts';

/**
 * A bug stands in for the part that it is about, at the port where that part enters, and in a way that gets past the
 * show's own assertions, at least at first: the property of `show.property.test.ts` has to see it, by one of `invariants`,
 * with `|` between them.
 */
type PlantedBug = readonly [bug: string, invariants: string, parts: () => Parts];

/** Bugs, and what the trials stress that have to see them. */
export interface PlantedBugs {
  readonly stress: Stress;
  readonly bugs: readonly PlantedBug[];
}

export type Decide = (show: Show, command: Command, at: number) => Decision;
export type Apply = Rules['apply'];

export const MOST_RUNS = 1_000;
export const SEED = 20_260_101;
export const STRESS = { faults: 2, crashes: 2, jumps: 3, restocks: 0, repeats: 2, mostAsks: 6, mostSteps: 24 };

export const NOTHING: Decision = { kind: 'done', event: null };

export function withRules(decide: Decide, apply: Apply = RULES.apply): () => Parts {
  return () => ({ rules: { decide, apply }, journal: new MemoryJournal() });
}

/** Parts whose journal can look into the show. */
export function withShow(journalOf: (show: () => Show) => MemoryJournal): () => Parts {
  return () => {
    let show: Show | null = null;
    const apply: Apply = (live, ...event) => {
      show = live;
      RULES.apply(live, ...event);
    };
    const shown = (): Show => show as unknown as Show;
    return { rules: { decide: RULES.decide, apply }, journal: journalOf(shown) };
  };
}

/** Forgets something of each snapshot that it keeps. */
export class Forgets extends MemoryJournal {
  readonly #show: () => Show;
  readonly #forget: (show: Show) => void;
  constructor(show: () => Show, forget: (show: Show) => void) {
    super();
    this.#show = show;
    this.#forget = forget;
  }

  override keepSnapshot(showId: string, shard: number, snapshot: Snapshot): Promise<boolean> {
    const { hall } = this.#show();
    // Of a former owner, who does not know of a plan that came since: it is not kept anyway.
    if (laterPlansIn(snapshot.state).length < hall.laterPlans.length)
      return super.keepSnapshot(showId, shard, snapshot);
    const show = decodeShow(snapshot.state, showId, hall);
    this.#forget(show);
    const state = encodeShow(show);
    return super.keepSnapshot(showId, shard, { ...snapshot, state, stateHash: stateHash(state) });
  }
}

/** The first violation that the trials find, and after how many. */
export async function find(
  parts: () => Parts,
  stress: Stress = STRESS,
): Promise<{ readonly runs: number; readonly error: unknown }> {
  const property = fc.asyncProperty(trialsOf(stress), (trial) => runTrial(trial, parts()));
  const { numRuns, errorInstance } = await fc.check(property, { numRuns: MOST_RUNS, seed: SEED, endOnFailure: true });
  return { runs: numRuns, error: errorInstance };
}
