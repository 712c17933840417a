import type { RefusedError } from '../../errors.ts';
import type { Clock } from '../../ports.ts';
import { asLogged, notNow } from './failures.ts';

/** One line a while, ms: a key that Stripe does not accept fails every call of every order. */
const EVERY_MS = 60_000;

/** Tells people what only they can mend, such as a key that Stripe does not accept, without flooding the log. */
export class DeniedLog {
  readonly #clock: Clock;
  readonly #log: { error(details: object, message: string): void };
  #nextAt = Number.NEGATIVE_INFINITY;
  #untold = 0;

  constructor(parts: { readonly clock: Clock; readonly log: { error(details: object, message: string): void } }) {
    this.#clock = parts.clock;
    this.#log = parts.log;
  }

  /** @returns the refusal for whoever made the call: it may work once somebody has mended it */
  refusal(error: unknown, paymentId: string): RefusedError {
    const now = this.#clock.now();
    if (now < this.#nextAt) this.#untold++;
    else {
      this.#log.error({ paymentId, untold: this.#untold, err: asLogged(error) }, 'Stripe denies a call: see its key');
      this.#nextAt = now + EVERY_MS;
      this.#untold = 0;
    }
    return notNow(error);
  }
}
