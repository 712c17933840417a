import type Stripe from 'stripe';
import { RefusedError } from '../../errors.ts';
import { parseScopedId } from '../../ids.ts';
import type { Clock, Random, Timers } from '../../ports.ts';
import type { Payment, PaymentGateway, PaymentOrder, PaymentState, RefundOrder, RefundState } from '../gateway.ts';
import { CallGate, type GateFigures } from './call-gate.ts';
import { DeniedLog } from './denied-log.ts';
import { asLogged, failureOf, isOutage, isUsedUp, notNow, wordsOf } from './failures.ts';
import { IntentScans } from './intent-scans.ts';
import { methodParams } from './payment-methods.ts';
import type { StripePaymentTable } from './payment-table.ts';
import { Recent } from './recent.ts';
import { fromStripe, stripeAmountFault, toStripe } from './stripe-amounts.ts';
import { StripeApi } from './stripe-api.ts';
import { StripeRefunds } from './stripe-refunds.ts';

/*
 * A payment and its PaymentIntent. What makes every crash harmless:
 *
 *   An intent's client secret is handed out only after its id is in the table, where the first wins. So nobody can pay an
 *   intent that is not there: one whose id was lost, or that two nodes made, is litter, and cancelled where it is found.
 *   A payment that is cancelled before it has an intent is shut in the table: no later `open` hands a secret out.
 *   The first key names what is asked for, so the same call again finds out what became of a lost one. After a 500, which its
 *   key repeats for a day, the truth is read and then a key of chance is used: it can be answered by no old failure. That is
 *   harmless here, as nothing is captured twice and of two intents one wins; so it is where the key may be forgotten.
 */

export const STRIPE_LIMITS = {
  /**
   * Calls made in one call for an intent or a capture: the first key, and another if that answers with a stored 500. More
   * would only be spent on the same bad moment.
   */
  tries: 2,
  /** How often a cancellation that was overtaken by the buyer is repeated in one call. */
  cancels: 3,
  /** Payments whose intent and client secret are remembered. */
  remembered: 20_000,
  /** How long one that was seen not to be payable is believed to stay so: a bank may yet decline, and then it is again. */
  endedMs: 15_000,
  /** Stripe forgets keys after 24 hours or later; from this age of a payment on, its intent is looked for first. */
  trustKeysMs: 23 * 3_600_000,
  /** From this age of a payment on, one that the table does not know is looked for: the table may have been restored. */
  lookForMs: 60_000,
} as const;

const STATES: Readonly<Record<string, PaymentState>> = {
  requires_payment_method: 'open',
  requires_confirmation: 'open',
  requires_action: 'challenge',
  processing: 'pending',
  requires_capture: 'authorised',
  succeeded: 'captured',
  canceled: 'cancelled',
};

/** Most telling first: of several intents of one payment, the one where money is. */
const MOST_TELLING: readonly PaymentState[] = ['captured', 'authorised', 'pending', 'challenge', 'open', 'cancelled'];

interface StripeLog {
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

export interface StripeGatewayParts {
  /** Repeats nothing by itself. */
  readonly stripe: Stripe;
  readonly table: StripePaymentTable;
  /** The sorts of payment methods that buyers may use, in Stripe's words. */
  readonly methods: readonly string[];
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: StripeLog;
  /** Before every call; one of its own if absent. */
  readonly gate?: CallGate;
}

interface Remembered {
  readonly intentId: string;
  /** Null once it cannot be paid any more, or not known. */
  readonly secret: string | null;
  /** Until then (ms) nobody asks Stripe again whether it can be paid. */
  readonly endedUntil: number;
}

/** Stripe, over PaymentIntents with manual capture. */
export class StripeGateway implements PaymentGateway {
  readonly provider = 'stripe';
  readonly #api: StripeApi;
  readonly #gate: CallGate;
  readonly #table: StripePaymentTable;
  readonly #methods: ReturnType<typeof methodParams>;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: StripeLog;
  readonly #scans: IntentScans;
  readonly #denied: DeniedLog;
  readonly #refunds: StripeRefunds;
  /** By payment, intents that say they are its own. Their ids never change; their secrets are kept nowhere else. */
  readonly #remembered = new Recent<Remembered>(STRIPE_LIMITS.remembered);

  constructor(parts: StripeGatewayParts) {
    this.#gate = parts.gate ?? new CallGate(parts, isOutage);
    this.#api = new StripeApi(parts.stripe, this.#gate);
    this.#table = parts.table;
    this.#methods = methodParams(parts.methods);
    this.#clock = parts.clock;
    this.#random = parts.random;
    this.#log = parts.log;
    this.#scans = new IntentScans(this.#api, parts.clock);
    this.#denied = new DeniedLog(parts);
    this.#refunds = new StripeRefunds({ api: this.#api, clock: parts.clock, log: parts.log, denied: this.#denied });
  }

  figures(): GateFigures {
    return this.#gate.figures();
  }

  amountFault(amount: number, currency: string): string | null {
    return stripeAmountFault(amount, currency);
  }

  /**
   * Repeats find the same intent, also one that has ended: its secret then pays nothing.
   * @throws RefusedError `ORDER_NOT_PAYABLE` where Stripe will not have it, or the payment was cancelled before
   */
  async open(order: PaymentOrder): Promise<{ readonly clientSecret: string }> {
    const { paymentId, amount, currency } = order;
    const fault = stripeAmountFault(amount, currency);
    if (fault !== null) throw notPayable(`An amount of ${amount} ${currency} cannot be paid: ${fault}.`);
    const remembered = this.#remembered.get(paymentId);
    if (remembered !== undefined && remembered.secret !== null) return { clientSecret: remembered.secret };
    let intentId = await this.#entered(paymentId);
    if (intentId === undefined) {
      const made = await this.#findOrMake(order);
      intentId = await this.#table.keep(paymentId, made.id);
      if (intentId === made.id) return { clientSecret: this.#remember(paymentId, made) };
      await this.#discard(paymentId, made.id);
    }
    if (intentId === null) throw notPayable('The order was ended before it could be paid.');
    return { clientSecret: this.#remember(paymentId, await this.#retrieve(paymentId, intentId)) };
  }

  rememberedSecret(paymentId: string): string | null {
    return this.#remembered.get(paymentId)?.secret ?? null;
  }

  /** Null also while Stripe cannot be asked, or does not let us: an order can be looked at all the same. */
  async clientSecret(paymentId: string): Promise<string | null> {
    const remembered = this.#remembered.get(paymentId);
    if (remembered !== undefined && remembered.secret !== null) return remembered.secret;
    if (remembered !== undefined && this.#clock.now() < remembered.endedUntil) return null;
    try {
      const intentId = await this.#intentOf(paymentId);
      if (intentId === null) return null;
      const intent = await this.#retrieve(paymentId, intentId);
      const { state } = this.#told(paymentId, intent);
      return state === 'open' || state === 'challenge' ? this.#remember(paymentId, intent) : null;
    } catch (error) {
      if (error instanceof RefusedError) return null;
      throw error;
    }
  }

  async get(paymentId: string): Promise<Payment | null> {
    const intentId = await this.#entered(paymentId);
    if (intentId === null) return shut(paymentId);
    if (intentId !== undefined) return this.#told(paymentId, await this.#retrieve(paymentId, intentId));
    // Nobody can have paid what is not in the table, so this matters only if the table has lost it, to a restored backup.
    if (this.#ageOf(paymentId) < STRIPE_LIMITS.lookForMs) return null;
    const found = await this.#adopt(paymentId);
    return found === null ? null : this.#told(paymentId, found);
  }

  /**
   * `failed` ends with the intent cancelled: after a declined capture the buyer could confirm it again. What was authorised
   * once and is not any more counts as failed too.
   */
  async capture(paymentId: string): Promise<Payment> {
    const intentId = await this.#intentOf(paymentId);
    if (intentId === null) throw new Error(`payment ${paymentId} cannot be captured: it was never opened`);
    await this.#requireOurs(paymentId, intentId);
    for (const key of this.#keys(`cap:${orderOf(paymentId)}`)) {
      try {
        return this.#told(paymentId, await this.#api.capture(intentId, key));
      } catch (error) {
        const failure = failureOf(error);
        if (failure === 'later') throw notNow(error);
        if (failure === 'denied') throw this.#denied.refusal(error, paymentId);
        const payment = this.#told(paymentId, await this.#retrieve(paymentId, intentId));
        if (payment.state === 'captured' || payment.state === 'pending') return payment;
        if (payment.state !== 'authorised' || (failure === 'refused' && isFinal(error))) {
          const ended = await this.#cancelIntent(paymentId, intentId);
          return ended.state === 'cancelled' ? { ...ended, state: 'failed' } : ended;
        }
        // The first key would repeat a refusal that has passed.
        if (failure === 'refused' && !isUsedUp(error)) throw asLogged(error);
        if (failure === 'lost') throw notNow(error);
      }
    }
    throw notNow(new Error(`Stripe has failed to capture ${paymentId}`));
  }

  async cancel(paymentId: string): Promise<Payment> {
    const known = await this.#entered(paymentId);
    if (known === null) return shut(paymentId);
    if (known !== undefined) return this.#cancelIntent(paymentId, known);
    const found = await this.#adopt(paymentId);
    const intentId = found?.id ?? (await this.#table.keep(paymentId, null));
    return intentId === null ? shut(paymentId) : this.#cancelIntent(paymentId, intentId);
  }

  async refund(order: RefundOrder): Promise<RefundState> {
    const { paymentId, refundId } = order;
    const intentId = await this.#intentOf(paymentId);
    const intent = intentId === null ? null : await this.#retrieve(paymentId, intentId);
    // A refund of what was only authorised would let it go and look like money given back.
    if (intent === null || intent.status !== 'succeeded') {
      this.#log.error({ paymentId, refundId, status: intent?.status }, 'nothing was captured that could be given back');
      return 'failed';
    }
    return this.#refunds.giveBack(intent, order);
  }

  // --- the intent of a payment -----------------------------------------------------------------------------------------

  /** Its id, null or undefined as the table has it. */
  async #entered(paymentId: string): Promise<string | null | undefined> {
    return this.#remembered.get(paymentId)?.intentId ?? this.#table.read(paymentId);
  }

  /** Its id; null if it has none. */
  async #intentOf(paymentId: string): Promise<string | null> {
    return (await this.#entered(paymentId)) ?? null;
  }

  /** @returns its client secret */
  #remember(paymentId: string, { id, client_secret: secret }: Stripe.PaymentIntent): string {
    if (secret === null) throw new Error(`Stripe does not tell the client secret of ${id}`);
    this.#remembered.set(paymentId, { intentId: id, secret, endedUntil: 0 });
    return secret;
  }

  /** What failed at reading may be read again later. */
  #passOn(paymentId: string): (error: unknown) => never {
    return (error) => {
      throw failureOf(error) === 'denied' ? this.#denied.refusal(error, paymentId) : notNow(error);
    };
  }

  async #retrieve(paymentId: string, intentId: string): Promise<Stripe.PaymentIntent> {
    const intent = await this.#api.retrieve(intentId).catch(this.#passOn(paymentId));
    requireOurs(paymentId, intent);
    if (this.#remembered.get(paymentId) === undefined) {
      this.#remembered.set(paymentId, { intentId, secret: null, endedUntil: 0 });
    }
    return intent;
  }

  /** Before anything is changed: no call if this node has seen the intent already. */
  async #requireOurs(paymentId: string, intentId: string): Promise<void> {
    if (this.#remembered.get(paymentId) === undefined) await this.#retrieve(paymentId, intentId);
  }

  /** What an intent says; forgets a secret that is of no use any more. */
  #told(paymentId: string, intent: Stripe.PaymentIntent): Payment {
    const payment = paymentOf(paymentId, intent);
    if (payment.state !== 'open' && payment.state !== 'challenge') {
      const endedUntil = this.#clock.now() + STRIPE_LIMITS.endedMs;
      this.#remembered.set(paymentId, { intentId: intent.id, secret: null, endedUntil });
    }
    return payment;
  }

  async #findOrMake(order: PaymentOrder): Promise<Stripe.PaymentIntent> {
    const { paymentId, orderId, showId, amount, currency } = order;
    if (this.#ageOf(paymentId) > STRIPE_LIMITS.trustKeysMs) {
      const found = await this.#find(paymentId, true);
      if (found !== null) return found;
    }
    const params: Stripe.PaymentIntentCreateParams = {
      ...this.#methods,
      amount: toStripe(amount, currency),
      currency: currency.toLowerCase(),
      metadata: { usher_payment: paymentId, usher_order: orderId, usher_show: showId },
    };
    for (const key of this.#keys(`pi:${orderId}:1`)) {
      try {
        return await this.#api.create(params, key);
      } catch (error) {
        const failure = failureOf(error);
        if (failure === 'refused') {
          this.#log.error({ paymentId, ...wordsOf(error) }, 'Stripe refuses a payment');
          throw notPayable(`The payment provider refuses this payment: ${wordsOf(error).message}`);
        }
        if (failure === 'denied') throw this.#denied.refusal(error, paymentId);
        if (failure !== 'spoilt') throw notNow(error);
        const found = await this.#find(paymentId, true);
        if (found !== null) return found;
      }
    }
    throw notNow(new Error(`Stripe has failed to make the intent of ${paymentId}`));
  }

  /** The key that names what is asked for, then keys that nobody has used. */
  *#keys(name: string): Iterable<string> {
    yield name;
    for (let tried = 1; tried < STRIPE_LIMITS.tries; tried++) yield `${name}:${this.#random.uuidv7()}`;
  }

  /**
   * The intent that was made for a payment without being entered; null if none is found. Not remembered: it may lose.
   * @param isFresh whether the list must be read from now on: else what it misses may be made a second time
   */
  async #find(paymentId: string, isFresh: boolean): Promise<Stripe.PaymentIntent | null> {
    const found: Stripe.PaymentIntent[] = [];
    try {
      for (const id of await this.#scans.find(paymentId, atOf(paymentId), isFresh)) {
        found.push(await this.#api.retrieve(id));
      }
    } catch (error) {
      this.#passOn(paymentId)(error);
    }
    const rank = ({ status }: Stripe.PaymentIntent): number => MOST_TELLING.indexOf(STATES[status]);
    return found.sort((a, b) => rank(a) - rank(b))[0] ?? null;
  }

  /** Finds it and enters it. */
  async #adopt(paymentId: string): Promise<Stripe.PaymentIntent | null> {
    const found = await this.#find(paymentId, false);
    if (found === null) return null;
    const intentId = await this.#table.keep(paymentId, found.id);
    if (intentId === found.id) return found;
    return intentId === null ? null : this.#retrieve(paymentId, intentId);
  }

  /** Another intent won; nobody has the secret of this one, so all that is lost if it stays is order. */
  async #discard(paymentId: string, intentId: string): Promise<void> {
    try {
      await this.#api.cancel(intentId, `cxl:${intentId}`);
    } catch (error) {
      this.#log.warn(
        { paymentId, intentId, ...wordsOf(error) },
        'an intent that nobody can pay could not be cancelled',
      );
    }
  }

  async #cancelIntent(paymentId: string, intentId: string): Promise<Payment> {
    await this.#requireOurs(paymentId, intentId);
    for (let round = 0; round < STRIPE_LIMITS.cancels; round++) {
      try {
        // A key of its own for each call: the answer to an old one would tell of a state that has passed.
        const key = `cxl:${orderOf(paymentId)}:${this.#random.uuidv7()}`;
        return this.#told(paymentId, await this.#api.cancel(intentId, key));
      } catch (error) {
        const failure = failureOf(error);
        if (failure === 'later') throw notNow(error);
        if (failure === 'denied') throw this.#denied.refusal(error, paymentId);
        const payment = this.#told(paymentId, await this.#retrieve(paymentId, intentId));
        if (payment.state === 'cancelled' || payment.state === 'captured' || payment.state === 'pending')
          return payment;
        if (failure === 'lost') throw notNow(error);
      }
    }
    throw notNow(new Error(`payment ${paymentId} was overtaken at every try to cancel it`));
  }

  #ageOf(paymentId: string): number {
    return this.#clock.now() - atOf(paymentId);
  }
}

/** When the order was made, ms. */
function atOf(paymentId: string): number {
  const parsed = parseScopedId('pay', paymentId);
  if (parsed === null) throw new Error(`${paymentId} is no id of a payment`);
  return parsed.at;
}

/** A payment and its order have the same time, show and number. */
const orderOf = (paymentId: string): string => `ord_${paymentId.slice('pay_'.length)}`;

function requireOurs(paymentId: string, { id, metadata }: Stripe.PaymentIntent): void {
  if (metadata.usher_payment !== paymentId) throw new Error(`${id} is not the intent of ${paymentId}`);
}

function paymentOf(paymentId: string, intent: Stripe.PaymentIntent): Payment {
  requireOurs(paymentId, intent);
  const state = STATES[intent.status];
  if (state === undefined) throw new Error(`${intent.id} is ${intent.status}, which is no known state`);
  const currency = intent.currency.toUpperCase();
  const amount = state === 'captured' ? intent.amount_received : intent.amount;
  return { id: paymentId, state, amount: fromStripe(amount, currency), currency };
}

/** A payment that never had an intent, and never gets one. */
const shut = (paymentId: string): Payment => ({ id: paymentId, state: 'cancelled', amount: 0, currency: '' });

/** Whether a refusal to capture stands, whatever the intent's state says. */
function isFinal(error: unknown): boolean {
  const { type } = error as { type?: string };
  return type === 'StripeCardError' || wordsOf(error).code === 'charge_expired_for_capture';
}

function notPayable(detail: string): RefusedError {
  return new RefusedError({ code: 'ORDER_NOT_PAYABLE', detail });
}
