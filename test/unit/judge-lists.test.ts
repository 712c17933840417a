import fc from 'fast-check';
import { expect, test } from 'vitest';
import { GrowingLists, type Lists, TimeLists } from '../judge/lists.ts';

const PLACES = 4;
const numbers = fc.array(fc.nat(20), { maxLength: 12 });
const filled = fc.array(numbers, { minLength: PLACES, maxLength: PLACES }).map((expected) => {
  const growing = new GrowingLists();
  // One of each in turn, so that no list comes in one piece.
  for (let i = 0; i < 12; i++) {
    for (const [place, list] of expected.entries()) if (i < list.length) growing.push(place, list[i]);
  }
  return { expected, lists: growing.of(PLACES) };
});

const asArrays = ({ places, begins, items }: Lists): number[][] =>
  Array.from({ length: places }, (_, place) => [...items.subarray(begins[place], begins[place + 1])]);

test('each place has what was appended to its list', () => {
  fc.assert(
    fc.property(filled, ({ expected, lists }) => {
      expect(asArrays(lists)).toEqual(expected);
    }),
  );
});

test('lists are filtered and sorted place by place, equals as they came', () => {
  const values = Array.from({ length: 21 }, (_, item) => (item * 7) % 5);
  fc.assert(
    fc.property(filled, ({ expected, lists }) => {
      const isKept = (item: number): boolean => item % 3 !== 0;
      expect(asArrays(lists.filter(isKept))).toEqual(expected.map((list) => list.filter(isKept)));
      expect(asArrays(lists.sortedBy(values))).toEqual(
        expected.map((list) => list.toSorted((a, b) => values[a] - values[b])),
      );
      expect(asArrays(lists)).toEqual(expected);
    }),
  );
});

test('times are found in the list of their place, whatever was asked before', () => {
  const questions = fc.array(fc.record({ place: fc.nat(PLACES - 1), time: fc.integer({ min: -1, max: 21 }) }));
  fc.assert(
    fc.property(filled, questions, ({ expected, lists: { begins } }, asked) => {
      const sorted = expected.map((list) => list.toSorted((a, b) => a - b));
      const times = new TimeLists(begins, sorted.flat());
      for (const { place, time } of asked) {
        const below = sorted[place].filter((each) => each < time).length;
        const upTo = sorted[place].filter((each) => each <= time).length;
        expect(times.endBelow(place, time) - begins[place]).toBe(below);
        expect(times.endUpTo(place, time) - begins[place]).toBe(upTo);
      }
    }),
  );
});
