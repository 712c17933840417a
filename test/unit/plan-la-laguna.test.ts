import { describe, expect, test } from 'vitest';
import { importPlan } from '../../src/allocator/plan-import.ts';
import { blocksOf, exampleHall, hallOf } from '../support/plan-fixtures.ts';

const hall = hallOf(exampleHall());
const rowName = (seat: number) => hall.rows[hall.rowOf[seat]];
const seatsOf = (zone: string) => [...hall.rowOf].filter((row) => hall.rows[row].zone === zone).length;
const blockOf = (id: string) => hall.blockOf[hall.seatIndex(id)];
const beside = (id: string) => {
  const seat = hall.seatIndex(id);
  return [seat - 1, seat + 1].filter((other) => hall.blockOf[other] === hall.blockOf[seat]).map((i) => hall.seatIds[i]);
};

describe('the auditorium of La Laguna', () => {
  test('is imported without a fault or warning', () => {
    expect(importPlan(exampleHall())).toMatchObject({ ok: true, warnings: [] });
  });

  test('has 603 seats: stalls 396, amphitheatre 137, boxes 32 and 38', () => {
    expect(hall.seatCount).toBe(603);
    expect(['Stalls', 'Amphitheatre', 'Lower boxes', 'Upper boxes'].map(seatsOf)).toEqual([396, 137, 32, 38]);
    expect(hall.categories).toEqual(['Stalls', 'Amphitheatre', 'Box']);
  });

  test('has 53 blocks: each row is cut at the centre aisle, the rear row of the amphitheatre has one side only', () => {
    const blocks = blocksOf(hall);
    expect(blocks).toHaveLength(53);
    expect(blocks.filter((block) => block[0].startsWith('stalls'))).toHaveLength(34);
    expect(blocks.filter((block) => block[0].startsWith('amphitheatre'))).toHaveLength(15);
    expect(blocks.filter((block) => block[0].includes('box'))).toHaveLength(4);
  });

  test('seats n and n + 2 side by side; 1 and 2 face each other over the aisle', () => {
    expect(beside('stalls-Q-5').sort()).toEqual(['stalls-Q-3', 'stalls-Q-7']);
    expect(beside('stalls-Q-6').sort()).toEqual(['stalls-Q-4', 'stalls-Q-8']);
    expect(beside('stalls-Q-1')).toEqual(['stalls-Q-3']);
    expect(beside('stalls-Q-2')).toEqual(['stalls-Q-4']);
    expect(beside('stalls-Q-23')).toEqual(['stalls-Q-21']);
    expect(blockOf('stalls-A-1')).not.toBe(blockOf('stalls-A-2'));
  });

  test('has boxes in upright rows, one block each', () => {
    expect(beside('upper-box-Even-4').sort()).toEqual(['upper-box-Even-2', 'upper-box-Even-6']);
    expect(blocksOf(hall).find((block) => block.includes('upper-box-Odd-1'))).toHaveLength(19);
  });

  test('is best in the front middle of the stalls, and worst far up at the side', () => {
    const ranked = [...hall.cost.keys()].sort((a, b) => hall.cost[a] - hall.cost[b]);
    expect(
      ranked
        .slice(0, 4)
        .map((seat) => hall.seatIds[seat])
        .sort(),
    ).toEqual(['stalls-B-1', 'stalls-B-2', 'stalls-B-3', 'stalls-B-4']);
    expect(rowName(ranked[602])).toEqual({ zone: 'Amphitheatre', row: 'H' });
  });
});
