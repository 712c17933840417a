import { expect, test } from 'vitest';
import { runSimulator } from './simulator-process.ts';

/** The seeds of every run of CI. */
const SEEDS = 2_000;
/** Processes that share them: nothing else runs beside these tests. */
const PROCESSES = 2;
const HOURS = 100;
/** Far above what they take: only a hang runs into it. */
const LIMIT_MS = 900_000;

test(
  `${SEEDS} worlds keep every invariant, in at least ${HOURS} simulated hours`,
  async () => {
    const each = SEEDS / PROCESSES;
    const firsts = Array.from({ length: PROCESSES }, (_, process) => 1 + process * each);
    const runs = await Promise.all(firsts.map((first) => runSimulator(first, each, LIMIT_MS)));
    for (const { told } of runs) process.stdout.write(told);
    expect(runs.flatMap(({ summary }) => summary.violations)).toEqual([]);
    expect(runs.map(({ summary }) => summary.seeds)).toEqual(firsts.map(() => each));
    expect(runs.reduce((sum, { summary }) => sum + summary.simulatedHours, 0)).toBeGreaterThanOrEqual(HOURS);
    expect(runs.map(({ code }) => code)).toEqual(firsts.map(() => 0));
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
    const [once, again] = await Promise.all([runSimulator(1_990, 20, LIMIT_MS), runSimulator(1_990, 20, LIMIT_MS)]);
    const other = await runSimulator(1_991, 20, LIMIT_MS);
    expect(again.summary.trace).toBe(once.summary.trace);
    expect(again.summary.commands).toBe(once.summary.commands);
    expect(other.summary.trace).not.toBe(once.summary.trace);
  },
  LIMIT_MS,
);
