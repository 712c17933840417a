import fc from 'fast-check';
import { expect, test } from 'vitest';
import { banksOf } from '../../src/allocator/banks.ts';
import { FreeRuns } from '../../src/allocator/free-runs.ts';
import type { Hall } from '../../src/allocator/hall.ts';
import { smallPlan } from '../property/small-halls.ts';
import { hallOf } from '../support/plan-fixtures.ts';
import { rowsOfTen } from '../support/small-show.ts';

function longestRun(hall: Hall, status: Uint8Array, bank: number): number {
  const { start, end } = banksOf(hall);
  const text = [...status.subarray(start[bank], end[bank])].map((state) => (state === 0 ? 'f' : ' ')).join('');
  return Math.max(...text.split(' ').map((run) => run.length));
}

function expectRight(hall: Hall, runs: FreeRuns, status: Uint8Array): void {
  for (const [category, list] of banksOf(hall).byCategory.entries()) {
    const lengths = [...list].map((bank) => longestRun(hall, status, bank));
    expect(runs.longestIn(category)).toBe(Math.max(0, ...lengths));
    for (let quantity = 1; quantity <= 8; quantity++) {
      for (let from = 0; from <= list.length; from++) {
        const expected = lengths.findIndex((length, rank) => rank >= from && length >= quantity);
        expect(runs.nextRank(category, from, quantity)).toBe(expected);
      }
    }
  }
}

test('the next bank with enough neighbours is the one that a search of all finds', () => {
  fc.assert(
    fc.property(smallPlan, fc.array(fc.nat({ max: 27 }), { maxLength: 40, size: 'max' }), (plan, changes) => {
      const hall = hallOf(plan);
      const status = new Uint8Array(hall.seatCount);
      const runs = new FreeRuns(banksOf(hall), status);
      expectRight(hall, runs, status);
      for (const change of changes) {
        const seat = change % hall.seatCount;
        status[seat] = status[seat] === 0 ? 1 : 0;
        runs.update(seat);
      }
      expectRight(hall, runs, status);
      expectRight(hall, new FreeRuns(banksOf(hall), status), status);
    }),
    { numRuns: 200 },
  );
});

test.each([1, 2, 3, 5, 8, 9, 26])('that holds for %i rows', (rows) => {
  const hall = rowsOfTen(rows);
  const status = new Uint8Array(hall.seatCount);
  const runs = new FreeRuns(banksOf(hall), status);
  for (let seat = 0; seat < hall.seatCount; seat += 3) {
    status[seat] = 1;
    runs.update(seat);
    expectRight(hall, runs, status);
  }
});
