import { describe, expect, test } from 'vitest';
import { checkPick } from '../../src/allocator/orphan-rule.ts';
import { Show } from '../../src/allocator/show.ts';
import { hallOf, line, planOf, row, zone } from '../support/plan-fixtures.ts';
import { rowsOfTen, SHOW_ID, take, termsOf } from '../support/small-show.ts';

function pick(show: Show, ...seats: readonly number[]): { orphan: number; instead: readonly number[] } | null {
  return checkPick(show, seats);
}

function showWith(...taken: readonly number[]): Show {
  const show = new Show(SHOW_ID, rowsOfTen(3), termsOf());
  take(show, taken);
  return show;
}

describe('a pick that leaves one seat alone', () => {
  test('between taken seats is refused, with the seat and the nearest mend', () => {
    expect(pick(showWith(2), 4, 5)).toEqual({ orphan: 3, instead: [3, 4] });
    expect(pick(showWith(7), 4, 5)).toEqual({ orphan: 6, instead: [3, 4] });
  });

  test('inside itself is refused', () => {
    expect(pick(showWith(), 3, 5)?.orphan).toBe(4);
  });

  test('is mended in any order of the seats', () => {
    expect(pick(showWith(2), 5, 4)).toEqual({ orphan: 3, instead: [3, 4] });
  });

  test('at the end of a row or beside an aisle is allowed', () => {
    expect(pick(showWith(), 1, 2)).toBeNull();
    expect(pick(showWith(), 7, 8)).toBeNull();
  });

  test('is allowed when the single seat was there before', () => {
    expect(pick(showWith(2, 4), 7, 8)).toBeNull();
  });

  test('is allowed when no other choice for the party avoids it', () => {
    const show = new Show(SHOW_ID, rowsOfTen(1), termsOf());
    take(show, [0, 1, 5, 6, 7, 8, 9]);
    expect(pick(show, 3)).not.toBeNull();
    expect(pick(show, 2, 3)).toBeNull();
  });

  test('is allowed late in the sale', () => {
    const show = showWith();
    take(
      show,
      Array.from({ length: 30 }, (_, seat) => seat).filter((seat) => ![11, 12, 13].includes(seat)),
    );
    expect(pick(show, 12)).toBeNull();
  });
});

test('a pick over an aisle is mended by seats that are together', () => {
  const hall = hallOf(planOf(zone('Stalls', row('S', 'A', line(0, 0, 10, 20, 30, 40, 100, 110, 120, 130, 140)))));
  const show = new Show(SHOW_ID, hall, termsOf());
  take(show, [7]);
  const refusal = pick(show, 4, 5);
  expect(refusal?.orphan).toBe(6);
  const blocks = refusal?.instead.map((seat) => hall.blockOf[seat]);
  expect(new Set(blocks).size).toBe(1);
  expect(refusal?.instead).not.toEqual([4, 5]);
});
