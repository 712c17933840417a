import type { Clock } from '../ports.ts';

/**
 * The real clock: the wall clock read once, then carried on by the monotonic one, so that a step of the wall clock
 * while the process runs neither ends holds early nor keeps them alive.
 */
export function systemClock(): Clock {
  const startedAt = Date.now();
  const origin = performance.now();
  return { now: () => Math.floor(startedAt + (performance.now() - origin)) };
}
