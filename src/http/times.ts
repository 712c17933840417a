import { RefusedError } from '../errors.ts';
import { fromRfc3339 } from '../rfc3339.ts';

/**
 * The ms since the epoch of a time that has the form of one.
 * @param pointer where it stood
 * @throws RefusedError `BODY_INVALID` for one that no calendar has, such as a leap second
 */
export function timeAt(text: string, pointer: string): number {
  const time = fromRfc3339(text);
  if (!Number.isNaN(time)) return time;
  const errors = [{ pointer, detail: 'is no time of the calendar' }];
  throw new RefusedError({ code: 'BODY_INVALID', detail: 'Mend what `errors` points at.', errors });
}
