import { beforeEach, describe, expect, test } from 'vitest';
import { verifyCode } from '../../src/tickets/codes.ts';
import { addressDigest } from '../../src/tickets/receiver-address.ts';
import { type SalesApp, salesApp } from '../support/sales-app.ts';
import { ShowNode } from '../support/show-node.ts';
import { SHOW_ID, userOf } from '../support/small-show.ts';

const PRICE = 4_550;
const [ANN, BOB, CLEO] = [userOf(1), userOf(2), userOf(3)];
const EUR = (amount: number) => ({ amount, currency: 'EUR' });

interface Reply {
  readonly status: number;
  readonly body: { readonly [member: string]: unknown };
}

let node: ShowNode;
let sales: SalesApp;
let keys = 0;

/** Sends as this user, with a key of its own unless one is given. */
async function send(user: string, method: string, path: string, body?: object, key = `key-${++keys}`): Promise<Reply> {
  const request = await sales.as(user, 'buyer');
  const reply = await request(method as 'GET', `/v1${path}`, body, { 'idempotency-key': key });
  return { status: reply.statusCode, body: reply.body === '' ? {} : reply.json() };
}

/** Buys these seats; the ids of the tickets. */
async function buy(user: string, ...seats: string[]): Promise<string[]> {
  const held = await send(user, 'POST', `/shows/${SHOW_ID}/holds`, { seats });
  expect(held).toMatchObject({ status: 201 });
  const { body: order } = await send(user, 'POST', `/holds/${held.body.id}/order`);
  const { id } = order.payment as { id: string };
  const card = { card: '4242424242424242' };
  expect(await send(user, 'POST', `/sandbox/payments/${id}/confirm`, card)).toMatchObject({ status: 200 });
  return (order.lines as { ticketId: string }[]).map(({ ticketId }) => ticketId);
}

const items = ({ body }: Reply): { readonly [member: string]: unknown }[] => body.items as never;
const statusOf = async (user: string, ticket: string): Promise<unknown> =>
  (await send(user, 'GET', `/tickets/${ticket}`)).body.status;

beforeEach(() => {
  node = new ShowNode();
  sales = salesApp({ shows: node.actors, time: node.time });
  const { shows } = sales;
  for (const user of [ANN, BOB, CLEO]) {
    shows.set(user, [SHOW_ID]);
    shows.set(addressDigest(`${user}@example.org`), [SHOW_ID]);
  }
});

describe('a transfer', () => {
  test('gives the receiver a ticket with a code of its own, and the old code dies with the old ticket', async () => {
    const [old] = await buy(ANN, 'S-A-1');
    const before = (await send(ANN, 'GET', `/tickets/${old}`)).body;
    const email = `${BOB}@EXAMPLE.org `;
    const given = await send(ANN, 'POST', `/tickets/${old}/transfer`, { email }, 'transfer');
    expect(given).toMatchObject({ status: 201, body: { status: 'offered', seat: { id: 'S-A-1' } } });
    expect(given.body).not.toHaveProperty('code');
    expect(await send(ANN, 'POST', `/tickets/${old}/transfer`, { email }, 'transfer')).toEqual(given);
    expect((await send(ANN, 'GET', `/tickets/${old}`)).body).toMatchObject({ status: 'transferred' });
    expect((await send(ANN, 'GET', `/tickets/${old}`)).body).not.toHaveProperty('code');

    const offered = await send(BOB, 'GET', '/transfers');
    expect(offered).toMatchObject({ status: 200, body: { total: 1 } });
    expect(items(offered)[0]).toMatchObject({ id: given.body.id, status: 'offered' });
    expect(items(await send(CLEO, 'GET', '/transfers'))).toEqual([]);
    expect(await send(CLEO, 'POST', `/tickets/${given.body.id}/accept`)).toMatchObject({ status: 404 });
    const accepted = await send(BOB, 'POST', `/tickets/${given.body.id}/accept`);
    expect(accepted).toMatchObject({ status: 200, body: { status: 'valid', id: given.body.id } });
    expect(accepted.body).not.toHaveProperty('orderId');
    expect(accepted.body.code).not.toBe(before.code);
    expect(verifyCode(accepted.body.code as string, sales.ticketKeys.publicKeyOf)).toMatchObject({
      ticketId: given.body.id,
    });
    expect(await send(BOB, 'POST', `/tickets/${given.body.id}/accept`)).toEqual(accepted);
    expect(await send(ANN, 'GET', `/tickets/${given.body.id}`)).toMatchObject({ status: 404 });
    expect(await send(BOB, 'GET', `/orders/${before.orderId}`)).toMatchObject({ status: 404 });
    expect(items(await send(BOB, 'GET', '/tickets'))).toEqual([accepted.body]);
  });

  test('that is withdrawn or declined leaves the sender a new ticket with a new code', async () => {
    const [old] = await buy(ANN, 'S-A-1');
    const code = (await send(ANN, 'GET', `/tickets/${old}`)).body.code;
    const { body } = await send(ANN, 'POST', `/tickets/${old}/transfer`, { email: `${BOB}@example.org` });
    const back = await send(ANN, 'DELETE', `/tickets/${old}/transfer`);
    expect(back).toMatchObject({ status: 200, body: { id: body.id, status: 'valid', code: expect.any(String) } });
    expect(back.body.code).not.toBe(code);
    const again = await send(ANN, 'POST', `/tickets/${body.id}/transfer`, { email: `${BOB}@example.org` });
    expect(await send(CLEO, 'DELETE', `/transfers/${again.body.id}`)).toMatchObject({ status: 404 });
    expect(await send(BOB, 'DELETE', `/transfers/${again.body.id}`)).toMatchObject({ status: 204 });
    expect(await statusOf(ANN, again.body.id as string)).toBe('valid');
  });

  test('is refused to oneself, to what is no address, and of what is not one’s own', async () => {
    const [ticket] = await buy(ANN, 'S-A-1');
    const to = (user: string, email: string) => send(user, 'POST', `/tickets/${ticket}/transfer`, { email });
    expect(await to(ANN, `${ANN}@Example.org`)).toMatchObject({ status: 422, body: { code: 'TRANSFER_INVALID' } });
    expect(await to(ANN, 'nobody')).toMatchObject({ status: 400, body: { code: 'BODY_INVALID' } });
    expect(await to(BOB, `${CLEO}@example.org`)).toMatchObject({ status: 404 });
  });
});

describe('a resale', () => {
  test('pays the seller back and gives the buyer the only valid ticket', async () => {
    const [sold] = await buy(ANN, 'S-A-1', 'S-A-2');
    const listed = await send(ANN, 'POST', `/tickets/${sold}/listing`, { price: EUR(4_000) });
    expect(listed).toMatchObject({ status: 201, body: { status: 'listed', listing: { price: EUR(4_000) } } });
    expect(listed.body).not.toHaveProperty('code');
    expect((await send(ANN, 'GET', `/tickets/${sold}`)).body).not.toHaveProperty('code');
    const listings = await send(BOB, 'GET', `/shows/${SHOW_ID}/listings`);
    expect(listings).toMatchObject({ status: 200, body: { total: 1, offset: 0, limit: 30 } });
    expect(items(listings)).toMatchObject([{ seat: { id: 'S-A-1' }, price: EUR(4_000) }]);
    const map = await send(BOB, 'GET', `/shows/${SHOW_ID}/seats`);
    expect(map.body.seats).toContainEqual({ id: 'S-A-1', status: 'listed' });
    const letters = await send(BOB, 'GET', `/shows/${SHOW_ID}/seats?form=compact`);
    expect((letters.body.seats as { letters: string }).letters).toMatch(/^lsa/);
    expect(await send(ANN, 'POST', `/shows/${SHOW_ID}/holds`, { seats: ['S-A-1'] })).toMatchObject({
      status: 409,
      body: { code: 'OWN_LISTING' },
    });

    const [bought] = await buy(BOB, 'S-A-1');
    expect(await send(BOB, 'GET', `/tickets/${bought}`)).toMatchObject({
      body: { status: 'valid', price: EUR(4_000), code: expect.any(String) },
    });
    const void_ = (await send(ANN, 'GET', `/tickets/${sold}`)).body;
    expect(void_).toMatchObject({ status: 'void' });
    expect(void_).not.toHaveProperty('code');
    expect(await send(ANN, 'GET', `/orders/${void_.orderId}`)).toMatchObject({
      body: { status: 'partially_refunded', refunds: [{ amount: EUR(4_000), ticketIds: [sold] }] },
    });
    expect(await send(BOB, 'POST', `/tickets/${bought}/listing`, { price: 4_001 })).toMatchObject({
      status: 422,
      body: { code: 'ABOVE_PURCHASE_PRICE', paid: EUR(4_000) },
    });
  });

  test('is for a price that can be paid, or for nothing', async () => {
    const fault = 'must be at least 50';
    sales = salesApp({
      ...{ shows: node.actors, time: node.time },
      amountFault: (amount, currency) => (currency === 'EUR' && amount < 50 ? fault : null),
    });
    const [ticket] = await buy(ANN, 'S-A-1');
    const list = (price: number | object) => send(ANN, 'POST', `/tickets/${ticket}/listing`, { price });
    const refused = (pointer: string) => ({
      status: 400,
      body: { code: 'BODY_INVALID', errors: [{ pointer, detail: fault }] },
    });
    expect(await list(49)).toMatchObject(refused('/price'));
    expect(await list(EUR(49))).toMatchObject(refused('/price/amount'));
    expect(await statusOf(ANN, ticket)).toBe('valid');
    expect(await list(0)).toMatchObject({ status: 201 });
    await send(ANN, 'DELETE', `/tickets/${ticket}/listing`);
    expect(await list(50)).toMatchObject({ status: 201 });
  });

  test('is withdrawn until a buyer has the seat, and is in the right currency', async () => {
    const [ticket] = await buy(ANN, 'S-A-1');
    const price = { amount: 1, currency: 'USD' };
    expect(await send(ANN, 'POST', `/tickets/${ticket}/listing`, { price })).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: '/price/currency' }] },
    });
    await send(ANN, 'POST', `/tickets/${ticket}/listing`, { price: PRICE });
    const hold = await send(BOB, 'POST', `/shows/${SHOW_ID}/holds`, { seats: ['S-A-1'] });
    expect(hold).toMatchObject({ status: 201, body: { total: EUR(PRICE) } });
    expect(await send(ANN, 'DELETE', `/tickets/${ticket}/listing`)).toMatchObject({
      status: 409,
      body: { code: 'LISTING_IN_USE' },
    });
    await send(BOB, 'DELETE', `/holds/${hold.body.id}`);
    const back = { status: 200, body: { status: 'valid', code: expect.any(String) } };
    expect(await send(ANN, 'DELETE', `/tickets/${ticket}/listing`)).toMatchObject(back);
    expect(await send(ANN, 'DELETE', `/tickets/${ticket}/listing`)).toMatchObject(back);
  });
});
