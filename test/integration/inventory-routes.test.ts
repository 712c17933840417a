import type { LightMyRequestResponse } from 'fastify';
import { beforeEach, describe, expect, test } from 'vitest';
import { CATALOGUE, type ErrorCode } from '../../src/errors.ts';
import { PlayedShows } from '../support/played-shows.ts';
import { salesApp } from '../support/sales-app.ts';
import { PlayedShow, rowsOfTen, SHOW_ID, userOf } from '../support/small-show.ts';

const URL = `/v1/shows/${SHOW_ID}/inventory`;
const ORGANISER = userOf(50);

function expectRefused(response: LightMyRequestResponse, code: ErrorCode): void {
  expect([response.statusCode, response.json().code]).toEqual([CATALOGUE[code][0], code]);
}

type Post = (body: object, key?: string) => Promise<LightMyRequestResponse>;

let played: PlayedShow;
let post: Post;
let get: (query?: string) => Promise<LightMyRequestResponse>;
let stranger: Post;
let buy: Post;

beforeEach(async () => {
  played = new PlayedShow(rowsOfTen(2));
  const { as, organisers } = salesApp({
    shows: new PlayedShows(played),
    amountFault: (amount) => (amount < 50 ? 'is less than can be paid' : null),
  });
  organisers.set(SHOW_ID, ORGANISER);
  let keys = 0;
  const poster = async (user: string, role: 'organiser' | 'buyer', url: string): Promise<Post> => {
    const send = await as(user, role);
    return (body, key = `key-${++keys}`) => send('POST', url, body, { 'idempotency-key': key });
  };
  post = await poster(ORGANISER, 'organiser', URL);
  stranger = await poster(userOf(51), 'organiser', URL);
  buy = await poster(userOf(1), 'buyer', `/v1/shows/${SHOW_ID}/holds`);
  const send = await as(ORGANISER, 'organiser');
  get = (query = '') => send('GET', `${URL}${query}`);
});

describe('POST /v1/shows/{id}/inventory', () => {
  test('changes the stock, tells the new one, and repeats its first answer', async () => {
    const body = { block: ['S-A-1', { area: 'floor', count: 4 }], remove: ['S-B-1'], reprice: { A: 5_000 } };
    const answer = await post(body, 'first');
    expect(answer.statusCode).toBe(200);
    const figures = { category: 'A', price: { amount: 5_000, currency: 'EUR' }, held: 0, inPayment: 0, sold: 0 };
    expect(answer.json()).toEqual({
      showId: SHOW_ID,
      capacity: 40,
      available: 34,
      categories: [{ ...figures, free: 18, blocked: 1, removed: 1 }],
      areas: [{ ...figures, id: 'floor', capacity: 20, free: 16, blocked: 4, removed: 0 }],
    });
    await post({ unblock: ['S-A-1'] });
    const again = await post(body, 'first');
    expect([again.json(), again.headers['idempotency-replayed']]).toEqual([answer.json(), 'true']);
    expectRefused(await post({ unblock: ['S-A-1'] }, 'first'), 'IDEMPOTENCY_KEY_REUSED');
  });

  test('names seats that somebody holds, and changes nothing', async () => {
    await buy({ seats: ['S-A-1', 'S-A-2'] });
    const refused = await post({ remove: ['S-A-2', 'S-A-5'] });
    expectRefused(refused, 'SEAT_IN_USE');
    expect(refused.json().inUse).toEqual(['S-A-2']);
    expect((await get()).json().categories).toMatchObject([{ free: 18, held: 2, removed: 0 }]);
  });

  test('points at what is wrong: in form, in meaning, and at prices that nobody could pay', async () => {
    const form = await post({ block: [{ area: 'floor', count: 0 }] });
    expectRefused(form, 'BODY_INVALID');
    const meaning = await post({ add: [{ seat: 'S-A-1', category: 'A', price: 60 }], reprice: { B: 60 } });
    expectRefused(meaning, 'STOCK_INVALID');
    expect(meaning.json().errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual([
      '/reprice/B',
      '/add/0/price',
    ]);
    const unpayable = await post({ reprice: { A: 49 } });
    expectRefused(unpayable, 'STOCK_INVALID');
    expect(unpayable.json().errors).toEqual([{ pointer: '/reprice/A', detail: 'is less than can be paid' }]);
    expect((await post({ reprice: { A: 0 } })).statusCode).toBe(200);
  });

  test('is only for the organiser of the show', async () => {
    expectRefused(await stranger({ block: ['S-A-1'] }), 'NOT_FOUND');
    expect(played.events).toHaveLength(1);
  });

  test('leaves live holds at the prices that they were told', async () => {
    const { id, total } = (await buy({ seats: ['S-A-1'] })).json();
    await post({ reprice: { A: 9_000 } });
    expect(total.amount).toBe(4_550);
    expect((await buy({ seats: ['S-A-2'] })).json().holdId).toBe(id);
  });
});

describe('GET /v1/shows/{id}/inventory', () => {
  test('lists seats that are kept back or removed, page by page', async () => {
    await post({ block: ['S-B-2', 'S-A-3', 'S-A-1'], remove: ['S-B-9'] });
    expect((await get('?seats=blocked&limit=2')).json().seats).toEqual({ total: 3, items: ['S-A-1', 'S-A-3'] });
    expect((await get('?seats=blocked&offset=2')).json().seats).toEqual({ total: 3, items: ['S-B-2'] });
    expect((await get('?seats=removed')).json().seats).toEqual({ total: 1, items: ['S-B-9'] });
    expect((await get()).json().seats).toBeUndefined();
    expectRefused(await get('?seats=sold'), 'BODY_INVALID');
  });
});
