import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type Stripe from 'stripe';
import { describe, expect, onTestFinished, test } from 'vitest';
import { nodeProcess } from '../support/node-process.ts';
import { clientOf, type StripeForTest, stripeForTest } from '../support/stripe/for-test.ts';
import type { StandInOptions } from '../support/stripe/stand-in.ts';

const SECRET = 'whsec_test';
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

interface Received {
  readonly body: string;
  readonly signature: string;
}

interface Endpoint {
  readonly url: string;
  readonly received: Received[];
  answer: (response: ServerResponse) => void;
}

/** A seller's endpoint, which accepts everything until told otherwise. */
async function endpoint(): Promise<Endpoint> {
  const received: Received[] = [];
  const state: Pick<Endpoint, 'answer'> = { answer: (response) => void response.writeHead(200).end() };
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    received.push({ body, signature: request.headers['stripe-signature'] as string });
    state.answer(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return Object.assign(state, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks`,
    received,
  });
}

interface WithEndpoint extends StripeForTest {
  readonly seller: Endpoint;
}

/** Sends one event at a time, so that they come in order. */
async function withEndpoint(options: StandInOptions = {}): Promise<WithEndpoint> {
  const seller = await endpoint();
  const at = await stripeForTest({
    ...options,
    endpoints: [{ url: seller.url, secret: SECRET }],
    webhooks: { concurrency: 1, ...options.webhooks },
  });
  return { ...at, seller };
}

const create = ({ stripe }: StripeForTest): Promise<Stripe.PaymentIntent> =>
  stripe.paymentIntents.create({
    amount: 5000,
    currency: 'eur',
    payment_method_options: { card: { capture_method: 'manual' } },
  });

async function pay(at: StripeForTest, method: string): Promise<string> {
  const { id, client_secret } = await create(at);
  await at.standIn.browser.confirm(client_secret ?? '', method);
  return id;
}

const types = ({ received }: Endpoint): string[] => received.map(({ body }) => JSON.parse(body).type);

describe('events', () => {
  test('are signed so that Stripe’s package accepts them, and can be fetched', async () => {
    const at = await withEndpoint();
    const { id } = await create(at);
    await at.standIn.webhooks.idle();
    const [{ body, signature }] = at.seller.received;
    const now = Math.floor(at.time.clock.now() / 1000);
    const event = at.stripe.webhooks.constructEvent(body, signature, SECRET, 300, undefined, now * 1000);
    expect(event).toMatchObject({ type: 'payment_intent.created', data: { object: { id } }, livemode: false });
    expect(() => at.stripe.webhooks.constructEvent(body, signature, 'whsec_other')).toThrow();
    expect(await at.stripe.events.retrieve(event.id)).toMatchObject({ id: event.id, type: event.type });
  });

  test.each<[string, (at: WithEndpoint) => Promise<void>, string[]]>([
    [
      'a card, authorised and captured',
      async (at) => {
        await at.stripe.paymentIntents.capture(await pay(at, 'pm_card_visa'));
      },
      ['charge.succeeded', 'payment_intent.amount_capturable_updated', 'charge.captured', 'payment_intent.succeeded'],
    ],
    [
      'a card, authorised and let go',
      async (at) => {
        await at.stripe.paymentIntents.cancel(await pay(at, 'pm_card_visa'));
      },
      ['charge.succeeded', 'payment_intent.amount_capturable_updated', 'charge.refunded', 'payment_intent.canceled'],
    ],
    [
      'a declined card',
      async (at) => {
        await pay(at, 'pm_card_chargeDeclined');
      },
      ['charge.failed', 'payment_intent.payment_failed'],
    ],
    [
      'a challenge',
      async (at) => {
        at.standIn.authenticate(await pay(at, 'pm_card_authenticationRequired'), 'fail');
      },
      ['payment_intent.requires_action', 'payment_intent.payment_failed'],
    ],
    [
      'a delayed method',
      async (at) => {
        at.standIn.settleDelayed(await pay(at, 'pm_success_de'), 'succeed');
      },
      ['charge.pending', 'payment_intent.processing', 'charge.succeeded', 'payment_intent.succeeded'],
    ],
    [
      'a refund that fails',
      async (at) => {
        const refund = await at.stripe.refunds.create({ payment_intent: await pay(at, 'pm_ideal_authorised') });
        at.standIn.finishRefund(refund.id, 'fail');
      },
      [
        'charge.succeeded',
        'payment_intent.succeeded',
        'refund.created',
        'charge.refunded',
        'refund.updated',
        'charge.refund.updated',
        'refund.failed',
      ],
    ],
    [
      'a lost dispute',
      async (at) => {
        at.standIn.closeDispute(at.standIn.dispute(await pay(at, 'pm_ideal_authorised')), 'lost');
      },
      [
        'charge.succeeded',
        'payment_intent.succeeded',
        'charge.dispute.created',
        'charge.dispute.funds_withdrawn',
        'charge.dispute.closed',
      ],
    ],
  ])('tell of %s', async (_what, run, expected) => {
    const at = await withEndpoint();
    await run(at);
    await at.standIn.webhooks.idle();
    expect(types(at.seller)).toEqual(['payment_intent.created', ...expected]);
  });

  test('show their object as it was then', async () => {
    const at = await withEndpoint();
    at.standIn.webhooks.hold();
    await at.stripe.paymentIntents.capture(await pay(at, 'pm_card_visa'));
    await at.standIn.webhooks.release();
    const statuses = at.seller.received.map(({ body }) => JSON.parse(body).data.object.status);
    expect(statuses).toEqual(['requires_payment_method', 'succeeded', 'requires_capture', 'succeeded', 'succeeded']);
  });

  test('go only to endpoints that want them', async () => {
    const at = await withEndpoint();
    const picky = await endpoint();
    at.standIn.webhooks.addEndpoint({ url: picky.url, secret: SECRET, types: ['payment_intent.canceled'] });
    await at.stripe.paymentIntents.cancel((await create(at)).id);
    await at.standIn.webhooks.idle();
    expect(types(at.seller)).toHaveLength(2);
    expect(types(picky)).toEqual(['payment_intent.canceled']);
  });
});

describe('deliveries', () => {
  test('are repeated with growing waits until they are accepted, signed anew', async () => {
    const at = await withEndpoint();
    at.seller.answer = (response) => void response.writeHead(500).end();
    await create(at);
    await at.standIn.webhooks.idle();
    expect(at.seller.received).toHaveLength(1);
    for (const [wait, attempts] of [
      [5 * MINUTE_MS - 1, 1],
      [1, 2],
      [30 * MINUTE_MS - 1, 2],
      [1, 3],
    ]) {
      await at.time.advance(wait);
      await at.standIn.webhooks.idle();
      expect(at.seller.received).toHaveLength(attempts);
    }
    at.seller.answer = (response) => void response.writeHead(204).end();
    await at.time.advance(2 * HOUR_MS);
    await at.standIn.webhooks.idle();
    expect(new Set(at.seller.received.map(({ body }) => body)).size).toBe(1);
    expect(new Set(at.seller.received.map(({ signature }) => signature)).size).toBe(4);
    expect(at.standIn.webhooks.counts).toEqual({ delivered: 1, failed: 3, givenUp: 0 });
  });

  test('are given up after three days', async () => {
    const at = await withEndpoint();
    at.seller.answer = (response) => void response.socket?.destroy();
    await create(at);
    await at.standIn.webhooks.idle();
    for (let hours = 0; hours < 100; hours++) {
      await at.time.advance(HOUR_MS);
      await at.standIn.webhooks.idle();
    }
    const { failed } = at.standIn.webhooks.counts;
    expect(at.standIn.webhooks.counts).toEqual({ delivered: 0, failed, givenUp: 1 });
    expect(at.seller.received).toHaveLength(failed);
    expect(failed).toBeGreaterThan(6);
  });

  test('without an answer in time count as failed', async () => {
    const at = await withEndpoint({ webhooks: { timeoutMs: 20 } });
    at.seller.answer = () => {};
    await create(at);
    await at.standIn.webhooks.idle();
    expect(at.standIn.webhooks.counts).toMatchObject({ delivered: 0, failed: 1 });
  });

  test('never run in greater number than told', async () => {
    const at = await withEndpoint({ webhooks: { concurrency: 2 } });
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.push(await pay(at, 'pm_card_visa'));
    await at.standIn.webhooks.idle();
    const before = at.seller.received.length;
    at.standIn.faults.startOutage();
    for (const id of ids) at.standIn.expireAuthorisation(id);
    const open: ServerResponse[] = [];
    let most = 0;
    at.seller.answer = (response) => {
      most = Math.max(most, open.push(response));
      setTimeout(() => open.shift()?.writeHead(200).end(), 5);
    };
    at.standIn.faults.endOutage();
    await at.standIn.webhooks.idle();
    expect([at.seller.received.length - before, most <= 2]).toEqual([10, true]);
  });

  test('wait while Stripe is out of reach', async () => {
    const at = await withEndpoint();
    const id = await pay(at, 'pm_card_visa');
    await at.standIn.webhooks.idle();
    const before = at.seller.received.length;
    at.standIn.faults.startOutage('reset', 30 * MINUTE_MS);
    at.standIn.expireAuthorisation(id);
    await at.standIn.webhooks.idle();
    expect(at.seller.received).toHaveLength(before);
    await at.time.advance(30 * MINUTE_MS);
    await at.standIn.webhooks.idle();
    expect(types(at.seller).slice(before)).toEqual(['charge.expired', 'payment_intent.canceled']);
  });

  test('are held, and released in the order that a test likes', async () => {
    const at = await withEndpoint();
    at.standIn.webhooks.hold();
    await at.stripe.paymentIntents.capture(await pay(at, 'pm_card_visa'));
    await at.standIn.webhooks.idle();
    expect(at.seller.received).toEqual([]);
    await at.standIn.webhooks.release((held) => [...held].reverse().concat(held[0]));
    expect(types(at.seller)).toEqual([
      'payment_intent.succeeded',
      'charge.captured',
      'payment_intent.amount_capturable_updated',
      'charge.succeeded',
      'payment_intent.created',
      'payment_intent.created',
    ]);
    await create(at);
    await at.standIn.webhooks.idle();
    expect(at.seller.received).toHaveLength(7);
  });

  test('are lost, doubled or late where a test wants it', async () => {
    const at = await withEndpoint();
    const { webhooks } = at.standIn;
    webhooks.addFault({ type: 'payment_intent.created' }, { kind: 'never' });
    webhooks.addFault({ type: 'charge.succeeded' }, { kind: 'duplicate', copies: 2 });
    webhooks.addFault({ type: 'payment_intent.amount_capturable_updated' }, { kind: 'late', ms: HOUR_MS });
    await pay(at, 'pm_card_visa');
    await webhooks.idle();
    expect(types(at.seller)).toEqual(['charge.succeeded', 'charge.succeeded', 'charge.succeeded']);
    await at.time.advance(HOUR_MS);
    await webhooks.idle();
    expect(types(at.seller).at(-1)).toBe('payment_intent.amount_capturable_updated');
    await create(at);
    await webhooks.idle();
    expect(types(at.seller).at(-1)).toBe('payment_intent.created');
  });
});

test('as a process of its own it is told what to do over HTTP', async () => {
  const seller = await endpoint();
  const { child, firstLine, ended } = nodeProcess(
    fileURLToPath(new URL('../support/stripe/main.ts', import.meta.url)),
    ['--key', 'sk_test_child', '--webhook-url', seller.url, '--webhook-secret', SECRET],
  );
  const url = (await firstLine).url as string;
  const stripe = clientOf({ port: Number(new URL(url).port), secretKey: 'sk_test_child' });
  const tell = async (name: string, ...args: unknown[]) => {
    const response = await fetch(`${url}/_stand-in/${name}`, { method: 'POST', body: JSON.stringify(args) });
    return [response.status, await response.json()];
  };
  const { id } = await stripe.paymentIntents.create({
    amount: 5000,
    currency: 'eur',
    confirm: true,
    payment_method: 'pm_success_de',
    return_url: 'https://usher.example',
  });
  expect(await tell('settle-delayed', id, 'succeed')).toEqual([200, { result: null }]);
  expect(await tell('settle-delayed', id, 'succeed')).toMatchObject([400, { message: expect.stringContaining(id) }]);
  expect(await tell('nothing')).toEqual([404, null]);
  expect(await tell('books/totals')).toMatchObject([200, { result: { eur: { captured: 5000, mostCaptures: 1 } } }]);
  await expect.poll(() => types(seller)).toContain('payment_intent.succeeded');
  child.kill('SIGTERM');
  expect(await ended).toMatchObject({ code: 0 });
});
