import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AtEnd } from './lifetime.ts';

/** A new directory of our own, removed at the end. */
export function privateDirectory(atEnd: AtEnd): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'usher-test-')));
  atEnd(() => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));
  return directory;
}
