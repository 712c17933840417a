import type { LightMyRequestResponse } from 'fastify';
import { describe, expect, test } from 'vitest';
import { SEAT_LETTERS, type SeatMap } from '../../src/actors/seat-map.ts';
import type { Hall } from '../../src/allocator/hall.ts';
import { BODY_CACHE_LIMITS, SeatBodies } from '../../src/http/seat-bodies.ts';
import { SHOW } from '../support/order-book.ts';
import { type SalesApp, salesApp } from '../support/sales-app.ts';

type Status = keyof typeof SEAT_LETTERS;
type LiveMap = { -readonly [K in keyof SeatMap]: SeatMap[K] };

/** A hall of `seatCount` seats whose indices run against the plan document, so that mixing the two up shows. */
function hallOf(seatCount: number): Hall {
  const documentOrder = Uint32Array.from({ length: seatCount }, (_, seat) => seatCount - 1 - seat);
  const seatIds = Array.from({ length: seatCount }, (_, seat) => `seat "${documentOrder[seat]}"`);
  return { seatCount, seatIds, documentOrder } as unknown as Hall;
}

/** A live map at version 10, all seats free. */
function mapOf(seatCount: number, showId = SHOW): LiveMap {
  return {
    showId,
    hall: hallOf(seatCount),
    version: 10,
    asOf: 1_790_000_000_000,
    stale: false,
    letters: new Uint8Array(seatCount).fill(SEAT_LETTERS.available),
    changedAt: new Uint32Array(seatCount).fill(1),
    areas: [{ id: 'standing', capacity: 500, available: 499 }],
    fromPrice: 1_000,
    currency: 'EUR',
    available: seatCount + 499,
    capacity: seatCount + 500,
  };
}

function change(map: LiveMap, place: number, status: Status): void {
  map.version++;
  map.letters[place] = SEAT_LETTERS[status];
  map.changedAt[place] = map.version;
}

function withMap(
  seatCount: number,
): SalesApp & { map: LiveMap; get: (query?: string, headers?: object) => Promise<LightMyRequestResponse> } {
  const sales = salesApp();
  const map = mapOf(seatCount);
  sales.book.maps.set(SHOW, map);
  const get = (query = '', headers: object = {}) =>
    sales.app.inject({
      method: 'GET',
      url: `/v1/shows/${SHOW}/seats${query}`,
      headers: headers as Record<string, string>,
    });
  return { ...sales, map, get };
}

describe('GET /v1/shows/{id}/seats', () => {
  test('lists every seat in the order of the plan document, to anyone', async () => {
    const { map, get } = withMap(4);
    change(map, 1, 'held');
    change(map, 2, 'sold');
    change(map, 3, 'blocked');
    const reply = await get();
    expect(reply.statusCode).toBe(200);
    expect(reply.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(reply.headers['cache-control']).toBe('no-cache');
    expect(reply.json()).toEqual({
      showId: SHOW,
      version: 13,
      asOf: '2026-09-21T14:13:20.000Z',
      stale: false,
      complete: true,
      seats: [
        { id: 'seat "0"', status: 'available' },
        { id: 'seat "1"', status: 'held' },
        { id: 'seat "2"', status: 'sold' },
        { id: 'seat "3"', status: 'blocked' },
      ],
      areas: [{ id: 'standing', capacity: 500, available: 499 }],
    });
  });

  test('as compact form has one letter a seat', async () => {
    const { map, get } = withMap(5);
    change(map, 1, 'held');
    change(map, 2, 'sold');
    change(map, 3, 'blocked');
    expect((await get('?form=compact')).json()).toMatchObject({
      version: 13,
      complete: true,
      seats: { form: 'compact', letters: 'ahsba' },
      areas: [{ id: 'standing', capacity: 500, available: 499 }],
    });
  });

  test('with since gives only what changed after that version', async () => {
    const { map, get } = withMap(1_000);
    change(map, 7, 'held');
    change(map, 900, 'held');
    change(map, 7, 'sold');
    const changes = async (since: number) => (await get(`?since=${since}&form=compact`)).json();
    expect(await changes(10)).toMatchObject({
      version: 13,
      complete: false,
      seats: [
        { id: 'seat "7"', status: 'sold' },
        { id: 'seat "900"', status: 'held' },
      ],
      areas: [{ id: 'standing' }],
    });
    expect((await changes(12)).seats).toEqual([{ id: 'seat "7"', status: 'sold' }]);
    expect(await changes(13)).toMatchObject({ complete: false, seats: [] });
  });

  test.each([0, 11, 4_000_000_000])('with since=%i, which the show has not reached, gives all', async (since) => {
    const { get } = withMap(3);
    const body = (await get(`?since=${since}`)).json();
    expect(body).toMatchObject({ complete: true, version: 10 });
    expect(body.seats).toHaveLength(3);
  });

  test.each(['since=abc', 'since=-1', 'since=1.5', 'since=', 'form=tree', 'other=1', 'since=1&since=2'])(
    'refuses ?%s',
    async (query) => {
      const { get } = withMap(3);
      const reply = await get(`?${query}`);
      expect(reply.statusCode).toBe(400);
      expect(reply.headers['content-type']).toContain('application/problem+json');
      expect(reply.json()).toMatchObject({ code: 'BODY_INVALID' });
      expect(reply.json().errors[0].pointer).toContain('#/query');
    },
  );

  test.each(['shw_01k9zxh3m4q8r2v6w7y0t5b1cz', 'shw_1', 'nonsense', '%F0%9F%92%BA'])('knows no show %s', async (id) => {
    const { app } = withMap(3);
    const reply = await app.inject({ method: 'GET', url: `/v1/shows/${id}/seats` });
    expect(reply.statusCode).toBe(404);
    expect(reply.json()).toMatchObject({ code: 'NOT_FOUND' });
  });

  test('answers 304 while nothing changed, for each form by itself', async () => {
    const { map, get } = withMap(3);
    const tags = new Set<string>();
    for (const query of ['', '?form=compact', '?since=9', '?since=10']) {
      const etag = (await get(query)).headers.etag as string;
      expect(etag).toMatch(/^"[^"]+"$/);
      tags.add(etag);
      for (const header of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
        const reply = await get(query, { 'if-none-match': header });
        expect({ query, header, status: reply.statusCode, body: reply.body }).toEqual({
          query,
          header,
          status: 304,
          body: '',
        });
        expect(reply.headers.etag).toBe(etag);
      }
      expect((await get(query, { 'if-none-match': '"other"' })).statusCode).toBe(200);
    }
    expect(tags.size).toBe(4);
    const before = (await get()).headers.etag as string;
    change(map, 0, 'held');
    const reply = await get('', { 'if-none-match': before });
    expect(reply.statusCode).toBe(200);
    expect(reply.json().seats[0]).toEqual({ id: 'seat "0"', status: 'held' });
  });

  test('says of the last known map that it may be old, under a tag of its own', async () => {
    const { map, get } = withMap(3);
    for (const query of ['', '?form=compact', '?since=9']) {
      map.stale = false;
      const fresh = await get(query);
      map.stale = true;
      const stale = await get(query, { 'if-none-match': fresh.headers.etag });
      expect(stale.statusCode).toBe(200);
      expect(stale.json()).toEqual({ ...fresh.json(), stale: true });
      expect((await get(query, { 'if-none-match': stale.headers.etag })).statusCode).toBe(304);
      map.stale = false;
      const again = await get(query, { 'if-none-match': stale.headers.etag });
      expect([again.statusCode, again.body]).toEqual([200, fresh.body]);
    }
  });

  test('with since a version that this node never saw gives all', async () => {
    const { map, get } = withMap(3);
    change(map, 0, 'held');
    map.gaps = [{ after: 6, before: 9 }];
    const complete = async (since: number) => (await get(`?since=${since}`)).json().complete;
    expect(await Promise.all([5, 6, 7, 8, 9, 10].map(complete))).toEqual([false, false, true, true, false, false]);
    const whole = await get('?form=compact&since=7');
    expect(whole.json().seats).toEqual({ form: 'compact', letters: 'haa' });
    expect(whole.headers.etag).toBe((await get('?form=compact')).headers.etag);
  });

  test('passes on that a show is not available now', async () => {
    const { app, book } = withMap(3);
    book.seatMap = async () => ({ code: 'UNAVAILABLE', detail: 'The show is moving.', retryAfter: 3 });
    const reply = await app.inject({ method: 'GET', url: `/v1/shows/${SHOW}/seats` });
    expect(reply.statusCode).toBe(503);
    expect(reply.headers['retry-after']).toBe('3');
  });

  test('of a stadium of 80,000 seats is whole in both forms', async () => {
    const { map, get } = withMap(80_000);
    change(map, 79_999, 'sold');
    expect((await get()).json().seats).toHaveLength(80_000);
    const compact = await get('?form=compact');
    expect(compact.json().seats.letters).toBe(`${'a'.repeat(79_999)}s`);
    expect(compact.body.length).toBeLessThan(80_500);
  });
});

describe('the bodies of seat maps', () => {
  test('are shared while the version stays, and made anew when it changes', () => {
    const bodies = new SeatBodies();
    const map = mapOf(3);
    const first = bodies.body(map, 'compact');
    expect(bodies.body(map, 'compact')).toBe(first);
    expect(bodies.body(map, 'list')).not.toBe(first);
    change(map, 0, 'sold');
    expect(bodies.body(map, 'compact')).not.toBe(first);
    expect(first.toString()).toContain('"letters":"aaa"');
  });

  test('are dropped, the least lately used first, beyond the number that is kept', () => {
    const bodies = new SeatBodies();
    const maps = Array.from({ length: BODY_CACHE_LIMITS.entries + 1 }, (_, i) => mapOf(1, `show ${i}`));
    const kept = maps.slice(0, -1).map((map) => bodies.body(map, 'compact'));
    expect(bodies.body(maps[0], 'compact')).toBe(kept[0]);
    bodies.body(maps[maps.length - 1], 'compact');
    expect(bodies.body(maps[0], 'compact')).toBe(kept[0]);
    expect(bodies.body(maps[1], 'compact')).not.toBe(kept[1]);
  });

  test('do not take more memory than allowed', () => {
    const bodies = new SeatBodies();
    const seats = 1_000_000;
    const count = Math.ceil(BODY_CACHE_LIMITS.bytes / seats) + 1;
    const { hall } = mapOf(1);
    const map = mapOf(1);
    map.letters = new Uint8Array(seats).fill(SEAT_LETTERS.sold);
    const first = bodies.body({ ...map, hall, showId: 'show 0' }, 'compact');
    for (let i = 1; i < count; i++) bodies.body({ ...map, hall, showId: `show ${i}` }, 'compact');
    expect(bodies.body({ ...map, hall, showId: 'show 0' }, 'compact')).not.toBe(first);
  });
});
