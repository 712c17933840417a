import { randomBytes, randomUUIDv7 } from 'node:crypto';
import type { Random } from '../ports.ts';

/** The operating system's randomness. */
export const systemRandom: Random = {
  uuidv7: () => randomUUIDv7(),
  bytes: (size) => randomBytes(size),
};
