import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.ts';

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
          include: ['test/{property,fuzz,simulation,integration,cluster,e2e}/**/*.test.ts'],
        },
      },
    ],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    retry: 0,
    restoreMocks: true,
  },
});
