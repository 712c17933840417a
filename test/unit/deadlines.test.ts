import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Deadlines } from '../../src/allocator/deadlines.ts';

test('deadlines come out soonest first, each with its hold, whatever the order they went in', () => {
  const action = fc.oneof(fc.nat({ max: 50 }), fc.constant('drop' as const));
  fc.assert(
    fc.property(fc.array(action, { maxLength: 200, size: 'max' }), (actions) => {
      const deadlines = new Deadlines();
      const list: { time: number; hold: number }[] = [];
      for (const [hold, step] of actions.entries()) {
        if (step === 'drop') {
          if (list.length > 0) {
            const at = list.findIndex((one) => one.hold === deadlines.soonestHold);
            expect(list[at].time).toBe(Math.min(...list.map((one) => one.time)));
            list.splice(at, 1);
          }
          deadlines.dropSoonest();
        } else {
          deadlines.add(step, hold);
          list.push({ time: step, hold });
        }
        expect(deadlines.soonest).toBe(Math.min(...list.map((one) => one.time)));
      }
    }),
  );
});

test('without deadlines the soonest is never', () => {
  const deadlines = new Deadlines();
  deadlines.dropSoonest();
  expect(deadlines.soonest).toBe(Number.POSITIVE_INFINITY);
});
