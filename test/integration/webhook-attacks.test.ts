import { once } from 'node:events';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { WEBHOOK_BYTES_MAX } from '../../src/http/limits.ts';
import { scopedId } from '../../src/ids.ts';
import { SIGNATURE_TOLERANCE_MS } from '../../src/payments/webhooks/webhook-signature.ts';
import { ORDERED_AT, paymentIdOf, SHOW } from '../support/order-book.ts';
import { webhookDatabase } from '../support/webhook-database.ts';
import {
  BUYER,
  disputeEvent,
  eventOf,
  intentEvent,
  signatureOf,
  signed,
  statusOf,
  type WebhookNode,
  WebhookScene,
} from '../support/webhook-nodes.ts';

const database = webhookDatabase();

interface Attack {
  readonly scene: WebhookScene;
  readonly node: WebhookNode;
  /** What `Stripe-Signature` has to say for this body now. */
  readonly sign: (body: string | Buffer) => { 'stripe-signature': string };
}

/** Orders 1 and 2 await their payments; the buyer has opened that of 1 and not paid it. */
function attack(): Attack {
  const scene = new WebhookScene(database().pool);
  for (const order of [1, 2]) {
    scene.book.add(order, BUYER);
    scene.books.intents.set(`pi_${order}`, paymentIdOf(order));
  }
  scene.books.payments.set(paymentIdOf(1), 'open');
  const sign = (body: string | Buffer) => ({ 'stripe-signature': signed(body, scene.time.clock.now()) });
  return { scene, node: scene.node(), sign };
}

/** Nothing was sold, nothing moved at the provider. */
function expectNoTicket({ scene }: Attack): void {
  expect(scene.book.history).toEqual([]);
  expect([statusOf(scene.book, 1), statusOf(scene.book, 2)]).toEqual(['awaiting_payment', 'awaiting_payment']);
  expect([...scene.books.payments]).toEqual([[paymentIdOf(1), 'open']]);
}

async function expectRefused(at: Attack, answer: { statusCode: number; json(): { code: string } }): Promise<void> {
  expect({ status: answer.statusCode, code: answer.json().code }).toEqual({ status: 400, code: 'WEBHOOK_INVALID' });
  await at.node.webhooks.catchUp();
  expect(await at.scene.rows()).toEqual([]);
  expectNoTicket(at);
}

/** Acknowledged and kept, and nothing else. */
async function expectHarmless(at: Attack, event: { id: string }, outcome: string): Promise<void> {
  expect((await at.node.deliver(event)).statusCode).toBe(200);
  await at.node.webhooks.catchUp();
  expect(await at.scene.rows()).toMatchObject([{ id: event.id, outcome }]);
  expectNoTicket(at);
}

const BODY = JSON.stringify(intentEvent(1));

describe('a webhook is refused', () => {
  test.each<[string, (at: Attack) => ReturnType<WebhookNode['post']>]>([
    [
      'with a forged signature',
      ({ node, scene }) => {
        const seconds = Math.floor(scene.time.clock.now() / 1_000);
        return node.post(BODY, { 'stripe-signature': `t=${seconds},v1=${'0'.repeat(64)}` });
      },
    ],
    [
      'with the right signature of another body',
      ({ node, sign }) => node.post(BODY.replace('4550', '4551'), sign(BODY)),
    ],
    [
      'with the right signature under another time',
      ({ node, scene }) => {
        const now = scene.time.clock.now();
        const seconds = Math.floor(now / 1_000);
        return node.post(BODY, { 'stripe-signature': `t=${seconds},v1=${signatureOf(BODY, now - 60_000)}` });
      },
    ],
    [
      'signed with another secret',
      ({ node, scene }) => node.post(BODY, { 'stripe-signature': signed(BODY, scene.time.clock.now(), 'whsec_other') }),
    ],
    [
      'signed longer ago than 5 minutes',
      ({ node, scene }) => {
        const at = scene.time.clock.now() - SIGNATURE_TOLERANCE_MS - 1_000;
        return node.post(BODY, { 'stripe-signature': signed(BODY, at) });
      },
    ],
    [
      'signed more than 5 minutes in the future',
      ({ node, scene }) => {
        const at = scene.time.clock.now() + SIGNATURE_TOLERANCE_MS + 1_000;
        return node.post(BODY, { 'stripe-signature': signed(BODY, at) });
      },
    ],
    [
      'with two times, one of them good',
      ({ node, scene, sign }) => {
        const old = Math.floor(scene.time.clock.now() / 1_000) - 3_600;
        return node.post(BODY, { 'stripe-signature': `t=${old},${sign(BODY)['stripe-signature']}` });
      },
    ],
    ['cut short', ({ node, sign }) => node.post(BODY.slice(0, -10), sign(BODY))],
    ['cut short and signed so', ({ node, sign }) => node.post(BODY.slice(0, -10), sign(BODY.slice(0, -10)))],
    [
      'of 10 MB',
      ({ node, sign }) => {
        const body = JSON.stringify({ ...intentEvent(1), filler: 'x'.repeat(10_000_000) });
        return node.post(body, sign(body));
      },
    ],
    [
      'of one byte more than the limit',
      ({ node, sign }) => {
        const body = BODY.padEnd(WEBHOOK_BYTES_MAX + 1);
        return node.post(body, sign(body));
      },
    ],
    [
      'of 10 MB whose length is not told',
      ({ node, sign }) => {
        const parts = Array.from({ length: 100 }, () => Buffer.alloc(100_000, 32));
        return node.app.inject({
          method: 'POST',
          url: '/v1/webhooks/stripe',
          headers: { 'content-type': 'application/json', ...sign(BODY) },
          payload: Readable.from(parts),
        });
      },
    ],
    ['that is not JSON, though signed', ({ node, sign }) => node.post('succeeded=true', sign('succeeded=true'))],
    ['that is JSON but no event, though signed', ({ node, sign }) => node.post('[]', sign('[]'))],
    ['that is null, though signed', ({ node, sign }) => node.post('null', sign('null'))],
    [
      'of another form of event, though signed',
      ({ node, sign }) => {
        const body = JSON.stringify({ ...intentEvent(1), object: 'v2.core.event' });
        return node.post(body, sign(body));
      },
    ],
    [
      'with an id that no database takes, though signed',
      ({ node, sign }) => {
        const body = JSON.stringify({ ...intentEvent(1), id: 'evt_\u0000' });
        return node.post(body, sign(body));
      },
    ],
    [
      'that is not UTF-8, though what it would be mended to is signed',
      ({ node, sign }) => {
        const body = Buffer.from(BODY.replace('{', '{"x":"@",'));
        body[body.indexOf('@')] = 0xff;
        return node.post(body, sign(body.toString()));
      },
    ],
    [
      'behind a byte order mark that was not signed',
      ({ node, sign }) => node.post(Buffer.concat([Buffer.of(0xef, 0xbb, 0xbf), Buffer.from(BODY)]), sign(BODY)),
    ],
    ['that is empty', ({ node, sign }) => node.post('', sign(''))],
    ['without a body', ({ node, sign }) => node.post(undefined, sign(''))],
    ['without a signature', ({ node }) => node.post(BODY)],
    ['with an empty signature', ({ node }) => node.post(BODY, { 'stripe-signature': '' })],
    ['with garbage for a signature', ({ node }) => node.post(BODY, { 'stripe-signature': '=,,;t,v1==%00' })],
    [
      'with no number for its time',
      ({ node }) => node.post(BODY, { 'stripe-signature': `t=now,v1=${'0'.repeat(64)}` }),
    ],
    [
      'with a signature of an older scheme alone',
      ({ node, sign }) => node.post(BODY, { 'stripe-signature': sign(BODY)['stripe-signature'].replace('v1=', 'v0=') }),
    ],
  ])('%s', async (_, send) => {
    const at = attack();
    await expectRefused(at, await send(at));
    expect(at.node.webhooks.figures().stored).toBe(0);
  });

  test('when its sender goes away in the middle of it', async () => {
    const at = attack();
    const address = new URL(await at.node.app.listen({ port: 0, host: '127.0.0.1' }));
    const socket = connect(Number(address.port), '127.0.0.1');
    const head = `POST /v1/webhooks/stripe HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}\r\nStripe-Signature: ${at.sign(BODY)['stripe-signature']}\r\n\r\n`;
    socket.end(head + BODY.slice(0, -5));
    socket.resume();
    await once(socket, 'close');
    await at.node.webhooks.catchUp();
    expect(await at.scene.rows()).toEqual([]);
    expectNoTicket(at);
  });
});

describe('a webhook is taken', () => {
  test('signed within the last 5 minutes, or so much ahead of our clock', async () => {
    const at = attack();
    for (const offset of [-SIGNATURE_TOLERANCE_MS, SIGNATURE_TOLERANCE_MS]) {
      const header = signed(BODY, at.scene.time.clock.now() + offset);
      expect((await at.node.post(BODY, { 'stripe-signature': header })).statusCode).toBe(200);
    }
  });

  test('whatever its content type says: what counts are the signed bytes', async () => {
    const at = attack();
    const answer = await at.node.post(BODY, { ...at.sign(BODY), 'content-type': 'text/plain' });
    expect([answer.statusCode, answer.json()]).toEqual([200, { received: true }]);
  });

  test('with several signatures, while the secret is being rotated, if one is of our secret', async () => {
    const at = attack();
    const now = at.scene.time.clock.now();
    const header = `${signed(BODY, now, 'whsec_old')},v1=${signatureOf(BODY, now)},v0=${'0'.repeat(64)}`;
    expect((await at.node.post(BODY, { 'stripe-signature': header })).statusCode).toBe(200);
    const foreign = `${signed(BODY, now, 'whsec_old')},v1=${signatureOf(BODY, now, 'whsec_older')}`;
    expect((await at.node.post(BODY, { 'stripe-signature': foreign })).statusCode).toBe(400);
  });
});

describe('a signed webhook is kept and harmless', () => {
  test('that was sent before', async () => {
    const at = attack();
    const event = intentEvent(1);
    for (let i = 0; i < 3; i++) expect((await at.node.deliver(event)).json()).toEqual({ received: true });
    await at.node.webhooks.catchUp();
    expect(await at.scene.rows()).toHaveLength(1);
    expect(at.node.webhooks.figures()).toMatchObject({ stored: 1, duplicates: 2, processed: 1 });
    expectNoTicket(at);
  });

  test('that claims a payment succeeded while the gateway says otherwise', async () => {
    const at = attack();
    await expectHarmless(at, intentEvent(1), 'done');
    expect(at.scene.book.asked.map(({ message }) => message.type)).toEqual(['get-payment']);
  });

  test('that claims so of a payment which was never opened', async () => {
    await expectHarmless(attack(), intentEvent(2), 'done');
  });

  test('of an order that does not exist', async () => {
    await expectHarmless(attack(), intentEvent(77), 'ignored');
  });

  test('of a payment of a show that does not exist', async () => {
    const paymentId = scopedId('pay', ORDERED_AT, 'shw_01k9zxh3m4q8r2v6w7y0t5b1cz', 1);
    const object = { id: 'pi_x', object: 'payment_intent', metadata: { usher_payment: paymentId } };
    await expectHarmless(attack(), eventOf('payment_intent.succeeded', object), 'ignored');
  });

  test.each([['pay_'], [`${paymentIdOf(1)}0`], [paymentIdOf(1).toUpperCase()], ["pay_'; drop table show"], [7], [{}]])(
    'whose metadata name the payment %s',
    async (named) => {
      const object = { id: 'pi_x', object: 'payment_intent', metadata: { usher_payment: named } };
      await expectHarmless(attack(), eventOf('payment_intent.succeeded', object), 'ignored');
    },
  );

  test('of another account, connected to ours', async () => {
    const at = attack();
    at.scene.books.payments.set(paymentIdOf(1), 'open');
    await expectHarmless(at, intentEvent(1, undefined, { account: 'acct_other' }), 'ignored');
    expect(at.scene.book.asked).toEqual([]);
  });

  test("about a stranger's payment that bears the id of ours", async () => {
    const object = { id: 'pi_stranger', status: 'succeeded', metadata: { usher_payment: paymentIdOf(1) } };
    await expectHarmless(attack(), eventOf('payment_intent.succeeded', object), 'done');
  });

  test("about a stranger's payment without a name", async () => {
    await expectHarmless(attack(), eventOf('charge.captured', { id: 'ch_1', payment_intent: 'pi_x' }), 'ignored');
  });

  test('of the other mode than that of our key', async () => {
    const at = attack();
    await expectHarmless(at, intentEvent(1, undefined, { livemode: true }), 'ignored');
    expect(at.scene.book.asked).toEqual([]);
    const live = { ...at, node: at.scene.node({ livemode: true }) };
    expect((await live.node.deliver(intentEvent(1))).statusCode).toBe(200);
    await live.node.webhooks.catchUp();
    expect(at.scene.book.asked).toEqual([]);
  });

  test('of a type that we do not know', async () => {
    const object = { id: 'cus_1', metadata: { usher_payment: paymentIdOf(1) } };
    await expectHarmless(attack(), eventOf('customer.created', object), 'ignored');
  });

  test('about a dispute that the gateway does not know, or that is about none of our payments', async () => {
    const at = attack();
    await expectHarmless(at, disputeEvent(1, 'du_unknown'), 'ignored');
    at.scene.books.disputes.set('du_foreign', { paymentId: null, status: 'open' });
    await at.node.deliver(disputeEvent(1, 'du_foreign'));
    await at.node.webhooks.catchUp();
    expect((await at.scene.rows()).map(({ outcome }) => outcome)).toEqual(['ignored', 'ignored']);
    expectNoTicket(at);
  });

  test('that claims a dispute is lost which is open at the gateway', async () => {
    const at = attack();
    at.scene.book.add(3, BUYER, { status: 'paid', unsettled: false });
    at.scene.books.disputes.set('du_3', { paymentId: paymentIdOf(3), status: 'open' });
    await at.node.deliver(disputeEvent(3, 'du_3', 'closed', { data: { object: { id: 'du_3', status: 'lost' } } }));
    await at.node.webhooks.catchUp();
    expect(at.scene.book.orders.get(`${SHOW}/3`)?.dispute).toEqual({ id: 'du_3', status: 'open' });
  });
});
