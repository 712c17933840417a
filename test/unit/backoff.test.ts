import { expect, test } from 'vitest';
import { backoffMs } from '../../src/backoff.ts';
import { seededRandom } from '../support/seeded-random.ts';

const LEAST = { bytes: (size: number) => new Uint8Array(size) };
const MOST = { bytes: (size: number) => new Uint8Array(size).fill(255) };

test('a pause doubles with each failure, up to its limit', () => {
  const pauses = [0, 1, 2, 3, 4, 5].map((failures) => backoffMs(MOST, 1_000, 10_000, failures));
  expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
});

test('chance shortens it by half at most', () => {
  expect(backoffMs(LEAST, 1_000, 10_000, 0)).toBe(500);
  expect(backoffMs(LEAST, 1_000, 10_000, 9)).toBe(5_000);
  const random = seededRandom(3);
  const pauses = Array.from({ length: 1_000 }, () => backoffMs(random, 1_000, 10_000, 0));
  expect(Math.min(...pauses)).toBeLessThan(520);
  expect(Math.max(...pauses)).toBeGreaterThan(980);
});

test('it stays a number after any number of failures', () => {
  const pause = backoffMs(MOST, 250, 3_600_000, 1_000_000);
  expect(pause).toBeGreaterThan(3_599_000);
  expect(pause).toBeLessThanOrEqual(3_600_000);
});
