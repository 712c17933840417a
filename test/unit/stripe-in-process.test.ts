import { execFile } from 'node:child_process';
import { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import Stripe from 'stripe';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { CallGate, CallTimeoutError, GATE_LIMITS } from '../../src/payments/stripe/call-gate.ts';
import { isOutage } from '../../src/payments/stripe/failures.ts';
import { StripeApi } from '../../src/payments/stripe/stripe-api.ts';
import { type ManualTime, manualTime } from '../support/manual-time.ts';
import { seededRandom } from '../support/seeded-random.ts';
import type { Fault } from '../support/stripe/faults.ts';
import { stripeForTest } from '../support/stripe/for-test.ts';
import { type Deliver, openStripeInProcess, type StripeInProcess } from '../support/stripe/in-process.ts';
import type { StripeCall, Wire } from '../support/stripe/in-process-client.ts';
import type { WebhookSettings } from '../support/stripe/webhooks.ts';
import { play } from './fixtures/stripe-in-process-play.ts';

const PLAY = fileURLToPath(new URL('./fixtures/stripe-in-process-play.ts', import.meta.url));
const CREATE = { method: 'POST', path: '/v1/payment_intents' } as const;
const PRICE = { amount: 5_000, currency: 'eur' };

interface InProcess {
  readonly time: ManualTime;
  readonly standIn: StripeInProcess;
}

function inProcess(
  options: { readonly deliver?: Deliver; readonly webhooks?: Partial<WebhookSettings> } = {},
): InProcess {
  const time = manualTime();
  const standIn = openStripeInProcess({ ...time, ...options });
  onTestFinished(() => standIn.close());
  return { time, standIn };
}

/** What a call came to, without waiting for it. */
function outcomeOf<T>(call: Promise<T>): { value?: T; error?: unknown } {
  const outcome: { value?: T; error?: unknown } = {};
  call.then(
    (value) => {
      outcome.value = value;
    },
    (error) => {
      outcome.error = error;
    },
  );
  return outcome;
}

describe('one seed is one course of events', () => {
  test('whatever the real time, and without timers, chance or sockets of the process', async () => {
    const first = await play(7);
    expect(first.ended).toBe(40);
    for (const count of Object.values(first.counts)) expect(count).toBeGreaterThan(3);

    vi.spyOn(Date, 'now').mockReturnValue(0);
    const random = vi.spyOn(Math, 'random');
    const timeout = vi.spyOn(globalThis, 'setTimeout');
    const connect = vi.spyOn(Socket.prototype, 'connect');
    const second = await play(7);
    const used = [random, timeout, connect].map(({ mock }) => mock.calls.length);
    vi.restoreAllMocks();
    expect(used).toEqual([0, 0, 0]);
    expect(second).toEqual(first);
  });

  test('also in another process', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [PLAY, '8'], { maxBuffer: 2 ** 26 });
    expect(stdout).toBe(`${(await play(8)).log.join('\n')}\n`);
  });

  test('another seed is another one', async () => {
    const { log } = await play(9);
    expect(log).not.toEqual((await play(10)).log);
  });
});

describe('a broken connection is the same over HTTP and in process', () => {
  const COURSES: readonly [Fault['kind'] & `drop-${string}`, number][] = [
    ['drop-before', 1],
    ['drop-before', 2],
    ['drop-after', 1],
    ['drop-after', 2],
  ];
  test.each(COURSES)('%s, %i times', async (kind, times) => {
    const http = await stripeForTest();
    const { time, standIn } = inProcess();
    const create = (stripe: Stripe) => stripe.paymentIntents.create(PRICE, { idempotencyKey: 'once' });
    const seen = ({ value, error }: ReturnType<typeof outcomeOf<Stripe.PaymentIntent>>) => ({
      id: value?.id,
      isLost: error instanceof Stripe.errors.StripeConnectionError,
    });

    http.standIn.faults.add(CREATE, { kind }, times);
    const overHttp = outcomeOf(create(http.stripe));
    await vi.waitUntil(() => 'value' in overHttp || 'error' in overHttp, { timeout: 10_000 });
    standIn.faults.add(CREATE, { kind }, times);
    const here = outcomeOf(create(standIn.clientFor()));
    await time.advance(499);
    expect(here).toEqual({});
    await time.advance(1);

    expect(seen(here)).toEqual(seen(overHttp));
    expect(seen(here).isLost).toBe(times === 2);
    expect(standIn.requests).toEqual(http.standIn.requests);
    expect(standIn.books.payments()).toEqual(http.standIn.books.payments());
  });
});

describe('the way to the API', () => {
  test('is told of each call and its repeat, with the same key', async () => {
    const { time, standIn } = inProcess();
    const calls: StripeCall[] = [];
    const wire: Wire = async (call, send) => {
      calls.push(call);
      return calls.length === 1 ? 'dropped' : send();
    };
    const made = outcomeOf(standIn.clientFor(wire).paymentIntents.create(PRICE));
    await time.advance(500);
    const call = { ...CREATE, form: 'amount=5000&currency=eur', idempotencyKey: 'stripe-node-retry-1' };
    expect(calls).toEqual([call, call]);
    expect(made.value?.lastResponse).toMatchObject({ statusCode: 200, idempotencyKey: 'stripe-node-retry-1' });
    const found = outcomeOf(standIn.clientFor(wire).paymentIntents.list({ limit: 1 }));
    await time.advance(0);
    expect(calls.at(-1)).toEqual({ ...CREATE, method: 'GET', form: 'limit=1', idempotencyKey: null });
    expect(found.value?.data).toEqual([made.value]);
  });

  test('is tried once where no connection comes about, whatever the code of the error', async () => {
    const { time, standIn } = inProcess();
    let tries = 0;
    const wire: Wire = async () => {
      tries++;
      throw Object.assign(new Error('the network is cut'), { code: 'ECONNRESET' });
    };
    const lost = outcomeOf(standIn.clientFor(wire).paymentIntents.create(PRICE));
    await time.advance(5_000);
    expect(lost.error).toBeInstanceOf(Stripe.errors.StripeConnectionError);
    expect(tries).toBe(1);
  });

  test('may hang: the gate gives up', async () => {
    const { time, standIn } = inProcess();
    const wire: Wire = async (_call, send) => {
      await send();
      return new Promise(() => {});
    };
    const gate = new CallGate({ ...time, random: seededRandom() }, isOutage);
    const hung = outcomeOf(new StripeApi(standIn.clientFor(wire), gate).create(PRICE, 'once'));
    await time.advance(GATE_LIMITS.callMs - 1);
    expect(hung).toEqual({});
    await time.advance(1);
    expect(hung.error).toBeInstanceOf(CallTimeoutError);
    expect(standIn.books.payments()).toHaveLength(1);
  });

  test('a process that is killed repeats nothing', async () => {
    const { time, standIn } = inProcess();
    const dead = { ...time.timers, after: () => ({ cancel: () => {} }) };
    let calls = 0;
    const wire: Wire = async () => {
      calls++;
      return 'dropped';
    };
    const call = outcomeOf(standIn.clientFor(wire, dead).paymentIntents.create(PRICE));
    await time.advance(60_000);
    expect(calls).toBe(1);
    expect(call).toEqual({});
  });
});

test('an outage breaks a browser off, and answers it again when it is over', async () => {
  const { time, standIn } = inProcess();
  const made = outcomeOf(standIn.clientFor().paymentIntents.create(PRICE));
  await time.advance(0);
  const secret = made.value?.client_secret ?? '';
  standIn.faults.startOutage('reset', 1_000);
  await expect(standIn.browser.look(secret)).rejects.toThrow('the connection broke');
  await time.advance(1_000);
  expect(await standIn.browser.confirm(secret, 'pm_card_visa')).toMatchObject({ status: 200, error: null });
  expect(await standIn.browser.confirm(secret, 'pm_card_visa')).toMatchObject({
    status: 400,
    error: { code: 'payment_intent_unexpected_state' },
  });
});

describe('an event', () => {
  const SECRET = 'whsec_in_process';
  const webhooks = { timeoutMs: 10_000, backoffMs: [60_000] };

  test.each<[string, Deliver, number]>([
    ['is not answered', () => new Promise(() => {}), 10_000],
    ['is refused', async () => false, 0],
    ['meets an error', () => Promise.reject(new Error('no')), 0],
  ])('that %s is signed and sent again', async (_what, deliver, failsAfter) => {
    const sent: { readonly at: number; readonly body: string; readonly signature: string }[] = [];
    const { time, standIn } = inProcess({
      webhooks,
      deliver(endpoint, body, headers) {
        sent.push({ at: time.clock.now(), body, signature: headers['stripe-signature'] });
        return sent.length === 1 ? deliver(endpoint, body, headers) : Promise.resolve(true);
      },
    });
    standIn.webhooks.addEndpoint({ url: 'here', secret: SECRET });
    const start = time.clock.now();
    void standIn.clientFor().paymentIntents.create(PRICE);
    await time.advance(failsAfter + 59_999);
    expect(standIn.webhooks.counts).toEqual({ delivered: 0, failed: 1, givenUp: 0 });
    await time.advance(1);
    expect(standIn.webhooks.counts).toEqual({ delivered: 1, failed: 1, givenUp: 0 });
    expect(sent.map(({ at }) => at - start)).toEqual([0, failsAfter + 60_000]);
    for (const { at, body, signature } of sent) {
      const event = Stripe.webhooks.constructEvent(body, signature, SECRET, 0, undefined, at);
      expect(event.type).toBe('payment_intent.created');
    }
  });
});
