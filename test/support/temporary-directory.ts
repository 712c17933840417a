import { afterAll, onTestFinished } from 'vitest';
import { Lifetime } from './lifetime.ts';
import { privateDirectory } from './private-directory.ts';

/** A new private directory, removed when the test that made it has finished. */
export function temporaryDirectory(): string {
  return privateDirectory(onTestFinished);
}

/** The same for what all tests of a file share; removed after the file's own `afterAll`. */
export function temporaryDirectoryForFile(): string {
  return privateDirectory(ofFile.atEnd);
}

const ofFile = new Lifetime();
// Registered when the file imports this, thus before its own, and run in the opposite order.
afterAll(() => ofFile.end());
