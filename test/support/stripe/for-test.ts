import Stripe from 'stripe';
import { onTestFinished } from 'vitest';
import { type ManualTime, manualTime } from '../manual-time.ts';
import { type StandIn, type StandInOptions, startStripe } from './stand-in.ts';

export interface StripeForTest {
  readonly standIn: StandIn;
  /** A seller's client, which repeats nothing by itself. */
  readonly stripe: Stripe;
  /** The time at the stand-in, which stands still until told. */
  readonly time: ManualTime;
}

/** A stand-in on a clock of its own, and a client of it; both end with the test. */
export async function stripeForTest(options: StandInOptions = {}): Promise<StripeForTest> {
  const time = manualTime();
  const standIn = await startStripe({ clock: time.clock, timers: time.timers, ...options });
  onTestFinished(() => standIn.close());
  return { standIn, stripe: clientOf(standIn), time };
}

export function clientOf(standIn: Pick<StandIn, 'port' | 'secretKey'>): Stripe {
  return new Stripe(standIn.secretKey, {
    host: '127.0.0.1',
    port: standIn.port,
    protocol: 'http',
    maxNetworkRetries: 0,
    telemetry: false,
  });
}
