import { RefusedError } from '../errors.ts';
import { line } from './schemas.ts';

const EMAIL_LENGTH_MAX = 254;

/** Good enough to catch slips; only a mail that arrives proves an address. */
const EMAIL = /^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$/u;

/** Of the member `email` of a body; what the schema cannot say, {@link assertEmail} does. */
export const Email = line(3, EMAIL_LENGTH_MAX);

/** @throws RefusedError `BODY_INVALID` */
export function assertEmail(email: string): void {
  if (EMAIL.test(email.trim())) return;
  const errors = [{ pointer: '/email', detail: 'must be an e-mail address' }];
  throw new RefusedError({ code: 'BODY_INVALID', detail: 'Mend what `errors` points at.', errors });
}
