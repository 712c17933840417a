import { pause } from '../src/system/pause.ts';
import { BoxOfficeClient } from './box-office-client.ts';
import { type BreakableWire, wireTo } from './breakable-wire.ts';
import { mintTokens, newJwtSecret } from './buyers.ts';
import { KeepAliveConnection } from './keep-alive-connection.ts';
import { runLoad } from './load-process.ts';
import { CURRENCY, type RectangularHall, SEAT_PRICE, seatCount } from './rectangular-hall.ts';
import type { Report } from './report.ts';
import { compareBooks } from './sale.ts';
import { confirmAtStripe, type OrderedTicket, orderOneTicket } from './sale-load.ts';
import { AUTHORISED_EVENT, type StripeProcess, startStripeProcess, WEBHOOK_SECRET } from './stripe-process.ts';
import { withTemporaryDirectory } from './temporary-directory.ts';
import { freePorts, startUsher, type UsherProcess, verifyPayments } from './usher-process.ts';

const HALL: RectangularHall = { name: 'Bench arena', rows: 100, blocksPerRow: 5, seatsPerBlock: 20 };
const ORDERS = seatCount(HALL);
/** Buyers at a time, when orders are prepared. */
const BUYERS_AT_ONCE = 64;
/** Webhooks under way at a time. */
const WEBHOOKS_AT_ONCE = 64;
const PAGE = 100;
const POLL_MS = 100;
/** Stripe is out of reach so long at least. */
const OUTAGE_MS = 30_000;
/** Each order that has waited a minute is worth a line to an operator, and ten thousand of them are to nobody here. */
const QUIET = { USHER_LOG_LEVEL: 'error' };
const SETTLED_LIMIT_MS = 300_000;

/** What one part of the bench stands on. */
interface Scene {
  readonly usher: UsherProcess;
  readonly stripe: StripeProcess;
  readonly tokens: readonly string[];
  readonly show: string;
}

/**
 * How fast money is settled, with 10,000 orders of one ticket at a stand-in for Stripe: webhooks a second, and the time until
 * all are paid after Stripe was out of reach. Afterwards the stand-in's books, the journal and the seats are compared.
 */
export async function benchSettle(report: Report): Promise<void> {
  await benchWebhooks(report);
  await benchOutage(report);
}

/** Orders that were authorised without any webhook; then their events are posted, and once more. */
async function benchWebhooks(report: Report): Promise<void> {
  report.say(`settle / webhooks: ${ORDERS} orders are authorised …`);
  const [port] = await freePorts(1);
  const stripe = await startStripeProcess();
  await withScene(stripe, { ...stripe.settings, PORT: `${port}` }, async (scene) => {
    const { usher } = scene;
    await confirmAll(scene, await orderAll(scene));
    const events = await eventsOf(stripe);
    if (events.length !== ORDERS) throw new Error(`${events.length} events tell of ${ORDERS} authorised payments`);
    const load = { kind: 'webhooks', port, secret: WEBHOOK_SECRET, events, connections: WEBHOOKS_AT_ONCE } as const;

    report.say('settle / webhooks: the events come …');
    const start = performance.now();
    const first = right(await runLoad(load));
    await until('all events are processed', async () => (await counted(usher, 'processed')) >= ORDERS);
    const seconds = (performance.now() - start) / 1_000;
    await compareBooks(stripe, ORDERS);

    report.say('settle / webhooks: they come again …');
    const again = right(await runLoad(load));
    const [stored, duplicates] = [await counted(usher, 'stored'), await counted(usher, 'duplicate')];
    if (stored !== ORDERS || duplicates !== ORDERS)
      throw new Error(`of ${ORDERS} events that came twice ${stored} were kept and ${duplicates} known`);
    const common = { bench: 'settle', load: 'webhooks', vs: {} };
    const kept = ({ seconds, p50Ms, p99Ms }: typeof first) => ({ perSecond: ORDERS / seconds, p50Ms, p99Ms });
    report.add({ ...common, subject: 'answered: kept for good', ...kept(first) });
    report.add({ ...common, subject: 'processed: captured, tickets valid', perSecond: ORDERS / seconds });
    report.add({ ...common, subject: 'answered: known already', ...kept(again) });
  });
}

/** Orders that were made while all was well, and authorised while Usher could not reach Stripe. */
async function benchOutage(report: Report): Promise<void> {
  report.say(`settle / outage: ${ORDERS} orders are made …`);
  const [port] = await freePorts(1);
  const stripe = await startStripeProcess(`http://127.0.0.1:${port}/v1/webhooks/stripe`);
  const wire: BreakableWire = await wireTo(stripe.port);
  const settings = { ...stripe.settings, STRIPE_API_BASE: `http://127.0.0.1:${wire.port}`, PORT: `${port}`, ...QUIET };
  try {
    await withScene(stripe, settings, async (scene) => {
      const orders = await orderAll(scene);
      wire.cut();
      report.say('settle / outage: they are authorised, and Stripe is out of reach …');
      const cutAt = performance.now();
      await confirmAll(scene, orders);
      await pause(Math.max(0, OUTAGE_MS - (performance.now() - cutAt)));
      const { captured } = (await stripe.totals()) ?? {};
      if (captured !== 0) throw new Error(`${captured} was captured during the outage`);
      const outage = (performance.now() - cutAt) / 1_000;
      wire.mend();
      const start = performance.now();
      await until('the first is captured', async () => ((await stripe.totals())?.captured ?? 0) > 0);
      const firstSeconds = (performance.now() - start) / 1_000;
      await until('all orders are captured', async () => (await stripe.totals())?.captured === ORDERS * SEAT_PRICE);
      const seconds = (performance.now() - start) / 1_000;
      await compareBooks(stripe, ORDERS);
      const common = { bench: 'settle', load: `outage of ${outage.toFixed(0)} s`, unit: 's', vs: {} };
      report.add({ ...common, subject: 'end of it → first order captured', value: firstSeconds });
      report.add({ ...common, subject: `end of it → all ${ORDERS} captured`, value: seconds });
    });
  } finally {
    await wire.close();
  }
}

/** A server with one show on sale; after the work journal and provider have to agree, with every order paid. */
async function withScene(
  stripe: StripeProcess,
  settings: Readonly<Record<string, string>>,
  work: (scene: Scene) => Promise<void>,
): Promise<void> {
  const jwtSecret = newJwtSecret();
  const tokens = await mintTokens(ORDERS, jwtSecret);
  try {
    await withTemporaryDirectory(async (dataDir) => {
      const usher = await startUsher(dataDir, jwtSecret, settings);
      try {
        const organiser = await BoxOfficeClient.signUp(usher.port);
        const [show] = await organiser.openShows(HALL, 1);
        await work({ usher, stripe, tokens, show });
        const sold = await organiser.takenSeats(show);
        if (sold !== ORDERS) throw new Error(`${ORDERS} orders were paid, but ${sold} seats are sold`);
        const books = { ...settings, STRIPE_API_BASE: stripe.settings.STRIPE_API_BASE };
        await until('journal and provider agree', async () => {
          const { valid } = await verifyPayments(dataDir, jwtSecret, books);
          return valid[CURRENCY] === ORDERS * SEAT_PRICE;
        });
      } finally {
        await usher.kill();
      }
    });
  } finally {
    await stripe.stop();
  }
}

async function orderAll({ usher, tokens, show }: Scene): Promise<OrderedTicket[]> {
  const orders: OrderedTicket[] = [];
  await byConnection(usher.port, tokens, async (connection, token, i) => {
    orders[i] = await orderOneTicket(connection, show, token, `settle-${i}`);
  });
  return orders;
}

function confirmAll({ stripe }: Scene, orders: readonly OrderedTicket[]): Promise<void> {
  const { publishableKey } = stripe;
  return byConnection(stripe.port, orders, (connection, { payment }) =>
    confirmAtStripe({ connection, publishableKey }, payment.clientSecret),
  );
}

/** Does it for each, on some connections at a time. */
async function byConnection<T>(
  port: number,
  all: readonly T[],
  work: (connection: KeepAliveConnection, one: T, i: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const loop = async (): Promise<void> => {
    const connection = await KeepAliveConnection.open(port);
    for (let i = next++; i < all.length; i = next++) await work(connection, all[i], i);
    connection.close();
  };
  await Promise.all(Array.from({ length: BUYERS_AT_ONCE }, loop));
}

/** The events that no webhook has brought, as JSON. */
async function eventsOf(stripe: StripeProcess): Promise<string[]> {
  const events: string[] = [];
  let after = '';
  while (true) {
    const { data, has_more: hasMore } = await stripe.list(`/v1/events?type=${AUTHORISED_EVENT}&limit=${PAGE}${after}`);
    for (const event of data) events.push(JSON.stringify(event));
    if (!hasMore) return events;
    after = `&starting_after=${data.at(-1)?.id}`;
  }
}

async function counted(usher: UsherProcess, what: 'stored' | 'duplicate' | 'processed'): Promise<number> {
  return (await usher.metrics()).get(`usher_webhooks_${what}_total`) ?? 0;
}

function right<T extends { readonly wrong: number; readonly firstWrong: string | null }>(seen: T): T {
  if (seen.wrong > 0) throw new Error(`${seen.wrong} webhooks were not taken, the first: ${seen.firstWrong}`);
  return seen;
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const start = performance.now();
  while (!(await isSo())) {
    if (performance.now() - start > SETTLED_LIMIT_MS) throw new Error(`it never came that ${what}`);
    await pause(POLL_MS);
  }
}
