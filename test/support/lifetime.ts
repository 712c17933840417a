import { afterAll } from 'vitest';

/** Has `end` run when what was made is no longer needed: vitest's `onTestFinished`, or {@link atEndOfFile}. */
export type AtEnd = (end: () => Promise<void> | void) => void;

const ofFile: (() => Promise<void> | void)[] = [];
afterAll(async () => {
  for (const end of ofFile.splice(0).reverse()) await end();
});

/** After all tests of the file; what was made last ends first. */
export const atEndOfFile: AtEnd = (end) => void ofFile.push(end);
