import type { Clock, Timer, Timers } from '../../../src/ports.ts';
import { Account, type AccountSettings, type CaptureFault, type PaymentRecord } from './account.ts';
import { ApiHandler } from './api-handler.ts';
import { Books } from './books.ts';
import { closeDispute, openDispute } from './disputes.ts';
import { Faults } from './faults.ts';
import { authenticate, expireAuthorisation, settleDelayed } from './payments.ts';
import { finishRefund, type RefundEnd } from './refunds.ts';
import { createRoutes } from './routes.ts';
import { type Post, type WebhookEndpoint, type WebhookSettings, Webhooks } from './webhooks.ts';

/** Timers cannot wait for much longer. */
const LONGEST_WAIT_MS = 86_400_000;

export interface StripeOptions {
  readonly secretKey?: string;
  readonly publishableKey?: string;
  readonly endpoints?: readonly WebhookEndpoint[];
  readonly account?: Partial<AccountSettings>;
  readonly webhooks?: Partial<WebhookSettings>;
}

/** What there is to Stripe behind its API, however that is spoken to. All of it in memory. */
export interface StripeBehind {
  readonly secretKey: string;
  readonly publishableKey: string;
  readonly faults: Faults;
  readonly webhooks: Webhooks;
  readonly books: Books;
  /** How often each route was asked for, as `POST /v1/payment_intents/:id/capture`; `other`: what is no route. */
  readonly requests: ReadonlyMap<string, number>;

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
}

interface Opened {
  readonly behind: StripeBehind;
  readonly handler: ApiHandler;
  /** Nothing more happens or is sent. */
  close(): void;
}

export function openBehind(
  { clock, timers }: { readonly clock: Clock; readonly timers: Timers },
  options: StripeOptions,
  post: Post,
): Opened {
  const { secretKey = 'sk_test_standin', publishableKey = 'pk_test_standin', endpoints = [] } = options;
  const account = new Account(clock, options.account);
  const faults = new Faults(clock, account.agenda);
  const webhooks = new Webhooks(account, endpoints, options.webhooks ?? {}, () => faults.outage !== null, post);
  const books = new Books(account);
  faults.onOutageOver = () => webhooks.pump();
  const alarm = alarmOf(account, clock, timers);
  const parts = { account, routes: createRoutes(account), faults, clock, timers, secretKey, publishableKey };
  const handler = new ApiHandler(parts);
  const paymentOf = (id: string): PaymentRecord => {
    account.tick();
    return known(account.payments.get(id), id);
  };
  const behind: StripeBehind = {
    ...{ secretKey, publishableKey, faults, webhooks, books, requests: handler.requests },
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
    tick: () => account.tick(),
  };
  return {
    behind,
    handler,
    close() {
      alarm.stop();
      webhooks.close();
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
