import type Stripe from 'stripe';
import type { Clock } from '../../ports.ts';
import type { RefundOrder, RefundState } from '../gateway.ts';
import { asLogged, failureOf, notNow, passOn, wordsOf } from './failures.ts';
import { toStripe } from './stripe-amounts.ts';
import type { StripeApi } from './stripe-api.ts';

export const REFUND_LIMITS = {
  /** Stripe forgets keys after 24 hours or later; from this age of a refund on, what was made is listed first. */
  trustKeysMs: 12 * 3_600_000,
  /** Refunds made for one that is due: the first, and new ones after it has failed. */
  tries: 3,
  /** Keys tried in one call; those that Stripe answers with a stored 500 are used up. */
  keys: 8,
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
 * `rf:{refundId}:{n}`; n follows from what Stripe lists for this refund, so that nodes agree on it.
 * @param intent captured
 */
export async function refundOnce(
  parts: { readonly api: StripeApi; readonly clock: Clock; readonly log: RefundLog },
  intent: Stripe.PaymentIntent,
  order: RefundOrder,
): Promise<RefundState> {
  const { api, clock, log } = parts;
  const { refundId, paymentId, amount, currency, at } = order;
  const list = async (): Promise<Stripe.Refund[]> => {
    const all = await api.refundsOf(intent.id).catch(passOn);
    // Without the others of this payment, and without the release of what was authorised, which bears no name.
    return all.filter(({ metadata }) => metadata?.usher_refund === refundId);
  };
  const params: Stripe.RefundCreateParams = {
    payment_intent: intent.id,
    amount: toStripe(amount, currency),
    metadata: { usher_refund: refundId, usher_payment: paymentId },
  };

  let made: readonly Stripe.Refund[] | null = null;
  if (clock.now() - at > REFUND_LIMITS.trustKeysMs) made = await list();
  let number = 1;
  for (let key = 0; key < REFUND_LIMITS.keys; key++) {
    if (made !== null) {
      const verdict = verdictOf(made);
      if (verdict !== null) return verdict;
      if (made.length >= REFUND_LIMITS.tries) return 'failed';
      number = Math.max(number, made.length + 1);
    }
    try {
      const { refund, isReplay } = await api.refund(params, `rf:${refundId}:${number}`);
      const state = stateOf(refund);
      if (!isReplay && state !== 'failed') return state;
      // A replay tells how it was; and what failed at once is counted like any other.
      made = await list();
    } catch (error) {
      const failure = failureOf(error);
      if (failure === 'refused' && !PASSING_CODES.has(wordsOf(error).code ?? '')) {
        const verdict = verdictOf(await list());
        if (verdict !== null) return verdict;
        log.error({ refundId, paymentId, ...wordsOf(error) }, 'Stripe refuses a refund');
        return 'failed';
      }
      if (failure === 'denied') throw asLogged(error);
      if (failure !== 'spoilt') throw notNow(error);
      made = await list();
      number++;
    }
  }
  throw notNow(new Error(`the keys of refund ${refundId} are used up`));
}
