import { createHash } from 'node:crypto';

/** SHA-256 (lower-case hex) of a plan's JSON text exactly as it is stored: the name by which a journal knows its hall. */
export function planHash(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}
