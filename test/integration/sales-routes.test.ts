import { describe, expect, test, vi } from 'vitest';
import type { Answer, HoldView } from '../../src/actors/shows.ts';
import { RefusedError } from '../../src/errors.ts';
import { scopedId } from '../../src/ids.ts';
import { verifyCode } from '../../src/tickets/codes.ts';
import { ORDERED_AT, paymentIdOf, SHOW } from '../support/order-book.ts';
import { type SalesApp, salesApp } from '../support/sales-app.ts';
import { scanned, svgPicture } from '../support/scanned-code.ts';
import { Books } from '../support/webhook-nodes.ts';

const BUYER = 'usr_01k9zxh3m4q8r2v6w7y0t5b1ce';
const OTHER = 'usr_01k9zxh3m4q8r2v6w7y0t5b1cf';
const ORGANISER = 'usr_01k9zxh3m4q8r2v6w7y0t5b1cg';
const ADMIN = 'usr_01k9zxh3m4q8r2v6w7y0t5b1ch';
const OTHER_SHOW = 'shw_01k9zxh3m4q8r2v6w7y0t5b1cx';
const HOLD = scopedId('hld', ORDERED_AT, SHOW, 1);
const ORDER = scopedId('ord', ORDERED_AT, SHOW, 1);
const TICKET = scopedId('tkt', ORDERED_AT, SHOW, 1);
const KEY = { 'idempotency-key': 'key-1' };

const HOLD_VIEW: HoldView = {
  id: HOLD,
  showId: SHOW,
  seats: [{ id: 'A-1', category: 'Standard', price: { amount: 4_550, currency: 'EUR' } }],
  areas: [],
  total: { amount: 4_550, currency: 'EUR' },
  status: 'active',
  expiresAt: '2026-09-21T14:23:20.000Z',
  serverTime: '2026-09-21T14:13:20.000Z',
};

const told = (value: unknown, replayed = false): Answer => ({ ok: true, value, replayed });

type Request = Awaited<ReturnType<SalesApp['as']>>;

/** Everything a user may ask for with a made-up or foreign id, as `[method, path, body]`. */
const PATHS_WITH_ID: readonly [
  method: 'GET' | 'POST' | 'DELETE',
  path: (id: string) => string,
  kind: 'hld' | 'ord' | 'tkt' | 'pay',
  body?: object,
][] = [
  ['GET', (id) => `/v1/holds/${id}`, 'hld'],
  ['DELETE', (id) => `/v1/holds/${id}`, 'hld'],
  ['POST', (id) => `/v1/holds/${id}/extend`, 'hld'],
  ['POST', (id) => `/v1/holds/${id}/order`, 'hld'],
  ['GET', (id) => `/v1/orders/${id}`, 'ord'],
  ['POST', (id) => `/v1/orders/${id}/cancel`, 'ord'],
  ['GET', (id) => `/v1/tickets/${id}`, 'tkt'],
  ['GET', (id) => `/v1/tickets/${id}/qr.svg`, 'tkt'],
  ['POST', (id) => `/v1/tickets/${id}/transfer`, 'tkt', { email: 'ann@example.org' }],
  ['DELETE', (id) => `/v1/tickets/${id}/transfer`, 'tkt'],
  ['POST', (id) => `/v1/tickets/${id}/accept`, 'tkt'],
  ['DELETE', (id) => `/v1/transfers/${id}`, 'tkt'],
  ['POST', (id) => `/v1/tickets/${id}/listing`, 'tkt', { price: 1 }],
  ['DELETE', (id) => `/v1/tickets/${id}/listing`, 'tkt'],
  ['POST', (id) => `/v1/sandbox/payments/${id}/confirm`, 'pay', { card: '4242424242424242' }],
];

describe('every route of a sale', () => {
  test('wants a token', async () => {
    const { app } = salesApp();
    const urls: [string, string][] = [
      ...PATHS_WITH_ID.map(([method, path, kind]): [string, string] => [
        method,
        path(scopedId(kind, ORDERED_AT, SHOW, 1)),
      ]),
      ['POST', `/v1/shows/${SHOW}/holds`],
      ['GET', '/v1/orders'],
      ['GET', '/v1/tickets'],
      ['GET', '/v1/transfers'],
    ];
    for (const [method, url] of urls) {
      const reply = await app.inject({ method: method as 'GET', url, headers: KEY });
      expect({ url, status: reply.statusCode }).toEqual({ url, status: 401 });
    }
  });

  test.each(['x', 'hld_1', `${HOLD}0`, HOLD.toUpperCase(), HOLD.replace('hld', 'usr'), '%00', '..%2f', 'é'.repeat(40)])(
    'finds nothing under the id %s and asks no show',
    async (id) => {
      const { as, book } = salesApp();
      const request = await as(BUYER, 'buyer');
      for (const [method, path, , body] of PATHS_WITH_ID) {
        const reply = await request(method, path(encodeURIComponent(decodeURIComponent(id))), body, KEY);
        expect({ url: path(id), status: reply.statusCode }).toEqual({ url: path(id), status: 404 });
        expect(reply.json().code).toBe('NOT_FOUND');
      }
      expect(book.asked).toEqual([]);
    },
  );

  test('that takes no body refuses one', async () => {
    const { as, book } = salesApp();
    book.add(1, BUYER);
    const request = await as(BUYER, 'buyer');
    for (const [method, url] of [
      ['DELETE', `/v1/holds/${HOLD}`],
      ['POST', `/v1/holds/${HOLD}/extend`],
      ['POST', `/v1/holds/${HOLD}/order`],
      ['POST', `/v1/orders/${ORDER}/cancel`],
    ] as const) {
      for (const body of [{ seats: ['A-1'] }, [1]]) {
        const reply = await request(method, url, body, KEY);
        expect({ url, status: reply.statusCode, code: reply.json().code }).toEqual({
          url,
          status: 400,
          code: 'BODY_INVALID',
        });
      }
    }
    expect(book.asked).toEqual([]);
  });
});

describe('POST /v1/shows/{id}/holds', () => {
  const url = `/v1/shows/${SHOW}/holds`;

  test('passes the wish on as one command that is safe to repeat, and answers 201', async () => {
    const { as, book } = salesApp();
    book.canned.set('hold', told(HOLD_VIEW));
    const request = await as(BUYER, 'buyer');
    const wishes = [
      { seats: ['A-1'] },
      { best: { quantity: 4, category: 'Standard', maxPrice: 5_000, accessible: true } },
      { areas: [{ id: 'standing', quantity: 2 }] },
      { seats: ['A-1', 'A-2'], areas: [{ id: 'standing', quantity: 2 }] },
      { best: { quantity: 1 }, areas: [{ id: 'standing', quantity: 2 }] },
    ];
    for (const [i, wish] of wishes.entries()) {
      const reply = await request('POST', url, wish, { 'idempotency-key': `key-${i}` });
      expect(reply.statusCode).toBe(201);
      expect(reply.json()).toEqual(HOLD_VIEW);
      expect(reply.headers['idempotency-replayed']).toBeUndefined();
      expect(book.asked[i]).toMatchObject({ showId: SHOW, message: { type: 'hold', buyer: BUYER, ...wish } });
    }
    const ids = book.asked.map(({ message }) => (message.type === 'hold' ? message.once.id : ''));
    expect(new Set(ids).size).toBe(wishes.length);
    for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9_-]{22}$/);
  });

  test('names a repeat as one', async () => {
    const { as, book } = salesApp();
    book.canned.set('hold', told(HOLD_VIEW, true));
    const reply = await (await as(BUYER, 'buyer'))('POST', url, { seats: ['A-1'] }, KEY);
    expect(reply.headers['idempotency-replayed']).toBe('true');
  });

  test('turns a refusal into its problem, with what the contract adds', async () => {
    const { as, book } = salesApp();
    const extra = { taken: ['A-1'], alternatives: ['B-1'] };
    book.canned.set('hold', {
      ok: false,
      refusal: { code: 'SEATS_TAKEN', detail: 'Taken: A-1.', extra },
      replayed: true,
    });
    const reply = await (await as(BUYER, 'buyer'))('POST', url, { seats: ['A-1'] }, KEY);
    expect(reply.statusCode).toBe(409);
    expect(reply.json()).toMatchObject({ code: 'SEATS_TAKEN', ...extra });
    expect(reply.headers['idempotency-replayed']).toBe('true');
  });

  test.each([
    ['nothing', {}],
    ['no seat', { seats: [] }],
    ['a seat twice', { seats: ['A-1', 'A-1'] }],
    ['seats and the best', { seats: ['A-1'], best: { quantity: 1 } }],
    ['101 seats', { seats: Array.from({ length: 101 }, (_, i) => `A-${i}`) }],
    ['a number as seat', { seats: [1] }],
    ['one text as seats', { seats: 'A-1' }],
    ['an endless seat id', { seats: ['A'.repeat(201)] }],
    ['a NUL in a seat id', { seats: ['A\u0000'] }],
    ['no quantity', { best: {} }],
    ['none of the best', { best: { quantity: 0 } }],
    ['half a seat', { best: { quantity: 1.5 } }],
    ['a quantity as text', { best: { quantity: '2' } }],
    ['a price below nothing', { best: { quantity: 1, maxPrice: -1 } }],
    ['an unknown wish', { best: { quantity: 1, near: 'the bar' } }],
    ['an unknown member', { seats: ['A-1'], note: 'please' }],
    [
      'an area twice',
      {
        areas: [
          { id: 'a', quantity: 1 },
          { id: 'a', quantity: 1 },
        ],
      },
    ],
    ['an area without places', { areas: [{ id: 'a', quantity: 0 }] }],
    ['a list', [1]],
  ])('refuses %s with 400 and asks no show', async (_, body) => {
    const { as, book } = salesApp();
    const reply = await (await as(BUYER, 'buyer'))('POST', url, body, KEY);
    expect(reply.statusCode).toBe(400);
    expect(reply.json()).toMatchObject({ code: 'BODY_INVALID' });
    expect(book.asked).toEqual([]);
  });

  test('needs an idempotency key and a show id', async () => {
    const { as, book } = salesApp();
    const request = await as(BUYER, 'buyer');
    expect((await request('POST', url, { seats: ['A-1'] })).json().code).toBe('IDEMPOTENCY_KEY_MISSING');
    const wrong = await request('POST', url, { seats: ['A-1'] }, { 'idempotency-key': 'a key' });
    expect(wrong.json().code).toBe('IDEMPOTENCY_KEY_INVALID');
    expect((await request('POST', '/v1/shows/shw_1/holds', { seats: ['A-1'] }, KEY)).statusCode).toBe(404);
    expect(book.asked).toEqual([]);
  });
});

describe('holds', () => {
  test('are read, extended and released by the number and time in their id', async () => {
    const { as, book } = salesApp();
    const request = await as(BUYER, 'buyer');
    for (const type of ['get-hold', 'extend', 'release'])
      book.canned.set(type, told(type === 'release' ? null : HOLD_VIEW));
    const read = await request('GET', `/v1/holds/${HOLD}`);
    expect({ status: read.statusCode, body: read.json() }).toEqual({ status: 200, body: HOLD_VIEW });
    const extended = await request('POST', `/v1/holds/${HOLD}/extend`);
    expect({ status: extended.statusCode, body: extended.json() }).toEqual({ status: 200, body: HOLD_VIEW });
    const released = await request('DELETE', `/v1/holds/${HOLD}`);
    expect({ status: released.statusCode, body: released.body }).toEqual({ status: 204, body: '' });
    for (const { showId, message } of book.asked) {
      expect(showId).toBe(SHOW);
      expect(message).toMatchObject({ buyer: BUYER, hold: 1, at: ORDERED_AT });
    }
  });

  test('that ended are gone', async () => {
    const { as, book } = salesApp();
    const gone: Answer = {
      ok: false,
      refusal: { code: 'HOLD_EXPIRED', detail: 'The hold has ended.' },
      replayed: false,
    };
    for (const type of ['get-hold', 'extend', 'release', 'order']) book.canned.set(type, gone);
    const request = await as(BUYER, 'buyer');
    for (const [method, path, kind] of PATHS_WITH_ID.filter(([, , kind]) => kind === 'hld')) {
      const reply = await request(method, path(scopedId(kind, ORDERED_AT, SHOW, 1)), undefined, KEY);
      expect({ status: reply.statusCode, code: reply.json().code }).toEqual({ status: 410, code: 'HOLD_EXPIRED' });
    }
  });
});

/** A paid, an open and a foreign order. */
async function withOrders(): Promise<SalesApp & { request: Request }> {
  const sales = salesApp();
  sales.book.add(1, BUYER);
  sales.book.add(2, BUYER, { status: 'paid', unsettled: false });
  sales.book.add(3, OTHER, { status: 'paid', unsettled: false });
  sales.book.add(4, BUYER, { status: 'paid', unsettled: false }, OTHER_SHOW);
  sales.shows.set(BUYER, [OTHER_SHOW, SHOW]);
  sales.shows.set(OTHER, [SHOW]);
  sales.organisers.set(SHOW, ORGANISER).set(OTHER_SHOW, OTHER);
  return { ...sales, request: await sales.as(BUYER, 'buyer') };
}

describe('orders', () => {
  test('are made with the secret that pays them', async () => {
    const { request, book } = await withOrders();
    const made = await book.ask(SHOW, {
      type: 'get-order',
      viewer: { user: BUYER, all: false },
      order: 1,
      at: ORDERED_AT,
    });
    book.canned.set('order', made);
    expect((await request('POST', `/v1/holds/${HOLD}/order`)).json().code).toBe('IDEMPOTENCY_KEY_MISSING');
    const reply = await request('POST', `/v1/holds/${HOLD}/order`, undefined, KEY);
    expect(reply.statusCode).toBe(201);
    expect(reply.json()).toMatchObject({
      id: ORDER,
      status: 'awaiting_payment',
      payment: { id: paymentIdOf(1), provider: 'sandbox', clientSecret: `${paymentIdOf(1)}_secret` },
    });
    expect(book.asked.at(-1)?.message).toMatchObject({ type: 'order', buyer: BUYER, hold: 1, at: ORDERED_AT });
  });

  test('show the secret only while they can be paid, and no payment when they are free', async () => {
    const { request, book } = await withOrders();
    book.add(5, BUYER, { amount: 0, status: 'paid', unsettled: false });
    const payment = async (order: number) =>
      (await request('GET', `/v1/orders/${scopedId('ord', ORDERED_AT, SHOW, order)}`)).json().payment;
    expect((await payment(1)).clientSecret).toBeDefined();
    expect(await payment(2)).toEqual({ id: paymentIdOf(2), provider: 'sandbox' });
    expect(await payment(5)).toBeUndefined();
  });

  test('are listed over all shows of the buyer, newest first, in pages', async () => {
    const { request, book } = await withOrders();
    const list = (await request('GET', '/v1/orders')).json();
    expect(list).toMatchObject({ total: 3, offset: 0, limit: 30 });
    expect(list.items.map((order: { id: string }) => order.id)).toEqual([
      scopedId('ord', ORDERED_AT, OTHER_SHOW, 4),
      scopedId('ord', ORDERED_AT, SHOW, 2),
      scopedId('ord', ORDERED_AT, SHOW, 1),
    ]);
    const page = (await request('GET', '/v1/orders?offset=1&limit=1')).json();
    expect(page).toMatchObject({
      total: 3,
      offset: 1,
      limit: 1,
      items: [{ id: scopedId('ord', ORDERED_AT, SHOW, 2) }],
    });
    expect((await request('GET', '/v1/orders?limit=101')).statusCode).toBe(400);
    book.canned.set('list-orders', { ok: false, refusal: { code: 'UNAVAILABLE', detail: 'Moving.' }, replayed: false });
    expect((await request('GET', '/v1/orders')).statusCode).toBe(503);
  });

  test('are seen by the buyer, the organiser of the show and admins, by nobody else', async () => {
    const { as } = await withOrders();
    const statusFor = async (user: string, role: 'buyer' | 'organiser' | 'admin') =>
      (await (await as(user, role))('GET', `/v1/orders/${ORDER}`)).statusCode;
    expect(await statusFor(BUYER, 'buyer')).toBe(200);
    expect(await statusFor(ORGANISER, 'organiser')).toBe(200);
    expect(await statusFor(ADMIN, 'admin')).toBe(200);
    expect(await statusFor(OTHER, 'organiser')).toBe(404);
    expect(await statusFor(OTHER, 'buyer')).toBe(404);
  });

  test('show the secret that pays them to nobody but the buyer', async () => {
    const { as } = await withOrders();
    const payment = async (user: string, role: 'buyer' | 'organiser' | 'admin') =>
      (await (await as(user, role))('GET', `/v1/orders/${ORDER}`)).json().payment;
    expect((await payment(BUYER, 'buyer')).clientSecret).toBeDefined();
    for (const role of ['organiser', 'admin'] as const) {
      expect(await payment(role === 'admin' ? ADMIN : ORGANISER, role)).toEqual({
        id: paymentIdOf(1),
        provider: 'sandbox',
      });
    }
  });

  test('that are cancelled let the payment go in the background', async () => {
    const { request, book, sandbox, time, as } = await withOrders();
    const foreign = await (await as(OTHER, 'buyer'))('POST', `/v1/orders/${ORDER}/cancel`);
    expect(foreign.statusCode).toBe(404);
    const reply = await request('POST', `/v1/orders/${ORDER}/cancel`);
    expect({ status: reply.statusCode, order: reply.json().status }).toEqual({ status: 200, order: 'cancelled' });
    expect(reply.json().payment).toEqual({ id: paymentIdOf(1), provider: 'sandbox' });
    await time.advance(1);
    expect(sandbox.payments.get(paymentIdOf(1))?.state).toBe('cancelled');
    expect(book.history).toEqual(['cancel 1', 'settled 1']);
    const again = await request('POST', `/v1/orders/${scopedId('ord', ORDERED_AT, SHOW, 2)}/cancel`);
    expect({ status: again.statusCode, code: again.json().code }).toEqual({
      status: 409,
      code: 'ORDER_NOT_CANCELLABLE',
    });
  });
});

describe('orders whose payment provider does not answer', () => {
  const never = () => new Promise<never>(() => {});

  test('are told of as made, to be made payable by the same request again', async () => {
    const { request, book, sandbox, time } = await withOrders();
    const made = await book.ask(SHOW, {
      type: 'get-order',
      viewer: { user: BUYER, all: true },
      order: 1,
      at: ORDERED_AT,
    });
    book.canned.set('order', made);
    const open = sandbox.open.bind(sandbox);
    const asked = Promise.withResolvers<void>();
    sandbox.open = () => {
      asked.resolve();
      return never();
    };
    const waiting = request('POST', `/v1/holds/${HOLD}/order`, undefined, KEY);
    await asked.promise;
    await time.advance(10_000);
    const reply = await waiting;
    expect({ status: reply.statusCode, code: reply.json().code }).toEqual({ status: 503, code: 'UNAVAILABLE' });
    expect(Number(reply.headers['retry-after'])).toBeGreaterThan(0);
    sandbox.open = open;
    expect((await request('POST', `/v1/holds/${HOLD}/order`, undefined, KEY)).statusCode).toBe(201);
  });

  test('are told of without the secret, after a second', async () => {
    const { request, sandbox, time } = await withOrders();
    const asked = Promise.withResolvers<void>();
    sandbox.clientSecret = () => {
      asked.resolve();
      return never();
    };
    const waiting = request('GET', `/v1/orders/${ORDER}`);
    await asked.promise;
    await time.advance(1_000);
    const reply = await waiting;
    expect({ status: reply.statusCode, payment: reply.json().payment }).toEqual({
      status: 200,
      payment: { id: paymentIdOf(1), provider: 'sandbox' },
    });
  });

  test('are told of without the secret when it refuses', async () => {
    const { request, sandbox } = await withOrders();
    sandbox.clientSecret = () => Promise.reject(new RefusedError({ code: 'UNAVAILABLE', detail: 'Away.' }));
    const reply = await request('GET', `/v1/orders/${ORDER}`);
    expect({ status: reply.statusCode, secret: reply.json().payment.clientSecret }).toEqual({ status: 200 });
  });
});

describe('an order that its provider will never open', () => {
  test('is refused when it is made, and told of without a secret when that is repeated', async () => {
    const { request, book, sandbox } = await withOrders();
    const made = await book.ask(SHOW, {
      type: 'get-order',
      viewer: { user: BUYER, all: true },
      order: 1,
      at: ORDERED_AT,
    });
    sandbox.open = () => Promise.reject(new RefusedError({ code: 'ORDER_NOT_PAYABLE', detail: 'It has ended.' }));
    book.canned.set('order', made);
    const first = await request('POST', `/v1/holds/${HOLD}/order`, undefined, KEY);
    expect({ status: first.statusCode, code: first.json().code }).toEqual({ status: 409, code: 'ORDER_NOT_PAYABLE' });
    book.canned.set('order', { ...made, replayed: true });
    const repeat = await request('POST', `/v1/holds/${HOLD}/order`, undefined, KEY);
    expect({ status: repeat.statusCode, replayed: repeat.headers['idempotency-replayed'] }).toEqual({
      status: 201,
      replayed: 'true',
    });
    expect(repeat.json()).toMatchObject({ id: ORDER, payment: { id: paymentIdOf(1), provider: 'sandbox' } });
    expect(repeat.json().payment.clientSecret).toBeUndefined();
    sandbox.open = () => Promise.reject(new RefusedError({ code: 'UNAVAILABLE', detail: 'Away.' }));
    expect((await request('POST', `/v1/holds/${HOLD}/order`, undefined, KEY)).statusCode).toBe(503);
  });
});

describe('a list of orders', () => {
  test('has the secrets that the sandbox knows', async () => {
    const { request } = await withOrders();
    const list = (await request('GET', '/v1/orders')).json();
    expect(list.items.at(-1).payment.clientSecret).toBe(`${paymentIdOf(1)}_secret`);
  });

  test('asks another provider for none', async () => {
    const books = new Books();
    const secrets = vi.spyOn(books, 'clientSecret');
    const { as, book, shows } = salesApp({ gateway: books });
    book.add(1, BUYER);
    shows.set(BUYER, [SHOW]);
    const list = (await (await as(BUYER, 'buyer'))('GET', '/v1/orders')).json();
    expect(list.items).toMatchObject([{ id: ORDER, payment: { id: paymentIdOf(1), provider: 'stripe' } }]);
    expect(secrets).not.toHaveBeenCalled();
  });
});

describe('POST /v1/sandbox/payments/{paymentId}/confirm', () => {
  const url = `/v1/sandbox/payments/${paymentIdOf(1)}/confirm`;
  const card = (last4: string) => ({ card: last4 === '4242' ? '4242424242424242' : `400000000000${last4}` });

  test('pays the order, once, however often it is sent', async () => {
    const { request, book, sandbox } = await withOrders();
    const replies = await Promise.all(Array.from({ length: 10 }, () => request('POST', url, card('4242'))));
    for (const reply of [...replies, await request('POST', url, card('0002'))]) {
      expect(reply.statusCode).toBe(200);
      expect(reply.json()).toMatchObject({
        id: paymentIdOf(1),
        status: 'succeeded',
        order: { id: ORDER, status: 'paid', payment: { id: paymentIdOf(1), provider: 'sandbox' } },
      });
    }
    expect(book.history).toEqual(['commit 1', 'captured 1']);
    expect(sandbox.payments.get(paymentIdOf(1))?.state).toBe('captured');
  });

  test('takes three questions of the show for a purchase', async () => {
    const { request, book } = await withOrders();
    await request('POST', url, card('4242'));
    expect(book.asked.map(({ message }) => message.type)).toEqual(['get-payment', 'commit', 'captured']);
  });

  test('declines, and another card still pays', async () => {
    const { request, book } = await withOrders();
    const reply = await request('POST', url, card('0002'));
    expect({ status: reply.statusCode, code: reply.json().code }).toEqual({ status: 402, code: 'CARD_DECLINED' });
    expect(book.history).toEqual([]);
    expect((await request('POST', url, card('4242'))).json().status).toBe('succeeded');
  });

  test('asks for a challenge first', async () => {
    const { request, book } = await withOrders();
    const asked = await request('POST', url, card('3220'));
    expect(asked.statusCode).toBe(200);
    expect(asked.json()).toMatchObject({ status: 'requires_action', order: { status: 'awaiting_payment' } });
    expect(asked.json().order.payment.clientSecret).toBeDefined();
    expect(book.history).toEqual([]);
    expect((await request('POST', url, card('3220'))).json().status).toBe('succeeded');
  });

  test('voids the sale when the capture fails, and says so again', async () => {
    const { request, book } = await withOrders();
    for (let i = 0; i < 2; i++) {
      const reply = await request('POST', url, card('0341'));
      expect({ status: reply.statusCode, code: reply.json().code }).toEqual({ status: 402, code: 'CAPTURE_FAILED' });
    }
    expect(book.history).toEqual(['commit 1', 'void 1', 'settled 1']);
  });

  test('of an order that ended is refused, and holds no money', async () => {
    const { request, book, sandbox } = await withOrders();
    book.expire(1);
    for (let i = 0; i < 2; i++) {
      const reply = await request('POST', url, card('4242'));
      expect({ status: reply.statusCode, code: reply.json().code }).toEqual({ status: 409, code: 'ORDER_NOT_PAYABLE' });
    }
    expect(sandbox.payments.get(paymentIdOf(1))?.state).toBe('cancelled');
    expect(book.history).toEqual(['expired 1', 'settled 1']);
  });

  test('of an order that ends meanwhile lets the authorisation go', async () => {
    const { request, book, sandbox } = await withOrders();
    const confirm = sandbox.confirm.bind(sandbox);
    sandbox.confirm = async (...args) => {
      const payment = await confirm(...args);
      book.expire(1);
      return payment;
    };
    const reply = await request('POST', url, card('4242'));
    expect({ status: reply.statusCode, code: reply.json().code }).toEqual({ status: 409, code: 'ORDER_NOT_PAYABLE' });
    expect(sandbox.payments.get(paymentIdOf(1))?.state).toBe('cancelled');
    expect(book.history).toEqual(['expired 1', 'declined 1', 'settled 1']);
  });

  test('says that the outcome is unknown when the show does not answer, and settles it by itself', async () => {
    const { request, book, time } = await withOrders();
    book.canned.set('commit', { ok: false, refusal: { code: 'UNAVAILABLE', detail: 'Moving.' }, replayed: false });
    const reply = await request('POST', url, card('4242'));
    expect({ status: reply.statusCode, code: reply.json().code }).toEqual({ status: 503, code: 'OUTCOME_UNKNOWN' });
    expect(reply.headers['retry-after']).toBe('1');
    book.canned.delete('commit');
    await time.advance(1_000);
    expect(book.history).toEqual(['commit 1', 'captured 1']);
    expect((await request('POST', url, card('4242'))).json().status).toBe('succeeded');
  });

  test('that the provider did but could not say is settled by itself', async () => {
    const { request, book, sandbox, time } = await withOrders();
    const confirm = sandbox.confirm.bind(sandbox);
    sandbox.confirm = async (...args) => {
      await confirm(...args);
      throw new RefusedError({ code: 'OUTCOME_UNKNOWN', detail: 'The connection was lost.', retryAfter: 1 });
    };
    const reply = await request('POST', url, card('4242'));
    expect({ status: reply.statusCode, code: reply.json().code }).toEqual({ status: 503, code: 'OUTCOME_UNKNOWN' });
    await time.advance(1_000);
    expect(book.history).toEqual(['commit 1', 'captured 1']);
  });

  test("is no business of others, and another time in the id is another's", async () => {
    const { request, as, book, sandbox } = await withOrders();
    expect((await (await as(OTHER, 'buyer'))('POST', url, card('4242'))).statusCode).toBe(404);
    expect((await (await as(ORGANISER, 'organiser'))('POST', url, card('4242'))).statusCode).toBe(404);
    const elsewhen = scopedId('pay', ORDERED_AT + 1, SHOW, 1);
    expect((await request('POST', `/v1/sandbox/payments/${elsewhen}/confirm`, card('4242'))).statusCode).toBe(404);
    const unknown = scopedId('pay', ORDERED_AT, SHOW, 99);
    expect((await request('POST', `/v1/sandbox/payments/${unknown}/confirm`, card('4242'))).statusCode).toBe(404);
    expect(book.history).toEqual([]);
    expect(sandbox.payments.size).toBe(0);
  });

  test.each([
    {},
    { card: 4242424242424242 },
    { card: '4242' },
    { card: '4242424242424241' },
    { card: '4242424242424242', cvc: '1' },
  ])('refuses %j', async (body) => {
    const { request, sandbox } = await withOrders();
    const reply = await request('POST', url, body);
    expect({ status: reply.statusCode, code: reply.json().code }).toEqual({ status: 400, code: 'BODY_INVALID' });
    expect(sandbox.payments.size).toBe(0);
  });
});

describe('tickets', () => {
  test('carry a code that proves them', async () => {
    const { request, ticketKeys } = await withOrders();
    const id = scopedId('tkt', ORDERED_AT, SHOW, 2);
    const ticket = (await request('GET', `/v1/tickets/${id}`)).json();
    expect(ticket).toMatchObject({ id, showId: SHOW, orderId: scopedId('ord', ORDERED_AT, SHOW, 2), status: 'valid' });
    expect(verifyCode(ticket.code, ticketKeys.publicKeyOf)?.ticketId).toBe(id);
    expect((await request('GET', `/v1/tickets/${TICKET}`)).statusCode).toBe(404);
  });

  test('have their code as a picture, for those who see the ticket', async () => {
    const { request, as, ticketKeys } = await withOrders();
    const id = scopedId('tkt', ORDERED_AT, SHOW, 2);
    const reply = await request('GET', `/v1/tickets/${id}/qr.svg`);
    expect(reply.statusCode).toBe(200);
    expect(reply.headers['content-type']).toMatch(/^image\/svg\+xml\b/);
    expect(verifyCode(scanned(svgPicture(reply.body)) ?? '', ticketKeys.publicKeyOf)?.ticketId).toBe(id);
    const asOrganiser = await (await as(ORGANISER, 'organiser'))('GET', `/v1/tickets/${id}/qr.svg`);
    expect(asOrganiser.body).toBe(reply.body);
    const foreign = `/v1/tickets/${scopedId('tkt', ORDERED_AT, OTHER_SHOW, 4)}/qr.svg`;
    expect((await (await as(ORGANISER, 'organiser'))('GET', foreign)).json()).toMatchObject({ code: 'NOT_FOUND' });
  });

  test('that are void have no code', async () => {
    const { request, book } = await withOrders();
    const id = scopedId('tkt', ORDERED_AT, SHOW, 2);
    const answer = await book.ask<object>(SHOW, {
      type: 'get-ticket',
      viewer: { user: BUYER, all: false },
      ticket: 2,
      at: ORDERED_AT,
    });
    if (!answer.ok) throw new Error('no ticket');
    book.canned.set('get-ticket', told({ ...answer.value, status: 'void' }));
    const ticket = (await request('GET', `/v1/tickets/${id}`)).json();
    expect(ticket.status).toBe('void');
    expect(ticket.code).toBeUndefined();
    const picture = await request('GET', `/v1/tickets/${id}/qr.svg`);
    expect([picture.statusCode, picture.json().code]).toEqual([404, 'NOT_FOUND']);
  });

  test('are listed over all shows of the buyer, or of one', async () => {
    const { request } = await withOrders();
    const all = (await request('GET', '/v1/tickets')).json();
    expect(all.total).toBe(2);
    expect(all.items.map((ticket: { id: string }) => ticket.id)).toEqual([
      scopedId('tkt', ORDERED_AT, OTHER_SHOW, 4),
      scopedId('tkt', ORDERED_AT, SHOW, 2),
    ]);
    const second = (await request('GET', '/v1/tickets?offset=1&limit=1')).json();
    expect(second.items.map((ticket: { id: string }) => ticket.id)).toEqual([scopedId('tkt', ORDERED_AT, SHOW, 2)]);
    expect((await request('GET', `/v1/tickets?showId=${SHOW}`)).json()).toMatchObject({
      total: 1,
      items: [{ showId: SHOW }],
    });
    expect((await request('GET', '/v1/tickets?showId=nonsense')).statusCode).toBe(404);
  });

  test("of a show are seen whole by its organiser and admins, in pages; another's show is not found", async () => {
    const { as } = await withOrders();
    const list = async (user: string, role: 'organiser' | 'admin', query: string) =>
      (await as(user, role))('GET', `/v1/tickets?showId=${query}`);
    expect((await list(ORGANISER, 'organiser', SHOW)).json().total).toBe(2);
    expect((await list(ADMIN, 'admin', SHOW)).json().total).toBe(2);
    const page = (await list(ORGANISER, 'organiser', `${SHOW}&offset=1&limit=1`)).json();
    expect(page).toMatchObject({
      total: 2,
      offset: 1,
      limit: 1,
      items: [{ id: scopedId('tkt', ORDERED_AT, SHOW, 2) }],
    });
    expect((await list(ORGANISER, 'organiser', OTHER_SHOW)).statusCode).toBe(404);
    const foreign = await (await as(ORGANISER, 'organiser'))(
      'GET',
      `/v1/tickets/${scopedId('tkt', ORDERED_AT, OTHER_SHOW, 4)}`,
    );
    expect(foreign.statusCode).toBe(404);
  });

  test('can be checked with the published keys', async () => {
    const { app, ticketKeys } = await withOrders();
    const reply = await app.inject({ method: 'GET', url: '/.well-known/usher-keys.json' });
    expect(reply.json()).toEqual(ticketKeys.jwks);
    expect(reply.headers['cache-control']).toBe('public, max-age=3600');
  });
});
