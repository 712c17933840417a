import type Stripe from 'stripe';
import type { Clock, Timers } from '../../../src/ports.ts';
import { openBehind, type StripeBehind, type StripeOptions } from './behind-api.ts';
import { type Browser, browser } from './browser.ts';
import { inProcessClient, type Wire } from './in-process-client.ts';
import type { Post, WebhookEndpoint } from './webhooks.ts';

/** Brings an event to its endpoint. False or a rejection: it was not taken. */
export type Deliver = (
  endpoint: WebhookEndpoint,
  body: string,
  headers: Readonly<Record<string, string>>,
) => Promise<boolean>;

interface InProcessOptions extends StripeOptions {
  readonly clock: Clock;
  /** Whoever gives the same seeds, times and calls gets the same answers to the byte. */
  readonly timers: Timers;
  /** Nothing is taken if absent. */
  readonly deliver?: Deliver;
}

/** Stripe for tests in their own process: without sockets or real time, all of it promises and the timers that it is given. */
export interface StripeInProcess extends StripeBehind {
  /** A buyer's; its calls reach the API at once. */
  readonly browser: Browser;
  /**
   * A seller's client.
   * @param wire its way to the API; straight if absent
   * @param timers of the process that it belongs to; the stand-in's if absent
   */
  clientFor(wire?: Wire, timers?: Timers): Stripe;
  /** Nothing more happens or is sent. */
  close(): Promise<void>;
}

export function openStripeInProcess(options: InProcessOptions): StripeInProcess {
  const { clock, timers, deliver = async () => false } = options;
  const { behind, handler, close } = openBehind({ clock, timers }, options, postWithin(timers, deliver));
  const { secretKey, publishableKey } = behind;
  const answer = handler.answer.bind(handler);
  let keys = 0;
  const nextKey = (): string => `${++keys}`;
  return {
    ...behind,
    browser: browser(answer, publishableKey),
    clientFor: (wire = (_call, send) => send(), own = timers) =>
      inProcessClient({ answer, secretKey, wire, timers: own, nextKey }),
    async close() {
      close();
    },
  };
}

function postWithin(timers: Timers, deliver: Deliver): Post {
  return (endpoint, body, headers, timeoutMs) =>
    new Promise((resolve) => {
      const timer = timers.after(timeoutMs, () => resolve(false));
      const end = (isTaken: boolean): void => {
        timer.cancel();
        resolve(isTaken);
      };
      deliver(endpoint, body, headers).then(end, () => end(false));
    });
}
