import { expect, test } from 'vitest';
import { type EventFeed, POLL_LIMITS } from '../../src/payments/webhooks/event-poller.ts';
import { paymentIdOf, SHOW } from '../support/order-book.ts';
import { type StripeForTest, stripeForTest } from '../support/stripe/for-test.ts';
import { webhookDatabase } from '../support/webhook-database.ts';
import { BUYER, SECRET, statusOf, WebhookScene } from '../support/webhook-nodes.ts';

const database = webhookDatabase();

interface Sale {
  readonly at: StripeForTest;
  readonly scene: WebhookScene;
  readonly intent: string;
}

/** Order 1, which the buyer has authorised and the seller captured, of which no webhook has told yet. */
async function sale(): Promise<Sale> {
  const at = await stripeForTest();
  const scene = new WebhookScene(database().pool);
  scene.book.add(1, BUYER);
  const { id, client_secret: secret } = await at.stripe.paymentIntents.create({
    amount: 4_550,
    currency: 'eur',
    payment_method_options: { card: { capture_method: 'manual' } },
    metadata: { usher_payment: paymentIdOf(1) },
  });
  scene.books.intents.set(id, paymentIdOf(1));
  await at.standIn.browser.confirm(secret ?? '', 'pm_card_visa');
  scene.books.payments.set(paymentIdOf(1), 'captured');
  return { at, scene, intent: id };
}

test('all that Stripe tells of a sale, its refund and its dispute is understood as being about its order', async () => {
  const { at, scene, intent } = await sale();
  const node = scene.node();
  const address = await node.app.listen({ port: 0, host: '127.0.0.1' });
  at.standIn.webhooks.addEndpoint({ url: `${address}/v1/webhooks/stripe`, secret: SECRET });
  await at.stripe.paymentIntents.capture(intent);
  await at.stripe.refunds.create({ payment_intent: intent, amount: 1_000 });
  const dispute = at.standIn.dispute(intent);
  scene.books.disputes.set(dispute, { paymentId: paymentIdOf(1), status: 'lost' });
  at.standIn.closeDispute(dispute, 'lost');
  await at.standIn.webhooks.idle();
  await node.webhooks.catchUp();
  expect(at.standIn.webhooks.counts).toMatchObject({ failed: 0, givenUp: 0 });

  const rows = await scene.rows();
  expect(rows.map(({ type }) => type)).toEqual(
    expect.arrayContaining(['payment_intent.succeeded', 'charge.captured', 'refund.created', 'charge.dispute.closed']),
  );
  for (const { type, about, outcome } of rows) {
    expect({ type, about, outcome }).toEqual({
      type,
      about: type.startsWith('charge.dispute.') ? 'dispute' : 'payment',
      outcome: 'done',
    });
  }
  expect(statusOf(scene.book, 1)).toBe('paid');
  expect(scene.book.orders.get(`${SHOW}/1`)?.dispute).toEqual({ id: dispute, status: 'lost' });
});

test("a dispute of which no webhook ever told is found in Stripe's list of events", async () => {
  const { at, scene, intent } = await sale();
  const feed: EventFeed = {
    async *eventsSince(since, types) {
      const created = { gte: Math.floor(since / 1_000) };
      for await (const event of at.stripe.events.list({ created, types: [...types], limit: 100 })) yield [event];
    },
  };
  const node = scene.node({ feed });
  await node.webhooks.catchUp();
  await at.stripe.paymentIntents.capture(intent);
  const dispute = at.standIn.dispute(intent);
  scene.books.disputes.set(dispute, { paymentId: paymentIdOf(1), status: 'open' });
  await scene.advance(POLL_LIMITS.everyMs);
  await node.webhooks.catchUp();
  expect(scene.book.orders.get(`${SHOW}/1`)?.dispute).toEqual({ id: dispute, status: 'open' });
  expect((await scene.rows()).map(({ type }) => type).toSorted()).toEqual([
    'charge.dispute.created',
    'charge.dispute.funds_withdrawn',
  ]);
});
