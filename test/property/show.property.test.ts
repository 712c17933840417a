import fc from 'fast-check';
import { describe, test } from 'vitest';
import { runTrial } from './run-trial.ts';
import { type Stress, trialsOf } from './schedules.ts';

/**
 * A failure prints the seed and path of its smallest trial. To run it again:
 *
 *     USHER_FC_SEED=… USHER_FC_PATH=… npx vitest run test/property/show.property.test.ts -t '<name of the test>'
 *
 * `USHER_FC_RUNS` changes how many trials each test runs.
 */
const { USHER_FC_SEED, USHER_FC_PATH, USHER_FC_RUNS } = process.env;

const RUNS = 2_500;
/** A trial takes one to three milliseconds; other tests run beside. */
const TIMEOUT_MS = 240_000;

const STRESSES: readonly (readonly [name: string, stress: Stress])[] = [
  [
    'when nothing fails',
    {
      faults: 0,
      crashes: 0,
      jumps: 1,
      restocks: 4,
      replans: 3,
      reschedules: 1,
      repeats: 1,
      mostAsks: 5,
      mostSteps: 24,
    },
  ],
  [
    'as time passes',
    {
      faults: 0,
      crashes: 1,
      jumps: 5,
      restocks: 2,
      replans: 2,
      reschedules: 2,
      repeats: 1,
      mostAsks: 5,
      mostSteps: 24,
    },
  ],
  [
    'as tickets move',
    { faults: 0, crashes: 1, jumps: 1, restocks: 1, replans: 1, repeats: 1, moves: 4, mostAsks: 6, mostSteps: 24 },
  ],
  [
    'with many requests at once',
    { faults: 1, crashes: 1, jumps: 1, restocks: 3, replans: 2, repeats: 2, mostAsks: 14, mostSteps: 10 },
  ],
  [
    'when appends fail',
    { faults: 4, crashes: 1, jumps: 2, restocks: 2, replans: 2, repeats: 2, mostAsks: 4, mostSteps: 24 },
  ],
  [
    'when its node crashes or is replaced',
    {
      faults: 1,
      crashes: 4,
      jumps: 2,
      restocks: 3,
      replans: 2,
      reschedules: 1,
      repeats: 2,
      mostAsks: 4,
      mostSteps: 24,
    },
  ],
];

describe('a show does what its model says', () => {
  test.each(STRESSES)('%s', { timeout: TIMEOUT_MS }, async (_, stress) => {
    const property = fc.asyncProperty(trialsOf(stress), (trial) => runTrial(trial));
    await fc.assert(property, {
      numRuns: Number(USHER_FC_RUNS ?? RUNS),
      ...(USHER_FC_SEED === undefined ? {} : { seed: Number(USHER_FC_SEED) }),
      ...(USHER_FC_PATH === undefined ? {} : { path: USHER_FC_PATH }),
    });
  });
});
