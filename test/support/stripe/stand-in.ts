import type { Clock, Timers } from '../../../src/ports.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { systemTimers } from '../../../src/system/timers.ts';
import { openBehind, type StripeBehind, type StripeOptions } from './behind-api.ts';
import { type Browser, browser, overHttp } from './browser.ts';
import { control } from './control.ts';
import { serveApi } from './server.ts';
import { httpPost } from './webhook-http.ts';

export interface StandInOptions extends StripeOptions {
  /** Of the loopback; any free one if absent. */
  readonly port?: number;
  readonly clock?: Clock;
  readonly timers?: Timers;
  /** Whether `/_stand-in/…` answers, for tests that run it as another process. */
  readonly isControlled?: boolean;
}

/** Stripe for tests: its API, its webhooks, its failures, and what it knows of the money. */
export interface StandIn extends StripeBehind {
  readonly url: string;
  readonly port: number;
  /** A buyer's, over HTTP. */
  readonly browser: Browser;
  /** Ends every connection; nothing more is sent. */
  close(): Promise<void>;
}

/** Over HTTP. */
export async function startStripe(options: StandInOptions = {}): Promise<StandIn> {
  const { clock = systemClock(), timers = systemTimers, port = 0 } = options;
  const webhookPost = httpPost();
  const { behind, handler, close } = openBehind({ clock, timers }, options, webhookPost.post);
  const api = await serveApi(
    handler,
    port,
    options.isControlled === true ? (path, body) => control(behind, path, body) : undefined,
  );
  const url = `http://127.0.0.1:${api.port}`;
  return {
    ...behind,
    url,
    port: api.port,
    browser: browser(overHttp(url), behind.publishableKey),
    async close() {
      close();
      webhookPost.close();
      await api.close();
    },
  };
}
