import type { Clock, Timer, Timers } from '../../../src/ports.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { systemTimers } from '../../../src/system/timers.ts';
import { Account, type AccountSettings, type CaptureFault, type PaymentRecord } from './account.ts';
import { Books } from './books.ts';
import { type Browser, browser } from './browser.ts';
import { control } from './control.ts';
import { closeDispute, openDispute } from './disputes.ts';
import { Faults } from './faults.ts';
import { authenticate, expireAuthorisation, settleDelayed } from './payments.ts';
import { finishRefund, type RefundEnd } from './refunds.ts';
import { createRoutes } from './routes.ts';
import { type ApiServer, serveApi } from './server.ts';
import { type WebhookEndpoint, type WebhookSettings, Webhooks } from './webhooks.ts';

/** Timers cannot wait for much longer. */
const LONGEST_WAIT_MS = 86_400_000;

export interface StandInOptions {
  /** Of the loopback; any free one if absent. */
  readonly port?: number;
  readonly secretKey?: string;
  readonly publishableKey?: string;
  readonly endpoints?: readonly WebhookEndpoint[];
  readonly clock?: Clock;
  readonly timers?: Timers;
  readonly account?: Partial<AccountSettings>;
  readonly webhooks?: Partial<WebhookSettings>;
  /** Whether `/_stand-in/…` answers, for tests that run it as another process. */
  readonly isControlled?: boolean;
}

/** Stripe for tests: its API, its webhooks, its failures, and what it knows of the money. All of it in memory. */
export interface StandIn {
  readonly url: string;
  readonly port: number;
  readonly secretKey: string;
  readonly publishableKey: string;
  readonly faults: Faults;
  readonly webhooks: Webhooks;
  readonly books: Books;
  /** How often each route was asked for, as `POST /v1/payment_intents/:id/capture`; `other`: what is no route. */
  readonly requests: ReadonlyMap<string, number>;
  /** A buyer's, over HTTP. */
  readonly browser: Browser;

  // What buyers and banks do, by the id of the payment, the refund or the dispute. Each throws if it cannot be.

  /** The buyer passes her challenge, or fails it. */
  authenticate(payment: string, outcome: 'ok' | 'fail'): void;
  settleDelayed(payment: string, outcome: 'succeed' | 'fail'): void;
  expireAuthorisation(payment: string): void;
  /** The next capture of this payment fails for good. */
  failNextCapture(payment: string, fault?: CaptureFault): void;
  finishRefund(refund: string, outcome: RefundEnd): void;
  /** The buyer's bank takes the money back; returns the id of the dispute. */
  dispute(payment: string): string;
  closeDispute(dispute: string, outcome: 'won' | 'lost'): void;

  /** Lets happen what the clock has brought: ends of authorisations, repeats of webhooks and the like. */
  tick(): void;
  /** Ends every connection; nothing more is sent. */
  close(): Promise<void>;
}

export async function startStripe(options: StandInOptions = {}): Promise<StandIn> {
  const { clock = systemClock(), timers = systemTimers, endpoints = [], port = 0 } = options;
  const { secretKey = 'sk_test_standin', publishableKey = 'pk_test_standin' } = options;
  const account = new Account(clock, options.account);
  const faults = new Faults(clock, account.agenda);
  const webhooks = new Webhooks(account, endpoints, options.webhooks ?? {}, () => faults.outage !== null);
  const books = new Books(account);
  faults.onOutageOver = () => webhooks.pump();
  const alarm = alarmOf(account, clock, timers);
  const tick = (): void => account.tick();
  const paymentOf = (id: string): PaymentRecord => {
    tick();
    return known(account.payments.get(id), id);
  };
  const buyers: Pick<
    StandIn,
    | 'authenticate'
    | 'settleDelayed'
    | 'expireAuthorisation'
    | 'failNextCapture'
    | 'finishRefund'
    | 'dispute'
    | 'closeDispute'
  > = {
    authenticate: (payment, outcome) => authenticate(account, paymentOf(payment), outcome),
    settleDelayed: (payment, outcome) => settleDelayed(account, paymentOf(payment), outcome),
    expireAuthorisation: (payment) => expireAuthorisation(account, paymentOf(payment)),
    failNextCapture(payment, fault = 'expired') {
      paymentOf(payment).captureFault = fault;
    },
    finishRefund: (refund, outcome) => finishRefund(account, known(account.refunds.get(refund), refund), outcome),
    dispute(payment) {
      const { charge } = paymentOf(payment);
      if (charge === null) throw new Error(`${payment} has no charge`);
      return openDispute(account, charge).id;
    },
    closeDispute: (dispute, outcome) => closeDispute(account, known(account.disputes.get(dispute), dispute), outcome),
  };
  const handles = { faults, webhooks, books, ...buyers };
  const api: ApiServer = await serveApi(
    {
      ...{ account, routes: createRoutes(account), faults, clock, timers, secretKey, publishableKey, tick },
      ...(options.isControlled === true ? { control: (path, body) => control(handles, path, body) } : {}),
    },
    port,
  );
  const url = `http://127.0.0.1:${api.port}`;
  return {
    url,
    port: api.port,
    secretKey,
    publishableKey,
    ...handles,
    requests: api.requests,
    browser: browser(url, publishableKey),
    tick,
    async close() {
      alarm.stop();
      webhooks.close();
      await api.close();
    },
  };
}

/** Lets happen what is due also when nobody asks for anything: one timer for the first thing on the agenda. */
function alarmOf(account: Account, clock: Clock, timers: Timers): { stop(): void } {
  let timer: Timer | null = null;
  const set = (): void => {
    timer?.cancel();
    const { next } = account.agenda;
    const wait = next === null ? null : Math.min(Math.max(next - clock.now(), 0), LONGEST_WAIT_MS);
    timer = wait === null ? null : timers.after(wait, ring);
  };
  const ring = (): void => {
    timer = null;
    account.tick();
    set();
  };
  account.agenda.onFirst = set;
  return {
    stop() {
      account.agenda.onFirst = () => {};
      timer?.cancel();
    },
  };
}

function known<T>(thing: T | undefined, id: string): T {
  if (thing === undefined) throw new Error(`there is no ${id}`);
  return thing;
}
