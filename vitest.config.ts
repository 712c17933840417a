import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.ts';

/** Plays thousands of worlds, and is to have the machine for itself: beside others it takes thrice as long. */
const SIMULATOR = 'test/simulation/simulator.test.ts';
const LONG = ['test/e2e/kill.test.ts', 'test/e2e/cluster-launcher.test.ts'];

export default defineConfig({
  test: {
    globalSetup: 'test/support/prepare-database.ts',
    sequence: { sequencer: LongestFirst },
    // Forks, not threads: the kernel ends an embedded Postgres with the thread that started it.
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          // They share nothing but modules without state; a process for each would cost as much as the tests.
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'whole',
          include: ['test/{property,fuzz,simulation,integration,e2e}/**/*.test.ts', 'test/cluster/chaos.test.ts'],
          exclude: [...LONG, SIMULATOR],
        },
      },
      {
        extends: true,
        test: {
          name: 'simulation',
          include: [SIMULATOR],
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          // Not in CI, for its time: chaos does there, in a minute, what these do one by one.
          name: 'cluster',
          include: ['test/cluster/{planned-moves,rolling-upgrade}.test.ts', 'test/cluster/faults/*.test.ts', ...LONG],
          fileParallelism: false,
        },
      },
    ],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    retry: 0,
    restoreMocks: true,
  },
});
