import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/{unit,property,fuzz,simulation,integration,cluster,e2e}/**/*.test.ts'],
    // Forks, not threads: the kernel ends an embedded Postgres with the thread that started it.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    retry: 0,
    restoreMocks: true,
  },
});
