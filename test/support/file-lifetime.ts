import { afterAll } from 'vitest';
import { type AtEnd, Lifetime } from './lifetime.ts';

const ofFile = new Lifetime();
afterAll(() => ofFile.end());

/** After all tests of the file; what was made last ends first. */
export const atEndOfFile: AtEnd = ofFile.atEnd;
