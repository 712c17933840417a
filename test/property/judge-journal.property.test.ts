import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HOLD_GRACE_MS } from '../../src/allocator/show.ts';
import { JournalWitness } from '../judge/journal-witness.ts';
import { Judge } from '../judge/judge.ts';
import { laterHall } from '../support/made-show.ts';
import { hallOf } from '../support/plan-fixtures.ts';
import { variantsOf } from './plan-variants.ts';
import { realParts, runTrial, SHOW_ID } from './run-trial.ts';
import { type Stress, trialsOf } from './schedules.ts';

const RUNS = 300;
const TIMEOUT_MS = 120_000;
const STRESS: Stress = {
  faults: 1,
  crashes: 1,
  jumps: 3,
  restocks: 3,
  replans: 2,
  reschedules: 2,
  repeats: 1,
  mostAsks: 8,
  mostSteps: 24,
};

test('the journal of a show that does what it should is legal to the judge', { timeout: TIMEOUT_MS }, async () => {
  const property = fc.asyncProperty(trialsOf(STRESS), async (trial) => {
    const parts = realParts();
    await runTrial(trial, parts);
    const hall = hallOf(trial.plan);
    const variants = variantsOf(trial.plan);
    const known = new Set(hall.seatIds);
    const later = [...new Set(Object.values(variants).flatMap((plan) => plan.seatIds))].filter((id) => !known.has(id));
    const isForSale = (category: number): boolean => Object.hasOwn(trial.terms.prices, hall.categories[category]);
    const judge = new Judge();
    judge.add({
      plan: SHOW_ID,
      seats: [...hall.seatIds, ...later],
      areas: hall.areas.map(({ id, capacity, category }) => ({ id, capacity: isForSale(category) ? capacity : 0 })),
      currency: trial.terms.currency,
      blocked: [...hall.seatIds.filter((_, seat) => !isForSale(hall.categoryOf[seat])), ...later],
      partial: true,
      grace: HOLD_GRACE_MS,
      onSale: trial.terms.onSaleAt,
      offSale: trial.terms.offSaleAt,
      keysKept: 24 * 3_600_000,
    });
    const witness = new JournalWitness(SHOW_ID, hall, (ids) =>
      laterHall(
        hall,
        ids.map((id) => [id, variants[id]] as const),
      ),
    );
    for (const row of parts.journal.rows(SHOW_ID)) judge.add(witness.row(row));
    expect(judge.lines).toBeGreaterThan(1);
    expect(judge.verdict()).toEqual([]);
  });
  await fc.assert(property, { numRuns: RUNS });
});
