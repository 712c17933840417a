import fc from 'fast-check';
import { expect, test } from 'vitest';
import { countBelow, countUpTo } from '../judge/sorted-times.ts';

const times = fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 40 }).map((list) => list.sort((a, b) => a - b));

test('times are counted from whatever guess', () => {
  fc.assert(
    fc.property(
      times,
      fc.integer({ min: -1, max: 21 }),
      fc.option(fc.nat(40), { nil: undefined }),
      (list, time, guess) => {
        const near = guess === undefined ? undefined : Math.min(guess, list.length);
        expect(countBelow(list, time, near)).toBe(list.filter((each) => each < time).length);
        expect(countUpTo(list, time, near)).toBe(list.filter((each) => each <= time).length);
      },
    ),
  );
});
