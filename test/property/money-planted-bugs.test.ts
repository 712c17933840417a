import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PaymentGateway } from '../../src/payments/gateway.ts';
import type { StripePaymentTable } from '../../src/payments/stripe/payment-table.ts';
import type { WebhookInbox } from '../../src/payments/webhooks/webhook-inbox.ts';
import type { PlantedBug } from '../support/money-world.ts';
import { moneyTrials, runMoneyTrial } from './money-trial.ts';

/*
 * Each of these bugs stands in for a part of payments at the port where that part enters: the property of
 * `money.property.test.ts` has to see it, within so many trials.
 */

const SEED = 20_260_101;
const TEST_LIMIT_MS = 240_000;

/** The right part, with some of its calls done otherwise. */
function but<T extends object>(right: T, calls: Partial<T>): T {
  return new Proxy(right, {
    get(target, name) {
      const call = Reflect.get(calls, name) ?? Reflect.get(target, name);
      return typeof call === 'function' ? call.bind(target) : call;
    },
  });
}

type Calls<T> = (right: T) => Partial<T>;
const atGateway = (calls: Calls<PaymentGateway>): PlantedBug => ({ gateway: (right) => but(right, calls(right)) });
const atTable = (calls: Calls<StripePaymentTable>): PlantedBug => ({ table: (right) => but(right, calls(right)) });
const atInbox = (calls: Calls<WebhookInbox>): PlantedBug => ({ inbox: (right) => but(right, calls(right)) });

// ---- Money back ----

let refunds = 0;
const refundsAnew = atGateway((right) => ({
  refund: (order) => right.refund({ ...order, refundId: `${order.refundId}_${++refunds}` }),
}));

const keepsLateMoney = atGateway((right) => ({
  refund: async (order) => (order.refundId === order.paymentId ? 'done' : right.refund(order)),
}));

const believesInRefunds = atGateway((right) => ({
  refund: (order) => right.refund(order).catch(() => 'done' as const),
}));

// ---- Money taken ----

const capturesFirst = atGateway((right) => ({
  async get(paymentId) {
    const payment = await right.get(paymentId);
    return payment?.state === 'authorised' ? right.capture(paymentId) : payment;
  },
}));

const leavesAuthorised = atGateway((right) => ({
  async cancel(paymentId) {
    const payment = await right.get(paymentId);
    return payment?.state === 'authorised' ? { ...payment, state: 'cancelled' } : right.cancel(paymentId);
  },
}));

// ---- Which intent is that of a payment ----

/** Makes an intent for each call, the last of which is in force: also when an earlier one is paid. */
function forgetsIntents(): PlantedBug {
  const last = new Map<string, string | null>();
  let opened = 0;
  return {
    table: () => ({
      read: async (paymentId) => last.get(paymentId),
      async keep(paymentId, intentId) {
        last.set(paymentId, intentId);
        return intentId;
      },
    }),
    gateway: (right) =>
      but(right, {
        async open(order) {
          last.delete(order.paymentId);
          return right.open({ ...order, orderId: `${order.orderId}_${++opened}` });
        },
      }),
  };
}

/** A payment that was ended before it had an intent can be opened all the same. */
const forgetsShut = atTable((right) => ({
  keep: async (paymentId, intentId) => (intentId === null ? null : right.keep(paymentId, intentId)),
}));

// ---- Webhooks ----

const DROPS_EVENTS = atInbox(() => ({ store: async () => null }));
const dropsEverything: PlantedBug = { ...DROPS_EVENTS, isAnnounced: false };

const ignoresBounces = atInbox((right) => ({
  store: async (event) => (event.type === 'refund.failed' ? null : right.store(event)),
}));

const BUGS: readonly (readonly [bug: string, trials: number, planted: () => PlantedBug])[] = [
  ['a refund that is given anew at each call', 8, () => refundsAnew],
  ['money of a late payment that is not given back', 8, () => keepsLateMoney],
  ['a refund without an answer that is taken for done', 8, () => believesInRefunds],
  ['a capture before the sale is durable', 8, () => capturesFirst],
  ['an authorisation that is not let go when its order was declined', 8, () => leavesAuthorised],
  ['a second intent for an order whose first is paid', 8, forgetsIntents],
  ['a payment that can be opened after it was ended', 8, () => forgetsShut],
  ['webhooks that are acknowledged and dropped, and no sweep', 8, () => dropsEverything],
  ['refunds that bounce and nobody hears of', 8, () => ignoresBounces],
];

describe('the property catches a planted bug', () => {
  test.each(BUGS)('%s, within %i trials', { timeout: TEST_LIMIT_MS }, async (_, trials, planted) => {
    const property = fc.asyncProperty(moneyTrials, async (steps) => void (await runMoneyTrial(steps, planted())));
    const { errorInstance } = await fc.check(property, { numRuns: trials, seed: SEED, endOnFailure: true });
    // By what does not agree, and not by a trial that breaks off.
    expect(errorInstance).toMatchObject({ name: 'AssertionError' });
  });
});
