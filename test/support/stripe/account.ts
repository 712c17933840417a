import Stripe from 'stripe';
import type { Clock } from '../../../src/ports.ts';
import { Agenda } from './agenda.ts';
import { Collection } from './collection.ts';
import { METHOD_TYPES, type MethodType, type TestMethod } from './payment-methods.ts';

/** Why the next capture fails for good. */
export type CaptureFault =
  /** The bank has let the authorisation go before its time, and Stripe finds out at the capture. */
  | 'expired'
  /** The bank declines the capture itself. */
  | 'declined';

interface Made {
  readonly id: string;
  readonly created: number;
}

export interface PaymentRecord extends Made {
  readonly intent: Stripe.PaymentIntent;
  /** The sorts of methods that the seller offers, whether or not they can pay this payment. */
  readonly offered: readonly MethodType[];
  method: TestMethod | null;
  /** Of the latest attempt. */
  charge: ChargeRecord | null;
  readonly refunds: Collection<RefundRecord>;
  /** How many times money was taken. */
  captures: number;
  captureFault: CaptureFault | null;
}

export interface ChargeRecord extends Made {
  readonly charge: Stripe.Charge;
  readonly payment: PaymentRecord;
  dispute: DisputeRecord | null;
}

export interface RefundRecord extends Made {
  readonly refund: Stripe.Refund;
  readonly payment: PaymentRecord;
  readonly charge: ChargeRecord;
  /** It only let go of money that was authorised and never taken. */
  readonly isRelease: boolean;
}

export interface DisputeRecord extends Made {
  readonly dispute: Stripe.Dispute;
  readonly payment: PaymentRecord;
  readonly charge: ChargeRecord;
}

export interface EventRecord extends Made {
  readonly type: Stripe.Event.Type;
  /** Id of the object it tells of. */
  readonly about: string;
  /** The whole event, as it is sent. */
  readonly json: string;
}

export interface AccountSettings {
  /** Makes ids differ from those of another account. */
  readonly seed: number;
  /** The payment methods that are switched on. */
  readonly methodTypes: readonly MethodType[];
  /** How long an authorisation lasts. */
  readonly authorisationMs: number;
  /** How long it takes until a refund that fails or pends is decided; `null`: until a test says. */
  readonly refundMs: number | null;
  /** How long it takes until a delayed payment is decided; `null`: until a test says. */
  readonly delayedMs: number | null;
  /** Whether a payment in `processing` may still be cancelled, as Stripe allows «in rare cases». */
  readonly cancelsProcessing: boolean;
  /** How many events are kept for `/v1/events`. */
  readonly events: number;
}

export const ACCOUNT_DEFAULTS: AccountSettings = {
  seed: 1,
  methodTypes: METHOD_TYPES,
  authorisationMs: 7 * 86_400_000,
  refundMs: 60_000,
  delayedMs: null,
  cancelsProcessing: false,
  events: 50_000,
};

/**
 * What Stripe knows of one account. Payments, charges, refunds and disputes are never forgotten, since the books need
 * them: some 10 KB a payment.
 */
export class Account {
  readonly payments = new Collection<PaymentRecord>();
  readonly charges = new Collection<ChargeRecord>();
  readonly refunds = new Collection<RefundRecord>();
  readonly disputes = new Collection<DisputeRecord>();
  readonly events: Collection<EventRecord>;
  readonly agenda = new Agenda();
  readonly settings: AccountSettings;
  /** The request that is being carried out; none when time or a test does something. */
  request: Stripe.Event.Request | null = null;
  /** Hears of every event. */
  onEvent: (event: EventRecord) => void = () => {};
  readonly #clock: Clock;
  #ids = 0;

  constructor(clock: Clock, settings: Partial<AccountSettings> = {}) {
    this.#clock = clock;
    this.settings = { ...ACCOUNT_DEFAULTS, ...settings };
    this.events = new Collection(this.settings.events);
  }

  /** Milliseconds. */
  now(): number {
    return this.#clock.now();
  }

  /** Seconds, as the API has times. */
  seconds(): number {
    return Math.floor(this.#clock.now() / 1000);
  }

  /** Lets happen what time has brought. */
  tick(): void {
    this.agenda.run(this.now());
  }

  /** The same ids in the same order at every run with the same seed. */
  newId(prefix: string): string {
    this.#ids++;
    return `${prefix}_${this.settings.seed.toString(36)}S${this.#ids.toString(36).padStart(12, '0')}`;
  }

  emit(type: Stripe.Event.Type, object: { readonly id: string }): void {
    const id = this.newId('evt');
    const created = this.seconds();
    const json = JSON.stringify({
      id,
      object: 'event',
      api_version: Stripe.API_VERSION,
      created,
      data: { object },
      livemode: false,
      pending_webhooks: 1,
      request: this.request ?? { id: null, idempotency_key: null },
      type,
    });
    const event: EventRecord = { id, created, type, about: object.id, json };
    this.events.add(event);
    this.onEvent(event);
  }
}
