import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../../src/postgres/embedded-postgres.ts';
import { createLog } from '../../src/system/log.ts';

/** A file system in memory, where there is one. */
const IN_MEMORY = '/dev/shm';
/** Bytes: several times what is there at once at the most. */
const ROOM_IN_MEMORY = 4 * 1_024 ** 3;

/**
 * Once before all tests: has them keep their data in memory if there is room, as disks take a third of the time of those with
 * a database to make and remove its files; makes a new database, of which each test file takes a copy, and a place where the
 * processes that tests start keep their compiled code. Making either anew is most of what a small test costs.
 */
export default async function prepare(): Promise<() => Promise<void>> {
  if (process.env.TMPDIR === undefined && (await isRoomy(IN_MEMORY))) process.env.TMPDIR = IN_MEMORY;
  const directory = await mkdtemp(join(tmpdir(), 'usher-prepared-'));
  const dataDir = await mkdtemp(join(directory, 'data-'));
  const postgres = await startEmbeddedPostgres({ dataDir, log: createLog('warn') });
  await postgres.stop();
  process.env.USHER_TEST_DATABASE = join(dataDir, 'postgres');
  process.env.NODE_COMPILE_CACHE = join(directory, 'compiled');
  return () => rm(directory, { recursive: true, force: true, maxRetries: 5 });
}

async function isRoomy(directory: string): Promise<boolean> {
  const { bavail, bsize } = await statfs(directory).catch(() => ({ bavail: 0, bsize: 0 }));
  // It may be larger than what we may use of it.
  return Math.min(bavail * bsize, process.availableMemory()) >= ROOM_IN_MEMORY;
}
