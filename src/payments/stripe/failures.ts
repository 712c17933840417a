import Stripe from 'stripe';
import { RefusedError } from '../../errors.ts';
import { CallTimeoutError } from './call-gate.ts';

/** What it means that a call to Stripe has failed. */
export type StripeFailure =
  /** Not carried out, and may be repeated as it is: refused by the gate, too many requests, or another with its key under way. */
  | 'later'
  /** Nobody knows whether it was carried out; the same key finds out. */
  | 'lost'
  /** Nobody knows whether it was carried out, and its key may have been used up: look before using another one. */
  | 'spoilt'
  /** Stripe will not do this, for a reason that lies in the payment. */
  | 'refused'
  /** Stripe does not accept our key, or has no such object: people have to mend it. */
  | 'denied';

const { errors } = Stripe;

export function failureOf(error: unknown): StripeFailure {
  if (error instanceof RefusedError || error instanceof errors.StripeRateLimitError) return 'later';
  if (!(error instanceof errors.StripeError) || error instanceof errors.StripeConnectionError) return 'lost';
  const { statusCode = 0 } = error;
  if (statusCode === 409) return 'later';
  if (error instanceof errors.StripeIdempotencyError || statusCode >= 500) return 'spoilt';
  if (statusCode === 401 || statusCode === 403 || statusCode === 404) return 'denied';
  return statusCode >= 400 ? 'refused' : 'lost';
}

/** Whether a failed call speaks against Stripe, or the way there. A definite answer does not. */
export function isOutage(error: unknown): boolean {
  if (error instanceof CallTimeoutError || error instanceof errors.StripeRateLimitError) return true;
  if (!(error instanceof errors.StripeError) || error instanceof errors.StripeConnectionError) return true;
  return (error.statusCode ?? 500) >= 500;
}

/** Whether nothing can be done any more with the key of the call that failed so: it repeats an answer, or belongs to another request. */
export function isUsedUp(error: unknown): boolean {
  if (error instanceof errors.StripeIdempotencyError) return true;
  return error instanceof errors.StripeError && error.headers?.['idempotent-replayed'] === 'true';
}

/** A failure as it may be logged: Stripe's own errors carry the payment with its client secret. */
export function asLogged(error: unknown): Error {
  if (!(error instanceof errors.StripeError)) return error as Error;
  const { type, statusCode, code, requestId, message } = error;
  return new Error(`${type} ${statusCode ?? '-'} ${code ?? '-'} (request ${requestId ?? '-'}): ${message}`);
}

/** The refusal for a call that may be repeated later; keeps the cause, which is for the log and not for the client. */
export function notNow(cause: unknown): RefusedError {
  if (cause instanceof RefusedError) return cause;
  const refused = new RefusedError({
    code: 'UNAVAILABLE',
    detail: 'The payment provider does not answer as it should. Try again.',
    retryAfter: retryAfterOf(cause),
  });
  refused.cause = asLogged(cause);
  return refused;
}

/** Seconds; what Stripe asks for in a header, within reason. */
function retryAfterOf(error: unknown): number {
  const header = error instanceof errors.StripeError ? Number(error.headers?.['retry-after']) : Number.NaN;
  return header >= 1 && header <= 60 ? Math.ceil(header) : 2;
}

/** What failed at reading may be read again later, unless people have to mend it. */
export function passOn(error: unknown): never {
  if (failureOf(error) === 'denied') throw asLogged(error);
  throw notNow(error);
}

/** Stripe's own words and code, for a person and for the log. */
export function wordsOf(error: unknown): { readonly message: string; readonly code: string | undefined } {
  const { message, code } = error as { message: string; code?: string };
  return { message, code };
}
