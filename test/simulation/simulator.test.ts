import { expect, test } from 'vitest';
import { runSimulator } from './simulator-process.ts';

/** The seeds of every run of CI. */
const SEEDS = 2_000;
const HOURS = 100;
/** Far above what they take: only a hang runs into it. */
const LIMIT_MS = 900_000;

test(
  `${SEEDS} worlds keep every invariant, in at least ${HOURS} simulated hours`,
  async () => {
    // One process at a time: other tests run beside it, and are not to starve.
    const { code, told, summary } = await runSimulator(1, SEEDS, LIMIT_MS);
    process.stdout.write(told);
    expect(summary.violations).toEqual([]);
    expect(summary.seeds).toBe(SEEDS);
    expect(summary.simulatedHours).toBeGreaterThanOrEqual(HOURS);
    expect(code).toBe(0);
  },
  LIMIT_MS,
);

test.each([
  [1_059_784, 'two nodes gave the same money back: one had gone on to another key, though the first was still good'],
])(
  'world %i keeps every invariant, in which once %s',
  async (seed) => {
    const { code, summary } = await runSimulator(seed, 1, LIMIT_MS);
    expect(summary.violations).toEqual([]);
    expect(code).toBe(0);
  },
  LIMIT_MS,
);

test(
  'the same seeds do the same, whichever process plays them; other seeds do something else',
  async () => {
    // One of them is long.
    const once = await runSimulator(1_990, 20, LIMIT_MS);
    const again = await runSimulator(1_990, 20, LIMIT_MS);
    const other = await runSimulator(1_991, 20, LIMIT_MS);
    expect(again.summary.trace).toBe(once.summary.trace);
    expect(again.summary.commands).toBe(once.summary.commands);
    expect(other.summary.trace).not.toBe(once.summary.trace);
  },
  LIMIT_MS,
);
