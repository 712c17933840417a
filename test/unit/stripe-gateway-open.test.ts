import { describe, expect, test } from 'vitest';
import { StripeGateway } from '../../src/payments/stripe/stripe-gateway.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { clientOf } from '../support/stripe/for-test.ts';
import { HOUR, MINUTE, refusalOf, stripeNodes } from '../support/stripe-nodes.ts';

const CREATE = { method: 'POST', path: '/v1/payment_intents' } as const;
const CREATED = 'POST /v1/payment_intents';
const LISTED = 'GET /v1/payment_intents';

describe('opening a payment', () => {
  test('makes one intent for the order, to be captured later, that says whose it is', async () => {
    const at = await stripeNodes();
    const order = at.order();
    const { clientSecret } = await at.node().open(order);
    const [book, ...others] = at.books(order.paymentId);
    expect(others).toEqual([]);
    expect(book).toMatchObject({
      currency: 'eur',
      status: 'requires_payment_method',
      metadata: { usher_payment: order.paymentId, usher_order: order.orderId, usher_show: order.showId },
    });
    const { paymentIntent } = await at.standIn.browser.confirm(clientSecret, 'pm_card_visa');
    expect(paymentIntent).toMatchObject({ amount: 5_000, status: 'requires_capture' });
  });

  test('enters the intent before its client secret is told', async () => {
    const at = await stripeNodes();
    const order = at.order();
    at.table.failingKeeps = 1;
    expect(await refusalOf(at.node().open(order))).toBe('UNAVAILABLE');
    await at.node().open(order);
    expect(at.table.rows.get(order.paymentId)).toBe(at.books(order.paymentId)[0].id);
  });

  test('again, here or on another node, gives the same secret and makes nothing new', async () => {
    const at = await stripeNodes();
    const order = at.order();
    const node = at.node();
    const first = await node.open(order);
    const asked = at.standIn.requests.get('GET /v1/payment_intents/:id');
    expect(await node.open(order)).toEqual(first);
    expect(at.standIn.requests.get('GET /v1/payment_intents/:id')).toBe(asked);
    expect(await at.node().open(order)).toEqual(first);
    expect(at.books(order.paymentId)).toHaveLength(1);
    expect(at.standIn.requests.get(CREATED)).toBe(1);
  });

  test.each(['captured', 'cancelled'] as const)('again after it was %s makes no other', async (end) => {
    const at = await stripeNodes();
    const order = at.order();
    const node = at.node();
    const secret = await at.paid(node, order);
    if (end === 'captured') await node.capture(order.paymentId);
    else await node.cancel(order.paymentId);
    await at.time.advance(25 * HOUR);
    expect(await at.node().open(order)).toEqual({ clientSecret: secret });
    expect(await node.open(order)).toEqual({ clientSecret: secret });
    expect(at.books(order.paymentId)).toHaveLength(1);
  });

  test('offers methods that settle at once beside cards that do not, where the operator wants it', async () => {
    const at = await stripeNodes();
    const node = at.node({ methods: ['card', 'ideal'] });
    const [card, ideal] = [at.order(1), at.order(2)];
    await at.paid(node, card);
    await at.paid(node, ideal, 'pm_ideal_authorised');
    expect(await node.get(card.paymentId)).toMatchObject({ state: 'authorised' });
    expect(await node.get(ideal.paymentId)).toMatchObject({ state: 'captured' });
  });

  test.each([
    ['too little', { amount: 49 }, 'at least 50'],
    ['a currency that Stripe does not take', { currency: 'IRR' }, 'IRR'],
  ])('with %s is refused for good, without a call', async (_, changes, why) => {
    const at = await stripeNodes();
    const opening = at.node().open(at.order(1, changes));
    await expect(opening).rejects.toMatchObject({
      refusal: { code: 'ORDER_NOT_PAYABLE', detail: expect.stringContaining(why) },
    });
    expect(at.standIn.requests.size).toBe(0);
  });

  test('that Stripe itself refuses is refused for good, in its words', async () => {
    const at = await stripeNodes();
    const dollars = at.order(1, { currency: 'USD' });
    await expect(at.node({ methods: ['ideal'] }).open(dollars)).rejects.toMatchObject({
      refusal: { code: 'ORDER_NOT_PAYABLE', detail: expect.stringContaining('No valid payment method types') },
    });
    expect(at.table.rows.size).toBe(0);
  });

  test('with a key that Stripe does not accept is no refusal of the order', async () => {
    const at = await stripeNodes();
    const wrong = await stripeNodes({ secretKey: 'sk_test_another' });
    const ports = { ...at.time, random: seededRandom(), log: at.log.log };
    const stripe = clientOf({ port: wrong.standIn.port, secretKey: at.standIn.secretKey });
    const node = new StripeGateway({ stripe, table: at.table, methods: ['card'], ...ports });
    expect(await refusalOf(node.open(at.order()))).toBe('UNAVAILABLE');
    expect(JSON.stringify(at.log.lines)).toContain('StripeAuthenticationError 401');
  });
});

describe('a crash while a payment is opened', () => {
  test('before the intent is made: the next try makes it', async () => {
    const at = await stripeNodes();
    const order = at.order();
    at.standIn.faults.add(CREATE, { kind: 'drop-before' }, 2);
    expect(await refusalOf(at.node().open(order))).toBe('UNAVAILABLE');
    expect(at.books(order.paymentId)).toEqual([]);
    await at.node().open(order);
    expect(at.books(order.paymentId)).toHaveLength(1);
  });

  test('response lost: the next try finds the intent by its key', async () => {
    const at = await stripeNodes();
    const order = at.order();
    at.standIn.faults.add(CREATE, { kind: 'drop-after' }, 2);
    expect(await refusalOf(at.node().open(order))).toBe('UNAVAILABLE');
    expect(at.books(order.paymentId)).toHaveLength(1);
    await at.node().open(order);
    expect(at.books(order.paymentId)).toHaveLength(1);
    expect(at.standIn.requests.get(LISTED)).toBeUndefined();
  });

  test('id not yet persisted: another node finds the intent by its key', async () => {
    const at = await stripeNodes();
    const order = at.order();
    at.table.failingKeeps = 1;
    expect(await refusalOf(at.node().open(order))).toBe('UNAVAILABLE');
    await at.node().open(order);
    expect(at.books(order.paymentId)).toHaveLength(1);
  });

  test('id not yet persisted, and the key pruned a day later: it is found among those made at that time', async () => {
    const at = await stripeNodes();
    const order = at.order();
    at.table.failingKeeps = 1;
    await refusalOf(at.node().open(order));
    await at.time.advance(25 * HOUR);
    await at.node().open(order);
    expect(at.books(order.paymentId)).toHaveLength(1);
    expect(at.standIn.requests.get(CREATED)).toBe(1);
  });

  test('nothing was made, and a day has passed: one is made then', async () => {
    const at = await stripeNodes();
    const order = at.order();
    at.standIn.faults.add(CREATE, { kind: 'drop-before' }, 2);
    await refusalOf(at.node().open(order));
    await at.time.advance(25 * HOUR);
    await at.node().open(order);
    expect(at.books(order.paymentId)).toHaveLength(1);
  });

  test.each([true, false])('500 stored under the key (carried out: %s): one intent all the same', async (acts) => {
    const at = await stripeNodes();
    const order = at.order();
    at.standIn.faults.add(CREATE, { kind: 'error', acts });
    await at.node().open(order);
    expect(at.books(order.paymentId)).toHaveLength(1);
    // A node that died before it entered the intent meets the stored 500 again.
    at.table.rows.clear();
    await at.node().open(order);
    expect(at.books(order.paymentId)).toHaveLength(1);
  });

  test('500 after 500: later, and one intent as soon as Stripe is well', async () => {
    const at = await stripeNodes();
    const order = at.order();
    const node = at.node();
    at.standIn.faults.add(CREATE, { kind: 'error', acts: false }, 10);
    for (let call = 0; call < 5; call++) expect(await refusalOf(node.open(order))).toBe('UNAVAILABLE');
    at.standIn.faults.clear();
    await at.node().open(order);
    expect(at.books(order.paymentId)).toHaveLength(1);
  });

  test('500 after the intent was made, and Stripe’s list read for another order before: one intent', async () => {
    const at = await stripeNodes();
    const [order, other] = [at.order(1), at.order(2)];
    const node = at.node();
    await node.cancel(other.paymentId);
    at.standIn.faults.add(CREATE, { kind: 'error', acts: true });
    await node.open(order);
    expect(at.books(order.paymentId)).toHaveLength(1);
  });

  test('an intent made late, after an outage in the life of its order, is found too', async () => {
    const at = await stripeNodes();
    const order = at.order();
    await at.time.advance(9 * MINUTE);
    at.standIn.faults.add(CREATE, { kind: 'error', acts: true });
    await at.node().open(order);
    expect(at.books(order.paymentId)).toHaveLength(1);
  });

  test('two nodes at once: one is told to come back while the key is in use, and both get the same intent', async () => {
    const at = await stripeNodes();
    const order = at.order();
    const [one, two] = [at.node(), at.node()];
    const answers = await Promise.allSettled([one.open(order), two.open(order)]);
    for (const answer of answers) {
      if (answer.status === 'rejected') expect(answer.reason).toMatchObject({ refusal: { code: 'UNAVAILABLE' } });
    }
    expect(await one.open(order)).toEqual(await two.open(order));
    expect(at.books(order.paymentId)).toHaveLength(1);
  });

  test('two nodes with an intent each: the first to be entered wins, the other is cancelled', async () => {
    const at = await stripeNodes();
    const order = at.order();
    const { paymentId } = order;
    at.standIn.faults.beforeResponse(
      CREATE,
      async () => {
        const metadata = { usher_payment: paymentId };
        const { id } = await at.stripe.paymentIntents.create({ amount: 5_000, currency: 'eur', metadata });
        at.table.rows.set(paymentId, id);
      },
      1,
    );
    const { clientSecret } = await at.node().open(order);
    const winner = at.table.rows.get(paymentId) as string;
    expect(clientSecret).toContain(winner);
    const states = Object.fromEntries(at.books(paymentId).map(({ id, status }) => [id, status]));
    expect(Object.values(states).sort()).toEqual(['canceled', 'requires_payment_method']);
    expect(states[winner]).toBe('requires_payment_method');
  });

  test('cancelled in between: what was made is cancelled, and nobody gets its secret', async () => {
    const at = await stripeNodes();
    const order = at.order();
    at.standIn.faults.onRequest(CREATE, async () => void (await at.node().cancel(order.paymentId)), 1);
    expect(await refusalOf(at.node().open(order))).toBe('ORDER_NOT_PAYABLE');
    expect(at.books(order.paymentId)).toMatchObject([{ status: 'canceled' }]);
  });

  test('cancelled before: it is never opened', async () => {
    const at = await stripeNodes();
    const order = at.order();
    expect(await at.node().cancel(order.paymentId)).toMatchObject({ state: 'cancelled' });
    expect(await refusalOf(at.node().open(order))).toBe('ORDER_NOT_PAYABLE');
    expect(await at.node().get(order.paymentId)).toMatchObject({ state: 'cancelled' });
    expect(at.books(order.paymentId)).toEqual([]);
  });

  test.each(['rate-limit', 'lock-timeout'] as const)('%s: later', async (kind) => {
    const at = await stripeNodes();
    const order = at.order();
    at.standIn.faults.add(CREATE, { kind });
    const opening = at.node().open(order);
    await expect(opening).rejects.toMatchObject({
      refusal: { code: 'UNAVAILABLE', retryAfter: expect.any(Number) },
    });
    await at.node().open(order);
    expect(at.books(order.paymentId)).toHaveLength(1);
  });
});

describe('the client secret', () => {
  test('is told while the payment can be paid, by any node', async () => {
    const at = await stripeNodes();
    const order = at.order();
    const node = at.node();
    const { clientSecret } = await node.open(order);
    expect(await node.clientSecret(order.paymentId)).toBe(clientSecret);
    expect(await at.node().clientSecret(order.paymentId)).toBe(clientSecret);
    await at.standIn.browser.confirm(clientSecret, 'pm_card_authenticationRequired');
    expect(await at.node().clientSecret(order.paymentId)).toBe(clientSecret);
  });

  test('is null for what was never opened, and for what has ended', async () => {
    const at = await stripeNodes();
    const order = at.order();
    const node = at.node();
    expect(await node.clientSecret(order.paymentId)).toBeNull();
    await at.paid(node, order);
    expect(await at.node().clientSecret(order.paymentId)).toBeNull();
    await node.get(order.paymentId);
    expect(await node.clientSecret(order.paymentId)).toBeNull();
  });

  test('is null while Stripe cannot be asked: the order is shown without it', async () => {
    const at = await stripeNodes();
    const order = at.order();
    await at.node().open(order);
    at.standIn.faults.startOutage('unavailable');
    expect(await at.node().clientSecret(order.paymentId)).toBeNull();
  });

  test('is null where Stripe denies us: the order is shown without it, and people hear of it, once a minute', async () => {
    const at = await stripeNodes();
    const paymentIds = [1, 2, 3].map((number) => at.order(number).paymentId);
    for (const paymentId of paymentIds) at.table.rows.set(paymentId, `pi_of_another_account_${paymentId}`);
    const node = at.node();
    const denied = () => at.log.lines.filter(({ msg }) => `${msg}`.includes('denies'));
    for (const paymentId of paymentIds) expect(await node.clientSecret(paymentId)).toBeNull();
    expect(denied()).toMatchObject([{ level: 50, paymentId: paymentIds[0], untold: 0 }]);
    await at.time.advance(MINUTE);
    expect(await node.clientSecret(paymentIds[1])).toBeNull();
    expect(denied()).toMatchObject([{ untold: 0 }, { paymentId: paymentIds[1], untold: 2 }]);
  });

  test('is not asked for at each look at an order that has been paid, only now and then', async () => {
    const at = await stripeNodes();
    const order = at.order();
    await at.paid(at.node({ methods: ['card', 'sepa_debit'] }), order, 'pm_success_de');
    const node = at.node();
    for (let look = 0; look < 5; look++) expect(await node.clientSecret(order.paymentId)).toBeNull();
    expect(at.standIn.requests.get('GET /v1/payment_intents/:id')).toBe(1);
    await at.time.advance(MINUTE);
    await node.clientSecret(order.paymentId);
    expect(at.standIn.requests.get('GET /v1/payment_intents/:id')).toBe(2);
  });

  test('for a list is what this node remembers, without a call', async () => {
    const at = await stripeNodes();
    const order = at.order();
    const node = at.node();
    expect(node.rememberedSecret(order.paymentId)).toBeNull();
    const { clientSecret } = await node.open(order);
    const asked = [...at.standIn.requests.values()];
    expect(node.rememberedSecret(order.paymentId)).toBe(clientSecret);
    expect(at.node().rememberedSecret(order.paymentId)).toBeNull();
    expect([...at.standIn.requests.values()]).toEqual(asked);
    await node.cancel(order.paymentId);
    expect(node.rememberedSecret(order.paymentId)).toBeNull();
  });

  test('is neither kept in the table nor logged, also when things go wrong', async () => {
    const at = await stripeNodes();
    const order = at.order();
    const node = at.node();
    const secret = await at.paid(node, order);
    at.standIn.failNextCapture(at.books(order.paymentId)[0].id, 'declined');
    await node.capture(order.paymentId);
    at.standIn.faults.add({ path: /capture/ }, { kind: 'error', acts: false });
    await node
      .capture(order.paymentId)
      .catch((error: unknown) => at.log.log.error({ err: error }, 'as settlement does'));
    await node.refund({ refundId: 'rfd_1', paymentId: order.paymentId, amount: 1, currency: 'EUR', at: 0 });
    expect(JSON.stringify([...at.table.rows, ...at.log.lines])).not.toContain(secret.slice(-12));
  });
});
