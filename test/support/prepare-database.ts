import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../../src/postgres/embedded-postgres.ts';
import { createLog } from '../../src/system/log.ts';

/**
 * Once before all tests: makes a new database, of which each test file takes a copy, and a place where the processes that
 * tests start keep their compiled code. Making either anew is most of what a small test costs.
 */
export default async function prepare(): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), 'usher-prepared-'));
  const dataDir = await mkdtemp(join(directory, 'data-'));
  const postgres = await startEmbeddedPostgres({ dataDir, log: createLog('warn') });
  await postgres.stop();
  process.env.USHER_TEST_DATABASE = join(dataDir, 'postgres');
  process.env.NODE_COMPILE_CACHE = join(directory, 'compiled');
  return () => rm(directory, { recursive: true, force: true, maxRetries: 5 });
}
