import { expect, it } from 'vitest';
import type { ShowFigures } from '../../src/actors/shows.ts';
import { FiguresWriter } from '../../src/catalog/listing/figures-writer.ts';
import { ListingFeed } from '../../src/catalog/listing/listing-feed.ts';
import { untoldShows, writeFigures } from '../../src/catalog/listing/show-figures.ts';
import type { CatalogueTables } from '../../src/catalog/tables.ts';
import { shardOf } from '../../src/cluster/shards.ts';
import { rfc3339 } from '../../src/rfc3339.ts';
import { expectProblem, pointersOf } from '../support/expect-problem.ts';
import { type HttpApp, httpApps, type Send } from '../support/http-app.ts';
import { line, planOf, row, zone } from '../support/plan-fixtures.ts';
import { seededRandom } from '../support/seeded-random.ts';

const newApp = httpApps();
const DAY = 86_400_000;
/** How long figures are gathered, and how long changes go unread: both are over by then. */
const TOLD_WITHIN_MS = 500;

interface House {
  readonly http: HttpApp;
  readonly organiser: Send & { readonly userId: string };
  create(changes?: object): Promise<Record<string, never> & { readonly id: string; readonly status: string }>;
}

async function house(options: { readonly format?: number } = {}): Promise<House> {
  const http = await newApp(options);
  const organiser = await http.as('organiser');
  const address = { street: 'Obispo Rey Redondo 50', city: 'La Laguna', country: 'ES' };
  const venueId = (await organiser('POST', '/v1/venues', { name: 'Teatro Leal', address })).json().id;
  const plan = planOf(zone('Stalls', row('s', '1', line(10, 0, 10, 20))));
  const planId = (await organiser('POST', `/v1/venues/${venueId}/plans`, plan)).json().id;
  const now = http.time.clock.now();
  const base = {
    ...{ title: 'La vida es sueño', venueId, planId, currency: 'EUR', prices: { A: 4550 } },
    ...{ startsAt: rfc3339(now + 7 * DAY), onSaleAt: rfc3339(now + DAY) },
  };
  return {
    http,
    organiser,
    create: async (changes = {}) => (await organiser('POST', '/v1/shows', { ...base, ...changes })).json(),
  };
}

const found = async (send: Send, query: string): Promise<string[]> =>
  (await send('GET', `/v1/shows?${query}`)).json().items.map(({ title }: { title: string }) => title);

const figures = (version: number, parts: Partial<ShowFigures> = {}): ShowFigures => ({
  ...{ version, asOf: 1_000, capacity: 3, available: 3, fromPrice: 4550, cancelled: false },
  ...parts,
});

function feedOf(http: HttpApp): ListingFeed {
  const parts = { db: http.database.kysely as never, records: http.catalogue.shows };
  return new ListingFeed({ ...parts, timers: http.time.timers, log: http.log.log });
}

it('finds shows by words of theirs, and what changes at once', async () => {
  const { http, organiser, create } = await house();
  const performer = (await organiser('POST', '/v1/performers', { name: 'Orquesta Sinfónica' })).json().id;
  const show = await create({ mediaLinks: ['https://x.org/a', 'https://x.org/b'] });
  expect(show).toMatchObject({ mediaLinks: ['https://x.org/a', 'https://x.org/b'] });
  const { send } = http;
  expect(await found(send, 'q=sueno')).toHaveLength(1);
  expect(await found(send, 'q=la+lagnua&city=LA+LAGUNA')).toHaveLength(1);
  expect(await found(send, 'q=sinfonica')).toEqual([]);

  const link = `/v1/shows/${show.id}/performers/${performer}`;
  expect((await organiser('PUT', link)).json().performers).toEqual([{ id: performer, name: 'Orquesta Sinfónica' }]);
  expect((await organiser('PUT', link)).statusCode).toBe(200);
  expect(await found(send, 'q=sinfonica')).toHaveLength(1);
  expect((await organiser('DELETE', link)).json().performers).toEqual([]);
  expect((await organiser('DELETE', link)).statusCode).toBe(200);
  expect(await found(send, 'q=sinfonica')).toEqual([]);
  expectProblem(await organiser('PUT', `${link.slice(0, -1)}!`), 'NOT_FOUND');
  const other = await http.as('organiser');
  expectProblem(await other('PUT', link), 'NOT_FOUND');
  expectProblem(await other('PATCH', `/v1/shows/${show.id}`, { title: 'Mine' }), 'NOT_FOUND');

  const changed = await organiser('PATCH', `/v1/shows/${show.id}`, {
    title: 'Fuenteovejuna',
    description: 'All of us',
  });
  expect(changed.json()).toMatchObject({ title: 'Fuenteovejuna', description: 'All of us' });
  expect(await found(send, 'q=funteovejuna')).toEqual(['Fuenteovejuna']);
  expect(await found(send, 'q=sueno')).toEqual([]);
  const bare = await organiser('PATCH', `/v1/shows/${show.id}`, { description: null, mediaLinks: [] });
  expect([bare.json().description, bare.json().mediaLinks]).toEqual([undefined, undefined]);
});

it('lets the show decide about its times, and follows what it says', async () => {
  const { http, organiser, create } = await house();
  const { id } = await create();
  const now = http.time.clock.now();
  const patch = (body: object) => organiser('PATCH', `/v1/shows/${id}`, body);
  const times = { onSaleAt: now + 2 * DAY, offSaleAt: now + 8 * DAY };
  http.shows.answers.set('reschedule', { ...times, revision: 1 });
  const moved = await patch({ startsAt: rfc3339(now + 8 * DAY), onSaleAt: rfc3339(times.onSaleAt) });
  expect(moved.json()).toMatchObject({
    ...{ startsAt: rfc3339(now + 8 * DAY), onSaleAt: rfc3339(times.onSaleAt), offSaleAt: rfc3339(times.offSaleAt) },
  });
  // The sale ended when the show began; so it does now.
  expect(http.shows.asked.at(-1)?.message).toEqual({ type: 'reschedule', ...times });

  // An answer that comes late tells of what is over.
  await http.catalogue.shows.noteTimes(id, { onSaleAt: now, offSaleAt: now + DAY, revision: 3 });
  await http.catalogue.shows.noteTimes(id, { onSaleAt: now + 5, offSaleAt: now + 6, revision: 2 });
  expect((await http.send('GET', `/v1/shows/${id}`)).json().onSaleAt).toBe(rfc3339(now));

  const wrong = expectProblem(await patch({ endsAt: rfc3339(now), mediaUrl: 'x' }), 'SHOW_INVALID');
  expect(pointersOf(wrong)).toEqual(['/endsAt', '/mediaUrl']);
  http.shows.answers.delete('reschedule');
  expectProblem(await patch({ title: 'Never', onSaleAt: rfc3339(now + 1_000) }), 'UNAVAILABLE');
  expect((await http.send('GET', `/v1/shows/${id}`)).json().title).toBe('La vida es sueño');
});

it('hides drafts from all but their organiser and admins until they are published', async () => {
  const { http, organiser, create } = await house();
  const draft = await create({ draft: true });
  expect(draft.status).toBe('draft');
  const now = http.time.clock.now();
  const later = { startsAt: rfc3339(now + 8 * DAY), publishAt: rfc3339(now + 1_000) };
  const dated = await create({ title: 'Dated', ...later });
  const [buyer, other, admin] = [await http.as('buyer'), await http.as('organiser'), await http.as('admin')];
  for (const send of [http.send, buyer, other]) {
    expect(await found(send, '')).toEqual([]);
    expect(await found(send, 'status=draft')).toEqual([]);
    expectProblem(await send('GET', `/v1/shows/${draft.id}`), 'NOT_FOUND');
    expectProblem(await send('GET', `/v1/shows/${draft.id}/seats`), 'NOT_FOUND');
    expectProblem(await send('GET', `/v1/shows/${draft.id}/listings`), 'NOT_FOUND');
  }
  expectProblem(await buyer('POST', `/v1/shows/${draft.id}/publish`), 'FORBIDDEN');
  expectProblem(await other('POST', `/v1/shows/${draft.id}/publish`), 'NOT_FOUND');
  for (const send of [organiser, admin]) {
    expect(await found(send, 'status=draft')).toEqual(['La vida es sueño', 'Dated']);
    expect((await send('GET', `/v1/shows/${draft.id}`)).json().status).toBe('draft');
    // As far as this test's shows go.
    expectProblem(await send('GET', `/v1/shows/${draft.id}/seats`), 'UNAVAILABLE');
    expectProblem(await send('GET', `/v1/shows/${draft.id}/listings`), 'UNAVAILABLE');
  }
  expectProblem(await http.send('GET', '/v1/shows', null, { authorization: 'Bearer x' }), 'UNAUTHENTICATED');
  expectProblem(
    await organiser('POST', `/v1/shows/${draft.id}/publish`, { at: rfc3339(now + 9 * DAY) }),
    'SHOW_INVALID',
  );

  const times = { onSaleAt: now + DAY, offSaleAt: now + 7 * DAY };
  http.shows.answers.set('reschedule', { ...times, publishAt: now, revision: 1 });
  expect((await organiser('POST', `/v1/shows/${draft.id}/publish`)).json().status).toBe('scheduled');
  expect(http.shows.asked.at(-1)?.message).toEqual({ type: 'reschedule', publishAt: 'now' });
  expect(await found(http.send, '')).toEqual(['La vida es sueño']);
  await http.time.advance(1_000);
  expect(await found(http.send, '')).toEqual(['La vida es sueño', 'Dated']);
  expect((await http.send('GET', `/v1/shows/${dated.id}`)).json().status).toBe('scheduled');
});

it('makes no drafts while a node of the cluster would show them', async () => {
  const { http, organiser, create } = await house({ format: 3 });
  expect(await create({ draft: true })).toMatchObject({ code: 'UNAVAILABLE' });
  expect(await create()).toMatchObject({ status: 'scheduled' });
  expect(await found(organiser, 'status=draft')).toEqual([]);
  expect(await found(http.send, '')).toHaveLength(1);
});

it('tells every node the figures of shows that another one sells, within half a second', async () => {
  const { http, create } = await house();
  const { id } = await create();
  const db = http.database.kysely as never;
  const other = feedOf(http);
  await other.start();
  let written = Promise.withResolvers<void>();
  const owner = new FiguresWriter({
    write: (batch) => writeFigures(db, batch).then(() => written.resolve()),
    tellHere: () => {},
    ...{ timers: http.time.timers, random: seededRandom(), log: http.log.log },
  });
  const listed = async () => (await other.find({}, { offset: 0, limit: 1 }, 0)).items[0].figures;
  expect(await listed()).toBeNull();
  let [now, version] = [0, 1];
  const pass = async (ms: number): Promise<void> => {
    now += ms;
    await http.time.advance(ms);
  };
  for (; version <= 3; version++) {
    const from = now;
    owner.note({ showId: id, figures: () => figures(version, { available: 3 - version }) });
    while (now - from < TOLD_WITHIN_MS / 2) await pass(50);
    await written.promise;
    written = Promise.withResolvers<void>();
    while (now - from < TOLD_WITHIN_MS) await pass(50);
    // The reading that has begun by now.
    await other.catchUp();
    expect((await listed())?.available).toBe(3 - version);
  }
  // A former owner is late.
  await writeFigures(db, [{ showId: id, figures: figures(2, { available: 9 }) }]);
  await other.catchUp();
  expect((await listed())?.available).toBe(0);
  await owner.close();
  await other.close();
});

it('tells every node the prices of shows whose stock was changed', async () => {
  const { http, create } = await house();
  const { id } = await create();
  const { id: unchanged } = await create({ startsAt: rfc3339(http.time.clock.now() + 8 * DAY) });
  const prices = { A: 5_000, '"B" \\ {}': 0 };
  await writeFigures(http.database.kysely as never, [
    { showId: id, figures: figures(2, { fromPrice: 5_000, prices }) },
    { showId: unchanged, figures: figures(2) },
  ]);
  await http.listing.catchUp();
  const { items } = (await http.send('GET', '/v1/shows')).json();
  expect(items.map((show: { prices: object }) => show.prices)).toEqual([prices, { A: 4_550 }]);
});

it('misses no change whose transaction took its time, nor more changes than it reads at once', async () => {
  const { http, create } = await house();
  const feed = feedOf(http);
  const slow = await create({ title: 'Slow' });
  const quick = await create({ title: 'Quick' });
  const titles = async (): Promise<string[]> =>
    (await feed.find({ sort: 'title' }, { offset: 0, limit: 10 }, 0)).items.map(({ record }) => record.title);
  expect(await titles()).toEqual(['Quick', 'Slow']);
  await http.database.kysely.transaction().execute(async (transaction) => {
    await transaction.updateTable('show').set({ title: 'Slower' }).where('id', '=', slow.id).execute();
    await http.catalogue.shows.change(quick.id, { title: 'Quicker' }, {});
    await feed.catchUp();
    expect(await titles()).toEqual(['Quicker', 'Slow']);
  });
  await feed.catchUp();
  expect(await titles()).toEqual(['Quicker', 'Slower']);
  const many = Array.from({ length: 2_500 }, (_, i) => ({ showId: `shw_${i}`, figures: figures(1) }));
  await writeFigures(http.database.kysely as never, [...many, { showId: slow.id, figures: figures(4) }]);
  await feed.catchUp();
  const [, { figures: last }] = (await feed.find({ sort: 'title' }, { offset: 0, limit: 10 }, 0)).items;
  expect(last?.version).toBe(4);
});

it('reads a database whose transactions count anew after it was restored', async () => {
  const { http, create } = await house();
  const { id } = await create();
  const pool = http.database.pool;
  await pool.query('alter table show disable trigger show_changed');
  await pool.query(`update show set changed = '900000000000'`);
  await pool.query('alter table show enable trigger show_changed');
  const feed = feedOf(http);
  await feed.catchUp();
  const { rows } = await pool.query('select changed::text::float8 as changed from show');
  expect(rows[0].changed).toBeLessThan(900_000_000_000);
  await http.catalogue.shows.change(id, { title: 'After' }, {});
  await feed.catchUp();
  expect((await feed.find({ q: 'after' }, { offset: 0, limit: 1 }, 0)).total).toBe(1);
});

it('mends the catalogue, and wakes shows, where an owner died before it told', async () => {
  const { http, create } = await house();
  const { id } = await create();
  const db = http.database.kysely as never as import('kysely').Kysely<CatalogueTables>;
  const now = http.time.clock.now();
  const { pool } = http.database;
  await pool.query('create table journal (show_id text, seq int, primary key (show_id, seq))');
  // By the database's clock it sells for long.
  await pool.query(`update show set off_sale_at = now() + interval '1 day'`);
  const untold = async (): Promise<string[]> => {
    const ids: string[] = [];
    for await (const page of untoldShows(db, [shardOf(id)])) ids.push(...page.map(({ showId }) => showId));
    return ids;
  };
  expect(await untold()).toEqual([]);
  await pool.query('insert into journal values ($1, 1), ($1, 2)', [id]);
  expect(await untold()).toEqual([id]);
  await writeFigures(db, [{ showId: id, figures: figures(1) }]);
  expect(await untold()).toEqual([id]);
  const times = { onSaleAt: now + 5_000, offSaleAt: now + 6_000, revision: 1 };
  await writeFigures(db, [{ showId: id, figures: figures(2, { times }) }]);
  const shown = async () => (await http.send('GET', `/v1/shows/${id}`)).json();
  expect(await shown()).toMatchObject({ onSaleAt: rfc3339(now + 5_000), offSaleAt: rfc3339(now + 6_000) });
  await pool.query(`update show set off_sale_at = now() + interval '1 day'`);
  expect(await untold()).toEqual([]);
  await pool.query(
    `insert into plan (id, venue_id, name, hash, seats, places, categories, created_at)
     select 'pln_later', venue_id, name, hash, 7, 3, categories, created_at from plan limit 1`,
  );
  const plan = { id: 'pln_later', revision: 2 };
  // Whoever dies between two statements leaves the show to be woken: it tells both again.
  let statements = 0;
  const dying = db.withPlugin({
    transformQuery: ({ node }) => {
      if (statements++ > 0) throw new Error('the node died');
      return node;
    },
    transformResult: async ({ result }) => result,
  });
  await pool.query('insert into journal values ($1, 3)', [id]);
  await expect(writeFigures(dying, [{ showId: id, figures: figures(3, { times, plan }) }])).rejects.toThrow('died');
  expect(await untold()).toEqual([id]);
  await writeFigures(db, [{ showId: id, figures: figures(3, { times, plan }) }]);
  await writeFigures(db, [{ showId: id, figures: figures(4, { times, plan: { id: 'pln_before', revision: 1 } }) }]);
  expect(await http.catalogue.shows.get(id)).toMatchObject({ currentPlan: plan, planCapacity: 10 });
  expect(await shown()).toMatchObject({ planId: 'pln_later' });
  await writeFigures(db, [{ showId: id, figures: figures(5, { times, cancelled: true }) }]);
  expect((await shown()).status).toBe('cancelled');
});

it('mends many shows by one statement, and writes nothing of what the catalogue knows', async () => {
  const { http, create } = await house();
  const moved = (await create({ draft: true })).id;
  const [off, both] = [(await create()).id, (await create()).id];
  const db = http.database.kysely as never as import('kysely').Kysely<CatalogueTables>;
  const start = Date.UTC(2030, 0, 1);
  const early = { onSaleAt: start, offSaleAt: start + DAY, publishAt: start - DAY, revision: 2 };
  const late = { onSaleAt: start + DAY, offSaleAt: start + 2 * DAY, revision: 1 };
  let statements = 0;
  const counted = db.withPlugin({
    transformQuery: ({ node }) => {
      statements++;
      return node;
    },
    transformResult: async ({ result }) => result,
  });
  const rows = async (): Promise<unknown[]> =>
    (await http.database.pool.query('select id, xmin::text, cancelled_at from show order by id')).rows;
  const tell = (version: number, asOf: number): Promise<void> =>
    writeFigures(counted, [
      { showId: both, figures: figures(version, { asOf, times: late, cancelled: true }) },
      { showId: moved, figures: figures(version, { asOf, times: early }) },
      { showId: off, figures: figures(version, { asOf, cancelled: true }) },
      { showId: 'shw_unknown', figures: figures(version, { asOf, cancelled: true }) },
    ]);
  await tell(1, start + 1);
  expect(statements).toBe(2);
  const record = (id: string) => http.catalogue.shows.get(id);
  expect(await record(moved)).toMatchObject({ ...early, cancelledAt: null });
  expect(await record(off)).toMatchObject({ revision: 0, cancelledAt: start + 1 });
  expect(await record(both)).toMatchObject({ ...late, cancelledAt: start + 1 });
  const told = await rows();
  await tell(2, start + 2);
  expect(await rows()).toEqual(told);
});
