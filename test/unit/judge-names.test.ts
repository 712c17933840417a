import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Column } from '../judge/columns.ts';
import { Names } from '../judge/names.ts';

/** Few different ones, so that they come again. */
const ids = fc.array(fc.oneof(fc.string({ maxLength: 2 }), fc.nat(200).map(String), fc.constantFrom('öä', '店', '')), {
  maxLength: 400,
});

test('every id has one number, in the order in which they first came', () => {
  fc.assert(
    fc.property(ids, ids, (added, sought) => {
      const names = new Names();
      const expected = new Map<string, number>();
      for (const id of added) {
        if (!expected.has(id)) expected.set(id, expected.size);
        expect(names.add(id)).toBe(expected.get(id));
        expect(names.size).toBe(expected.size);
      }
      for (const id of [...sought, ...added]) expect(names.find(id)).toBe(expected.get(id) ?? -1);
    }),
  );
});

test('ids that are added together have the numbers that they would have one by one', () => {
  fc.assert(
    fc.property(fc.array(ids, { maxLength: 6 }), (all) => {
      const together = new Names();
      const single = new Names();
      for (const some of all) {
        expect([...together.addAll(some)]).toEqual(some.map((id) => single.add(id)));
        for (const id of [...some, 'none']) expect(together.find(id)).toBe(single.find(id));
        expect(together.size).toBe(single.size);
      }
    }),
  );
});

test('ids of one hash are told apart', () => {
  // FNV-1a over 16-bit units gives these two the same.
  const names = new Names();
  expect(names.add('costarring')).toBe(0);
  expect(names.find('liquid')).toBe(-1);
  expect(names.add('liquid')).toBe(1);
  expect([names.find('costarring'), names.find('liquid'), names.add('costarring')]).toEqual([0, 1, 0]);
});

test('a column keeps what it is given, beyond one chunk too', () => {
  const numbers = Array.from({ length: 10_000 }, (_, i) => (i % 3 === 0 ? i / 2 : i));
  const column = new Column();
  for (const number of numbers) column.push(number);
  expect(column.length).toBe(numbers.length);
  expect(numbers.map((_, i) => column.at(i))).toEqual(numbers);
});
