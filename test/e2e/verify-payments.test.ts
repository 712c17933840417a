import pg from 'pg';
import { expect, onTestFinished, test, vi } from 'vitest';
import { useEmbeddedPostgres } from '../../src/postgres/embedded-postgres.ts';
import { JWT_SECRET, laLaguna, newBuyer, openShows, signUpOrganiser } from '../support/box-office.ts';
import { buy } from '../support/buyer.ts';
import { capturedLog } from '../support/captured-log.ts';
import { Dice } from '../support/dice.ts';
import { freePort } from '../support/free-port.ts';
import { HttpClient } from '../support/http-client.ts';
import { withDatabase } from '../support/prepared-database.ts';
import type { History } from '../support/sale-history.ts';
import { clientOf } from '../support/stripe/for-test.ts';
import { startStripe } from '../support/stripe/stand-in.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { runUsher, type ServerProcess, type Settings, startServer } from '../support/usher-process.ts';

/** How long settlement may take after the last request, and the clocks' margin after that. */
const AT_REST_MS = 30_000;

async function nodeSettings(): Promise<Record<'PORT' | 'USHER_DATA_DIR', string> & Settings> {
  return {
    PORT: `${await freePort()}`,
    USHER_DATA_DIR: withDatabase(temporaryDirectory()),
    JWT_SECRET,
    USHER_LOG_LEVEL: 'info',
  };
}

/** What `verify --payments --json` prints, and its talk; it is to end with this code. */
async function verified(settings: Settings, code: number) {
  const ended = await runUsher(['verify', '--payments', '--json'], settings);
  expect(ended, ended.stderr).toMatchObject({ code });
  return { ...JSON.parse(ended.stdout), stderr: ended.stderr };
}

async function stopped(server: ServerProcess): Promise<void> {
  server.child.kill('SIGTERM');
  expect(await server.ended).toEqual({ code: 0, signal: null });
  expect(server.errors()).toEqual([]);
}

test('verify --payments agrees with a running box office, and names what somebody changed behind its back', async () => {
  const settings = { ...(await nodeSettings()), USHER_SANDBOX: 'on' };
  const port = Number(settings.PORT);
  const server = startServer(settings);
  await server.open;
  const organiser = await signUpOrganiser(port);
  const shows = await openShows(port, organiser, [laLaguna(), laLaguna()]);
  const history: History = [];
  const goesOn = () => history.length < 300;
  await Promise.all(
    [1, 2, 3, 4].map((seed) =>
      buy({ ports: [port], shows, weights: [1, 1], dice: new Dice(seed), history, thinkMs: 0, goesOn }),
    ),
  );
  const database = await useEmbeddedPostgres({ dataDir: settings.USHER_DATA_DIR, log: capturedLog().log });
  const query = async (text: string): Promise<Record<string, string>[]> => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    return (await client.query(text).finally(() => client.end())).rows;
  };

  // One paid order is given back, so that there is a refund to compare.
  const [{ id: paid }] = await query(`select id from sandbox_payment where state = 'captured' order by id limit 1`);
  const http = new HttpClient(port);
  onTestFinished(() => http.close());
  const refund = await http.send({
    method: 'POST',
    path: `/v1/orders/${paid.replace('pay_', 'ord_')}/refund`,
    token: organiser.token,
    key: 'refund-1',
    body: { reason: 'Rain.' },
  });
  expect(refund.status, JSON.stringify(refund.body)).toBe(201);

  const books = await vi.waitFor(async () => {
    const report = await verified(settings, 0);
    // I11: only orders that nobody has paid are under way, and no money is on its way.
    expect(report.captured.EUR - report.refunded.EUR).toBe(report.valid.EUR);
    const [{ open }] = await query(`select count(*)::int as open from sandbox_payment where state = 'authorised'`);
    expect(open).toBe(0);
    return report;
  }, AT_REST_MS);
  expect(books).toMatchObject({ shows: 2, disputed: {}, differences: [], unnamed: 0, stderr: '' });
  expect(books.refunded.EUR).toBe((refund.body as { amount: { amount: number } }).amount.amount);
  expect(books.orders).toBeGreaterThan(50);
  const text = await runUsher(['verify', '--payments'], settings);
  expect(text.stdout).toMatch(
    /^Replayed from the first row: 2 shows, \d+ orders\. In the books of the sandbox: \d+ payments\.\n/,
  );
  expect(text.stdout.trimEnd().split('\n').at(-1)).toBe('No differences.');

  await query(`update sandbox_payment set state = 'authorised' where id =
    (select id from sandbox_payment where state = 'captured' and id <> '${paid}' order by id desc limit 1)`);
  await query(`insert into sandbox_refund (id, payment_id, amount, created_at)
    select 'planted', id, 1, 0 from sandbox_payment where state = 'captured' order by id desc limit 1`);
  // Until its last row is two seconds old, an order counts as under way.
  const report = await vi.waitFor(async () => {
    const found = await verified(settings, 1);
    expect(found.differences).toHaveLength(3);
    return found;
  }, AT_REST_MS);
  expect(report.differences.map(({ kind }: { kind: string }) => kind).sort()).toEqual([
    'authorisation-left',
    'paid-without-capture',
    'refunded-more',
  ]);
  for (const { showId, orderId, paymentId } of report.differences) {
    expect(shows.map(({ id }) => id)).toContain(showId);
    expect(orderId).toBe(paymentId.replace('pay_', 'ord_'));
  }
  const told = await runUsher(['verify', '--payments'], settings);
  expect(told.code).toBe(1);
  expect(
    told.stdout.match(
      /^DIFFERENCE: show shw_\w+, order ord_\w+, payment pay_\w+: [a-z-]+; journal \d+, provider \d+$/gm,
    ),
  ).toHaveLength(3);
  expect(told.stdout.trimEnd().split('\n').at(-1)).toBe('3 differences.');
  expect(told.stderr).toMatch(/^usher: show shw_/);
  await stopped(server);
});

test('verify --payments agrees with Stripe, and names what was done there by hand', async () => {
  const settings = {
    ...(await nodeSettings()),
    STRIPE_SECRET_KEY: 'sk_test_standin',
    STRIPE_WEBHOOK_SECRET: 'whsec_e2e',
  };
  const port = Number(settings.PORT);
  const stripe = await startStripe({
    endpoints: [{ url: `http://127.0.0.1:${port}/v1/webhooks/stripe`, secret: settings.STRIPE_WEBHOOK_SECRET }],
  });
  onTestFinished(() => stripe.close());
  const ours = { ...settings, STRIPE_API_BASE: stripe.url };
  const server = startServer(ours);
  await server.open;
  const organiser = await signUpOrganiser(port);
  const [show] = await openShows(port, organiser, [laLaguna()]);
  const http = new HttpClient(port);
  onTestFinished(() => http.close());
  let keys = 0;
  const post = async (path: string, token: string, body: unknown) => {
    const answer = await http.send({ method: 'POST', path, token, key: `e2e-${keys++}`, body });
    expect(answer.status, JSON.stringify(answer.body)).toBe(201);
    return answer.body as { id: string; payment: { id: string; clientSecret: string } };
  };
  const buy = async (method: string) => {
    const { token } = await newBuyer();
    const hold = await post(`/v1/shows/${show.id}/holds`, token, { best: { quantity: 2 } });
    const order = await post(`/v1/holds/${hold.id}/order`, token, {});
    await stripe.browser.confirm(order.payment.clientSecret, method);
    return { ...order, token, intent: order.payment.clientSecret.split('_secret_')[0] };
  };
  const bought: Awaited<ReturnType<typeof buy>>[] = [];
  for (let i = 0; i < 6; i++) bought.push(await buy('pm_card_visa'));
  await buy('pm_card_chargeDeclined');
  const statusOf = async ({ id, token }: { id: string; token: string }) =>
    ((await http.send({ method: 'GET', path: `/v1/orders/${id}`, token })).body as { status: string }).status;
  await vi.waitFor(async () => {
    for (const order of bought) expect(await statusOf(order)).toBe('paid');
  }, AT_REST_MS);
  const [refunded, disputed, planted] = bought;
  await post(`/v1/orders/${refunded.id}/refund`, organiser.token, { reason: 'Rain.' });
  stripe.dispute(disputed.intent);

  const report = await vi.waitFor(async () => {
    const found = await verified(ours, 0);
    expect(found).toMatchObject({
      refunded: { EUR: expect.any(Number) },
      disputed: { EUR: expect.any(Number) },
      underWay: 1,
    });
    return found;
  }, AT_REST_MS);
  const price = report.captured.EUR / 6;
  expect(report).toMatchObject({
    ...{ shows: 1, orders: 7, payments: 7, captured: { EUR: 6 * price }, refunded: { EUR: price } },
    ...{ disputed: { EUR: price }, valid: { EUR: 4 * price }, differences: [] },
  });
  expect(stripe.books.totals().eur).toMatchObject({ captured: 6 * price, refunded: price, withdrawn: price });

  const client = clientOf(stripe);
  await client.refunds.create({ payment_intent: planted.intent, amount: 1 });
  const unknown = planted.payment.id.replace(/.$/, 'z');
  await client.paymentIntents.create({ amount: 100, currency: 'eur', metadata: { usher_payment: unknown } });
  const found = await vi.waitFor(async () => {
    const report = await verified(ours, 1);
    expect(report.differences).toHaveLength(2);
    return report;
  }, AT_REST_MS);
  expect(found.differences).toEqual([
    {
      ...{ kind: 'refunded-more', reference: planted.intent, journal: 0, provider: 1 },
      ...{ showId: show.id, orderId: planted.id, paymentId: planted.payment.id },
    },
    expect.objectContaining({ kind: 'unknown-payment', showId: show.id, paymentId: unknown }),
  ]);
  await stopped(server);
});
