import Stripe from 'stripe';
import { describe, expect, test } from 'vitest';
import { type StripeForTest, stripeForTest } from '../support/stripe/for-test.ts';

const DAY_MS = 86_400_000;

/** Cards are captured later; what cannot be captured later settles at once. */
const MIXED: Stripe.PaymentIntentCreateParams = {
  amount: 5000,
  currency: 'eur',
  payment_method_options: { card: { capture_method: 'manual' } },
};

const CARD: Stripe.PaymentIntentCreateParams = {
  amount: 5000,
  currency: 'eur',
  allowed_payment_method_types: ['card'],
  capture_method: 'manual',
};

/** A payment that its buyer has confirmed with this method. */
async function confirmed(
  { stripe, standIn }: StripeForTest,
  method: string,
  params: Stripe.PaymentIntentCreateParams = MIXED,
): Promise<Stripe.PaymentIntent> {
  const { id, client_secret } = await stripe.paymentIntents.create(params);
  await standIn.browser.confirm(client_secret ?? '', method);
  return stripe.paymentIntents.retrieve(id, { expand: ['latest_charge'] });
}

const taken = (at: StripeForTest, params = CARD): Promise<Stripe.PaymentIntent> =>
  confirmed(at, 'pm_card_visa', { ...params, capture_method: 'automatic' });

const chargeOf = ({ latest_charge }: Stripe.PaymentIntent): Stripe.Charge => latest_charge as Stripe.Charge;

async function refusal(call: Promise<unknown>): Promise<Stripe.StripeRawError & { statusCode?: number }> {
  const error = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof Stripe.errors.StripeError)) throw new Error('it was not refused');
  return { ...(error.raw as Stripe.StripeRawError), statusCode: error.statusCode ?? 0 };
}

describe('a payment by card that is captured later', () => {
  test('waits for a method, is authorised by its buyer, and captured by the seller', async () => {
    const at = await stripeForTest();
    const created = await at.stripe.paymentIntents.create({ ...MIXED, metadata: { order: '7' } });
    expect(created).toMatchObject({ status: 'requires_payment_method', amount_capturable: 0, latest_charge: null });

    const { paymentIntent } = await at.standIn.browser.confirm(created.client_secret ?? '', 'pm_card_visa');
    expect(paymentIntent).toMatchObject({ id: created.id, status: 'requires_capture' });
    expect(at.standIn.books.payment(created.id)).toMatchObject({ authorised: 5000, captured: 0, captures: 0 });

    const captured = await at.stripe.paymentIntents.capture(created.id, {}, { idempotencyKey: 'c' });
    expect(captured).toMatchObject({ status: 'succeeded', amount_received: 5000, amount_capturable: 0 });
    expect(at.standIn.books.payment(created.id)).toMatchObject({
      metadata: { order: '7' },
      authorised: 0,
      captured: 5000,
      captures: 1,
    });
  });

  test('is not captured twice', async () => {
    const at = await stripeForTest();
    const { id } = await confirmed(at, 'pm_card_visa');
    await at.stripe.paymentIntents.capture(id);
    expect(await refusal(at.stripe.paymentIntents.capture(id))).toMatchObject({
      statusCode: 400,
      code: 'payment_intent_unexpected_state',
      payment_intent: { id, status: 'succeeded' },
    });
    expect(at.standIn.books.payment(id)).toMatchObject({ captured: 5000, captures: 1 });
  });

  test('lets go of what a partial capture leaves', async () => {
    const at = await stripeForTest();
    const { id } = await confirmed(at, 'pm_card_visa');
    expect(await refusal(at.stripe.paymentIntents.capture(id, { amount_to_capture: 5001 }))).toMatchObject({
      code: 'amount_too_large',
    });
    const captured = await at.stripe.paymentIntents.capture(id, {
      amount_to_capture: 3000,
      expand: ['latest_charge'],
    });
    expect(captured).toMatchObject({ status: 'succeeded', amount: 5000, amount_received: 3000, amount_capturable: 0 });
    expect(chargeOf(captured)).toMatchObject({ amount_captured: 3000, amount_refunded: 2000, refunded: false });
    expect(at.standIn.books.payment(id)).toMatchObject({ captured: 3000, refunded: 0, refunds: [] });
    expect(await refusal(at.stripe.refunds.create({ payment_intent: id, amount: 3001 }))).toMatchObject({
      param: 'amount',
    });
  });

  test('is cancelled without money having moved', async () => {
    const at = await stripeForTest();
    const { id } = await confirmed(at, 'pm_card_visa');
    const cancelled = await at.stripe.paymentIntents.cancel(id, { cancellation_reason: 'abandoned' });
    expect(cancelled).toMatchObject({ status: 'canceled', cancellation_reason: 'abandoned', amount_capturable: 0 });
    expect(at.standIn.books.payment(id)).toMatchObject({ authorised: 0, captured: 0, refunded: 0, refunds: [] });
    for (const call of [
      at.stripe.paymentIntents.capture(id),
      at.stripe.paymentIntents.cancel(id),
      at.stripe.paymentIntents.confirm(id, { payment_method: 'pm_card_visa', return_url: 'https://usher.example' }),
    ]) {
      expect(await refusal(call)).toMatchObject({ code: 'payment_intent_unexpected_state' });
    }
  });

  test('expires after seven days, and then cannot be captured', async () => {
    const at = await stripeForTest();
    const { id } = await confirmed(at, 'pm_card_visa');
    await at.time.advance(7 * DAY_MS - 1);
    expect(await at.stripe.paymentIntents.retrieve(id)).toMatchObject({ status: 'requires_capture' });
    await at.time.advance(1);
    expect(await refusal(at.stripe.paymentIntents.capture(id))).toMatchObject({
      code: 'payment_intent_unexpected_state',
      payment_intent: { status: 'canceled', cancellation_reason: 'automatic' },
    });
    expect((await at.stripe.refunds.list({ payment_intent: id })).data).toMatchObject([
      { reason: 'expired_uncaptured_charge', amount: 5000 },
    ]);
    const types = (await at.stripe.events.list({ types: ['charge.expired', 'payment_intent.canceled'] })).data;
    expect(types.map(({ type }) => type)).toEqual(['payment_intent.canceled', 'charge.expired']);
  });

  test.each([
    ['expired', 400, 'charge_expired_for_capture', 'canceled'],
    ['declined', 402, 'card_declined', 'requires_payment_method'],
  ] as const)('fails for good when its capture is %s', async (fault, statusCode, code, status) => {
    const at = await stripeForTest();
    const { id } = await confirmed(at, 'pm_card_visa');
    at.standIn.failNextCapture(id, fault);
    expect(await refusal(at.stripe.paymentIntents.capture(id))).toMatchObject({
      statusCode,
      code,
      payment_intent: { status },
    });
    expect(await refusal(at.stripe.paymentIntents.capture(id))).toMatchObject({
      code: 'payment_intent_unexpected_state',
    });
    expect(at.standIn.books.payment(id)).toMatchObject({ captured: 0, captures: 0, authorised: 0 });
  });
});

describe('a card', () => {
  test.each([
    ['pm_card_chargeDeclined', 'generic_decline'],
    ['pm_card_chargeDeclinedInsufficientFunds', 'insufficient_funds'],
  ])('%s is declined, and another one may pay', async (method, declineCode) => {
    const at = await stripeForTest();
    const { id, client_secret } = await at.stripe.paymentIntents.create(MIXED);
    const answer = await at.standIn.browser.confirm(client_secret ?? '', method);
    expect(answer).toMatchObject({
      status: 402,
      error: { type: 'card_error', code: 'card_declined', decline_code: declineCode },
    });
    expect(await at.stripe.paymentIntents.retrieve(id)).toMatchObject({
      status: 'requires_payment_method',
      last_payment_error: { code: 'card_declined' },
      payment_method: null,
    });
    await at.standIn.browser.confirm(client_secret ?? '', 'pm_card_visa');
    expect(await at.stripe.paymentIntents.retrieve(id)).toMatchObject({
      status: 'requires_capture',
      last_payment_error: null,
    });
  });

  test('asks for authentication, which the buyer passes', async () => {
    const at = await stripeForTest();
    const { id } = await confirmed(at, 'pm_card_authenticationRequired');
    expect(await at.stripe.paymentIntents.retrieve(id)).toMatchObject({
      status: 'requires_action',
      next_action: { type: 'redirect_to_url' },
    });
    at.standIn.authenticate(id, 'ok');
    expect(await at.stripe.paymentIntents.retrieve(id)).toMatchObject({
      status: 'requires_capture',
      next_action: null,
    });
  });

  test('asks for authentication, which the buyer fails', async () => {
    const at = await stripeForTest();
    const { id } = await confirmed(at, 'pm_card_authenticationRequired');
    at.standIn.authenticate(id, 'fail');
    expect(await at.stripe.paymentIntents.retrieve(id)).toMatchObject({
      status: 'requires_payment_method',
      last_payment_error: { code: 'payment_intent_authentication_failure' },
    });
  });

  test('that asks for authentication is declined when the buyer is not there', async () => {
    const { stripe } = await stripeForTest();
    const call = stripe.paymentIntents.create({
      ...CARD,
      confirm: true,
      off_session: true,
      payment_method: 'pm_card_authenticationRequired',
    });
    expect(await refusal(call)).toMatchObject({ code: 'authentication_required', statusCode: 402 });
  });
});

describe('methods that cannot be captured later', () => {
  test('are not offered, and are refused by name, where everything is captured later', async () => {
    const at = await stripeForTest();
    const manual = { amount: 5000, currency: 'eur', capture_method: 'manual' } as const;
    const { id, client_secret, payment_method_types } = await at.stripe.paymentIntents.create(manual);
    expect(payment_method_types).toEqual(['card']);
    for (const method of ['pm_ideal', 'pm_success_de']) {
      expect(await at.standIn.browser.confirm(client_secret ?? '', method)).toMatchObject({
        status: 400,
        error: { code: 'payment_intent_incompatible_payment_method' },
      });
    }
    expect(await at.stripe.paymentIntents.retrieve(id)).toMatchObject({ status: 'requires_payment_method' });
  });

  test('are left out of those allowed; an error if none is left', async () => {
    const { stripe } = await stripeForTest();
    const allowing = (...types: ('card' | 'ideal' | 'us_bank_account')[]) =>
      stripe.paymentIntents.create({ ...CARD, allowed_payment_method_types: types });
    expect((await allowing('ideal', 'card')).payment_method_types).toEqual(['card']);
    expect(await refusal(allowing('ideal'))).toMatchObject({ param: 'allowed_payment_method_types' });
    const { payment_method_types } = await stripe.paymentIntents.create({
      ...MIXED,
      excluded_payment_method_types: ['sepa_debit', 'bancontact'],
    });
    expect(payment_method_types).toEqual(['card', 'ideal']);
  });

  test('have no capture method of their own', async () => {
    const { stripe } = await stripeForTest();
    const call = stripe.paymentIntents.create({
      ...MIXED,
      payment_method_options: { ideal: { capture_method: 'manual' } as object },
    });
    expect(await refusal(call)).toMatchObject({
      code: 'parameter_unknown',
      param: 'payment_method_options[ideal][capture_method]',
    });
  });

  test('take their money at once beside cards that are captured later', async () => {
    const at = await stripeForTest();
    const { id } = await confirmed(at, 'pm_ideal_authorised');
    expect(await at.stripe.paymentIntents.retrieve(id)).toMatchObject({ status: 'succeeded', amount_received: 5000 });
    expect(at.standIn.books.payment(id)).toMatchObject({ captured: 5000, captures: 1 });
    expect(await refusal(at.stripe.paymentIntents.cancel(id))).toMatchObject({
      code: 'payment_intent_unexpected_state',
    });
  });

  test('send the buyer to her bank first', async () => {
    const at = await stripeForTest();
    const { id } = await confirmed(at, 'pm_ideal');
    expect(await at.stripe.paymentIntents.retrieve(id)).toMatchObject({
      status: 'requires_action',
      next_action: { redirect_to_url: { return_url: 'https://usher.example/paid' } },
    });
    at.standIn.authenticate(id, 'ok');
    expect(await at.stripe.paymentIntents.retrieve(id)).toMatchObject({ status: 'succeeded' });
  });

  test('may take days, and then bring the money or not', async () => {
    const at = await stripeForTest();
    const good = await confirmed(at, 'pm_success_de');
    const bad = await confirmed(at, 'pm_failed_de');
    expect([good.status, bad.status]).toEqual(['processing', 'processing']);
    expect(await refusal(at.stripe.paymentIntents.cancel(good.id))).toMatchObject({
      code: 'payment_intent_unexpected_state',
    });
    at.standIn.settleDelayed(good.id, 'succeed');
    at.standIn.settleDelayed(bad.id, 'fail');
    expect(at.standIn.books.payment(good.id)).toMatchObject({ status: 'succeeded', captured: 5000, captures: 1 });
    expect(at.standIn.books.payment(bad.id)).toMatchObject({ status: 'requires_payment_method', captured: 0 });
  });

  test('that take days are decided by themselves if so wished', async () => {
    const at = await stripeForTest({ account: { delayedMs: DAY_MS } });
    const good = await confirmed(at, 'pm_success_de');
    const bad = await confirmed(at, 'pm_failed_de');
    await at.time.advance(DAY_MS);
    expect(await at.stripe.paymentIntents.retrieve(good.id)).toMatchObject({ status: 'succeeded' });
    expect(await at.stripe.paymentIntents.retrieve(bad.id)).toMatchObject({ status: 'requires_payment_method' });
  });

  test('belong to their currencies', async () => {
    const { stripe } = await stripeForTest();
    expect((await stripe.paymentIntents.create({ amount: 5000, currency: 'usd' })).payment_method_types).toEqual([
      'card',
      'us_bank_account',
    ]);
    const call = stripe.paymentIntents.create({
      amount: 5000,
      currency: 'usd',
      allowed_payment_method_types: ['ideal'],
    });
    expect(await refusal(call)).toMatchObject({ param: 'allowed_payment_method_types' });
  });
});

describe('a change of a payment', () => {
  test('reaches its amount only before the buyer has paid', async () => {
    const at = await stripeForTest();
    const { id, client_secret } = await at.stripe.paymentIntents.create({ ...CARD, metadata: { a: '1', b: '2' } });
    const changed = await at.stripe.paymentIntents.update(id, { amount: 6000, metadata: { a: '', c: '3' } });
    expect(changed).toMatchObject({ amount: 6000, metadata: { b: '2', c: '3' } });
    expect(changed.metadata).not.toHaveProperty('a');
    await at.standIn.browser.confirm(client_secret ?? '', 'pm_card_visa');
    expect(await refusal(at.stripe.paymentIntents.update(id, { amount: 7000 }))).toMatchObject({
      code: 'payment_intent_unexpected_state',
    });
    expect(await at.stripe.paymentIntents.update(id, { description: 'Seats' })).toMatchObject({
      amount: 6000,
      description: 'Seats',
    });
  });
});

describe('a refund', () => {
  test('gives back parts, and never more than was taken', async () => {
    const at = await stripeForTest();
    const { id } = await taken(at);
    await at.stripe.refunds.create({
      payment_intent: id,
      amount: 2000,
      reason: 'duplicate',
      metadata: { ticket: '1' },
    });
    expect(await refusal(at.stripe.refunds.create({ payment_intent: id, amount: 3001 }))).toMatchObject({
      statusCode: 400,
    });
    const rest = await at.stripe.refunds.create({ payment_intent: id });
    expect(rest).toMatchObject({ amount: 3000, status: 'succeeded', payment_intent: id });
    expect(await refusal(at.stripe.refunds.create({ payment_intent: id }))).toMatchObject({
      code: 'charge_already_refunded',
    });
    expect(at.standIn.books.payment(id)).toMatchObject({
      captured: 5000,
      refunded: 5000,
      refunds: [{ amount: 2000, metadata: { ticket: '1' } }, { amount: 3000 }],
    });
  });

  test('needs money that was taken', async () => {
    const at = await stripeForTest();
    const { id } = await confirmed(at, 'pm_card_visa');
    expect(await refusal(at.stripe.refunds.create({ payment_intent: id }))).toMatchObject({ statusCode: 400 });
    expect(await refusal(at.stripe.refunds.create({ payment_intent: 'pi_none' }))).toMatchObject({
      code: 'resource_missing',
      param: 'payment_intent',
    });
  });

  test('may pend first', async () => {
    const at = await stripeForTest();
    const { id } = await confirmed(at, 'pm_card_pendingRefund', { ...CARD, capture_method: 'automatic' });
    const refund = await at.stripe.refunds.create({ payment_intent: id });
    expect(refund).toMatchObject({ status: 'pending', pending_reason: 'processing' });
    expect(at.standIn.books.payment(id)).toMatchObject({ refunded: 5000, pendingRefunds: 5000 });
    await at.time.advance(60_000);
    expect(await at.stripe.refunds.retrieve(refund.id)).toMatchObject({ status: 'succeeded' });
    expect(at.standIn.books.payment(id)).toMatchObject({ refunded: 5000, pendingRefunds: 0 });
  });

  test('may fail after it had succeeded; then the money is with the seller again', async () => {
    const at = await stripeForTest();
    const { id } = await confirmed(at, 'pm_card_refundFail', { ...CARD, capture_method: 'automatic' });
    const refund = await at.stripe.refunds.create({ payment_intent: id });
    expect(refund.status).toBe('succeeded');
    await at.time.advance(60_000);
    expect(await at.stripe.refunds.retrieve(refund.id)).toMatchObject({
      status: 'failed',
      failure_reason: 'expired_or_canceled_card',
    });
    expect(at.standIn.books.payment(id)).toMatchObject({ refunded: 0, failedRefunds: 5000 });
    expect(await at.stripe.paymentIntents.retrieve(id, { expand: ['latest_charge'] })).toMatchObject({
      latest_charge: { amount_refunded: 0, refunded: false },
    });
  });
});

describe('a dispute', () => {
  test('takes the money back at once, and gives it back when it is won', async () => {
    const at = await stripeForTest();
    const { id } = await confirmed(at, 'pm_card_createDispute', { ...CARD, capture_method: 'automatic' });
    const [dispute] = (await at.stripe.disputes.list({ payment_intent: id })).data;
    expect(dispute).toMatchObject({ amount: 5000, status: 'needs_response', reason: 'fraudulent' });
    expect(at.standIn.books.payment(id)).toMatchObject({ disputed: 'open', withdrawn: 5000, captured: 5000 });
    expect(await refusal(at.stripe.refunds.create({ payment_intent: id }))).toMatchObject({ code: 'charge_disputed' });
    at.standIn.closeDispute(dispute.id, 'won');
    expect(at.standIn.books.payment(id)).toMatchObject({ disputed: 'won', withdrawn: 0 });
  });

  test('that is lost keeps the money', async () => {
    const at = await stripeForTest();
    const { id } = await taken(at);
    at.standIn.closeDispute(at.standIn.dispute(id), 'lost');
    expect(at.standIn.books.payment(id)).toMatchObject({ disputed: 'lost', withdrawn: 5000 });
    const [{ id: disputeId }] = (await at.stripe.disputes.list()).data;
    expect(await at.stripe.disputes.retrieve(disputeId, { expand: ['payment_intent'] })).toMatchObject({
      status: 'lost',
      payment_intent: { id },
    });
  });
});

describe('lists', () => {
  test('show the newest first, page by page, in both directions', async () => {
    const { stripe } = await stripeForTest();
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.unshift((await stripe.paymentIntents.create(CARD)).id);
    const first = await stripe.paymentIntents.list({ limit: 2 });
    expect([first.data.map(({ id }) => id), first.has_more]).toEqual([ids.slice(0, 2), true]);
    const last = await stripe.paymentIntents.list({ limit: 3, starting_after: ids[1] });
    expect([last.data.map(({ id }) => id), last.has_more]).toEqual([ids.slice(2), false]);
    const back = await stripe.paymentIntents.list({ limit: 2, ending_before: ids[4] });
    expect([back.data.map(({ id }) => id), back.has_more]).toEqual([ids.slice(2, 4), true]);
    const seen = await stripe.paymentIntents.list({ limit: 2 }).autoPagingToArray({ limit: 10 });
    expect(seen.map(({ id }) => id)).toEqual(ids);
    expect(await refusal(stripe.paymentIntents.list({ starting_after: 'pi_none' }))).toMatchObject({
      code: 'resource_missing',
    });
    expect(await refusal(stripe.paymentIntents.list({ limit: 101 }))).toMatchObject({ param: 'limit' });
  });

  test('keep to a span of time', async () => {
    const { stripe, time } = await stripeForTest();
    const made: Stripe.PaymentIntent[] = [];
    for (let i = 0; i < 4; i++) {
      made.push(await stripe.paymentIntents.create(CARD));
      await time.advance(1000);
    }
    const [, second, third] = made;
    const within = await stripe.paymentIntents.list({ created: { gte: second.created, lt: third.created + 1 } });
    expect(within.data.map(({ id }) => id)).toEqual([third.id, second.id]);
    const after = await stripe.paymentIntents.list({ created: { gt: third.created } });
    expect(after.data.map(({ id }) => id)).toEqual([made[3].id]);
  });

  test('of refunds are those of a payment or a charge, with what they refund', async () => {
    const at = await stripeForTest();
    const [one, other] = [await taken(at), await taken(at)];
    const refund = await at.stripe.refunds.create({ charge: chargeOf(one).id, amount: 100 });
    await at.stripe.refunds.create({ payment_intent: other.id });
    const found = await at.stripe.refunds.list({ payment_intent: one.id, expand: ['data.charge.payment_intent'] });
    expect(found.data).toMatchObject([{ id: refund.id, charge: { payment_intent: { id: one.id } } }]);
    expect((await at.stripe.refunds.list()).data).toHaveLength(2);
  });
});

describe('the books', () => {
  test('add up captures and refunds by currency, also of some payments only', async () => {
    const at = await stripeForTest();
    const ours = { ...CARD, metadata: { show: 'a' } };
    const { id } = await taken(at, ours);
    await taken(at, ours);
    await taken(at, { ...CARD, amount: 900, currency: 'usd' });
    await at.stripe.refunds.create({ payment_intent: id, amount: 1234 });
    await confirmed(at, 'pm_card_visa');
    expect(at.standIn.books.totals()).toMatchObject({
      eur: { payments: 3, captured: 10_000, refunded: 1234, authorised: 5000, mostCaptures: 1 },
      usd: { payments: 1, captured: 900 },
    });
    expect(at.standIn.books.totals(({ show }) => show === 'a')).toMatchObject({
      eur: { payments: 2, captured: 10_000, refunded: 1234, authorised: 0 },
    });
  });

  test('have the same ids in every run', async () => {
    const ids: string[] = [];
    for (const seed of [1, 1, 2]) {
      const { stripe } = await stripeForTest({ account: { seed } });
      ids.push((await stripe.paymentIntents.create(CARD)).id);
    }
    expect(ids[0]).toBe(ids[1]);
    expect(ids[0]).not.toBe(ids[2]);
  });
});
