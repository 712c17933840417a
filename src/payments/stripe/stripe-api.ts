import Stripe from 'stripe';
import { type CallGate, GATE_LIMITS } from './call-gate.ts';

/** How many entries Stripe lists at a time, at most. */
const PAGE = 100;

/** Reads at most this many pages of refunds: a payment has one refund a ticket, and few that failed. */
const REFUND_PAGES = 10;

/** A client for the account of `secretKey`, which repeats nothing by itself as long as connections hold. */
export function stripeClient(secretKey: string, apiBase: string): Stripe {
  const { hostname, port, protocol } = new URL(apiBase);
  return new Stripe(secretKey, {
    host: hostname,
    port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
    protocol: protocol === 'https:' ? 'https' : 'http',
    // The gate gives a call up by then; the connection must not outlive it for long.
    timeout: GATE_LIMITS.callMs,
    maxNetworkRetries: 0,
    telemetry: false,
  });
}

/** The calls that the adapter makes, each through the gate; whoever changes something names a key. */
export class StripeApi {
  readonly #stripe: Stripe;
  readonly #gate: CallGate;

  constructor(stripe: Stripe, gate: CallGate) {
    this.#stripe = stripe;
    this.#gate = gate;
  }

  create(params: Stripe.PaymentIntentCreateParams, key: string): Promise<Stripe.PaymentIntent> {
    return this.#gate.run(() => this.#stripe.paymentIntents.create(params, { idempotencyKey: key }));
  }

  retrieve(intentId: string): Promise<Stripe.PaymentIntent> {
    return this.#gate.run(() => this.#stripe.paymentIntents.retrieve(intentId));
  }

  capture(intentId: string, key: string): Promise<Stripe.PaymentIntent> {
    return this.#gate.run(() => this.#stripe.paymentIntents.capture(intentId, {}, { idempotencyKey: key }));
  }

  cancel(intentId: string, key: string): Promise<Stripe.PaymentIntent> {
    return this.#gate.run(() => this.#stripe.paymentIntents.cancel(intentId, {}, { idempotencyKey: key }));
  }

  /** Whether this is the answer to an earlier request with the same key: then it tells of that time. */
  async refund(
    params: Stripe.RefundCreateParams,
    key: string,
  ): Promise<{ readonly refund: Stripe.Refund; readonly isReplay: boolean }> {
    const refund = await this.#gate.run(() => this.#stripe.refunds.create(params, { idempotencyKey: key }));
    return { refund, isReplay: refund.lastResponse.headers['idempotent-replayed'] === 'true' };
  }

  /** The refunds of a payment, newest first. */
  async refundsOf(intentId: string): Promise<Stripe.Refund[]> {
    const refunds: Stripe.Refund[] = [];
    let after: string | undefined;
    for (let page = 0; page < REFUND_PAGES; page++) {
      const list = await this.#gate.run(() =>
        this.#stripe.refunds.list({
          payment_intent: intentId,
          limit: PAGE,
          ...(after === undefined ? {} : { starting_after: after }),
        }),
      );
      refunds.push(...list.data);
      if (!list.has_more) return refunds;
      after = list.data.at(-1)?.id;
    }
    throw new Error(`${intentId} has more refunds than are read`);
  }

  dispute(disputeId: string): Promise<Stripe.Dispute> {
    return this.#gate.run(() => this.#stripe.disputes.retrieve(disputeId));
  }

  /** Events of these types, created at `since` (seconds) or later, page by page, newest first. */
  async *eventsSince(since: number, types: readonly string[]): AsyncIterable<readonly Stripe.Event[]> {
    let after: string | undefined;
    for (;;) {
      const list = await this.#gate.run(() =>
        this.#stripe.events.list({
          types: [...types],
          created: { gte: since },
          limit: PAGE,
          ...(after === undefined ? {} : { starting_after: after }),
        }),
      );
      yield list.data;
      if (!list.has_more) return;
      after = list.data.at(-1)?.id;
    }
  }

  /**
   * The intents created from `from` to `to` (seconds) that `accepts` lets through, newest first, of the newest so many pages.
   */
  async intentsBetween(
    from: number,
    to: number,
    pages: number,
    accepts: (intent: Stripe.PaymentIntent) => boolean,
  ): Promise<Stripe.PaymentIntent[]> {
    const found: Stripe.PaymentIntent[] = [];
    let after: string | undefined;
    for (let page = 0; page < pages; page++) {
      const list = await this.#gate.run(() =>
        this.#stripe.paymentIntents.list({
          created: { gte: from, lte: to },
          limit: PAGE,
          ...(after === undefined ? {} : { starting_after: after }),
        }),
      );
      found.push(...list.data.filter(accepts));
      if (!list.has_more) break;
      after = list.data.at(-1)?.id;
    }
    return found;
  }
}
