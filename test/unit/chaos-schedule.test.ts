import { expect, test } from 'vitest';
import { drawSchedule, FAULT_KINDS, type PlannedFault } from '../chaos/schedule.ts';

const MINUTE_MS = 60_000;
const SEEDS = Array.from({ length: 200 }, (_, seed) => seed);

function draw(seed: number, minutes = 1): PlannedFault[] {
  return drawSchedule(seed, { forMs: minutes * MINUTE_MS, nodes: 3, kinds: FAULT_KINDS });
}

function killTimes(schedule: readonly PlannedFault[]): number[] {
  return schedule.filter(({ kind }) => kind === 'kill').map(({ at }) => at);
}

test('the same seed attacks in the same way, another one in another', () => {
  expect(draw(7, 3)).toEqual(draw(7, 3));
  expect(draw(7, 3)).not.toEqual(draw(8, 3));
});

test('a node is killed every two to ten seconds, ten times a minute or more', () => {
  for (const seed of SEEDS) {
    const times = killTimes(draw(seed));
    const gaps = times.map((at, i) => at - (times[i - 1] ?? 0));
    expect(times.length).toBeGreaterThanOrEqual(10);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(2_000);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(10_000);
  }
  expect(killTimes(draw(1, 30)).length).toBeGreaterThanOrEqual(300);
});

test('the shortest run has every kind of fault, on every node over time, and pauses from short to longer than any lease', () => {
  for (const seed of SEEDS) {
    expect(new Set(draw(seed).map(({ kind }) => kind))).toEqual(new Set(['kill', ...FAULT_KINDS]));
  }
  const all = SEEDS.flatMap((seed) => draw(seed));
  expect(new Set(all.map(({ node }) => node))).toEqual(new Set([0, 1, 2]));
  const pauses = all.filter(({ kind }) => kind === 'pause').map(({ forMs }) => forMs);
  expect(Math.min(...pauses)).toBeLessThan(200);
  expect(Math.max(...pauses)).toBeGreaterThan(20_000);
  expect(pauses.filter((forMs) => forMs < 100 || forMs > 30_000)).toEqual([]);
});

test('what a machine does not allow is left out', () => {
  const kinds = FAULT_KINDS.filter((kind) => kind !== 'disk-full');
  const schedule = drawSchedule(1, { forMs: MINUTE_MS, nodes: 3, kinds });
  expect(new Set(schedule.map(({ kind }) => kind))).toEqual(new Set(['kill', ...kinds]));
});
