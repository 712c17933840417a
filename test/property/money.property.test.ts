import fc from 'fast-check';
import { expect, test } from 'vitest';
import { moneyTrials, runMoneyTrial } from './money-trial.ts';

/*
 * Buyers who pay, come late or go away, webhooks that come, come twice, late, in any order or never, refunds and disputes, a
 * provider that fails in every way, and nodes that are killed or hand the show over, in any order. Once faults stop, every
 * order is final within a stated time, and the provider's books and the journal agree.
 */

const { USHER_FC_SEED, USHER_FC_PATH, USHER_FC_RUNS } = process.env;
const RUNS = Number(USHER_FC_RUNS ?? 40);
const TEST_LIMIT_MS = 120_000 + RUNS * 10_000;

/**
 * A failure prints the seed and path of its smallest trial; `USHER_FC_SEED` and `USHER_FC_PATH` run that one again, and
 * `USHER_FC_RUNS` changes how many are run.
 */
test('whatever happens in whatever order, every order becomes final and the books agree', {
  timeout: TEST_LIMIT_MS,
}, async () => {
  const property = fc.asyncProperty(moneyTrials, async (steps) => void (await runMoneyTrial(steps)));
  await fc.assert(property, {
    numRuns: RUNS,
    ...(USHER_FC_SEED === undefined ? {} : { seed: Number(USHER_FC_SEED) }),
    ...(USHER_FC_PATH === undefined ? {} : { path: USHER_FC_PATH }),
  });
});

test('the same trial is the same course of events, so that a failure can be run again', async () => {
  const trials = fc.sample(moneyTrials, { seed: 20_260_102, numRuns: 3 });
  for (const steps of trials) expect(await runMoneyTrial(steps)).toBe(await runMoneyTrial(steps));
});
