import type Stripe from 'stripe';
import { expect, test } from 'vitest';
import { scopedId } from '../../src/ids.ts';
import type { BookedPayment } from '../../src/payments/payment-books.ts';
import { createStripeBooks } from '../../src/payments/stripe/stripe-books.ts';
import { type StripeForTest, stripeForTest } from '../support/stripe/for-test.ts';

const SHOW = 'shw_01k9zxh3m4q8r2v6w7y0t5b1cd';
const paymentId = (number: number): string => scopedId('pay', 1_790_000_000_000, SHOW, number);

const NOTHING = { isOpen: false, authorised: 0, captured: 0, refunded: 0, failedRefunds: 0, disputes: [] };

/** A payment of ours; paid with this method if there is one. */
async function payment(
  { stripe, standIn }: StripeForTest,
  number: number,
  { method = null as string | null, currency = 'eur', amount = 5_000 } = {},
): Promise<Stripe.PaymentIntent> {
  const intent = await stripe.paymentIntents.create({
    ...{ amount, currency, capture_method: 'manual', allowed_payment_method_types: ['card'] },
    metadata: { usher_payment: paymentId(number) },
  });
  if (method !== null) await standIn.browser.confirm(intent.client_secret ?? '', method);
  return intent;
}

async function captured(at: StripeForTest, number: number, parts = {}): Promise<string> {
  const { id } = await payment(at, number, { method: 'pm_card_visa', ...parts });
  await at.stripe.paymentIntents.capture(id);
  return id;
}

/** What the books have, by our id. */
async function read({ stripe }: StripeForTest): Promise<Map<string, BookedPayment>> {
  const all = new Map<string, BookedPayment>();
  for await (const page of createStripeBooks(stripe).all()) {
    for (const booked of page) all.set(booked.paymentId, booked);
  }
  return all;
}

test('each state of the money is told as it is, and never the release of an authorisation as a refund', async () => {
  const at = await stripeForTest({ account: { refundMs: null } });
  const { stripe, standIn } = at;
  await payment(at, 1);
  await payment(at, 2, { method: 'pm_card_visa' });
  await captured(at, 3);
  const { id: released } = await payment(at, 4, { method: 'pm_card_visa' });
  await stripe.paymentIntents.cancel(released);
  expect((await stripe.refunds.list({ payment_intent: released })).data).toHaveLength(1);
  const refunded = await captured(at, 5);
  await stripe.refunds.create({ payment_intent: refunded, amount: 1_000 });
  const failing = await stripe.refunds.create({ payment_intent: refunded, amount: 1_500 });
  standIn.finishRefund(failing.id, 'fail');
  const pending = await captured(at, 6, { method: 'pm_card_pendingRefund' });
  await stripe.refunds.create({ payment_intent: pending });
  const [open, won, lost] = [await captured(at, 7), await captured(at, 8), await captured(at, 9)].map((id) => {
    return standIn.dispute(id);
  });
  standIn.closeDispute(won, 'won');
  standIn.closeDispute(lost, 'lost');
  await captured(at, 10, { currency: 'isk', amount: 450_000 });
  await payment(at, 11, { method: 'pm_card_authenticationRequired' });

  const all = await read(at);
  const euros = { amount: 5_000, currency: 'EUR' };
  const expected: Record<number, Partial<BookedPayment>> = {
    1: { ...euros, isOpen: true },
    2: { ...euros, authorised: 5_000 },
    3: { ...euros, captured: 5_000 },
    4: euros,
    5: { ...euros, captured: 5_000, refunded: 1_000, failedRefunds: 1_500 },
    6: { ...euros, captured: 5_000, refunded: 5_000 },
    7: { ...euros, captured: 5_000, disputes: [{ id: open, status: 'open', withdrawn: 5_000 }] },
    8: { ...euros, captured: 5_000, disputes: [{ id: won, status: 'won', withdrawn: 0 }] },
    9: { ...euros, captured: 5_000, disputes: [{ id: lost, status: 'lost', withdrawn: 5_000 }] },
    // Stripe counts ISK in hundredths, ISO does not.
    10: { amount: 4_500, currency: 'ISK', captured: 4_500 },
    11: { ...euros, isOpen: true },
  };
  for (const [number, parts] of Object.entries(expected)) {
    const id = paymentId(Number(number));
    expect(all.get(id), number).toEqual({
      paymentId: id,
      reference: expect.stringMatching(/^pi_/),
      ...NOTHING,
      ...parts,
    });
  }
  expect(all.size).toBe(11);
});

test('other payments of the account are nobody else’s concern, and there may be many pages of them and of ours', async () => {
  const at = await stripeForTest();
  const others = { amount: 5_000, currency: 'eur', metadata: { shop: 'another' } };
  for (let i = 1; i <= 150; i++) {
    if (i % 3 === 0) await at.stripe.paymentIntents.create(others);
    const id = await captured(at, i);
    await at.stripe.refunds.create({ payment_intent: id, amount: i });
  }
  const all = await read(at);
  expect(all.size).toBe(150);
  for (let i = 1; i <= 150; i++) expect(all.get(paymentId(i))?.refunded).toBe(i);
  const totals = at.standIn.books.totals(({ usher_payment }) => usher_payment !== undefined).eur;
  const sum = (of: (booked: BookedPayment) => number) => [...all.values()].reduce((total, each) => total + of(each), 0);
  expect([sum(({ captured }) => captured), sum(({ refunded }) => refunded)]).toEqual([
    totals.captured,
    totals.refunded,
  ]);
});

test('books that cannot be read are none', async () => {
  const at = await stripeForTest();
  await captured(at, 1);
  await at.standIn.close();
  await expect(read(at)).rejects.toThrow();
});
