import type Stripe from 'stripe';
import type { Clock } from '../../ports.ts';
import type { RefundOrder, RefundState } from '../gateway.ts';
import type { DeniedLog } from './denied-log.ts';
import { failureOf, isUsedUp, notNow, wordsOf } from './failures.ts';
import { Recent } from './recent.ts';
import { toStripe } from './stripe-amounts.ts';
import type { StripeApi } from './stripe-api.ts';

export const REFUND_LIMITS = {
  /** Stripe forgets keys after 24 hours or later; from this age of a refund on, what was made is listed first. */
  trustKeysMs: 12 * 3_600_000,
  /** Refunds made for one that is due: the first, and new ones after it has failed. */
  tries: 3,
  /** New errors met in one call; more keys would only be spent on the same bad moment. */
  failures: 2,
  /** Keys tried in one call, with those that repeat a stored error; the next call goes on after them. */
  steps: 20,
  /** Refunds whose next number is remembered. */
  remembered: 5_000,
} as const;

/** Refusals after which the same refund may well be possible later. */
const PASSING_CODES = new Set(['balance_insufficient', 'insufficient_funds']);

interface RefundLog {
  error(details: object, message: string): void;
}

function stateOf({ status }: Stripe.Refund): RefundState {
  if (status === 'succeeded') return 'done';
  return status === 'failed' || status === 'canceled' ? 'failed' : 'pending';
}

/** What was made so far says all, if one of them is not failed. */
function verdictOf(made: readonly Stripe.Refund[]): 'done' | 'pending' | null {
  const states = made.map(stateOf);
  if (states.includes('done')) return 'done';
  return states.includes('pending') ? 'pending' : null;
}

/**
 * Gives money back once, by however many nodes and however often it is asked for. The n-th try has the key
 * `rf:{refundId}:{n}`; never a key of chance, with which two nodes could both give the money back. A key is stepped over, after a
 * look at what was made, only once it repeats an error: by one that was not stored another node could still have it done.
 */
export class StripeRefunds {
  readonly #api: StripeApi;
  readonly #clock: Clock;
  readonly #log: RefundLog;
  readonly #denied: DeniedLog;
  /** By refund, the number to go on with: all before it are used up. */
  readonly #numbers = new Recent<number>(REFUND_LIMITS.remembered);

  constructor(parts: {
    readonly api: StripeApi;
    readonly clock: Clock;
    readonly log: RefundLog;
    readonly denied: DeniedLog;
  }) {
    this.#api = parts.api;
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#denied = parts.denied;
  }

  /** @param intent captured */
  async giveBack(intent: Stripe.PaymentIntent, order: RefundOrder): Promise<RefundState> {
    const { refundId, paymentId, amount, currency, at } = order;
    const list = async (): Promise<Stripe.Refund[]> => {
      const all = await this.#api.refundsOf(intent.id).catch((error: unknown) => {
        throw failureOf(error) === 'denied' ? this.#denied.refusal(error, paymentId) : notNow(error);
      });
      // Without the others of this payment, and without the release of what was authorised, which bears no name.
      return all.filter(({ metadata }) => metadata?.usher_refund === refundId);
    };
    const params: Stripe.RefundCreateParams = {
      payment_intent: intent.id,
      amount: toStripe(amount, currency),
      metadata: { usher_refund: refundId, usher_payment: paymentId },
    };

    // Where keys may be forgotten all nodes start alike: from what is listed.
    const isOld = this.#clock.now() - at > REFUND_LIMITS.trustKeysMs;
    let number = isOld ? 1 : (this.#numbers.get(refundId) ?? 1);
    let made = isOld || number > 1 ? await list() : null;
    let failures = 0;
    for (let step = 0; step < REFUND_LIMITS.steps && failures < REFUND_LIMITS.failures; step++) {
      if (made !== null) {
        const verdict = verdictOf(made);
        if (verdict !== null) return verdict;
        if (made.length >= REFUND_LIMITS.tries) return 'failed';
        number = Math.max(number, made.length + 1);
      }
      try {
        const { refund, isReplay: isRepeat } = await this.#api.refund(params, `rf:${refundId}:${number}`);
        const state = stateOf(refund);
        if (!isRepeat && state !== 'failed') return state;
        // A replay tells how it was; and what failed at once is counted like any other.
        made = await list();
        // Its key is used up, also where one before it was spoilt, so that it is ahead of what was made.
        if (made.some(({ id }) => id === refund.id)) number++;
      } catch (error) {
        const failure = failureOf(error);
        if (failure === 'denied') throw this.#denied.refusal(error, paymentId);
        if (failure !== 'spoilt' && failure !== 'refused') throw notNow(error);
        made = await list();
        const passes = PASSING_CODES.has(wordsOf(error).code ?? '');
        if (failure === 'refused' && !passes) {
          const verdict = verdictOf(made);
          if (verdict !== null) return verdict;
          this.#log.error({ refundId, paymentId, ...wordsOf(error) }, 'Stripe refuses a refund');
          return 'failed';
        }
        if (isUsedUp(error)) {
          number++;
          this.#numbers.set(refundId, number);
          continue;
        }
        failures++;
        if (passes && verdictOf(made) === null) throw notNow(error);
      }
    }
    throw notNow(new Error(`Stripe has failed to give back ${refundId}`));
  }
}
