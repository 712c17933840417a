import type Stripe from 'stripe';
import type { DisputeStatus } from '../../allocator/commands.ts';
import type { EventFeed } from '../webhooks/event-poller.ts';
import type { WebhookLookups } from '../webhooks/webhook-worker.ts';
import { failureOf, passOn } from './failures.ts';
import type { StripePaymentTable } from './payment-table.ts';
import type { StripeApi } from './stripe-api.ts';

/**
 * What a dispute has come to, by its status; of those that are not here no money was withdrawn (an inquiry, or one that was
 * prevented), so that the ticket stays as it is. Source: docs.stripe.com/api/disputes/object, `status`.
 */
const DISPUTES: Readonly<Record<string, DisputeStatus>> = {
  needs_response: 'open',
  under_review: 'open',
  won: 'won',
  warning_closed: 'won',
  lost: 'lost',
};

/** Undefined where the bank only asks, or asked: then nothing is withdrawn. */
export function disputeStatus({ status }: Stripe.Dispute): DisputeStatus | undefined {
  return DISPUTES[status];
}

function idOf(object: string | { readonly id: string } | null): string | null {
  return typeof object === 'string' ? object : (object?.id ?? null);
}

/** What Stripe's events are about, asked of Stripe: of what an event says only the ids are believed. */
export class StripeEvents implements WebhookLookups, EventFeed {
  readonly #api: StripeApi;
  readonly #table: Pick<StripePaymentTable, 'read'>;

  constructor(api: StripeApi, table: Pick<StripePaymentTable, 'read'>) {
    this.#api = api;
    this.#table = table;
  }

  /** Ours is only what the table names too: anybody who has our key can make intents that say they are. */
  async paymentOf(intentId: string): Promise<string | null> {
    const intent = await this.#known(() => this.#api.retrieve(intentId));
    const paymentId = intent?.metadata.usher_payment;
    if (paymentId === undefined) return null;
    return (await this.#table.read(paymentId)) === intentId ? paymentId : null;
  }

  async disputeOf(
    disputeId: string,
  ): Promise<{ readonly paymentId: string | null; readonly status: DisputeStatus } | null> {
    const dispute = await this.#known(() => this.#api.dispute(disputeId));
    const status = dispute === null ? undefined : disputeStatus(dispute);
    if (dispute === null || status === undefined) return null;
    const intentId = idOf(dispute.payment_intent);
    return { paymentId: intentId === null ? null : await this.paymentOf(intentId), status };
  }

  async *eventsSince(since: number, types: readonly string[]): AsyncIterable<readonly Stripe.Event[]> {
    try {
      yield* this.#api.eventsSince(Math.floor(since / 1_000), types);
    } catch (error) {
      passOn(error);
    }
  }

  /** Null where there is no such thing in our account. */
  async #known<T>(look: () => Promise<T>): Promise<T | null> {
    try {
      return await look();
    } catch (error) {
      if (failureOf(error) === 'denied' && (error as { statusCode?: number }).statusCode === 404) return null;
      return passOn(error);
    }
  }
}
