import { expect, test } from 'vitest';
import { ENDED_HOLDS_KEPT, HOLD, Holds } from '../../src/allocator/holds.ts';

function addMany(holds: Holds, count: number, state: number): void {
  for (let i = 0; i < count; i++) {
    const number = holds.next;
    const place = holds.add(number * 10, number * 10 + 5, number % 7, number, 1);
    holds.state[place] = state;
  }
}

test('every hold is known by its number while it is in the window', () => {
  const holds = new Holds();
  expect(holds.place(1)).toBe(-1);
  addMany(holds, 3_000, HOLD.active);
  for (let number = 1; number <= 3_000; number++) {
    const place = holds.place(number);
    expect([holds.at[place], holds.until[place], holds.firstSeat[place]]).toEqual([
      number * 10,
      number * 10 + 5,
      number,
    ]);
  }
  expect(holds.place(0)).toBe(-1);
  expect(holds.place(3_001)).toBe(-1);
});

test('the newest ended holds are remembered, older ones forgotten', () => {
  const holds = new Holds();
  addMany(holds, ENDED_HOLDS_KEPT * 3, HOLD.expired);
  expect(holds.place(holds.next - 1)).toBeGreaterThanOrEqual(0);
  expect(holds.place(holds.next - ENDED_HOLDS_KEPT)).toBeGreaterThanOrEqual(0);
  expect(holds.place(holds.next - ENDED_HOLDS_KEPT - 1)).toBe(-1);
  expect(holds.place(1)).toBe(-1);
});

test('a live hold stays known however many came after it', () => {
  const holds = new Holds();
  addMany(holds, 10, HOLD.released);
  addMany(holds, 1, HOLD.inPayment);
  addMany(holds, ENDED_HOLDS_KEPT * 2, HOLD.expired);
  expect(holds.at[holds.place(11)]).toBe(110);
  expect(holds.isLive(holds.place(11))).toBe(true);
  holds.state[holds.place(11)] = HOLD.bought;
  addMany(holds, 1, HOLD.active);
  expect(holds.place(11)).toBe(-1);
});

test('a restored window is the same and goes on with the next number', () => {
  const holds = new Holds();
  addMany(holds, ENDED_HOLDS_KEPT + 500, HOLD.expired);
  addMany(holds, 20, HOLD.active);
  const again = new Holds();
  again.restore(holds.oldest, holds.dump());
  expect([again.oldest, again.next]).toEqual([holds.oldest, holds.next]);
  expect(again.dump()).toEqual(holds.dump());
  addMany(holds, 100, HOLD.active);
  addMany(again, 100, HOLD.active);
  expect(again.dump()).toEqual(holds.dump());
});
