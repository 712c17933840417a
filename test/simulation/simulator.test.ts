import { expect, test } from 'vitest';
import { runSimulator } from './simulator-process.ts';

/** The seeds of every run of CI; half of them in each of two processes. */
const SEEDS = 2_000;
const HOURS = 100;
/** Far above what they take: only a hang runs into it. */
const LIMIT_MS = 900_000;

test(
  `${SEEDS} worlds keep every invariant, in more than ${HOURS} simulated hours`,
  async () => {
    const half = SEEDS / 2;
    const runs = await Promise.all([runSimulator(1, half, LIMIT_MS), runSimulator(1 + half, half, LIMIT_MS)]);
    for (const { told, summary } of runs) {
      process.stdout.write(told);
      expect(summary.violations).toEqual([]);
      expect(summary.seeds).toBe(half);
    }
    const hours = runs.reduce((sum, { summary }) => sum + summary.simulatedHours, 0);
    expect(hours).toBeGreaterThan(HOURS);
    expect(runs.map(({ code }) => code)).toEqual([0, 0]);
  },
  LIMIT_MS,
);

test(
  'the same seeds do the same, whichever process plays them; other seeds do something else',
  async () => {
    const [once, again, other] = await Promise.all([
      runSimulator(4_711, 20, LIMIT_MS),
      runSimulator(4_711, 20, LIMIT_MS),
      runSimulator(4_712, 20, LIMIT_MS),
    ]);
    expect(again.summary.trace).toBe(once.summary.trace);
    expect(again.summary.commands).toBe(once.summary.commands);
    expect(other.summary.trace).not.toBe(once.summary.trace);
  },
  LIMIT_MS,
);
