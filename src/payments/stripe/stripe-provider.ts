import type { PaymentProvider } from '../provider.ts';
import { stripeSignature } from '../webhooks/webhook-signature.ts';
import { CallGate } from './call-gate.ts';
import { isOutage } from './failures.ts';
import { StripeApi } from './stripe-api.ts';
import { StripeEvents } from './stripe-events.ts';
import { StripeGateway, type StripeGatewayParts } from './stripe-gateway.ts';

/** Stripe as the one who takes the money: its gateway, its events, and one gate before all calls to it. */
export function stripeProvider(
  parts: Omit<StripeGatewayParts, 'gate'> & {
    /** Of the webhook endpoint; without it events are only read from Stripe's list. */
    readonly webhookSecret: string | null;
    readonly livemode: boolean;
  },
): PaymentProvider {
  const gate = new CallGate(parts, isOutage);
  const gateway = new StripeGateway({ ...parts, gate });
  const events = new StripeEvents(new StripeApi(parts.stripe, gate), parts.table);
  const { webhookSecret, livemode } = parts;
  const verify = webhookSecret === null ? null : stripeSignature(webhookSecret);
  return {
    gateway,
    sandbox: null,
    webhooks: { verify, livemode, lookups: events, feed: events },
    figures: () => gateway.figures(),
  };
}
