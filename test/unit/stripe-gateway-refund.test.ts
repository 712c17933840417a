import { describe, expect, test } from 'vitest';
import { REFUND_LIMITS } from '../../src/payments/stripe/stripe-refunds.ts';
import { HOUR, MINUTE, refundOf, refusalOf, type StripeNodes, stripeNodes } from '../support/stripe-nodes.ts';

const REFUND = { method: 'POST', path: '/v1/refunds' } as const;
const LISTED = 'GET /v1/refunds';

/** An order whose money was taken. */
async function taken(at: StripeNodes, method = 'pm_card_visa', changes = {}) {
  const order = at.order(1, changes);
  const node = at.node();
  await at.paid(node, order, method);
  await node.capture(order.paymentId);
  return { node, order, paymentId: order.paymentId };
}

describe('giving money back', () => {
  test('once for each refund, however often and by whom it is asked, now and after the keys are pruned', async () => {
    const at = await stripeNodes();
    const { node, order, paymentId } = await taken(at);
    const [one, two] = [refundOf(at, order, 1_000, 1), refundOf(at, order, 3_000, 2)];
    const all = [node.refund(one), node.refund(two)];
    expect(await Promise.all(all)).toEqual(['done', 'done']);
    for (const later of [0, 13 * HOUR, 25 * HOUR]) {
      await at.time.advance(later);
      expect(await at.node().refund(one)).toBe('done');
      expect(await at.node().refund(two)).toBe('done');
    }
    expect(at.books(paymentId)).toMatchObject([{ captured: 5_000, refunded: 4_000 }]);
    expect(
      at
        .books(paymentId)[0]
        .refunds.map(({ metadata }) => metadata?.usher_refund)
        .sort(),
    ).toEqual([one.refundId, two.refundId].sort());
  });

  test('by its key alone while it is young: nothing is listed', async () => {
    const at = await stripeNodes();
    const { node, order } = await taken(at);
    expect(await node.refund(refundOf(at, order, 1_000))).toBe('done');
    expect(at.standIn.requests.get(LISTED)).toBeUndefined();
  });

  test('by two nodes at once: once', async () => {
    const at = await stripeNodes();
    const { node, order, paymentId } = await taken(at);
    const refund = refundOf(at, order, 1_000);
    const answers = await Promise.allSettled([node.refund(refund), at.node().refund(refund)]);
    for (const answer of answers) {
      if (answer.status === 'fulfilled') expect(answer.value).toBe('done');
      else expect(answer.reason).toMatchObject({ refusal: { code: 'UNAVAILABLE' } });
    }
    expect(at.books(paymentId)).toMatchObject([{ refunded: 1_000 }]);
  });

  test('never more than was taken', async () => {
    const at = await stripeNodes();
    const { node, order, paymentId } = await taken(at);
    expect(await node.refund(refundOf(at, order, 4_000, 1))).toBe('done');
    expect(await node.refund(refundOf(at, order, 1_001, 2))).toBe('failed');
    expect(await node.refund(refundOf(at, order, 1_000, 3))).toBe('done');
    expect(at.books(paymentId)).toMatchObject([{ captured: 5_000, refunded: 5_000 }]);
  });

  test.each([
    ['KWD', 10_000, 5_120, 5_120],
    ['ISK', 9_000, 500, 50_000],
    ['JPY', 9_000, 500, 500],
  ])('in %s in Stripe’s units', async (currency, amount, back, atStripe) => {
    const at = await stripeNodes();
    const { node, order, paymentId } = await taken(at, 'pm_card_visa', { currency, amount });
    expect(await node.refund(refundOf(at, order, back))).toBe('done');
    expect(at.books(paymentId)).toMatchObject([{ refunded: atStripe }]);
  });

  test.each([
    ['was only authorised', async (at: StripeNodes) => void (await at.paid(at.node(), at.order()))],
    [
      'was let go',
      async (at: StripeNodes) => {
        await at.paid(at.node(), at.order());
        await at.node().cancel(at.order().paymentId);
      },
    ],
    ['was never opened', async () => {}],
  ])('of what %s is no refund', async (_, prepare) => {
    const at = await stripeNodes();
    await prepare(at);
    const order = at.order();
    const before = at.books(order.paymentId);
    expect(await at.node().refund(refundOf(at, order, 5_000))).toBe('failed');
    expect(at.standIn.requests.get('POST /v1/refunds')).toBeUndefined();
    expect(at.books(order.paymentId)).toEqual(before);
    expect(at.log.lines).toContainEqual(expect.objectContaining({ level: 50 }));
  });

  test('that the buyer’s bank has taken back already fails, and people hear of it', async () => {
    const at = await stripeNodes();
    const { node, order, paymentId } = await taken(at);
    at.standIn.dispute(at.books(paymentId)[0].id);
    expect(await node.refund(refundOf(at, order, 5_000))).toBe('failed');
    expect(at.log.lines).toContainEqual(expect.objectContaining({ code: 'charge_disputed', level: 50 }));
    expect(at.books(paymentId)).toMatchObject([{ refunded: 0, withdrawn: 5_000 }]);
  });
});

describe('a refund that Stripe refuses', () => {
  test('for want of money there is given as soon as there is some, by any node', async () => {
    for (const isSameNode of [true, false]) {
      const at = await stripeNodes();
      const { node, order, paymentId } = await taken(at);
      const refund = refundOf(at, order, 1_000);
      at.standIn.faults.add(REFUND, { kind: 'refusal', code: 'balance_insufficient' });
      expect(await refusalOf(node.refund(refund))).toBe('UNAVAILABLE');
      await at.time.advance(MINUTE);
      expect(await (isSameNode ? node : at.node()).refund(refund)).toBe('done');
      expect(at.books(paymentId)).toMatchObject([{ refunded: 1_000 }]);
    }
  });

  test('as given back already, its first answer lost and its key forgotten, is done', async () => {
    const at = await stripeNodes();
    const { node, order, paymentId } = await taken(at);
    // Decided by a clock that was fast: it seems young enough to trust its key.
    const refund = { ...refundOf(at, order, 5_000), at: at.time.clock.now() + 20 * HOUR };
    at.standIn.faults.add(REFUND, { kind: 'drop-after' }, 2);
    expect(await refusalOf(node.refund(refund))).toBe('UNAVAILABLE');
    await at.time.advance(25 * HOUR);
    expect(await at.node().refund(refund)).toBe('done');
    expect(at.books(paymentId)).toMatchObject([{ refunded: 5_000 }]);
  });
});

describe('a refund that somebody has cancelled at Stripe', () => {
  test('is no refund any more, and made anew', async () => {
    const at = await stripeNodes({ account: { refundMs: null } });
    const { node, order, paymentId } = await taken(at, 'pm_card_pendingRefund');
    const refund = refundOf(at, order, 1_000);
    expect(await node.refund(refund)).toBe('pending');
    at.standIn.finishRefund(at.books(paymentId)[0].refunds[0].id, 'cancel');
    expect(await node.refund(refund)).toBe('pending');
    expect(
      at
        .books(paymentId)[0]
        .refunds.map(({ status }) => status)
        .sort(),
    ).toEqual(['canceled', 'pending']);
  });
});

describe('a crash while money is given back', () => {
  test.each(['drop-before', 'drop-after'] as const)('response lost (%s): once', async (kind) => {
    for (const later of [0, 13 * HOUR, 25 * HOUR]) {
      const at = await stripeNodes();
      const { node, order, paymentId } = await taken(at);
      const refund = refundOf(at, order, 1_000);
      at.standIn.faults.add(REFUND, { kind }, 2);
      expect(await refusalOf(node.refund(refund))).toBe('UNAVAILABLE');
      expect(at.books(paymentId)).toMatchObject([{ refunded: kind === 'drop-after' ? 1_000 : 0 }]);
      await at.time.advance(later);
      expect(await at.node().refund(refund)).toBe('done');
      expect(at.books(paymentId)).toMatchObject([{ refunded: 1_000 }]);
    }
  });

  test.each([true, false])('500 stored under the key (carried out: %s): once', async (acts) => {
    const at = await stripeNodes();
    const { node, order, paymentId } = await taken(at);
    const refund = refundOf(at, order, 1_000);
    at.standIn.faults.add(REFUND, { kind: 'error', acts });
    expect(await node.refund(refund)).toBe('done');
    for (const later of [0, 13 * HOUR, 25 * HOUR]) {
      await at.time.advance(later);
      expect(await at.node().refund(refund)).toBe('done');
    }
    expect(at.books(paymentId)).toMatchObject([{ refunded: 1_000 }]);
  });

  test('500 not stored under the key, which another node uses later: once', async () => {
    const at = await stripeNodes();
    const { node, order, paymentId } = await taken(at);
    const refund = refundOf(at, order, 1_000);
    at.standIn.faults.add(REFUND, { kind: 'error', acts: false, stored: false });
    expect(await node.refund(refund)).toBe('done');
    expect(await at.node().refund(refund)).toBe('done');
    expect(at.books(paymentId)).toMatchObject([{ refunded: 1_000 }]);
  });

  test.each([0, 13 * HOUR])('500 after 500, %i ms old: later, and once as soon as Stripe is well', async (age) => {
    const at = await stripeNodes();
    const { node, order, paymentId } = await taken(at);
    const refund = refundOf(at, order, 1_000);
    await at.time.advance(age);
    at.standIn.faults.add(REFUND, { kind: 'error', acts: false }, 100);
    // Each call meets what is stored, and a new failure or two.
    for (let call = 0; call < 5; call++) {
      expect(await refusalOf(node.refund(refund))).toBe('UNAVAILABLE');
      await at.time.advance(MINUTE);
    }
    at.standIn.faults.clear();
    const answers = await Promise.allSettled([node.refund(refund), at.node().refund(refund)]);
    expect(answers).toContainEqual({ status: 'fulfilled', value: 'done' });
    expect(await at.node().refund(refund)).toBe('done');
    expect(at.books(paymentId)).toMatchObject([{ refunded: 1_000 }]);
  });

  test('many stored 500s: each call goes on where the last one ended', async () => {
    const at = await stripeNodes();
    const { node, order, paymentId } = await taken(at);
    const refund = refundOf(at, order, 1_000);
    const failures = 2 * REFUND_LIMITS.steps;
    // Each is asked for once more, to know that it is stored; the last by the call that comes next.
    const requests = 2 * failures - 1;
    at.standIn.faults.add(REFUND, { kind: 'error', acts: false }, requests);
    const calls = failures / REFUND_LIMITS.failures;
    for (let call = 0; call < calls; call++) expect(await refusalOf(node.refund(refund))).toBe('UNAVAILABLE');
    expect(at.standIn.requests.get('POST /v1/refunds')).toBe(requests);
    // One that has just started has to find out.
    const other = at.node();
    const refused = await refusalOf(other.refund(refund));
    expect([refused, await refusalOf(other.refund(refund))]).toEqual(['UNAVAILABLE', 'UNAVAILABLE']);
    expect(await other.refund(refund)).toBe('done');
    expect(at.books(paymentId)).toMatchObject([{ refunded: 1_000 }]);
  });

  test('500, and Stripe away before what it did could be read: once', async () => {
    const at = await stripeNodes();
    const { node, order, paymentId } = await taken(at);
    const refund = refundOf(at, order, 1_000);
    at.standIn.faults.add(REFUND, { kind: 'error', acts: true });
    at.standIn.faults.add({ method: 'GET', path: '/v1/refunds' }, { kind: 'drop-before' }, 2);
    expect(await refusalOf(node.refund(refund))).toBe('UNAVAILABLE');
    expect(await at.node().refund(refund)).toBe('done');
    expect(at.books(paymentId)).toMatchObject([{ refunded: 1_000 }]);
  });

  test('Stripe away for half an hour: once', async () => {
    const at = await stripeNodes();
    const { node, order, paymentId } = await taken(at);
    const refund = refundOf(at, order, 5_000);
    at.standIn.faults.startOutage('unavailable', 30 * MINUTE);
    for (let minutes = 0; minutes < 30; minutes += 5) {
      expect(await refusalOf(node.refund(refund))).toBe('UNAVAILABLE');
      await at.time.advance(5 * MINUTE);
    }
    expect(await node.refund(refund)).toBe('done');
    expect(at.books(paymentId)).toMatchObject([{ refunded: 5_000 }]);
  });

  test.each(['rate-limit', 'lock-timeout'] as const)('%s: later, once', async (kind) => {
    const at = await stripeNodes();
    const { node, order, paymentId } = await taken(at);
    const refund = refundOf(at, order, 1_000);
    at.standIn.faults.add(REFUND, { kind });
    expect(await refusalOf(node.refund(refund))).toBe('UNAVAILABLE');
    expect(await node.refund(refund)).toBe('done');
    expect(at.books(paymentId)).toMatchObject([{ refunded: 1_000 }]);
  });
});

describe('a refund that the bank has not paid out', () => {
  const refundIdOf = (at: StripeNodes, paymentId: string, index: number): string =>
    at.books(paymentId)[0].refunds[index].id;

  test('is pending until it has, also for a repeat of the first answer', async () => {
    const at = await stripeNodes({ account: { refundMs: null } });
    const { node, order, paymentId } = await taken(at, 'pm_card_pendingRefund');
    const refund = refundOf(at, order, 1_000);
    expect(await node.refund(refund)).toBe('pending');
    expect(await node.refund(refund)).toBe('pending');
    at.standIn.finishRefund(refundIdOf(at, paymentId, 0), 'succeed');
    expect(await node.refund(refund)).toBe('done');
    expect(at.books(paymentId)).toMatchObject([{ refunded: 1_000, pendingRefunds: 0 }]);
  });

  test('and then sends it back is made anew under the next number, up to a limit', async () => {
    const at = await stripeNodes({ account: { refundMs: null } });
    const { node, order, paymentId } = await taken(at, 'pm_card_pendingRefund');
    const refund = refundOf(at, order, 1_000);
    for (let i = 0; i < REFUND_LIMITS.tries; i++) {
      expect(await node.refund(refund)).toBe('pending');
      expect(at.books(paymentId)[0].refunds).toHaveLength(i + 1);
      at.standIn.finishRefund(refundIdOf(at, paymentId, i), 'fail');
    }
    expect(await node.refund(refund)).toBe('failed');
    expect(await at.node().refund(refund)).toBe('failed');
    expect(at.books(paymentId)).toMatchObject([{ refunded: 0, failedRefunds: REFUND_LIMITS.tries * 1_000 }]);
  });

  test('is made anew by a node that has just started, also when a key before it was spoilt', async () => {
    const at = await stripeNodes({ account: { refundMs: null } });
    const { order, paymentId } = await taken(at, 'pm_card_pendingRefund');
    const refund = refundOf(at, order, 1_000);
    at.standIn.faults.add(REFUND, { kind: 'error', acts: false });
    expect(await at.node().refund(refund)).toBe('pending');
    at.standIn.finishRefund(at.books(paymentId)[0].refunds[0].id, 'fail');
    expect(await at.node().refund(refund)).toBe('pending');
    expect(at.books(paymentId)[0].refunds.map(({ status }) => status)).toEqual(['failed', 'pending']);
  });

  test('is given back once by the next try, also by a node that comes a day later', async () => {
    const at = await stripeNodes({ account: { refundMs: null } });
    const { node, order, paymentId } = await taken(at, 'pm_card_pendingRefund');
    const refund = refundOf(at, order, 1_000);
    await node.refund(refund);
    at.standIn.finishRefund(refundIdOf(at, paymentId, 0), 'fail');
    await at.time.advance(25 * HOUR);
    expect(await at.node().refund(refund)).toBe('pending');
    at.standIn.finishRefund(refundIdOf(at, paymentId, 1), 'succeed');
    await at.time.advance(25 * HOUR);
    expect(await at.node().refund(refund)).toBe('done');
    expect(at.books(paymentId)).toMatchObject([{ refunded: 1_000, failedRefunds: 1_000 }]);
  });
});
