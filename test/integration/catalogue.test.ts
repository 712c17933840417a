import { describe, expect, it } from 'vitest';
import { planHash } from '../../src/allocator/plan-hash.ts';
import { CatalogueShowSource } from '../../src/catalog/show-source.ts';
import { shardOf } from '../../src/cluster/shards.ts';
import { rfc3339 } from '../../src/rfc3339.ts';
import { expectProblem, pointersOf } from '../support/expect-problem.ts';
import { type HttpApp, httpApps, type Send } from '../support/http-app.ts';
import { exampleHall, line, planOf, row, zone } from '../support/plan-fixtures.ts';

const newApp = httpApps();

const VENUE = { name: 'Teatro Leal', address: { street: 'Obispo Rey Redondo 50', city: 'La Laguna', country: 'ES' } };
const DAY = 86_400_000;
const SOON = 60_000;

const SMALL_PLAN = {
  ...planOf(zone('Stalls', row('s', '1', line(10, 0, 10, 20)), row('s', '2', line(20, 0, 10, 20), 'B'))),
  categories: [{ name: 'A', color: '#ff0000' }, { name: 'B' }, { name: 'Empty' }],
  usher: { areas: [{ id: 'floor', name: 'Floor', category: 'B', capacity: 50 }] },
};

/** A venue with the small plan, as its organiser. */
async function house(
  http: HttpApp,
): Promise<{ organiser: Send & { userId: string }; venueId: string; planId: string }> {
  const organiser = await http.as('organiser');
  const venueId = (await organiser('POST', '/v1/venues', VENUE)).json().id;
  const planId = (await organiser('POST', `/v1/venues/${venueId}/plans`, SMALL_PLAN)).json().id;
  return { organiser, venueId, planId };
}

function showOf(http: HttpApp, venueId: string, planId: string, changes: object = {}): object {
  const now = http.time.clock.now();
  return {
    title: 'La vida es sueño',
    venueId,
    planId,
    startsAt: rfc3339(now + 7 * DAY),
    onSaleAt: rfc3339(now + DAY),
    currency: 'EUR',
    prices: { A: 4550, B: 0 },
    ...changes,
  };
}

describe('venues', () => {
  it('are entered by organisers and found by everybody', async () => {
    const http = await newApp();
    const organiser = await http.as('organiser');
    const created = await organiser('POST', '/v1/venues', VENUE);
    expect(created.statusCode).toBe(201);
    const venue = created.json();
    expect(venue).toMatchObject({ ...VENUE, id: expect.stringMatching(/^ven_/) });
    await organiser('POST', '/v1/venues', {
      ...VENUE,
      name: '100% Teatro',
      address: { ...VENUE.address, city: 'Bonn' },
    });

    expect((await http.send('GET', `/v1/venues/${venue.id}`)).json()).toEqual(venue);
    const names = async (query: string): Promise<string[]> =>
      (await http.send('GET', `/v1/venues?${query}`)).json().items.map(({ name }: { name: string }) => name);
    expect(await names('')).toEqual(['100% Teatro', 'Teatro Leal']);
    expect(await names('sort=-name&limit=1')).toEqual(['Teatro Leal']);
    expect(await names('name=teatro&city=LA+LAGUNA')).toEqual(['Teatro Leal']);
    expect(await names('name=%25')).toEqual(['100% Teatro']);
    expect(await names('name=_')).toEqual([]);
    expect((await http.send('GET', '/v1/venues?offset=1&limit=1')).json()).toMatchObject({
      total: 2,
      offset: 1,
      limit: 1,
    });
    for (const id of ['ven_unknown', '%00', `ven_${'0'.repeat(26)}`]) {
      expectProblem(await http.send('GET', `/v1/venues/${id}`), 'NOT_FOUND');
      expectProblem(await http.send('GET', `/v1/plans/${id}`), 'NOT_FOUND');
      expectProblem(await organiser('POST', `/v1/venues/${id}/plans`, SMALL_PLAN), 'NOT_FOUND');
    }
  });

  it('refuse queries that make no sense, with a pointer', async () => {
    const { send } = await newApp();
    const bad: [string, string][] = [
      ['limit=0', '#/query/limit'],
      ['limit=101', '#/query/limit'],
      ['limit=1.5', '#/query/limit'],
      ['limit=ten', '#/query/limit'],
      ['limit=1&limit=2', '#/query/limit'],
      ['offset=-1', '#/query/offset'],
      ['sort=id', '#/query/sort'],
      ['colour=red', '#/query/colour'],
      ['name=%00', '#/query/name'],
    ];
    for (const [query, pointer] of bad) {
      expect([query, pointersOf(expectProblem(await send('GET', `/v1/venues?${query}`), 'BODY_INVALID'))]).toEqual([
        query,
        [pointer],
      ]);
    }
  });
});

describe('plans', () => {
  it('are imported, and served for ever as they were stored', async () => {
    const http = await newApp();
    const { planId, venueId } = await house(http);
    const got = await http.send('GET', `/v1/plans/${planId}`);
    const plan = got.json();
    expect(plan).toMatchObject({
      id: planId,
      venueId,
      name: 'Test hall',
      seats: 6,
      places: 50,
      categories: [
        { name: 'A', color: '#ff0000', seats: 3, places: 0 },
        { name: 'B', seats: 3, places: 50 },
        { name: 'Empty', seats: 0, places: 0 },
      ],
    });
    expect(plan.plan.zones[0].rows[0].seats[0].seat_guid).toBe('s-1-1');
    expect(plan.hash).toBe(planHash(JSON.stringify(plan.plan)));
    expect(got.headers['cache-control']).toBe('public, max-age=31536000, immutable');
    const cached = await http.send('GET', `/v1/plans/${planId}`, null, { 'if-none-match': `"${plan.hash}"` });
    expect([cached.statusCode, cached.body]).toEqual([304, '']);
    expectProblem(await http.send('GET', '/v1/plans/pln_unknown'), 'NOT_FOUND');
  });

  it('keep one document for all plans that are the same', async () => {
    const http = await newApp();
    const { organiser, venueId } = await house(http);
    await organiser('POST', `/v1/venues/${venueId}/plans`, SMALL_PLAN);
    const count = async (table: 'plan' | 'plan_document'): Promise<number> =>
      (await http.database.kysely.selectFrom(table).select('hash').execute()).length;
    expect([await count('plan'), await count('plan_document')]).toEqual([2, 1]);
  });

  it('import a real hall and compress it on the way out', async () => {
    const http = await newApp();
    const { organiser, venueId } = await house(http);
    const imported = await organiser('POST', `/v1/venues/${venueId}/plans`, exampleHall() as object);
    expect(imported.statusCode).toBe(201);
    expect(imported.json()).toMatchObject({ id: expect.stringMatching(/^pln_/), warnings: expect.any(Array) });
    const got = await http.send('GET', `/v1/plans/${imported.json().id}`, null, { 'accept-encoding': 'gzip' });
    expect(got.headers['content-encoding']).toBe('gzip');
  });

  it('are refused with a pointer for each fault, and nothing is kept', async () => {
    const http = await newApp();
    const { organiser, venueId } = await house(http);
    const broken = planOf(zone('Z', row('x', '1', line(10, 0)), row('x', '1', line(20, 0), 'Nowhere')));
    const problem = expectProblem(await organiser('POST', `/v1/venues/${venueId}/plans`, broken), 'PLAN_INVALID');
    expect(pointersOf(problem)).toContain('/zones/0/rows/1/seats/0/category');
    for (const body of [{}, [], [SMALL_PLAN]]) {
      expect((await organiser('POST', `/v1/venues/${venueId}/plans`, body)).statusCode).toBeOneOf([400, 422]);
    }
    expect(await http.database.kysely.selectFrom('plan').select('id').execute()).toHaveLength(1);
  });

  it('cannot be imported into the venue of someone else, which is not even found', async () => {
    const http = await newApp();
    const { venueId } = await house(http);
    const other = await http.as('organiser');
    expectProblem(await other('POST', `/v1/venues/${venueId}/plans`, SMALL_PLAN), 'NOT_FOUND');
    const buyer = await http.as('buyer');
    expectProblem(await buyer('POST', `/v1/venues/${venueId}/plans`, SMALL_PLAN), 'FORBIDDEN');
    const admin = await http.as('admin');
    expect((await admin('POST', `/v1/venues/${venueId}/plans`, SMALL_PLAN)).statusCode).toBe(201);
  });

  it('may be larger than other bodies', async () => {
    const http = await newApp();
    const { organiser, venueId } = await house(http);
    const large = { ...SMALL_PLAN, padding: 'x'.repeat(1_000_000) };
    expect((await organiser('POST', `/v1/venues/${venueId}/plans`, large)).statusCode).toBe(201);
    expectProblem(await organiser('POST', '/v1/venues', large), 'BODY_TOO_LARGE');
  });

  it('of a form that takes long to parse is refused before it is parsed', async () => {
    const http = await newApp();
    const { organiser, venueId } = await house(http);
    const nested = { ...SMALL_PLAN, padding: 'x'.repeat(70_000), deep: JSON.parse('['.repeat(40) + ']'.repeat(40)) };
    const problem = expectProblem(await organiser('POST', `/v1/venues/${venueId}/plans`, nested), 'BODY_TOO_LARGE');
    expect(problem.detail).toBe('The body is nested more than 32 levels deep.');
  });
});

describe('performers', () => {
  it('are entered by organisers and found by part of their name', async () => {
    const http = await newApp();
    const organiser = await http.as('organiser');
    const created = await organiser('POST', '/v1/performers', {
      name: 'Orquesta de Tenerife',
      description: 'Two\nlines',
    });
    expect(created.statusCode).toBe(201);
    expect((await http.send('GET', '/v1/performers?name=TENER')).json()).toEqual({
      items: [created.json()],
      total: 1,
      offset: 0,
      limit: 30,
    });
    const buyer = await http.as('buyer');
    expectProblem(await buyer('POST', '/v1/performers', { name: 'Me' }), 'FORBIDDEN');
  });
});

describe('creating a show', () => {
  it('keeps it, wakes it at once and shows it as lists do', async () => {
    const http = await newApp();
    const { organiser, venueId, planId } = await house(http);
    const performer = (await organiser('POST', '/v1/performers', { name: 'Orquesta' })).json();
    const body = showOf(http, venueId, planId, {
      performerIds: [performer.id],
      screen: '1',
      mediaUrl: 'https://x.org/a.jpg',
    });
    const created = await organiser('POST', '/v1/shows', body);
    expect(created.statusCode).toBe(201);
    const show = created.json();
    const { performerIds: _, venueId: __, ...kept } = body as Record<string, unknown>;
    expect(show).toMatchObject({
      ...kept,
      id: expect.stringMatching(/^shw_/),
      organiserId: organiser.userId,
      venue: { id: venueId, ...VENUE },
      performers: [{ id: performer.id, name: 'Orquesta' }],
      offSaleAt: (body as { startsAt: string }).startsAt,
      limits: { perHold: 10, perBuyer: 10, holdSeconds: 600 },
      status: 'scheduled',
      capacity: 56,
      available: null,
      fromPrice: null,
    });
    expect(http.shows.asked).toEqual([{ showId: show.id, message: { type: 'get-summary' } }]);
    http.shows.counts.set(show.id, { available: 20, capacity: 56, fromPrice: 4550 });
    const seen = { ...show, available: 20, fromPrice: { amount: 4550, currency: 'EUR' } };
    expect((await http.send('GET', `/v1/shows/${show.id}`)).json()).toEqual(seen);
    expect((await http.send('GET', '/v1/shows')).json()).toEqual({ items: [seen], total: 1, offset: 0, limit: 30 });
    const stored = await http.database.kysely.selectFrom('show').select(['shard']).executeTakeFirstOrThrow();
    expect(stored.shard).toBe(shardOf(show.id));
  });

  it('gives the show actors the terms and the compiled hall', async () => {
    const http = await newApp();
    const { organiser, venueId, planId } = await house(http);
    const limits = { perHold: 4, perBuyer: 6, holdSeconds: 90 };
    const { id } = (await organiser('POST', '/v1/shows', showOf(http, venueId, planId, { limits }))).json();
    const now = http.time.clock.now();
    expect(await new CatalogueShowSource(http.catalogue).exists(id)).toBe(true);
    const loaded = await new CatalogueShowSource(http.catalogue).load(id);
    expect(loaded?.terms).toEqual({
      planId,
      planHash: (await http.send('GET', `/v1/plans/${planId}`)).json().hash,
      currency: 'EUR',
      prices: { A: 4550, B: 0 },
      onSaleAt: now + DAY,
      offSaleAt: now + 7 * DAY,
      ...limits,
    });
    expect(loaded?.hall.seatCount).toBe(6);
    expect((await http.catalogue.halls.get(planId))?.hall).toBe(loaded?.hall);
    expect(await new CatalogueShowSource(http.catalogue).exists('shw_unknown')).toBe(false);
    expect(await new CatalogueShowSource(http.catalogue).load('shw_unknown')).toBeNull();
  });

  it('names every fault of meaning at once', async () => {
    const http = await newApp();
    const { organiser, venueId, planId } = await house(http);
    const now = http.time.clock.now();
    const wrong = showOf(http, venueId, planId, {
      startsAt: rfc3339(now - DAY),
      endsAt: rfc3339(now - 2 * DAY),
      onSaleAt: rfc3339(now),
      offSaleAt: rfc3339(now - 1),
      currency: 'XXY',
      prices: { 'A/B': 100, Empty: 1 },
      performerIds: ['prf_unknown'],
      mediaUrl: 'javascript:alert(1)',
    });
    const problem = expectProblem(await organiser('POST', '/v1/shows', wrong), 'SHOW_INVALID');
    expect(pointersOf(problem)).toEqual(
      [
        '/currency',
        '/endsAt',
        '/mediaUrl',
        '/offSaleAt',
        '/onSaleAt',
        '/performerIds/0',
        '/prices',
        '/prices/A~1B',
        '/startsAt',
      ].sort(),
    );
    expect(http.shows.asked).toEqual([]);
    expect(await http.database.kysely.selectFrom('show').select('id').execute()).toEqual([]);
  });

  it('refuses prices that the payment provider could never take', async () => {
    const http = await newApp({ amountFault: (amount) => (amount < 50 ? 'must be at least 50' : null) });
    const { organiser, venueId, planId } = await house(http);
    const cheap = showOf(http, venueId, planId, { prices: { A: 49, B: 0 } });
    const problem = expectProblem(await organiser('POST', '/v1/shows', cheap), 'SHOW_INVALID');
    expect(problem.errors).toEqual([{ pointer: '/prices/A', detail: 'must be at least 50' }]);
    const dearer = showOf(http, venueId, planId, { prices: { A: 50, B: 0 } });
    expect((await organiser('POST', '/v1/shows', dearer)).statusCode).toBe(201);
  });

  it('refuses what its schema does not allow', async () => {
    const http = await newApp();
    const { organiser, venueId, planId } = await house(http);
    const bad: [object, string][] = [
      [{ prices: { A: 1.5 } }, '/prices/A'],
      [{ prices: { A: -1 } }, '/prices/A'],
      [{ prices: { A: 4_000_000_001 } }, '/prices/A'],
      [{ prices: { A: '100' } }, '/prices/A'],
      [{ currency: 'eur' }, '/currency'],
      [{ startsAt: 'tomorrow' }, '/startsAt'],
      [{ limits: { perHold: 0 } }, '/limits/perHold'],
      [{ limits: { holdSeconds: 3_601 } }, '/limits/holdSeconds'],
      [{ limits: { perWeek: 1 } }, '/limits/perWeek'],
      [{ performerIds: ['a', 'a'] }, '/performerIds'],
      [{ title: 'a\nb' }, '/title'],
      [{ status: 'on_sale' }, '/status'],
    ];
    for (const [changes, pointer] of bad) {
      const problem = expectProblem(
        await organiser('POST', '/v1/shows', showOf(http, venueId, planId, changes)),
        'BODY_INVALID',
      );
      expect([changes, pointersOf(problem)]).toEqual([changes, [pointer]]);
    }
    const early = showOf(http, venueId, planId, { onSaleAt: '0000-01-01T00:00:00Z' });
    expectProblem(await organiser('POST', '/v1/shows', early), 'SHOW_INVALID');
  });

  it('finds neither the venue nor the plan of someone else, nor the plan of another venue', async () => {
    const http = await newApp();
    const own = await house(http);
    const other = await house(http);
    const body = (venueId: string, planId: string) => showOf(http, venueId, planId);
    expectProblem(await own.organiser('POST', '/v1/shows', body(other.venueId, other.planId)), 'NOT_FOUND');
    expectProblem(await own.organiser('POST', '/v1/shows', body(own.venueId, other.planId)), 'NOT_FOUND');
    expectProblem(await own.organiser('POST', '/v1/shows', body('ven_1', 'pln_1')), 'NOT_FOUND');
    const buyer = await http.as('buyer');
    expectProblem(await buyer('POST', '/v1/shows', body(own.venueId, own.planId)), 'FORBIDDEN');
    const admin = await http.as('admin');
    const byAdmin = await admin('POST', '/v1/shows', body(own.venueId, own.planId));
    expect(byAdmin.json().organiserId).toBe(own.organiser.userId);
  });
});

describe('finding shows', () => {
  it('filters, sorts and pages', async () => {
    const http = await newApp();
    const { organiser, venueId, planId } = await house(http);
    const abroad = (
      await organiser('POST', '/v1/venues', { ...VENUE, address: { ...VENUE.address, country: 'DE', city: 'Bonn' } })
    ).json().id;
    const abroadPlan = (await organiser('POST', `/v1/venues/${abroad}/plans`, SMALL_PLAN)).json().id;
    const performer = (await organiser('POST', '/v1/performers', { name: 'Orquesta' })).json().id;
    const now = http.time.clock.now();
    const make = async (title: string, days: number, changes: object = {}, at = [venueId, planId]): Promise<void> => {
      const body = showOf(http, at[0], at[1], { title, startsAt: rfc3339(now + days * DAY), ...changes });
      expect((await organiser('POST', '/v1/shows', body)).statusCode).toBe(201);
    };
    await make('Beta', 5, { performerIds: [performer] });
    await make('Alpha', 9);
    await make('Gamma', 7, {}, [abroad, abroadPlan]);

    const titles = async (query: string): Promise<string> => {
      const answer = await http.send('GET', `/v1/shows?${query}`);
      expect(answer.statusCode).toBe(200);
      return answer
        .json()
        .items.map(({ title }: { title: string }) => title[0])
        .join('');
    };
    expect(await titles('')).toBe('BGA');
    expect(await titles('sort=-startsAt')).toBe('AGB');
    expect(await titles('sort=title&offset=1&limit=1')).toBe('B');
    expect(await titles('country=de')).toBe('G');
    expect(await titles('city=bonn&country=es')).toBe('');
    expect(await titles(`venueId=${venueId}`)).toBe('BA');
    expect(await titles(`performerId=${performer}`)).toBe('B');
    expect(await titles(`from=${rfc3339(now + 6 * DAY)}&to=${rfc3339(now + 9 * DAY)}`)).toBe('G');
    expect(await titles('status=scheduled')).toBe('BGA');
    await http.time.advance(6 * DAY);
    expect(await titles('status=scheduled')).toBe('');
    expect(await titles('status=on_sale')).toBe('GA');
    expect(await titles('status=closed')).toBe('B');
    expect(await titles('status=sold_out')).toBe('');
    for (const query of ['status=sold', 'from=yesterday', 'from=0000-01-01T00:00:00Z', 'q=']) {
      expectProblem(await http.send('GET', `/v1/shows?${query}`), 'BODY_INVALID');
    }
  });

  it('says sold_out only while the sale is open', async () => {
    const http = await newApp();
    const { organiser, venueId, planId } = await house(http);
    const { id } = (await organiser('POST', '/v1/shows', showOf(http, venueId, planId))).json();
    http.shows.counts.set(id, { available: 0, capacity: 56, fromPrice: null });
    const status = async (): Promise<string> => (await http.send('GET', `/v1/shows/${id}`)).json().status;
    expect(await status()).toBe('scheduled');
    await http.time.advance(DAY);
    expect(await status()).toBe('sold_out');
    await http.time.advance(6 * DAY);
    expect(await status()).toBe('closed');
  });

  it('tells of a show as cancelled, though the process died before the catalogue heard of it', async () => {
    const http = await newApp();
    const { organiser, venueId, planId } = await house(http);
    const onSaleAt = rfc3339(http.time.clock.now() + SOON);
    const { id } = (await organiser('POST', '/v1/shows', showOf(http, venueId, planId, { onSaleAt }))).json();
    await http.time.advance(SOON);
    const statusIn = async (url: string) => {
      const body = (await http.send('GET', url)).json();
      return 'items' in body ? body.items.map(({ status }: { status: string }) => status) : body.status;
    };
    http.shows.counts.set(id, { available: 56, capacity: 56, fromPrice: 0 });
    expect(await statusIn(`/v1/shows/${id}`)).toBe('on_sale');

    const { shows } = http.catalogue;
    const markCancelled = shows.markCancelled;
    shows.markCancelled = () => Promise.reject(new Error('the process dies here'));
    http.shows.answers.set('cancel-show', {});
    expect((await organiser('POST', `/v1/shows/${id}/cancel`)).statusCode).toBe(500);
    http.shows.counts.set(id, { available: 56, capacity: 56, fromPrice: 0, cancelled: true });
    shows.markCancelled = markCancelled;
    expect(await statusIn('/v1/shows')).toEqual(['cancelled']);
    expect(await statusIn('/v1/shows?status=cancelled')).toEqual([]);

    expect(await statusIn(`/v1/shows/${id}`)).toBe('cancelled');
    expect(await statusIn('/v1/shows?status=cancelled')).toEqual(['cancelled']);
    expect(await statusIn('/v1/shows?status=on_sale')).toEqual([]);
    // Also when its seats cannot be read.
    http.shows.counts.delete(id);
    expect(await statusIn(`/v1/shows/${id}`)).toBe('cancelled');
  });

  it('does not find what is no show', async () => {
    const { send } = await newApp();
    for (const id of ['shw_1', 'x', `shw_${'0'.repeat(26)}`, '%00', encodeURIComponent("' or 1=1 --")]) {
      expectProblem(await send('GET', `/v1/shows/${id}`), 'NOT_FOUND');
    }
  });
});
