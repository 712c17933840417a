import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RULES } from '../../src/actors/turns.ts';
import { MemoryJournal } from '../support/memory-journal.ts';
import { find, MOST_RUNS, SEED, STRESS, withRules } from './planted/bug.ts';
import { DOOR_BUGS } from './planted/door-bugs.ts';
import { JOURNAL_BUGS } from './planted/journal-bugs.ts';
import { LATE_PAYMENT_BUGS } from './planted/late-payment-bugs.ts';
import { MOVE_BUGS } from './planted/move-bugs.ts';
import { ORDER_BUGS } from './planted/order-bugs.ts';
import { PLAN_BUGS } from './planted/plan-bugs.ts';
import { REFUND_BUGS } from './planted/refund-bugs.ts';
import { REPEAT_BUGS } from './planted/repeat-bugs.ts';
import { SCHEDULE_BUGS } from './planted/schedule-bugs.ts';
import { decidePartialHold, SEAT_BUGS } from './planted/seat-bugs.ts';
import { STOCK_BUGS } from './planted/stock-bugs.ts';
import { TIME_BUGS } from './planted/time-bugs.ts';
import { runTrial } from './run-trial.ts';
import { trialsOf } from './schedules.ts';
import { Violation } from './violation.ts';

const LISTS = [
  TIME_BUGS,
  SEAT_BUGS,
  ORDER_BUGS,
  LATE_PAYMENT_BUGS,
  REFUND_BUGS,
  DOOR_BUGS,
  REPEAT_BUGS,
  JOURNAL_BUGS,
  MOVE_BUGS,
  STOCK_BUGS,
  SCHEDULE_BUGS,
  PLAN_BUGS,
];

describe('the property catches a planted bug', () => {
  for (const { stress, bugs } of LISTS) {
    test.each(bugs)('%s, by %s', async (_, invariants, parts) => {
      const { error } = await find(parts, stress);
      expect(error).toBeInstanceOf(Violation);
      expect((error as Violation).message).toMatch(new RegExp(`^(?:${invariants}): `));
    });
  }

  test('and the seed and path that it prints bring the smallest trial back', async () => {
    const parts = withRules(decidePartialHold);
    const property = fc.asyncProperty(trialsOf(STRESS), (trial) => runTrial(trial, parts()));
    const found = await fc.check(property, { numRuns: MOST_RUNS, seed: SEED });
    const again = await fc.check(property, { seed: SEED, path: found.counterexamplePath ?? '', endOnFailure: true });
    expect(found.numShrinks).toBeGreaterThan(0);
    expect(again.counterexample).toEqual(found.counterexample);
    expect(found.counterexample?.[0].steps.length).toBeLessThanOrEqual(3);
  });

  test('none, when none is planted', async () => {
    const { runs, error } = await find(() => ({ rules: { ...RULES }, journal: new MemoryJournal() }));
    expect({ runs, error }).toEqual({ runs: MOST_RUNS, error: null });
  });
});
