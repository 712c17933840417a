import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { MadeShow } from '../../src/actors/shows.ts';
import type { JournalRow } from '../../src/journal/journal.ts';
import { createJournalReader, type JournalReader, journalPool } from '../../src/journal/postgres-journal.ts';
import { nextLaggards } from '../../src/projector/laggards.ts';
import { Projections } from '../../src/projector/projections.ts';
import { rebuildShows } from '../../src/projector/rebuild.ts';
import { systemClock } from '../../src/system/clock.ts';
import { systemRandom } from '../../src/system/random.ts';
import { systemTimers } from '../../src/system/timers.ts';
import { DELIVERY_LIMITS, WebhookDeliverer } from '../../src/webhooks/deliverer.ts';
import { Deliveries } from '../../src/webhooks/deliveries.ts';
import { createWebhookSender } from '../../src/webhooks/sender.ts';
import { RawClient } from '../e2e/bad-input/raw-client.ts';
import { type BoxOffice, openBoxOffice } from '../e2e/bad-input/whole-box-office.ts';
import { ADDRESS, asJson } from '../e2e/bad-input/world.ts';
import { variantsOf } from '../property/plan-variants.ts';
import { realParts, runTrial, SHOW_ID } from '../property/run-trial.ts';
import { type Trial, trialsOf } from '../property/schedules.ts';
import { capturedLog } from '../support/captured-log.ts';
import { madeOf } from '../support/made-show.ts';
import { MemoryProjection } from '../support/memory-projection.ts';
import { exampleHall, hallOf } from '../support/plan-fixtures.ts';
import { temporaryDirectoryForFile } from '../support/temporary-directory.ts';
import { webhookReceiver } from '../support/webhook-receiver.ts';

type Json = Record<string, never>;

let office: BoxOffice;
let client: RawClient;
let reader: JournalReader;
let people: Record<
  'organiser' | 'other' | 'buyer' | 'stranger' | 'giver' | 'friend',
  { readonly id: string; readonly token: string }
>;
let planOfOrganiser: { readonly venueId: string; readonly planId: string; readonly prices: Record<string, number> };
let requests = 0;

beforeAll(async () => {
  office = await openBoxOffice(temporaryDirectoryForFile(), { projects: true });
  client = new RawClient(office.port);
  reader = createJournalReader(journalPool(office.pool.options, capturedLog().log));
  people = {
    organiser: await office.signUp('organiser@example.org', 'organiser'),
    other: await office.signUp('other@example.org', 'organiser'),
    buyer: await office.signUp('buyer@example.org', 'buyer'),
    stranger: await office.signUp('stranger@example.org', 'buyer'),
    giver: await office.signUp('giver@example.org', 'buyer'),
    friend: await office.signUp('friend@example.org', 'buyer'),
  };
  const venue = await ok('organiser', 'POST', '/venues', { name: 'Hall', address: ADDRESS });
  const plan = await ok('organiser', 'POST', `/venues/${venue.id}/plans`, exampleHall());
  const categories = plan.categories as { name: string }[];
  planOfOrganiser = {
    venueId: venue.id,
    planId: plan.id,
    prices: Object.fromEntries(categories.map(({ name }) => [name, 2_000])),
  };
});

afterAll(async () => {
  client.close();
  await reader.close();
  await office.close();
});

afterEach(() => {
  expect(office.log.lines.splice(0).filter(({ level }) => (level as number) >= 50)).toEqual([]);
});

async function send(who: keyof typeof people, method: string, path: string, body?: unknown) {
  return client.send({ method, path: `/v1${path}`, ...asJson(people[who].token, body, `key-${++requests}`) });
}

async function ok(who: keyof typeof people, method: string, path: string, body?: unknown): Promise<Json> {
  const answer = await send(who, method, path, body);
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.body}`);
  return answer.body === '' ? {} : JSON.parse(answer.body);
}

async function newShow(title = 'Opera'): Promise<string> {
  const show = await ok('organiser', 'POST', '/shows', {
    ...{ title, currency: 'EUR', ...planOfOrganiser },
    ...{ onSaleAt: '2020-01-01T00:00:00Z', startsAt: '2100-01-01T00:00:00Z' },
  });
  return show.id;
}

async function buy(who: keyof typeof people, show: string, quantity: number): Promise<Json> {
  const hold = await ok(who, 'POST', `/shows/${show}/holds`, { best: { quantity } });
  const order = await ok(who, 'POST', `/holds/${hold.id}/order`);
  const { id } = order.payment as { id: string };
  await ok(who, 'POST', `/sandbox/payments/${id}/confirm`, { card: '4242424242424242' });
  return order;
}

/** All of the show that is journaled now is taken over. */
async function projected(show: string): Promise<void> {
  const { rows } = await office.pool.query('select max(seq) as seq from journal where show_id = $1', [show]);
  await vi.waitFor(
    async () => {
      const done = await office.pool.query('select seq from projection where show_id = $1', [show]);
      expect(done.rows[0]?.seq).toBeGreaterThanOrEqual(rows[0].seq);
    },
    { timeout: 20_000, interval: 50 },
  );
}

describe('what people see', () => {
  test('a buyer has an own purchase in the lists at once, and the same when it was taken over', async () => {
    const show = await newShow();
    const order = await buy('buyer', show, 2);
    const lists = async () => [await ok('buyer', 'GET', '/orders'), await ok('buyer', 'GET', '/tickets')];
    const [orders, tickets] = await lists();
    expect(orders).toMatchObject({ total: 1, items: [{ id: order.id, status: 'paid' }] });
    expect(tickets).toMatchObject({ total: 2, items: [{ status: 'valid' }, { status: 'valid' }] });
    await projected(show);
    expect(await lists()).toEqual([orders, tickets]);

    const [first] = order.lines as { ticketId: string }[];
    await ok('organiser', 'POST', `/orders/${order.id}/refund`, { tickets: [first.ticketId] });
    const [after] = await lists();
    expect(after).toMatchObject({ items: [{ status: 'partially_refunded' }] });
    const second = await newShow('Concert');
    await buy('buyer', second, 1);
    const newer = await lists();
    expect(newer[0]).toMatchObject({ total: 2, items: [{ showId: second }, { showId: show }] });
    await projected(second);
    await vi.waitFor(async () => expect(await refundsDone(show)).toBe(1), { timeout: 20_000 });
    await projected(show);
    const settled = await lists();
    expect(settled[1]).toEqual(newer[1]);
    expect(await ok('buyer', 'GET', '/orders?offset=1&limit=1')).toMatchObject({ total: 2, items: [{ showId: show }] });
    expect(await ok('stranger', 'GET', '/orders')).toMatchObject({ total: 0, items: [] });
    expect(await ok('stranger', 'GET', '/tickets')).toMatchObject({ total: 0, items: [] });
  });

  test('a ticket that goes to others is in the lists of who had it and who has it as their show tells', async () => {
    const show = await newShow('Given');
    const order = await buy('giver', show, 3);
    const [first, second, third] = (order.lines as { ticketId: string }[]).map(({ ticketId }) => ticketId);
    /** At once, and when it was taken over: what the show says, which is always asked with `showId`. */
    const ticketsOf = async (who: 'giver' | 'friend') => {
      const [told, now] = [await ok(who, 'GET', `/tickets?showId=${show}`), await ok(who, 'GET', '/tickets')];
      expect(now).toEqual(told);
      await projected(show);
      expect(await ok(who, 'GET', '/tickets')).toEqual(told);
      return (told.items as { id: string; status: string }[]).map(({ id, status }) => [id, status]);
    };

    const { id: given } = await ok('giver', 'POST', `/tickets/${first}/transfer`, { email: 'friend@example.org' });
    const kept = [
      [second, 'valid'],
      [third, 'valid'],
    ];
    expect(await ticketsOf('giver')).toEqual([[first, 'transferred'], ...kept, [given, 'offered']]);
    expect(await ticketsOf('friend')).toEqual([]);
    expect(await ok('friend', 'GET', '/transfers')).toMatchObject({ total: 1, items: [{ id: given }] });
    await ok('friend', 'POST', `/tickets/${given}/accept`);
    expect(await ticketsOf('giver')).toEqual([[first, 'transferred'], ...kept]);
    expect(await ticketsOf('friend')).toEqual([[given, 'valid']]);
    const received = await ok('friend', 'GET', '/tickets');
    expect(JSON.stringify(received)).not.toContain(order.id);
    expect(await ok('friend', 'GET', '/orders')).toMatchObject({ total: 0 });

    // The receiver comes in, and one of the others is listed and bought by the receiver.
    const [{ code }] = received.items as { code: string }[];
    await ok('organiser', 'POST', `/shows/${show}/admissions`, { code });
    await ok('giver', 'POST', `/tickets/${second}/listing`, { price: 1_500 });
    expect(await ticketsOf('giver')).toEqual([[first, 'transferred'], [second, 'listed'], kept[1]]);
    const seat = (order.lines as { seat: { id: string } }[])[1].seat.id;
    const hold = await ok('friend', 'POST', `/shows/${show}/holds`, { seats: [seat] });
    const bought = await ok('friend', 'POST', `/holds/${hold.id}/order`);
    const { id: payment } = bought.payment as { id: string };
    await ok('friend', 'POST', `/sandbox/payments/${payment}/confirm`, { card: '4242424242424242' });
    const [line] = bought.lines as { ticketId: string }[];
    await vi.waitFor(async () => expect(await refundsDone(show)).toBe(1), { timeout: 20_000 });
    expect(await ticketsOf('giver')).toEqual([[first, 'transferred'], [second, 'void'], kept[1]]);
    expect(await ticketsOf('friend')).toEqual([
      [line.ticketId, 'valid'],
      [given, 'used'],
    ]);
    const orderAsShown = await ok('giver', 'GET', `/orders/${order.id}`);
    expect((await ok('giver', 'GET', '/orders')).items).toMatchObject([{ status: 'partially_refunded' }]);
    expect((await ok('giver', 'GET', '/orders')).items).toEqual([orderAsShown]);

    const report = await ok('organiser', 'GET', `/shows/${show}/report`);
    expect(report).toMatchObject({
      behind: false,
      revenue: { gross: { amount: 7_500 }, refunded: { amount: 1_500 }, net: { amount: 6_000 } },
      admissions: { expected: 3, admitted: 1 },
    });
    const sold = (report.categories as { sold: number }[]).reduce((sum, category) => sum + category.sold, 0);
    expect(sold).toBe(3);
    const attendees = (await send('organiser', 'GET', `/shows/${show}/attendees.csv`)).body.trim().split('\r\n');
    expect(attendees.slice(1).map((row) => row.split(',')[0])).toEqual([third, given, line.ticketId]);
  });

  test('an organiser has the report and the exports of own shows, and nobody else has', async () => {
    await office.pool.query(`update usher_user set first_name = '=1+1', last_name = 'O"Hara, Ada' where id = $1`, [
      people.stranger.id,
    ]);
    const show = await newShow('Play');
    const order = await buy('stranger', show, 3);
    const [first] = order.lines as { ticketId: string }[];
    await ok('organiser', 'POST', `/orders/${order.id}/refund`, { tickets: [first.ticketId] });
    await ok('stranger', 'POST', `/shows/${show}/holds`, { best: { quantity: 2 } });
    await vi.waitFor(async () => expect(await refundsDone(show)).toBe(1), { timeout: 20_000 });
    await projected(show);

    const report = await ok('organiser', 'GET', `/shows/${show}/report?interval=hour`);
    expect(report).toMatchObject({
      behind: false,
      revenue: {
        gross: { amount: 6_000, currency: 'EUR' },
        refunded: { amount: 2_000 },
        lost: { amount: 0 },
        net: { amount: 4_000 },
      },
      refunds: { pending: { amount: 0 }, failed: { amount: 0 } },
      admissions: { expected: 2, admitted: 0 },
    });
    const categories = report.categories as { free: number; held: number; sold: number; capacity: number }[];
    const sum = (name: 'free' | 'held' | 'sold' | 'capacity'): number =>
      categories.reduce((total, category) => total + category[name], 0);
    expect([sum('sold'), sum('held'), sum('free')]).toEqual([2, 2, sum('capacity') - 4]);
    expect(report.intervals).toMatchObject([{ sold: 3, returned: 1, gross: 6_000, refunded: 2_000, net: 4_000 }]);
    const sales = await ok('organiser', 'GET', '/sales');
    const ofShow = (sales.items as { showId: string }[]).find(({ showId }) => showId === show);
    expect(ofShow).toMatchObject({ sold: 3, returned: 1, net: 4_000 });

    const orders = (await send('organiser', 'GET', `/shows/${show}/orders.csv`)).body.split('\r\n');
    expect(orders).toHaveLength(3);
    expect(orders[0]).toMatch(/^order_id,created_at,paid_at,status,/);
    expect(orders[1]).toContain(
      `,partially_refunded,${people.stranger.id},stranger@example.org,"'=1+1 O""Hara, Ada",3,`,
    );
    const attendees = (await send('organiser', 'GET', `/shows/${show}/attendees.csv`)).body.split('\r\n');
    expect(attendees).toHaveLength(4);
    expect(attendees.join()).not.toContain(first.ticketId);

    for (const path of ['report', 'orders.csv', 'attendees.csv']) {
      expect((await send('other', 'GET', `/shows/${show}/${path}`)).status).toBe(404);
      expect((await send('buyer', 'GET', `/shows/${show}/${path}`)).status).toBe(403);
    }
    expect(await ok('other', 'GET', '/sales')).toMatchObject({ total: 0, items: [] });
  });
});

async function refundsDone(show: string): Promise<number> {
  const { rows } = await office.pool.query(
    `select count(*)::int as count from journal, json_array_elements(events) event
     where show_id = $1 and event ->> 'type' = 'refunded'`,
    [show],
  );
  return rows[0].count;
}

describe('the tables of the read models', () => {
  const projections = () => new Projections(office.pool);

  test('have what the journal says, whoever is at it, and the same when they are made anew', async () => {
    const stress = { faults: 1, crashes: 1, jumps: 3, repeats: 1, restocks: 1, replans: 1, mostAsks: 6, mostSteps: 30 };
    for (const trial of fc.sample(trialsOf(stress), 8)) {
      const { rows, made } = await journaled(trial);
      const expected = new MemoryProjection(SHOW_ID, made.hall, variantsOf(trial.plan));
      expected.write(await expected.changesOf(rows));
      for (let from = 0; from < rows.length; from += 4) {
        const page = rows.slice(from, from + 4);
        // Of several at once one takes the page over; whoever comes later finds it done.
        const done = await Promise.all([1, 2, 3].map(() => projections().advance(SHOW_ID, made, page)));
        expect(done.filter(Boolean)).toHaveLength(1);
        expect(await projections().advance(SHOW_ID, made, page)).toBe(false);
      }
      const built = await tablesOf();
      expect(built).toEqual(expected.rows());
      await office.pool.query('update read_order set total = 0, state = $2 where show_id = $1', [SHOW_ID, 'paid']);
      await office.pool.query('delete from read_hold where show_id = $1', [SHOW_ID]);
      const parts = { projections: projections(), journal: reader, load: async () => made };
      expect(await rebuildShows(parts, SHOW_ID)).toEqual({ shows: 1, rows: rows.length, faults: [] });
      expect(await tablesOf()).toEqual(built);
    }
  });

  test('have nothing of a show that has not opened, also when they are made anew', async () => {
    await office.pool.query('delete from journal where show_id = $1', [SHOW_ID]);
    await office.pool.query('delete from projection where show_id = $1', [SHOW_ID]);
    const parts = { projections: projections(), journal: reader, load: async () => madeOf(hallOf(exampleHall())) };
    expect(await rebuildShows(parts, SHOW_ID)).toEqual({ shows: 0, rows: 0, faults: [] });
    const { rows } = await office.pool.query('select * from projection where show_id = $1', [SHOW_ID]);
    expect(rows).toEqual([]);
  });

  test('stay as they were at a row that is not understood', async () => {
    const [trial] = fc.sample(
      trialsOf({ faults: 0, crashes: 0, jumps: 1, repeats: 1, restocks: 1, mostAsks: 6, mostSteps: 12 }),
      1,
    );
    const { rows, made } = await journaled(trial);
    const poisoned: JournalRow = {
      ...rows[0],
      seq: rows.length + 1,
      events: '[{"type":"expired","holds":[]},{"type":"new"}]',
    };
    await projections().advance(SHOW_ID, made, rows);
    const before = await tablesOf();
    await expect(projections().advance(SHOW_ID, made, [poisoned])).rejects.toThrow('unknown event, new');
    await expect(projections().advance(SHOW_ID, made, [{ ...poisoned, events: '[' }])).rejects.toThrow('not JSON');
    expect(await tablesOf()).toEqual(before);
    const missing = { ...poisoned, events: '[{"type":"captured","order":999}]' };
    await expect(projections().advance(SHOW_ID, made, [missing])).rejects.toThrow('number 999 of orders');
  });

  test('are found behind by the sweep, by one node at a time', async () => {
    const [trial] = fc.sample(
      trialsOf({ faults: 0, crashes: 0, jumps: 1, repeats: 1, restocks: 1, mostAsks: 6, mostSteps: 12 }),
      1,
    );
    const { rows, made } = await journaled(trial);
    // So young that the node's own sweep leaves it alone.
    await office.pool.query('update journal set at = $2 where show_id = $1', [SHOW_ID, Date.now() + 60_000]);
    const columns = `select (jsonb_populate_record(s, jsonb_build_object('id', $1::text))).* from show s limit 1`;
    await office.pool.query(`insert into show ${columns}`, [SHOW_ID]);
    onTestFinished(async () => void (await office.pool.query('delete from show where id = $1', [SHOW_ID])));
    const look = () => nextLaggards(office.pool, 60_000, 2, -120_000);
    const sweep = async () => {
      await office.pool.query('update projector_sweep set next_at = 0');
      return look();
    };
    // The node may be quicker now and then: round and round.
    let found: string[] = [];
    for (let page = 0; page < 100 && !found.includes(SHOW_ID); page++) found = await sweep();
    expect(found).toContain(SHOW_ID);
    expect(await look()).toEqual([]);
    await projections().advance(SHOW_ID, made, rows);
    for (let page = 0; page < 8; page++) expect(await sweep()).not.toContain(SHOW_ID);
  });

  /** Puts the journal of a trial into the database, and nothing else of its show. */
  async function journaled(trial: Trial): Promise<{ rows: readonly JournalRow[]; made: MadeShow }> {
    const parts = realParts();
    await runTrial(trial, parts);
    const rows = parts.journal.rows(SHOW_ID);
    const { pool } = office;
    for (const table of ['journal', 'projection', ...READ_TABLES])
      await pool.query(`delete from ${table} where show_id = $1`, [SHOW_ID]);
    for (const row of rows) {
      await pool.query(
        `insert into journal (show_id, seq, epoch, at, events, prev_hash, hash, wake_at, format, writer)
         values ($1, $2, $3, $4, $5, decode($6, 'hex'), decode($7, 'hex'), $8, $9, $10)`,
        [
          ...[SHOW_ID, row.seq, row.epoch, row.at, row.events, row.prevHash, row.hash],
          ...[row.wakeAt, row.format, row.writer],
        ],
      );
    }
    return { rows, made: madeOf(hallOf(trial.plan), trial.terms, variantsOf(trial.plan)) };
  }
});

const READ_TABLES = ['read_category', 'read_hold', 'read_order', 'read_ticket', 'read_refund', 'read_sales'];

/** Row for row, as {@link MemoryProjection.rows} has them. */
async function tablesOf(): Promise<unknown> {
  const keys: Record<string, string> = { read_category: 'category', read_sales: `hour_at || ' ' || category` };
  const tables: unknown[] = [];
  for (const table of ['projection', ...READ_TABLES]) {
    const order = table === 'projection' ? 'show_id' : (keys[table] ?? 'number');
    const { rows } = await office.pool.query(
      `select t.* from ${table} t where show_id = $1 order by ${order} ${order === 'number' ? '' : 'collate "C"'}`,
      [SHOW_ID],
    );
    const own = rows.map(({ show_id, ...row }) => row);
    tables.push(table === 'projection' ? own[0] : own);
  }
  return tables;
}

describe('outgoing webhooks', () => {
  /** Sends what is due, quickly and often, while the test runs. */
  function deliverer(limits: Partial<typeof DELIVERY_LIMITS> | object = {}): WebhookDeliverer {
    const worker = new WebhookDeliverer({
      deliveries: new Deliveries(office.pool),
      send: createWebhookSender('any'),
      ...{ clock: systemClock(), timers: systemTimers, random: systemRandom, log: capturedLog().log },
      limits: { ...DELIVERY_LIMITS, pollMs: 20, sendMs: 300, retryAfterMs: [10, 10], ...limits },
    });
    worker.start();
    onTestFinished(() => worker.close());
    return worker;
  }

  async function endpoint(url: string, events = ['order.paid', 'order.refunded', 'show.sold_out']): Promise<Json> {
    const made = await ok('organiser', 'POST', '/webhook-endpoints', { url, events });
    onTestFinished(async () => void (await send('organiser', 'DELETE', `/webhook-endpoints/${made.id}`)));
    return made;
  }

  const delivery = async (endpointId: string) => {
    const list = await ok('organiser', 'GET', `/webhook-deliveries?endpointId=${endpointId}`);
    return (list.items as Json[])[0];
  };

  test('tell of an order that was paid and refunded, signed, each once, also after a rebuild', async () => {
    const receiver = await webhookReceiver();
    const made = await endpoint(receiver.url);
    const show = await newShow('Told');
    deliverer();
    const order = await buy('buyer', show, 2);
    await vi.waitFor(() => expect(receiver.received).toHaveLength(1), { timeout: 20_000 });
    await ok('organiser', 'POST', `/orders/${order.id}/refund`);
    await vi.waitFor(() => expect(receiver.received).toHaveLength(2), { timeout: 20_000 });
    const [paid, refunded] = receiver.received.map(({ headers, body }) =>
      // The library that receivers use throws if it does not fit.
      new Webhook(made.secret).verify(body, headers as Record<string, string>),
    );
    expect(paid).toMatchObject({ type: 'order.paid', data: { orderId: order.id, total: { amount: 4_000 } } });
    expect(refunded).toMatchObject({ type: 'order.refunded', data: { orderId: order.id, orderStatus: 'refunded' } });

    await projected(show);
    await vi.waitFor(async () => expect((await delivery(made.id)).status).toBe('delivered'));
    const messages = async () => (await office.pool.query('select count(*)::int as count from webhook_delivery')).rows;
    const before = await messages();
    // Nor if what was sent had been forgotten.
    await office.pool.query('delete from webhook_message where show_id = $1', [show]);
    const { rows } = await office.pool.query('select plan_id from show where id = $1', [show]);
    expect(rows).toHaveLength(1);
    const hall = hallOf(exampleHall());
    const parts = { projections: new Projections(office.pool), journal: reader, load: async () => madeOf(hall) };
    expect((await rebuildShows(parts, show)).faults).toEqual([]);
    expect((await messages())[0].count).toBe(before[0].count - 2);
    expect(receiver.received).toHaveLength(2);
  });

  test('are tried again until they are taken, and given up after the last attempt; a replay sends them under the same id', async () => {
    const receiver = await webhookReceiver();
    const made = await endpoint(receiver.url, ['order.paid']);
    const show = await newShow('Tried');
    receiver.answer = 503;
    deliverer();
    await buy('buyer', show, 1);
    await vi.waitFor(async () => expect((await delivery(made.id))?.status).toBe('failed'), { timeout: 20_000 });
    const failed = await delivery(made.id);
    expect(failed).toMatchObject({ attempts: 3, lastStatus: 503, lastError: 'the answer was 503' });
    expect(await ok('organiser', 'GET', `/webhook-endpoints/${made.id}`)).toMatchObject({
      status: 'enabled',
      failingSince: expect.any(String),
    });

    receiver.answer = null;
    await ok('organiser', 'POST', `/webhook-deliveries/${failed.id}/replay`);
    await vi.waitFor(async () => expect((await delivery(made.id)).lastError).toBe('no answer within 300 ms'), {
      timeout: 20_000,
    });
    receiver.answer = 302;
    await vi.waitFor(async () => expect((await delivery(made.id)).status).toBe('failed'), { timeout: 20_000 });
    receiver.answer = 200;
    expect(
      await ok('organiser', 'POST', `/webhook-endpoints/${made.id}/replay`, { since: '2020-01-01T00:00:00Z' }),
    ).toEqual({ replayed: 1 });
    await vi.waitFor(async () => expect((await delivery(made.id)).status).toBe('delivered'), { timeout: 20_000 });
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(await ok('organiser', 'GET', `/webhook-endpoints/${made.id}`)).not.toHaveProperty('failingSince');
    const replay = `/webhook-endpoints/${made.id}/replay`;
    const since = { since: '2020-01-01T00:00:00Z' };
    expect(await ok('organiser', 'POST', replay, since)).toEqual({ replayed: 0 });
    expect(await ok('organiser', 'POST', replay, { ...since, delivered: true })).toEqual({ replayed: 1 });
  });

  test('end at an endpoint that answers 410, until it is enabled; what it missed meanwhile can be replayed', async () => {
    const receiver = await webhookReceiver();
    const made = await endpoint(receiver.url, ['order.paid']);
    const show = await newShow('Gone');
    receiver.answer = 410;
    const worker = deliverer();
    await buy('buyer', show, 1);
    const found = () => ok('organiser', 'GET', `/webhook-endpoints/${made.id}`);
    await vi.waitFor(async () => expect((await found()).status).toBe('disabled'), { timeout: 20_000 });
    expect(worker.figures()).toMatchObject({ givenUp: 1, disabled: 1 });
    await buy('stranger', show, 1);
    await projected(show);
    expect(await delivery(made.id)).toMatchObject({ status: 'failed', lastError: 'the endpoint was disabled' });
    const replay = `/webhook-endpoints/${made.id}/replay`;
    const since = { since: '2020-01-01T00:00:00Z' };
    expect(await send('organiser', 'POST', replay, since)).toMatchObject({ status: 409 });
    await ok('organiser', 'POST', `/webhook-endpoints/${made.id}/enable`);
    receiver.answer = 204;
    expect(await ok('organiser', 'POST', replay, since)).toEqual({ replayed: 2 });
    await vi.waitFor(() => expect(worker.figures().delivered).toBe(2), { timeout: 20_000 });
  });

  test('that many wait for, or that fail, do not keep others waiting', async () => {
    const { pool } = office;
    const show = await newShow('Fair');
    const backlog = async (failingSince: number | null, waiting: number, nextAt: number): Promise<string> => {
      const { id } = await endpoint('https://example.org/', ['show.sold_out']);
      await pool.query('update webhook_endpoint set failing_since = $2 where id = $1', [id, failingSince]);
      await pool.query(
        `with message as (
           insert into webhook_message (id, show_id, type, created_at, body)
           select $1 || n, $2, 'show.sold_out', 1, '{}' from generate_series(1, $3) n returning id
         )
         insert into webhook_delivery (id, endpoint_id, message_id, created_at, next_at)
         select 'whd_' || id, $1, id, 1, $4 from message`,
        [id, show, waiting, nextAt],
      );
      onTestFinished(async () => void (await pool.query('delete from webhook_message where id like $1', [`${id}%`])));
      return id;
    };
    const failing = [await backlog(1, 5, 1), await backlog(1, 5, 1)];
    const [long, late] = [await backlog(null, 5, 2), await backlog(null, 1, 3)];
    const deliveries = new Deliveries(pool);
    const claimed = async (places: number, busy: string[]) => {
      const { claims } = await deliveries.claim({ places, failing: 3 }, 60_000, 4, busy);
      return claims.map(({ endpointId }) => endpointId).sort();
    };
    expect(await claimed(2, [])).toEqual([long, late].sort());
    const rest = await claimed(9, [long]);
    expect(rest).toHaveLength(3);
    expect([...new Set(rest)]).toEqual(failing.toSorted());
  });

  test('of others are not there, and there are ten endpoints at most', async () => {
    const made = await Promise.all(
      Array.from({ length: 12 }, (_, n) =>
        send('other', 'POST', '/webhook-endpoints', { url: `https://example.org/${n}`, events: ['order.paid'] }),
      ),
    );
    expect(made.map(({ status }) => status).sort()).toEqual([...Array(10).fill(201), 409, 409]);
    const { id } = JSON.parse(made.find(({ status }) => status === 201)?.body ?? '{}');
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['POST', '/enable'],
    ]) {
      expect(await send('organiser', method, `/webhook-endpoints/${id}${path}`)).toMatchObject({ status: 404 });
    }
    const replay = { since: '2020-01-01T00:00:00Z' };
    expect(await send('organiser', 'POST', `/webhook-endpoints/${id}/replay`, replay)).toMatchObject({ status: 404 });
    expect(await send('buyer', 'GET', '/webhook-endpoints')).toMatchObject({ status: 403 });
    expect(await send('other', 'GET', '/webhook-endpoints')).toMatchObject({ status: 200 });
  });
});
