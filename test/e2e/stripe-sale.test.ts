import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { OrderView } from '../../src/actors/shows.ts';
import {
  JWT_SECRET,
  laLaguna,
  newBuyer,
  openShows,
  type Person,
  type ShowOnSale,
  signUpOrganiser,
} from '../support/box-office.ts';
import { freePort } from '../support/free-port.ts';
import { HttpClient } from '../support/http-client.ts';
import { withDatabase } from '../support/prepared-database.ts';
import { type StandIn, startStripe } from '../support/stripe/stand-in.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { runUsher, type ServerProcess, type Settings, startServer } from '../support/usher-process.ts';

/*
 * The whole purchase at Stripe's stand-in, over HTTP both ways: a real server, its webhooks, and SIGKILL where it hurts.
 */

const WEBHOOK_SECRET = 'whsec_of_the_tests';
const SETTLED_MS = 30_000;
const CAPTURE = { method: 'POST', path: '/v1/payment_intents/:id/capture' } as const;
const REFUND = { method: 'POST', path: '/v1/refunds' } as const;

type Order = OrderView & { readonly payment?: { readonly clientSecret?: string; readonly provider: string } };

class BoxOffice {
  readonly port: number;
  readonly standIn: StandIn;
  readonly settings: Settings;
  readonly client: HttpClient;
  server: ServerProcess;
  organiser: Person = { id: '', token: '' };
  show: ShowOnSale | null = null;
  #keys = 0;

  private constructor(port: number, standIn: StandIn) {
    this.port = port;
    this.standIn = standIn;
    this.settings = {
      PORT: `${port}`,
      USHER_DATA_DIR: withDatabase(temporaryDirectory()),
      JWT_SECRET,
      STRIPE_SECRET_KEY: standIn.secretKey,
      STRIPE_WEBHOOK_SECRET: WEBHOOK_SECRET,
      STRIPE_API_BASE: standIn.url,
    };
    this.server = startServer(this.settings);
    this.client = new HttpClient(port);
  }

  static async open(): Promise<BoxOffice> {
    const port = await freePort();
    const endpoints = [{ url: `http://127.0.0.1:${port}/v1/webhooks/stripe`, secret: WEBHOOK_SECRET }];
    const standIn = await startStripe({
      endpoints,
      account: { refundMs: 10 },
      webhooks: { backoffMs: [200] } as never,
    });
    onTestFinished(() => standIn.close());
    const office = new BoxOffice(port, standIn);
    onTestFinished(() => office.client.close());
    await office.server.open;
    office.organiser = await signUpOrganiser(port);
    [office.show] = await openShows(port, office.organiser, [laLaguna()]);
    return office;
  }

  async kill(): Promise<void> {
    this.server.child.kill('SIGKILL');
    await this.server.ended;
  }

  async stop(): Promise<void> {
    this.server.child.kill('SIGTERM');
    expect(await this.server.ended).toEqual({ code: 0, signal: null });
  }

  /** A buyer with an account, to whom mail can be sent. */
  async signUp(email: string): Promise<Person> {
    const account = { email, password: 'correct horse battery staple' };
    const anyone = { id: '', token: '' };
    await this.send(anyone, 'POST', '/v1/users', { ...account, firstName: 'Ada', lastName: 'Buyer', role: 'buyer' });
    const session = await this.send<{ token: string; user: { id: string } }>(
      anyone,
      'POST',
      '/v1/sessions',
      account,
      200,
    );
    return { id: session.user.id, token: session.token };
  }

  /** The mail to this address so far, oldest first by its subject. */
  mailsTo(email: string): string[] {
    const directory = join(this.settings.USHER_DATA_DIR, 'mail');
    const mails = readdirSync(directory).map((name) => readFileSync(join(directory, name), 'utf8'));
    return mails.filter((mail) => mail.includes(`To: ${email}`)).sort();
  }

  async startAgain(): Promise<void> {
    this.server = startServer(this.settings);
    await this.server.open;
  }

  async send<T>(person: Person, method: 'GET' | 'POST', path: string, body?: object, status = 201): Promise<T> {
    const key = method === 'POST' ? `key-${++this.#keys}` : null;
    const answer = await this.client.send({ method, path, token: person.token, key, body });
    expect({ path, status: answer.status, body: answer.body }).toMatchObject({ path, status });
    return answer.body as T;
  }

  async order(buyer: Person, quantity = 2, body?: object): Promise<Order> {
    const hold = await this.send<{ id: string }>(buyer, 'POST', `/v1/shows/${this.show?.id}/holds`, {
      best: { quantity },
    });
    return this.send<Order>(buyer, 'POST', `/v1/holds/${hold.id}/order`, body);
  }

  async pay(order: Order, method = 'pm_card_visa'): Promise<void> {
    const answer = await this.standIn.browser.confirm(order.payment?.clientSecret ?? '', method);
    expect(answer.status).toBe(200);
  }

  /** Waits until the order is in this state. */
  async until(buyer: Person, order: Order, status: string): Promise<Order> {
    let seen: Order | null = null;
    await vi.waitFor(
      async () => {
        seen = await this.send<Order>(buyer, 'GET', `/v1/orders/${order.id}`, undefined, 200);
        expect(seen.status).toBe(status);
      },
      { timeout: SETTLED_MS, interval: 50 },
    );
    return seen as unknown as Order;
  }

  /** The provider's books and the journal agree, as `usher verify --payments` finds. */
  async expectBalanced(): Promise<void> {
    const { code, stdout, stderr } = await runUsher(['verify', '--payments', '--json'], this.settings);
    expect({ code, stdout, stderr }).toMatchObject({ code: 0 });
    expect(JSON.parse(stdout)).toMatchObject({ differences: [] });
  }
}

test('bought at Stripe: webhooks make it a ticket, mail carries the code, refunds, comps and disputes balance', async () => {
  const office = await BoxOffice.open();
  const buyer = await office.signUp('ada@example.org');
  const order = await office.order(buyer);
  expect(order.payment).toMatchObject({ provider: 'stripe', clientSecret: expect.stringContaining('_secret_') });
  await office.pay(order);
  await office.until(buyer, order, 'paid');
  const tickets = await office.send<{ items: { id: string; status: string; code?: string }[] }>(
    buyer,
    'GET',
    '/v1/tickets',
    undefined,
    200,
  );
  expect(tickets.items.map(({ status, code }) => [status, typeof code])).toEqual([
    ['valid', 'string'],
    ['valid', 'string'],
  ]);
  await vi.waitFor(() => expect(office.mailsTo('ada@example.org')).toHaveLength(1), { timeout: SETTLED_MS });
  expect(office.mailsTo('ada@example.org')[0]).toContain('image/png');

  const [{ id }] = tickets.items;
  const refund = await office.send(office.organiser, 'POST', `/v1/orders/${order.id}/refund`, { tickets: [id] });
  expect(refund).toMatchObject({ orderId: order.id, ticketIds: [id], orderStatus: 'partially_refunded' });
  await vi.waitFor(
    async () => {
      const { refunds } = await office.until(buyer, order, 'partially_refunded');
      expect(refunds).toMatchObject([{ status: 'succeeded', ticketIds: [id] }]);
    },
    { timeout: SETTLED_MS },
  );
  await vi.waitFor(() => expect(office.mailsTo('ada@example.org')).toHaveLength(2), { timeout: SETTLED_MS });

  // --- a complimentary order -----------------------------------------------------------------------------------------
  const comp = await office.order(office.organiser, 2, { comp: true });
  expect(comp).toMatchObject({ status: 'paid', total: { amount: 0 } });
  expect(comp.payment).toBeUndefined();
  const hold = await office.send<{ id: string }>(buyer, 'POST', `/v1/shows/${office.show?.id}/holds`, {
    best: { quantity: 1 },
  });
  await office.send(buyer, 'POST', `/v1/holds/${hold.id}/order`, { comp: true }, 403);
  expect(office.standIn.books.payments()).toHaveLength(1);

  // --- a dispute -----------------------------------------------------------------------------------------------------
  const another = await newBuyer();
  const disputed = await office.order(another);
  await office.pay(disputed);
  await office.until(another, disputed, 'paid');
  const dispute = office.standIn.dispute(office.standIn.books.payments()[1].id);
  const statuses = async () => {
    const { items } = await office.send<{ items: { status: string }[] }>(another, 'GET', '/v1/tickets', undefined, 200);
    return items.map(({ status }) => status);
  };
  await vi.waitFor(async () => expect(await statuses()).toEqual(['suspended', 'suspended']), { timeout: SETTLED_MS });
  expect(await office.until(another, disputed, 'paid')).toMatchObject({ dispute: { id: dispute, status: 'open' } });
  office.standIn.closeDispute(dispute, 'won');
  await vi.waitFor(async () => expect(await statuses()).toEqual(['valid', 'valid']), { timeout: SETTLED_MS });

  await office.expectBalanced();
  expect(office.server.errors()).toEqual([]);
  await office.stop();
});

test('the server is killed when Stripe has captured and not yet answered: after its start the ticket is valid', async () => {
  const office = await BoxOffice.open();
  const buyer = await newBuyer();
  const order = await office.order(buyer);
  const captured = Promise.withResolvers<void>();
  office.standIn.faults.beforeResponse(
    CAPTURE,
    async () => {
      await office.kill();
      captured.resolve();
    },
    1,
  );
  await office.pay(order);
  await captured.promise;
  await office.startAgain();
  await office.until(buyer, order, 'paid');
  expect(office.standIn.books.totals().eur).toMatchObject({ captured: order.total.amount, mostCaptures: 1 });
  await office.expectBalanced();
  await office.stop();
});

test('the server is killed in the middle of the refunds of a cancelled show: each order is paid back once', async () => {
  const office = await BoxOffice.open();
  const buyers = await Promise.all(Array.from({ length: 20 }, newBuyer));
  const orders: Order[] = [];
  for (const buyer of buyers) {
    const order = await office.order(buyer, 1);
    await office.pay(order);
    orders.push(order);
  }
  for (const [i, order] of orders.entries()) await office.until(buyers[i], order, 'paid');
  let refunds = 0;
  // The refunds may overtake the answer to the cancellation; the kill must not.
  const answered = Promise.withResolvers<void>();
  const half = Promise.withResolvers<void>();
  office.standIn.faults.beforeResponse(REFUND, async () => {
    refunds++;
    if (refunds !== 10) return;
    await answered.promise;
    await office.kill();
    half.resolve();
  });
  const cancelled = `/v1/shows/${office.show?.id}`;
  const { organiser } = office;
  await office.send(organiser, 'POST', `${cancelled}/cancel`, { reason: 'The singer is ill.' }, 200);
  answered.resolve();
  await half.promise;
  await office.startAgain();
  await vi.waitFor(
    async () => {
      expect(await office.send(organiser, 'GET', `${cancelled}/cancellation`, undefined, 200)).toMatchObject({
        status: 'refunded',
        refunds: { waiting: 0, pending: 0, succeeded: 20, failed: 0 },
      });
    },
    { timeout: SETTLED_MS, interval: 100 },
  );
  for (const { captured, refunded, refunds: given } of office.standIn.books.payments()) {
    expect([refunded, given.length]).toEqual([captured, 1]);
  }
  expect(await office.send(buyers[0], 'GET', cancelled, undefined, 200)).toMatchObject({ status: 'cancelled' });
  await office.send(buyers[0], 'POST', `${cancelled}/holds`, { best: { quantity: 1 } }, 403);
  await office.expectBalanced();
  await office.stop();
});
