import fc from 'fast-check';
import { expect } from 'vitest';
import { watched } from './hang-watch.ts';

/**
 * A failure prints the seed and path of its smallest input. To send that one again:
 *
 *     USHER_FC_SEED=… USHER_FC_PATH=… npx vitest run test/fuzz/… -t '<name of the test>'
 *
 * `USHER_FC_RUNS` changes how many inputs each test sends.
 */
const { USHER_FC_SEED, USHER_FC_PATH, USHER_FC_RUNS } = process.env;

/** Inputs that a test sends which usually sends so many. */
export function runsOf(usual: number): number {
  return Number(USHER_FC_RUNS ?? usual);
}

/** How long a test may take that sends so many inputs: far more than it does. */
export function limitMs(usual: number): number {
  return 120_000 + runsOf(usual) * 250;
}

/** Sends inputs until one fails, and looks on that each is answered. Rejects with the smallest that fails. */
export async function attack<T>(
  inputs: fc.Arbitrary<T>,
  runs: number,
  send: (input: T) => void | Promise<void>,
): Promise<void> {
  const seed = USHER_FC_SEED === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(USHER_FC_SEED);
  let run = 0;
  const property = fc.asyncProperty(inputs, (input) =>
    watched(`${expect.getState().currentTestName}: USHER_FC_SEED=${seed} USHER_FC_PATH=${run++}`, () => send(input)),
  );
  await fc.assert(property, { numRuns: runs, seed, ...(USHER_FC_PATH === undefined ? {} : { path: USHER_FC_PATH }) });
}

/** That a fault which was put in is found, by inputs that do not depend on the environment. */
export async function expectFound<T>(
  inputs: fc.Arbitrary<T>,
  runs: number,
  send: (input: T) => void | Promise<void>,
  message: RegExp,
): Promise<void> {
  const found = await fc.check(
    fc.asyncProperty(inputs, async (input) => send(input)),
    {
      numRuns: runs,
      seed: 1,
      endOnFailure: true,
    },
  );
  expect(found.failed, 'the planted fault was not found').toBe(true);
  expect(String((found.errorInstance as Error | null)?.message)).toMatch(message);
}

/** What became of inputs, by kind: shows that they reach both what accepts and what refuses. */
export class Tally {
  readonly #counts = new Map<string, number>();

  note(kind: string): void {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
  }

  of(kind: string): number {
    return this.#counts.get(kind) ?? 0;
  }

  kinds(): string[] {
    return [...this.#counts.keys()].sort();
  }

  /** Printed where `USHER_FUZZ_TALLY` is set. */
  print(what: string): void {
    if (process.env.USHER_FUZZ_TALLY === undefined) return;
    const counts = [...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1));
    process.stdout.write(`${what}: ${counts.map(([kind, count]) => `${kind} ${count}`).join(', ')}\n`);
  }
}
