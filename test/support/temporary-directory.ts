import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, onTestFinished } from 'vitest';
import type { AtEnd } from './lifetime.ts';

/** A new private directory, removed when the test that made it has finished. */
export function temporaryDirectory(atEnd: AtEnd = onTestFinished): string {
  const directory = make();
  atEnd(() => remove(directory));
  return directory;
}

/** The same for what all tests of a file share; removed after the file's own `afterAll`. */
export function temporaryDirectoryForFile(): string {
  const directory = make();
  ofFile.push(directory);
  return directory;
}

const ofFile: string[] = [];
// Registered when the file imports this, thus before its own, and run in the opposite order.
afterAll(() => ofFile.splice(0).forEach(remove));

function make(): string {
  return realpathSync(mkdtempSync(join(tmpdir(), 'usher-test-')));
}

function remove(directory: string): void {
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
}
