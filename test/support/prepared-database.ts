import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Puts a copy of the database that was made before all tests into this new data directory, and returns the directory. */
export function withDatabase(dataDir: string): string {
  const prepared = process.env.USHER_TEST_DATABASE;
  // A test run in another way than by its runner makes its own.
  if (prepared === undefined) return dataDir;
  const place = join(dataDir, 'postgres');
  if (existsSync(place)) throw new Error(`${dataDir} has a database`);
  execFileSync('cp', ['-a', prepared, place]);
  return dataDir;
}
