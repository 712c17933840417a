import { setTimeout as pause } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import type { SeatingPlan } from '../../src/allocator/plan.ts';
import { generatePlan } from '../../src/allocator/plan-generate.ts';
import { CARDS } from '../support/buyer.ts';
import { startCluster } from '../support/cluster-processes.ts';
import { freePort } from '../support/free-port.ts';
import { withDatabase } from '../support/prepared-database.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { runUsher, type Settings, startServer } from '../support/usher-process.ts';

/*
 * All that the people of a box office do around one show, over HTTP with real parts: from the first account to the doors, and
 * then the books. The same on one node and on three, where every request goes to the next node.
 */

const TEST_LIMIT_MS = 120_000;
/** A read model, and what lists tell of a show, may be so late at most on a busy machine. */
const SOON_MS = 20_000;
const OPENS_IN_MS = 2_500;
const [FULL, RAISED] = [5_000, 6_500];

const FRONT_ROW = ['front-1', 'front-2', 'front-3', 'front-4'];

interface SeatMap {
  readonly planId: string;
  readonly seats: readonly { readonly id: string; readonly status: string }[];
}

interface Reply {
  readonly status: number;
  readonly body: unknown;
}

interface Ticket {
  readonly id: string;
  readonly status: string;
  readonly code?: string;
}

interface Order {
  readonly id: string;
  readonly status: string;
  readonly total: { readonly amount: number };
  readonly lines: readonly { readonly ticketId: string }[];
  readonly payment?: { readonly id: string };
}

/** Asks one node after the other. */
class Office {
  readonly #ports: readonly number[];
  #requests = 0;

  constructor(ports: readonly number[]) {
    this.#ports = ports;
  }

  async send(token: string | null, method: string, path: string, body?: object): Promise<Reply> {
    const port = this.#ports[this.#requests++ % this.#ports.length];
    const headers: Record<string, string> = { 'idempotency-key': `story-${this.#requests}` };
    if (token !== null) headers.authorization = `Bearer ${token}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    const answer = await fetch(`http://127.0.0.1:${port}/v1${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, body: text === '' ? null : JSON.parse(text) };
  }

  async does<T>(token: string | null, method: string, path: string, body?: object): Promise<T> {
    const reply = await this.send(token, method, path, body);
    expect(reply.status, `${method} ${path}: ${JSON.stringify(reply.body)}`).toBeLessThan(300);
    return reply.body as T;
  }

  async refuses(token: string | null, method: string, path: string, body: object | undefined, code: string) {
    const reply = await this.send(token, method, path, body);
    expect(reply.body, `${method} ${path}`).toMatchObject({ code });
  }

  async signUp(name: string, role: 'buyer' | 'organiser'): Promise<string> {
    const account = { email: `${name}@story.example`, password: 'correct horse battery staple' };
    await this.does(null, 'POST', '/users', { ...account, firstName: name, lastName: 'Story', role });
    return (await this.does<{ token: string }>(null, 'POST', '/sessions', account)).token;
  }

  /** Holds, orders and pays; resolves with the paid order. */
  async buy(token: string, showId: string, what: object): Promise<Order> {
    const hold = await this.does<{ id: string }>(token, 'POST', `/shows/${showId}/holds`, what);
    const order = await this.does<Order>(token, 'POST', `/holds/${hold.id}/order`);
    const path = `/sandbox/payments/${order.payment?.id}/confirm`;
    await this.does(token, 'POST', path, { card: CARDS.good });
    return vi.waitFor(
      async () => {
        const paid = await this.does<Order>(token, 'GET', `/orders/${order.id}`);
        expect(paid.status).toBe('paid');
        return paid;
      },
      { timeout: SOON_MS, interval: 50 },
    );
  }

  ticket(token: string, id: string): Promise<Ticket> {
    return this.does<Ticket>(token, 'GET', `/tickets/${id}`);
  }
}

async function playStory(office: Office, settings: Settings): Promise<void> {
  const organiser = await office.signUp('organiser', 'organiser');
  const [ann, ben, cleo] = await Promise.all(['ann', 'ben', 'cleo'].map((name) => office.signUp(name, 'buyer')));

  // --- the organiser puts a show on sale, and it opens by itself ---
  const address = { street: 'Calle Mayor 1', city: 'San Cristóbal de La Laguna', country: 'ES', postalCode: '38201' };
  const venue = await office.does<{ id: string }>(organiser, 'POST', '/venues', { name: 'Paraninfo', address });
  const document = generatePlan({ kind: 'theatre', seats: 60, standing: 20 });
  const plan = await office.does<{ id: string }>(organiser, 'POST', `/venues/${venue.id}/plans`, document);
  const performers = [];
  for (const name of ['Björk Guðmundsdóttir', 'Orquesta Sinfónica']) {
    performers.push((await office.does<{ id: string }>(organiser, 'POST', '/performers', { name })).id);
  }
  const now = Date.now();
  const prices = Object.fromEntries(document.categories.map(({ name }) => [name, FULL]));
  const show = await office.does<{ id: string }>(organiser, 'POST', '/shows', {
    title: 'Noche de Invierno',
    description: 'Strings and ice',
    ...{ venueId: venue.id, planId: plan.id, performerIds: [performers[0]], screen: 'Main hall' },
    startsAt: new Date(now + 86_400_000).toISOString(),
    onSaleAt: new Date(now + OPENS_IN_MS).toISOString(),
    ...{ currency: 'EUR', prices },
  });
  await office.does(organiser, 'PUT', `/shows/${show.id}/performers/${performers[1]}`);
  const rows = document.zones.flatMap((zone) => zone.rows.map((row) => row.seats.map((seat) => seat.seat_guid)));
  const [first, second, third] = rows.filter((row) => row.length >= 4);
  const [a1, a2] = first;
  await office.refuses(ann, 'POST', `/shows/${show.id}/holds`, { seats: [a1, a2] }, 'NOT_ON_SALE');
  await pause(Math.max(0, now + OPENS_IN_MS - Date.now()));

  // --- buyers search, hold, conflict and pay ---
  const found = (query: string, expected: object) =>
    vi.waitFor(
      async () => {
        const list = await office.does<{ items: object[] }>(null, 'GET', `/shows?q=${encodeURIComponent(query)}`);
        expect(list.items[0]).toMatchObject({ id: show.id, ...expected });
      },
      { timeout: SOON_MS, interval: 50 },
    );
  await found('gudmundsdotir invierno', { status: 'on_sale', capacity: 80, available: 80 });
  const holdOfAnn = await vi.waitFor(
    () => office.does<{ id: string }>(ann, 'POST', `/shows/${show.id}/holds`, { seats: [a1, a2] }),
    { timeout: SOON_MS, interval: 50 },
  );
  await office.refuses(ben, 'POST', `/shows/${show.id}/holds`, { seats: [a2] }, 'SEATS_TAKEN');
  await office.does(ann, 'DELETE', `/holds/${holdOfAnn.id}`);
  const ofAnn = await office.buy(ann, show.id, { seats: [a1, a2] });
  const ofBen = await office.buy(ben, show.id, { seats: second.slice(0, 2) });
  await found('paraninfo', { available: 76 });
  const own = await office.does<{ total: number }>(ben, 'GET', '/tickets');
  expect(own.total).toBe(2);

  // --- one transfers, one resells to a third at the door price and is paid back ---
  const given = ofAnn.lines[1].ticketId;
  const { code: deadCode } = await office.ticket(ann, given);
  const offered = await office.does<Ticket>(ann, 'POST', `/tickets/${given}/transfer`, { email: 'ben@story.example' });
  const received = await office.does<Ticket>(ben, 'POST', `/tickets/${offered.id}/accept`);
  expect(received).toMatchObject({ status: 'valid' });
  expect((await office.ticket(ann, given)).status).toBe('transferred');
  await office.refuses(ann, 'GET', `/tickets/${received.id}`, undefined, 'NOT_FOUND');

  const sold = ofBen.lines[0].ticketId;
  await office.refuses(ben, 'POST', `/tickets/${sold}/listing`, { price: FULL + 1 }, 'ABOVE_PURCHASE_PRICE');
  await office.does(ben, 'POST', `/tickets/${sold}/listing`, { price: FULL });
  const ofCleo = await office.buy(cleo, show.id, { seats: [second[0]] });
  expect(ofCleo.total.amount).toBe(FULL);
  expect((await office.ticket(ben, sold)).status).toBe('void');
  await vi.waitFor(
    async () => {
      const order = await office.does<Order>(ben, 'GET', `/orders/${ofBen.id}`);
      expect(order.status).toBe('partially_refunded');
    },
    { timeout: SOON_MS, interval: 50 },
  );

  // --- the organiser blocks and reprices ---
  const inventory = `/shows/${show.id}/inventory`;
  await office.refuses(organiser, 'POST', inventory, { remove: [a1] }, 'SEAT_IN_USE');
  const reprice = Object.fromEntries(document.categories.map(({ name }) => [name, RAISED]));
  await office.does(organiser, 'POST', inventory, { block: third.slice(0, 2), reprice });
  await office.refuses(cleo, 'POST', `/shows/${show.id}/holds`, { seats: [third[0]] }, 'SEATS_TAKEN');
  await found('noche invirno', { available: 74, fromPrice: { amount: RAISED, currency: 'EUR' } });
  const late = await office.buy(cleo, show.id, { best: { quantity: 1 } });
  expect(late.total.amount).toBe(RAISED);

  // --- the hall is laid out anew: every seat that is sold stays ---
  const changed = withRowInFront(document, FRONT_ROW);
  const without = withRowInFront(withoutSeat(document, a1), FRONT_ROW);
  const planOf = (plan: object) => office.does<{ id: string }>(organiser, 'POST', `/venues/${venue.id}/plans`, plan);
  const [larger, dropping] = [await planOf(changed), await planOf(without)];
  const planPath = `/shows/${show.id}/plan`;
  const dropped = await office.send(organiser, 'PUT', planPath, { planId: dropping.id });
  expect(dropped).toMatchObject({ status: 409, body: { code: 'SEAT_IN_USE', inUse: [a1] } });
  await office.refuses(ann, 'PUT', planPath, { planId: larger.id }, 'FORBIDDEN');
  await office.does(organiser, 'PUT', planPath, { planId: larger.id, prices: { Front: RAISED } });
  for (let node = 0; node < 3; node++) {
    expect(await office.does(null, 'GET', `/shows/${show.id}`)).toMatchObject({ planId: larger.id, capacity: 84 });
    const map = await office.does<SeatMap>(null, 'GET', `/shows/${show.id}/seats`);
    expect([map.planId, map.seats.length]).toEqual([larger.id, 64]);
    expect(map.seats.slice(0, 4)).toEqual(FRONT_ROW.map((id) => ({ id, status: 'available' })));
    expect(map.seats.find(({ id }) => id === a1)?.status).toBe('sold');
  }
  await found('noche invierno', { available: 77, planId: larger.id });
  const inFront = await office.buy(cleo, show.id, { seats: FRONT_ROW.slice(0, 2) });
  expect(inFront.total.amount).toBe(2 * RAISED);

  // --- all are admitted, each once ---
  const doors = `/shows/${show.id}/admissions`;
  const guests: [string, string][] = [
    [ann, ofAnn.lines[0].ticketId],
    [ben, received.id],
    [ben, ofBen.lines[1].ticketId],
    [cleo, ofCleo.lines[0].ticketId],
    [cleo, late.lines[0].ticketId],
    [cleo, inFront.lines[1].ticketId],
  ];
  for (const [guest, id] of guests) {
    const { code } = await office.ticket(guest, id);
    await office.does(organiser, 'POST', doors, { code, gate: 'north' });
    await office.refuses(organiser, 'POST', doors, { code, gate: 'south' }, 'ALREADY_ADMITTED');
    expect((await office.ticket(guest, id)).status).toBe('used');
  }
  await office.refuses(organiser, 'POST', doors, { code: deadCode, gate: 'north' }, 'TICKET_NOT_VALID');

  // --- the books balance ---
  const kept = 4 * FULL + 3 * RAISED;
  await vi.waitFor(
    async () => {
      const report = await office.does(organiser, 'GET', `/shows/${show.id}/report`);
      expect(report).toMatchObject({
        revenue: { gross: { amount: kept + FULL }, refunded: { amount: FULL }, net: { amount: kept } },
        admissions: { expected: guests.length + 1, admitted: guests.length },
      });
    },
    { timeout: SOON_MS, interval: 100 },
  );
  const {
    asOf: _,
    behind: __,
    ...before
  } = await office.does<object & { asOf: string; behind: boolean }>(organiser, 'GET', `/shows/${show.id}/report`);
  expect(await runUsher(['rebuild', show.id], settings)).toMatchObject({ code: 0, stderr: '' });
  expect(await office.does(organiser, 'GET', `/shows/${show.id}/report`)).toMatchObject(before);
  const verified = await runUsher(['verify', '--json'], settings);
  expect(verified).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(verified.stdout)).toMatchObject({ shows: 1, soldTwice: 0, faults: [] });
  const money = await runUsher(['verify', '--payments', '--json'], settings);
  expect(money.code, money.stdout + money.stderr).toBe(0);
}

/** The plan with one more row of a new category before all others. */
function withRowInFront(plan: SeatingPlan, ids: readonly string[]): SeatingPlan {
  const [zone, ...others] = plan.zones;
  const seats = ids.map((id, i) => ({
    ...{ seat_guid: id, seat_number: `${i + 1}`, category: 'Front' },
    position: { x: 12 * i, y: 0 },
  }));
  const rows = [{ row_number: 'Front', seats }, ...zone.rows];
  return { ...plan, categories: [...plan.categories, { name: 'Front' }], zones: [{ ...zone, rows }, ...others] };
}

function withoutSeat(plan: SeatingPlan, id: string): SeatingPlan {
  const zones = plan.zones.map((zone) => ({
    ...zone,
    rows: zone.rows.map((row) => ({ ...row, seats: row.seats.filter((seat) => seat.seat_guid !== id) })),
  }));
  return { ...plan, zones };
}

test('the whole story of a show, on one node', { timeout: TEST_LIMIT_MS }, async () => {
  const port = await freePort();
  const settings = { PORT: `${port}`, USHER_DATA_DIR: withDatabase(temporaryDirectory()), USHER_DEMO: 'off' };
  const server = startServer(settings);
  await server.open;
  await playStory(new Office([port]), settings);
  server.child.kill('SIGTERM');
  expect(await server.ended).toEqual({ code: 0, signal: null });
});

test('the same story, on three nodes', { timeout: TEST_LIMIT_MS }, async () => {
  const cluster = await startCluster(['n1', 'n2', 'n3']);
  await playStory(new Office(cluster.ports), cluster.settings);
});
