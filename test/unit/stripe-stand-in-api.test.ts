import Stripe from 'stripe';
import { describe, expect, test } from 'vitest';
import { stripeForTest } from '../support/stripe/for-test.ts';
import type { StandIn } from '../support/stripe/stand-in.ts';

const DAY_MS = 86_400_000;
const HALF_HOUR_MS = 1_800_000;

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
  readonly error: Partial<Stripe.StripeRawError>;
}

/** Asks without the help of Stripe's package, which would not let wrong things through. */
async function ask(
  { url, secretKey }: StandIn,
  method: 'GET' | 'POST',
  path: string,
  form = '',
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`${url}${path}${method === 'GET' && form !== '' ? `?${form}` : ''}`, {
    method,
    headers: {
      authorization: `Bearer ${secretKey}`,
      'content-type': 'application/x-www-form-urlencoded',
      ...headers,
    },
    ...(method === 'POST' ? { body: form } : {}),
  });
  const body = (await response.json()) as Record<string, unknown>;
  return { status: response.status, headers: response.headers, body, error: body.error ?? {} };
}

const create = (standIn: StandIn, form: string, headers: Record<string, string> = {}): Promise<Answer> =>
  ask(standIn, 'POST', '/v1/payment_intents', form, headers);

const FORM = 'amount=5000&currency=eur';

describe('keys', () => {
  test('are asked for, and wrong ones are refused', async () => {
    const { standIn } = await stripeForTest();
    for (const authorization of ['', 'Bearer sk_test_other', 'Basic c2s6', standIn.secretKey]) {
      const answer = await create(standIn, FORM, { authorization });
      expect(answer).toMatchObject({ status: 401, error: { type: 'invalid_request_error' } });
    }
    const wrong = new Stripe('sk_test_other', { host: '127.0.0.1', port: standIn.port, protocol: 'http' });
    await expect(wrong.paymentIntents.list()).rejects.toBeInstanceOf(Stripe.errors.StripeAuthenticationError);
    expect(standIn.books.payments()).toEqual([]);
  });

  test('of browsers open only what a client secret shows', async () => {
    const { standIn, stripe } = await stripeForTest();
    const { id, client_secret } = await stripe.paymentIntents.create({
      amount: 5000,
      currency: 'eur',
      metadata: { order: '7' },
    });
    const secret = `client_secret=${client_secret}`;
    const publishable = { authorization: `Bearer ${standIn.publishableKey}` };
    const shown = await ask(standIn, 'GET', `/v1/payment_intents/${id}`, secret, publishable);
    expect(shown).toMatchObject({ status: 200, body: { id, amount: 5000 } });
    expect(shown.body).not.toHaveProperty('metadata');
    expect(shown.body).not.toHaveProperty('latest_charge');
    const declined = await standIn.browser.confirm(client_secret ?? '', 'pm_card_chargeDeclined');
    expect(declined).toMatchObject({ status: 402, paymentIntent: { id, status: 'requires_payment_method' } });
    expect(declined.paymentIntent).not.toHaveProperty('metadata');
    const refused: [status: number, Promise<Answer>][] = [
      [400, ask(standIn, 'GET', `/v1/payment_intents/${id}`, '', publishable)],
      [400, ask(standIn, 'GET', `/v1/payment_intents/${id}`, `${secret}x`, publishable)],
      [400, ask(standIn, 'POST', `/v1/payment_intents/${id}/confirm`, `${secret}x`, publishable)],
      [400, ask(standIn, 'POST', `/v1/payment_intents/${id}/confirm`, `${secret}&off_session=true`, publishable)],
      [403, ask(standIn, 'POST', `/v1/payment_intents/${id}`, `${secret}&amount=1`, publishable)],
      [403, ask(standIn, 'POST', `/v1/payment_intents/${id}/cancel`, secret, publishable)],
      [403, ask(standIn, 'POST', '/v1/payment_intents', FORM, publishable)],
    ];
    for (const [status, answer] of refused) expect((await answer).status).toBe(status);
  });
});

test('unknown addresses and unknown things are not found', async () => {
  const { standIn } = await stripeForTest();
  for (const path of ['/', '/v1', '/v1/customers', '/v1/payment_intents/pi_1/refund', '/v1/payment_intents/a/b/c']) {
    expect(await ask(standIn, 'POST', path)).toMatchObject({ status: 404, error: { type: 'invalid_request_error' } });
  }
  for (const path of ['payment_intents/pi_1', 'refunds/re_1', 'charges/ch_1', 'disputes/du_1', 'events/evt_1']) {
    expect(await ask(standIn, 'GET', `/v1/${path}`)).toMatchObject({
      status: 404,
      error: { code: 'resource_missing' },
    });
  }
});

test('every answer has the id of its request, and the version that was asked for', async () => {
  const { standIn } = await stripeForTest();
  const [one, other] = [
    await create(standIn, FORM, { 'stripe-version': Stripe.API_VERSION }),
    await create(standIn, 'amount=no'),
  ];
  expect(one.headers.get('request-id')).toMatch(/^req_/);
  expect(other.headers.get('request-id')).toMatch(/^req_/);
  expect(one.headers.get('request-id')).not.toBe(other.headers.get('request-id'));
  expect(one.headers.get('stripe-version')).toBe(Stripe.API_VERSION);
});

describe('parameters', () => {
  test.each([
    ['amount=5000', 'parameter_missing', 'currency'],
    ['currency=eur', 'parameter_missing', 'amount'],
    [`${FORM}&amuont=1`, 'parameter_unknown', 'amuont'],
    [`${FORM}&payment_method_options[card][capture]=x`, 'parameter_unknown', 'payment_method_options[card][capture]'],
    [`${FORM}&payment_method_types[]=card`, 'payment_method_types_no_longer_supported', 'payment_method_types'],
    [`${FORM}&transfer_group=a`, 'stand_in_not_modelled', 'transfer_group'],
    ['amount=50.5&currency=eur', 'parameter_invalid_integer', 'amount'],
    ['amount=0&currency=eur', 'parameter_invalid_integer', 'amount'],
    ['amount=-5&currency=eur', 'parameter_invalid_integer', 'amount'],
    ['amount=&currency=eur', 'parameter_invalid_empty', 'amount'],
    ['amount[]=5000&currency=eur', undefined, 'amount'],
    [`${FORM}&capture_method=later`, undefined, 'capture_method'],
    [`${FORM}&confirm=yes`, undefined, 'confirm'],
    [`${FORM}&description=`, 'parameter_invalid_empty', 'description'],
    [`${FORM}&description=${'x'.repeat(1001)}`, 'parameter_invalid_string', 'description'],
    [`${FORM}&metadata=x`, undefined, 'metadata'],
    [`${FORM}&metadata[${'k'.repeat(41)}]=x`, undefined, `metadata[${'k'.repeat(41)}]`],
    [`${FORM}&metadata[k]=${'v'.repeat(501)}`, undefined, 'metadata[k]'],
    [`${FORM}${Array.from({ length: 51 }, (_, i) => `&metadata[k${i}]=v`).join('')}`, undefined, 'metadata'],
    [`${FORM}&payment_method=pm_none`, 'resource_missing', 'payment_method'],
    [`${FORM}&confirm=true`, 'parameter_missing', 'payment_method'],
    [`${FORM}&confirm=true&payment_method=pm_card_visa`, undefined, 'return_url'],
    [`${FORM}&expand[]=customer`, undefined, 'expand'],
    [`${FORM}&expand[]=data.latest_charge`, undefined, 'expand'],
    [`${FORM}&amount=6000`, undefined, undefined],
  ])('%.70s is refused', async (form, code, param) => {
    const { standIn } = await stripeForTest();
    const { status, error } = await create(standIn, form);
    expect([status, error.type, error.code, error.param]).toEqual([400, 'invalid_request_error', code, param]);
    expect(standIn.books.payments()).toEqual([]);
  });

  test.each([
    [49, 'eur', 'amount_too_small'],
    [50, 'eur', null],
    [49, 'usd', 'amount_too_small'],
    [29, 'gbp', 'amount_too_small'],
    [30, 'gbp', null],
    [50, 'jpy', null],
    [99_999_999, 'eur', null],
    [100_000_000, 'eur', 'amount_too_large'],
    [5120, 'kwd', null],
    [5124, 'kwd', 'parameter_invalid_integer'],
  ])('an amount of %i %s is judged as Stripe does', async (amount, currency, code) => {
    const { standIn } = await stripeForTest();
    const { error } = await create(standIn, `amount=${amount}&currency=${currency}`);
    expect(error.code ?? null).toBe(code);
  });

  test.each(['EUR', 'xxx', 'eu'])('the currency %s is refused', async (currency) => {
    const { standIn } = await stripeForTest();
    expect(await create(standIn, `amount=5000&currency=${currency}`)).toMatchObject({
      status: 400,
      error: { param: 'currency' },
    });
  });

  test('name reasons of the published lists only', async () => {
    const { standIn, stripe } = await stripeForTest();
    const { id } = await stripe.paymentIntents.create({ amount: 5000, currency: 'eur' });
    const cancel = (reason: string) =>
      ask(standIn, 'POST', `/v1/payment_intents/${id}/cancel`, `cancellation_reason=${reason}`);
    expect(await cancel('automatic')).toMatchObject({ status: 400, error: { param: 'cancellation_reason' } });
    expect(await cancel('abandoned')).toMatchObject({ status: 200 });
    expect(await ask(standIn, 'POST', '/v1/refunds', `payment_intent=${id}&reason=whim`)).toMatchObject({
      status: 400,
      error: { param: 'reason' },
    });
  });
});

describe('an idempotency key', () => {
  const keyed = (standIn: StandIn, key: string, form = FORM): Promise<Answer> =>
    create(standIn, form, { 'idempotency-key': key });

  test('gets the first answer again, whatever the order of the parameters', async () => {
    const { standIn } = await stripeForTest();
    const first = await keyed(standIn, 'a');
    const again = await keyed(standIn, 'a', 'currency=eur&amount=5000');
    expect(again.body).toEqual(first.body);
    expect(first.headers.get('idempotent-replayed')).toBeNull();
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(again.headers.get('original-request')).toBe(first.headers.get('request-id'));
    expect(standIn.books.payments()).toHaveLength(1);
  });

  test('also repeats a refusal of the execution, though it would succeed by now', async () => {
    const { standIn, stripe } = await stripeForTest();
    const { id, client_secret } = await stripe.paymentIntents.create({ amount: 5000, currency: 'eur' });
    const options = { idempotencyKey: 'r' };
    const refund = () => stripe.refunds.create({ payment_intent: id }, options).catch((error) => error.message);
    const first = await refund();
    await standIn.browser.confirm(client_secret ?? '', 'pm_card_visa');
    expect(await refund()).toBe(first);
    expect(standIn.books.payment(id)).toMatchObject({ captured: 5000, refunded: 0 });
  });

  test('stays free when the parameters were wrong', async () => {
    const { standIn } = await stripeForTest();
    expect(await keyed(standIn, 'a', 'amount=none&currency=eur')).toMatchObject({ status: 400 });
    expect(await keyed(standIn, 'a')).toMatchObject({ status: 200 });
  });

  test('is refused for other parameters, and at another address', async () => {
    const { standIn } = await stripeForTest();
    const { body } = await keyed(standIn, 'a');
    const headers = { 'idempotency-key': 'a' };
    for (const answer of [
      await keyed(standIn, 'a', 'amount=5001&currency=eur'),
      await ask(standIn, 'POST', `/v1/payment_intents/${body.id}/cancel`, FORM, headers),
    ]) {
      expect(answer).toMatchObject({ status: 400, error: { type: 'idempotency_error' } });
    }
  });

  test('is in use while its request is carried out', async () => {
    const { standIn } = await stripeForTest();
    const { promise, resolve } = Promise.withResolvers<void>();
    const arrived = Promise.withResolvers<void>();
    standIn.faults.onRequest({ method: 'POST' }, () => {
      arrived.resolve();
      return promise;
    });
    const first = keyed(standIn, 'a');
    await arrived.promise;
    expect(await keyed(standIn, 'a')).toMatchObject({ status: 409, error: { code: 'idempotency_key_in_use' } });
    resolve();
    expect(await first).toMatchObject({ status: 200 });
    expect(await keyed(standIn, 'a')).toMatchObject({ status: 200, body: (await first).body });
  });

  test('is forgotten after a day', async () => {
    const { standIn, time } = await stripeForTest();
    const first = await keyed(standIn, 'a');
    await time.advance(DAY_MS - 1);
    expect((await keyed(standIn, 'a')).body.id).toBe(first.body.id);
    await time.advance(1);
    expect((await keyed(standIn, 'a')).body.id).not.toBe(first.body.id);
  });

  test('has at most 255 characters', async () => {
    const { standIn } = await stripeForTest();
    expect(await keyed(standIn, 'k'.repeat(255))).toMatchObject({ status: 200 });
    expect(await keyed(standIn, 'k'.repeat(256))).toMatchObject({ status: 400 });
  });
});

describe('faults', () => {
  const CREATE = { method: 'POST', path: '/v1/payment_intents' } as const;
  const PARAMS = { amount: 5000, currency: 'eur' };
  const KEYED = { idempotencyKey: 'k' };

  test.each([
    ['drop-before', 0],
    ['drop-after', 1],
  ] as const)('%s breaks the connection, with so many payments made: %i', async (kind, payments) => {
    const { standIn, stripe } = await stripeForTest();
    // Twice: Stripe's package repeats a request whose connection was reset once, whatever `maxNetworkRetries` says.
    standIn.faults.add(CREATE, { kind }, 2);
    await expect(stripe.paymentIntents.create(PARAMS, KEYED)).rejects.toBeInstanceOf(
      Stripe.errors.StripeConnectionError,
    );
    expect(standIn.books.payments()).toHaveLength(payments);
    const { id } = await stripe.paymentIntents.create(PARAMS, KEYED);
    expect(standIn.books.payments()).toMatchObject([{ id }]);
  });

  test('of the server are stored under the key, whether or not it had acted', async () => {
    const { standIn, stripe } = await stripeForTest();
    const create = (idempotencyKey: string) => stripe.paymentIntents.create(PARAMS, { idempotencyKey });
    standIn.faults.add(CREATE, { kind: 'error', acts: true });
    for (let i = 0; i < 2; i++) await expect(create('a')).rejects.toBeInstanceOf(Stripe.errors.StripeAPIError);
    expect(standIn.books.payments()).toHaveLength(1);
    standIn.faults.add(CREATE, { kind: 'error', acts: false });
    for (let i = 0; i < 2; i++) await expect(create('b')).rejects.toBeInstanceOf(Stripe.errors.StripeAPIError);
    expect(standIn.books.payments()).toHaveLength(1);
    standIn.faults.add(CREATE, { kind: 'error', acts: false, stored: false });
    await expect(create('c')).rejects.toBeInstanceOf(Stripe.errors.StripeAPIError);
    await create('c');
    expect(standIn.books.payments()).toHaveLength(2);
  });

  test.each([
    ['rate-limit', 'rate_limit'],
    ['lock-timeout', 'lock_timeout'],
  ] as const)('%s refuses as often as told, and stores nothing', async (kind, code) => {
    const { standIn, stripe } = await stripeForTest();
    standIn.faults.add(CREATE, { kind }, 2);
    for (let i = 0; i < 2; i++) {
      await expect(stripe.paymentIntents.create(PARAMS, KEYED)).rejects.toMatchObject({ statusCode: 429, code });
    }
    await stripe.paymentIntents.create(PARAMS, KEYED);
    expect(standIn.books.payments()).toHaveLength(1);
  });

  test('reach only the requests that they are meant for', async () => {
    const { standIn, stripe } = await stripeForTest();
    standIn.faults.add({ method: 'POST', path: '/v1/payment_intents/:id/cancel' }, { kind: 'rate-limit' });
    standIn.faults.add({ path: /refunds/ }, { kind: 'rate-limit' });
    const { id } = await stripe.paymentIntents.create(PARAMS);
    await expect(stripe.paymentIntents.cancel(id)).rejects.toMatchObject({ statusCode: 429 });
    await expect(stripe.refunds.list()).rejects.toMatchObject({ statusCode: 429 });
    await stripe.paymentIntents.cancel(id);
    await stripe.refunds.list();
  });

  test('delay what is asked, which happens only then', async () => {
    const { standIn, stripe, time } = await stripeForTest();
    const { id } = await stripe.paymentIntents.create(PARAMS);
    standIn.faults.add({ path: '/v1/payment_intents/:id/cancel' }, { kind: 'delay', ms: 5000 });
    const cancelled = stripe.paymentIntents.cancel(id);
    const others = standIn.requests;
    while (others.get('POST /v1/payment_intents/:id/cancel') === undefined) await stripe.refunds.list();
    await time.advance(4999);
    expect(await stripe.paymentIntents.retrieve(id)).toMatchObject({ status: 'requires_payment_method' });
    await time.advance(1);
    expect(await cancelled).toMatchObject({ status: 'canceled' });
  });

  test.each(['reset', 'unavailable'] as const)('put Stripe out of reach (%s) for a time', async (mode) => {
    const { standIn, stripe, time } = await stripeForTest();
    await stripe.paymentIntents.create(PARAMS);
    standIn.faults.startOutage(mode, HALF_HOUR_MS);
    await expect(stripe.paymentIntents.create(PARAMS)).rejects.toBeInstanceOf(
      mode === 'reset' ? Stripe.errors.StripeConnectionError : Stripe.errors.StripeAPIError,
    );
    await time.advance(HALF_HOUR_MS - 1);
    await expect(stripe.paymentIntents.create(PARAMS)).rejects.toThrow();
    await time.advance(1);
    await stripe.paymentIntents.create(PARAMS);
    standIn.faults.startOutage(mode);
    await expect(stripe.paymentIntents.create(PARAMS)).rejects.toThrow();
    standIn.faults.endOutage();
    await stripe.paymentIntents.create(PARAMS);
    expect(standIn.books.payments()).toHaveLength(3);
  });

  test('let a test act just before and just after a request does', async () => {
    const { standIn, stripe } = await stripeForTest();
    const seen: number[] = [];
    const look = async (): Promise<void> => {
      seen.push(standIn.books.payments().length);
    };
    standIn.faults.onRequest(CREATE, look);
    standIn.faults.beforeResponse(CREATE, look);
    await stripe.paymentIntents.create(PARAMS);
    expect(seen).toEqual([0, 1]);
  });
});

test('requests are counted by their routes', async () => {
  const { standIn, stripe } = await stripeForTest();
  const { id } = await stripe.paymentIntents.create({ amount: 5000, currency: 'eur' });
  await stripe.paymentIntents.cancel(id);
  await stripe.paymentIntents.retrieve(id);
  await ask(standIn, 'GET', '/v1/nowhere');
  expect(Object.fromEntries(standIn.requests)).toEqual({
    'POST /v1/payment_intents': 1,
    'POST /v1/payment_intents/:id/cancel': 1,
    'GET /v1/payment_intents/:id': 1,
    other: 1,
  });
});
