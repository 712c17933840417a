import { describe, expect, test, vi } from 'vitest';
import { HOUR, MINUTE, refusalOf, type StripeNodes, stripeNodes } from '../support/stripe-nodes.ts';

const CAPTURE = { method: 'POST', path: /\/capture$/ } as const;
const CANCEL = { method: 'POST', path: /\/cancel$/ } as const;
const LOOK = { method: 'GET', path: /\/v1\/payment_intents\/pi_/ } as const;
const IDEAL = { methods: ['card', 'ideal', 'sepa_debit'] };

/** An order whose buyer has paid by this method, and the node that opened it. */
async function paid(at: StripeNodes, method = 'pm_card_visa', options = {}) {
  const order = at.order();
  const node = at.node(options);
  const secret = await at.paid(node, order, method);
  const intentId = at.table.rows.get(order.paymentId) as string;
  return { node, order, secret, intentId, paymentId: order.paymentId };
}

describe('looking at a payment', () => {
  test.each([
    ['open', null],
    ['open', 'pm_card_chargeDeclined'],
    ['challenge', 'pm_card_authenticationRequired'],
    ['pending', 'pm_success_de'],
    ['authorised', 'pm_card_visa'],
    ['captured', 'pm_ideal_authorised'],
  ])('tells that it is %s (%s)', async (state, method) => {
    const at = await stripeNodes();
    const order = at.order();
    const node = at.node(IDEAL);
    if (method === null) await node.open(order);
    else await at.paid(node, order, method);
    expect(await node.get(order.paymentId)).toEqual({ id: order.paymentId, state, amount: 5_000, currency: 'EUR' });
  });

  test('tells that an authorisation has expired', async () => {
    const at = await stripeNodes();
    const { paymentId, intentId, node } = await paid(at);
    at.standIn.expireAuthorisation(intentId);
    expect(await node.get(paymentId)).toMatchObject({ state: 'cancelled' });
  });

  test.each([
    ['JPY', 5_000, 5_000],
    ['KWD', 5_120, 5_120],
    ['UGX', 5_000, 500_000],
    ['ISK', 900, 90_000],
    ['MGA', 90_000, 900],
  ])('tells amounts in %s in its own minor units', async (currency, amount, atStripe) => {
    const at = await stripeNodes();
    const order = at.order(1, { currency, amount });
    await at.paid(at.node(), order);
    const [book] = at.books(order.paymentId);
    expect(book).toMatchObject({ currency: currency.toLowerCase(), authorised: atStripe });
    expect(await at.node().get(order.paymentId)).toMatchObject({ amount, currency });
    expect(await at.node().capture(order.paymentId)).toMatchObject({ amount, currency, state: 'captured' });
  });

  test('of which only a part was captured tells that part', async () => {
    const at = await stripeNodes();
    const { paymentId, intentId } = await paid(at);
    await at.stripe.paymentIntents.capture(intentId, { amount_to_capture: 3_000 });
    expect(await at.node().get(paymentId)).toMatchObject({ state: 'captured', amount: 3_000 });
  });

  test('is null for one that was never opened, and asks nobody while it is young', async () => {
    const at = await stripeNodes();
    const { paymentId } = at.order();
    expect(await at.node().get(paymentId)).toBeNull();
    expect(at.standIn.requests.size).toBe(0);
    await at.time.advance(5 * MINUTE);
    expect(await at.node().get(paymentId)).toBeNull();
  });

  test('finds one that the table has lost to an older backup, and enters it again', async () => {
    const at = await stripeNodes();
    const { paymentId, intentId } = await paid(at);
    at.table.rows.clear();
    await at.time.advance(5 * MINUTE);
    expect(await at.node().get(paymentId)).toMatchObject({ state: 'authorised' });
    expect(at.table.rows.get(paymentId)).toBe(intentId);
  });

  test('finds, of several that say they are its own, the one where the money is', async () => {
    const at = await stripeNodes();
    const { order, paymentId, intentId } = await paid(at);
    // Stripe lists the newest first, and this one is newer.
    const metadata = { usher_payment: paymentId, usher_order: order.orderId };
    await at.time.advance(MINUTE);
    await at.stripe.paymentIntents.create({ amount: 5_000, currency: 'eur', metadata });
    at.table.rows.clear();
    await at.time.advance(5 * MINUTE);
    expect(await at.node().get(paymentId)).toMatchObject({ state: 'authorised' });
    expect(at.table.rows.get(paymentId)).toBe(intentId);
  });

  test('believes no intent that says it is another payment’s', async () => {
    const at = await stripeNodes();
    const { intentId, order } = await paid(at);
    const other = at.order(2);
    at.table.rows.set(other.paymentId, intentId);
    await expect(at.node().get(other.paymentId)).rejects.toThrow('is not the intent of');
    await expect(at.node().capture(other.paymentId)).rejects.toThrow('is not the intent of');
    await expect(at.node().cancel(other.paymentId)).rejects.toThrow('is not the intent of');
    expect(at.books(order.paymentId)).toMatchObject([{ captured: 0, status: 'requires_capture' }]);
  });

  test('that Stripe does not know, with the keys of another account, is not called cancelled', async () => {
    const at = await stripeNodes();
    const { paymentId } = at.order();
    at.table.rows.set(paymentId, 'pi_unknown');
    expect(await refusalOf(at.node().get(paymentId))).toBe('UNAVAILABLE');
    expect(JSON.stringify(at.log.lines)).toContain('404');
  });
});

describe('capturing', () => {
  test('takes the money once, however often and by whom it is asked', async () => {
    const at = await stripeNodes();
    const { paymentId, node } = await paid(at);
    const other = at.node();
    const captured = { state: 'captured', amount: 5_000, currency: 'EUR' };
    expect(await node.capture(paymentId)).toMatchObject(captured);
    expect(await other.capture(paymentId)).toMatchObject(captured);
    await at.time.advance(25 * HOUR);
    expect(await other.capture(paymentId)).toMatchObject(captured);
    expect(at.books(paymentId)).toMatchObject([{ captured: 5_000, captures: 1 }]);
  });

  test.each(['drop-before', 'drop-after'] as const)(
    'connection lost (%s): the next node captures once',
    async (kind) => {
      const at = await stripeNodes();
      const { paymentId, node } = await paid(at);
      at.standIn.faults.add(CAPTURE, { kind }, 2);
      const first = await node.capture(paymentId).catch(({ refusal }) => refusal);
      expect(first).toMatchObject(kind === 'drop-after' ? { state: 'captured' } : { code: 'UNAVAILABLE' });
      expect(await at.node().capture(paymentId)).toMatchObject({ state: 'captured' });
      expect(at.books(paymentId)).toMatchObject([{ captured: 5_000, captures: 1 }]);
    },
  );

  test.each([true, false])('500 stored under the key (carried out: %s): captured once', async (acts) => {
    const at = await stripeNodes();
    const { paymentId, node } = await paid(at);
    at.standIn.faults.add(CAPTURE, { kind: 'error', acts });
    expect(await node.capture(paymentId)).toMatchObject({ state: 'captured' });
    expect(await at.node().capture(paymentId)).toMatchObject({ state: 'captured' });
    expect(at.books(paymentId)).toMatchObject([{ captured: 5_000, captures: 1 }]);
  });

  test('500 after 500: later, and captured once as soon as Stripe is well', async () => {
    const at = await stripeNodes();
    const { paymentId, node } = await paid(at);
    at.standIn.faults.add(CAPTURE, { kind: 'error', acts: false }, 10);
    for (let call = 0; call < 5; call++) expect(await refusalOf(node.capture(paymentId))).toBe('UNAVAILABLE');
    expect(at.standIn.requests.get('POST /v1/payment_intents/:id/capture')).toBeLessThanOrEqual(10);
    at.standIn.faults.clear();
    expect(await at.node().capture(paymentId)).toMatchObject({ state: 'captured' });
    expect(at.books(paymentId)).toMatchObject([{ captures: 1 }]);
  });

  test('refused for a while: captured as soon as it is not, by any node', async () => {
    for (const isSameNode of [true, false]) {
      const at = await stripeNodes();
      const { paymentId, node } = await paid(at);
      at.standIn.faults.add(CAPTURE, { kind: 'refusal', code: 'account_closed_for_now' });
      await expect(node.capture(paymentId)).rejects.toThrow('account_closed_for_now');
      expect(await (isSameNode ? node : at.node()).capture(paymentId)).toMatchObject({ state: 'captured' });
      expect(at.books(paymentId)).toMatchObject([{ captures: 1 }]);
    }
  });

  test('a call that takes too long is given up, and what it does in the end is found', async () => {
    const at = await stripeNodes();
    const { paymentId, node } = await paid(at);
    at.standIn.faults.add(CAPTURE, { kind: 'delay', ms: MINUTE });
    const capturing = refusalOf(node.capture(paymentId));
    await vi.waitFor(() => expect(at.standIn.requests.get('POST /v1/payment_intents/:id/capture')).toBe(1));
    await at.time.advance(MINUTE / 2);
    expect(await capturing).toBe('UNAVAILABLE');
    expect(node.figures()).toMatchObject({ timeouts: 1, inFlight: 0 });
    await at.time.advance(MINUTE);
    await vi.waitFor(() => expect(at.books(paymentId)).toMatchObject([{ captures: 1 }]));
    expect(await node.capture(paymentId)).toMatchObject({ state: 'captured' });
    expect(at.books(paymentId)).toMatchObject([{ captured: 5_000, captures: 1 }]);
  });

  test('answer lost, and the look after it too: nothing is said until it is known', async () => {
    const at = await stripeNodes();
    const { paymentId, node } = await paid(at);
    at.standIn.faults.add(CAPTURE, { kind: 'drop-after' }, 2);
    at.standIn.faults.add(LOOK, { kind: 'drop-before' }, 2);
    expect(await refusalOf(node.capture(paymentId))).toBe('UNAVAILABLE');
    expect(await at.node().capture(paymentId)).toMatchObject({ state: 'captured' });
    expect(at.books(paymentId)).toMatchObject([{ captures: 1 }]);
  });

  test.each(['declined', 'expired'] as const)(
    '%s fails for good, and no later confirmation succeeds',
    async (fault) => {
      const at = await stripeNodes();
      const { paymentId, intentId, secret, node } = await paid(at);
      at.standIn.failNextCapture(intentId, fault);
      expect(await node.capture(paymentId)).toMatchObject({ state: 'failed', amount: 5_000 });
      const { status } = await at.standIn.browser.confirm(secret, 'pm_card_visa');
      expect(status).toBe(400);
      expect(await at.node().capture(paymentId)).toMatchObject({ state: 'failed' });
      expect(await at.node().get(paymentId)).toMatchObject({ state: 'cancelled' });
      expect(at.books(paymentId)).toMatchObject([{ captured: 0, authorised: 0, status: 'canceled' }]);
    },
  );

  test('declined with the answer lost fails on the next node, also when the key is pruned', async () => {
    for (const later of [0, 25 * HOUR]) {
      const at = await stripeNodes();
      const { paymentId, intentId, node } = await paid(at);
      at.standIn.failNextCapture(intentId, 'declined');
      at.standIn.faults.add(CAPTURE, { kind: 'drop-after' }, 2);
      at.standIn.faults.add(LOOK, { kind: 'drop-before' }, 2);
      expect(await refusalOf(node.capture(paymentId))).toBe('UNAVAILABLE');
      await at.time.advance(later);
      expect(await at.node().capture(paymentId)).toMatchObject({ state: 'failed' });
      expect(at.books(paymentId)).toMatchObject([{ captured: 0, status: 'canceled' }]);
    }
  });

  test('declined, and Stripe away before it could be cancelled: it is cancelled when it is back', async () => {
    const at = await stripeNodes();
    const { paymentId, intentId, secret, node } = await paid(at);
    at.standIn.failNextCapture(intentId, 'declined');
    at.standIn.faults.add(CANCEL, { kind: 'drop-before' }, 2);
    expect(await refusalOf(node.capture(paymentId))).toBe('UNAVAILABLE');
    // Meanwhile the buyer tries again: that authorisation is not ours to take.
    await at.standIn.browser.confirm(secret, 'pm_card_visa');
    expect(await at.node().capture(paymentId)).toMatchObject({ state: 'failed' });
    expect(at.books(paymentId)).toMatchObject([{ captured: 0, authorised: 0, status: 'canceled' }]);
  });

  test('after the authorisation expired fails, and so after somebody cancelled it', async () => {
    const at = await stripeNodes();
    const { paymentId, node } = await paid(at);
    await at.time.advance(8 * 24 * HOUR);
    expect(await node.capture(paymentId)).toMatchObject({ state: 'failed' });
  });

  test('what settled at once is captured already', async () => {
    const at = await stripeNodes();
    const { paymentId, node } = await paid(at, 'pm_ideal_authorised', IDEAL);
    expect(await node.capture(paymentId)).toMatchObject({ state: 'captured' });
    expect(at.books(paymentId)).toMatchObject([{ captures: 1 }]);
  });

  test('racing a cancellation ends in one of both, and both tell it', async () => {
    for (let i = 0; i < 20; i++) {
      const at = await stripeNodes();
      const { paymentId, node } = await paid(at);
      const [captured, cancelled] = await Promise.all([node.capture(paymentId), at.node().cancel(paymentId)]);
      const isTaken = at.books(paymentId)[0].captured === 5_000;
      expect([captured.state, cancelled.state]).toEqual(isTaken ? ['captured', 'captured'] : ['failed', 'cancelled']);
    }
  });

  test('of what was never opened is an error', async () => {
    const at = await stripeNodes();
    await expect(at.node().capture(at.order().paymentId)).rejects.toThrow('never opened');
  });

  test.each(['rate-limit', 'lock-timeout'] as const)('%s: later, with the same key', async (kind) => {
    const at = await stripeNodes();
    const { paymentId, node } = await paid(at);
    at.standIn.faults.add(CAPTURE, { kind });
    expect(await refusalOf(node.capture(paymentId))).toBe('UNAVAILABLE');
    expect(await node.capture(paymentId)).toMatchObject({ state: 'captured' });
  });
});

describe('cancelling', () => {
  test.each([
    ['open', 'pm_card_chargeDeclined'],
    ['challenge', 'pm_card_authenticationRequired'],
    ['authorised', 'pm_card_visa'],
  ])('lets go of what is %s, and no later confirmation succeeds', async (_, method) => {
    const at = await stripeNodes();
    const { paymentId, secret, node } = await paid(at, method);
    expect(await node.cancel(paymentId)).toEqual({ id: paymentId, state: 'cancelled', amount: 5_000, currency: 'EUR' });
    expect((await at.standIn.browser.confirm(secret, 'pm_card_visa')).status).toBe(400);
    expect(await at.node().cancel(paymentId)).toMatchObject({ state: 'cancelled' });
    expect(at.books(paymentId)).toMatchObject([{ authorised: 0, captured: 0, status: 'canceled' }]);
  });

  test('cannot undo what is captured, and leaves to the bank what it is deciding', async () => {
    const at = await stripeNodes();
    const captured = await paid(at);
    await captured.node.capture(captured.paymentId);
    expect(await at.node().cancel(captured.paymentId)).toMatchObject({ state: 'captured', amount: 5_000 });
    const order = at.order(2);
    const node = at.node(IDEAL);
    await at.paid(node, order, 'pm_success_de');
    expect(await node.cancel(order.paymentId)).toMatchObject({ state: 'pending' });
    at.standIn.settleDelayed(at.table.rows.get(order.paymentId) as string, 'fail');
    expect(await node.cancel(order.paymentId)).toMatchObject({ state: 'cancelled' });
  });

  test('also what the bank is still deciding, where Stripe allows it', async () => {
    const at = await stripeNodes({ account: { cancelsProcessing: true } });
    const { paymentId, node } = await paid(at, 'pm_success_de', IDEAL);
    expect(await node.cancel(paymentId)).toMatchObject({ state: 'cancelled' });
  });

  test('of what was never opened counts, for ever', async () => {
    const at = await stripeNodes();
    const order = at.order();
    expect(await at.node().cancel(order.paymentId)).toMatchObject({ state: 'cancelled' });
    expect(await at.node().cancel(order.paymentId)).toMatchObject({ state: 'cancelled' });
    expect(await refusalOf(at.node().open(order))).toBe('ORDER_NOT_PAYABLE');
  });

  test('finds an intent whose id was never persisted', async () => {
    const at = await stripeNodes();
    const order = at.order();
    at.table.failingKeeps = 1;
    await refusalOf(at.node().open(order));
    expect(await at.node().cancel(order.paymentId)).toMatchObject({ state: 'cancelled', amount: 5_000 });
    expect(at.books(order.paymentId)).toMatchObject([{ status: 'canceled' }]);
  });

  test('of many that were never opened, as after an outage, reads Stripe’s list once for all of them', async () => {
    const at = await stripeNodes();
    const orders = Array.from({ length: 200 }, (_, index) => at.order(index));
    at.table.failingKeeps = 1;
    await refusalOf(at.node().open(orders[7]));
    await at.time.advance(10 * MINUTE);
    const node = at.node();
    const cancelled = await Promise.all(orders.map(({ paymentId }) => node.cancel(paymentId)));
    expect(cancelled.filter(({ state }) => state === 'cancelled')).toHaveLength(200);
    expect(at.standIn.requests.get('GET /v1/payment_intents')).toBeLessThanOrEqual(3);
    expect(at.books(orders[7].paymentId)).toMatchObject([{ status: 'canceled' }]);
    expect(await Promise.all(orders.map(({ paymentId }) => node.get(paymentId)))).toHaveLength(200);
    expect(at.standIn.requests.get('GET /v1/payment_intents')).toBeLessThanOrEqual(3);
  });

  test.each(['drop-before', 'drop-after'] as const)('connection lost (%s): the next try finds out', async (kind) => {
    const at = await stripeNodes();
    const { paymentId, node } = await paid(at);
    at.standIn.faults.add(CANCEL, { kind }, 2);
    const first = await node.cancel(paymentId).catch(({ refusal }) => refusal);
    expect(first).toMatchObject(kind === 'drop-after' ? { state: 'cancelled' } : { code: 'UNAVAILABLE' });
    expect(await at.node().cancel(paymentId)).toMatchObject({ state: 'cancelled' });
    expect(at.books(paymentId)).toMatchObject([{ authorised: 0, status: 'canceled' }]);
  });

  test.each([true, false])('500 (carried out: %s): cancelled', async (acts) => {
    const at = await stripeNodes();
    const { paymentId, node } = await paid(at);
    at.standIn.faults.add(CANCEL, { kind: 'error', acts });
    expect(await node.cancel(paymentId)).toMatchObject({ state: 'cancelled' });
    expect(at.books(paymentId)).toMatchObject([{ status: 'canceled' }]);
  });

  test('while another call has the payment: later', async () => {
    const at = await stripeNodes();
    const { paymentId, node } = await paid(at);
    at.standIn.faults.add(CANCEL, { kind: 'lock-timeout' });
    expect(await refusalOf(node.cancel(paymentId))).toBe('UNAVAILABLE');
    expect(await node.cancel(paymentId)).toMatchObject({ state: 'cancelled' });
  });

  test('overtaken by the buyer’s confirmation lets that go too, or tells that it was taken', async () => {
    const at = await stripeNodes();
    const node = at.node(IDEAL);
    const [card, ideal] = [at.order(1), at.order(2)];
    for (const [order, method, end] of [
      [card, 'pm_card_visa', 'cancelled'],
      [ideal, 'pm_ideal_authorised', 'captured'],
    ] as const) {
      const { clientSecret } = await node.open(order);
      at.standIn.faults.onRequest(CANCEL, async () => void (await at.standIn.browser.confirm(clientSecret, method)), 1);
      expect(await node.cancel(order.paymentId)).toMatchObject({ state: end });
    }
    expect(at.books(card.paymentId)).toMatchObject([{ captured: 0, authorised: 0 }]);
    expect(at.books(ideal.paymentId)).toMatchObject([{ captured: 5_000 }]);
  });
});

describe('Stripe away for half an hour', () => {
  test.each(['reset', 'unavailable'] as const)(
    '(%s): calls are refused at once, and all goes on when it is back',
    async (mode) => {
      const at = await stripeNodes();
      const node = at.node();
      const [toCapture, toCancel, toOpen] = [at.order(1), at.order(2), at.order(3)];
      await at.paid(node, toCapture);
      await at.paid(node, toCancel);
      at.standIn.faults.startOutage(mode, 30 * MINUTE);
      const tryAll = () => [node.capture(toCapture.paymentId), node.cancel(toCancel.paymentId), node.open(toOpen)];
      for (let minutes = 0; minutes < 30; minutes += 3) {
        const answers = await Promise.allSettled(tryAll());
        for (const answer of answers) {
          expect(answer).toMatchObject({ status: 'rejected', reason: { refusal: { code: 'UNAVAILABLE' } } });
        }
        await at.time.advance(3 * MINUTE);
      }
      const { failures, refused, openings } = node.figures();
      expect(openings).toBeGreaterThan(3);
      expect(refused).toBeGreaterThan(failures);
      // One trial closes the breaker, so that the second round passes at the latest.
      await Promise.allSettled(tryAll());
      await at.time.advance(MINUTE);
      const states = await Promise.all(tryAll());
      expect(states.map((state) => ('state' in state ? state.state : 'opened'))).toEqual([
        'captured',
        'cancelled',
        'opened',
      ]);
      expect(node.figures().state).toBe('closed');
      expect(at.standIn.books.totals()).toMatchObject({
        eur: { payments: 3, captured: 5_000, authorised: 0, mostCaptures: 1 },
      });
    },
  );
});
