import { BoxOfficeClient } from './box-office-client.ts';
import { mintTokens, newJwtSecret } from './buyers.ts';
import { CONNECTIONS, WARM_UP_SECONDS } from './holds.ts';
import { runLoad } from './load-process.ts';
import { CURRENCY, type RectangularHall, SEAT_PRICE, seatCount } from './rectangular-hall.ts';
import type { Report, Result } from './report.ts';
import type { SaleLoadReport, StripeDoor } from './sale-load.ts';
import { type StripeProcess, startStripeProcess } from './stripe-process.ts';
import { withTemporaryDirectory } from './temporary-directory.ts';
import { freePorts, startUsher, verifyPayments } from './usher-process.ts';

/**
 * Tickets a second, the highest rate published for a national railway's ticket system: 12306 in 2015. Another machine
 * and another job; it is here as the order of magnitude that a real rush has reached.
 */
const RAILWAY_2015 = 1_032;

const HALL: RectangularHall = { name: 'Bench stadium', rows: 400, blocksPerRow: 8, seatsPerBlock: 25 };
/** More purchases a second than any machine gives here: bounds how many buyers are prepared. */
const MOST_PER_SECOND = 5_000;

const SANDBOX = 'usher, sandbox';
const STRIPE = 'usher, stand-in Stripe over HTTP';

interface Sold extends SaleLoadReport {
  readonly callsPerTicket: number;
  readonly webhooksPerTicket: number;
}

/** One subject: what a server is started with, and where its buyers pay. */
interface Setting {
  readonly seconds: number;
  readonly jwtSecret: string;
  readonly tokens: readonly string[];
  readonly settings: Readonly<Record<string, string>>;
  readonly stripe?: StripeDoor;
}

/**
 * Whole purchases over HTTP on one show of 80,000 seats: hold the best seat, order, pay, fetch the ticket until it is
 * valid; first in the sandbox, then at a stand-in for Stripe in a process of its own, which sends its webhooks. Afterwards
 * the server is killed and started again, the seats sold are counted, and journal and provider compared to the cent.
 */
export async function benchSale(report: Report, seconds: number): Promise<void> {
  const jwtSecret = newJwtSecret();
  const buyers = Math.min(MOST_PER_SECOND * (seconds + WARM_UP_SECONDS), seatCount(HALL));
  const tokens = await mintTokens(buyers, jwtSecret);
  const tell = (subject: string, seen: Sold): void => {
    if (seen.exhausted) report.say(`all ${buyers} buyers were served in ${seen.seconds.toFixed(1)} s`);
    report.add(resultOf(subject, seen));
  };
  report.say(`sale / one hot show: ${SANDBOX} …`);
  tell(SANDBOX, await sale({ seconds, jwtSecret, tokens, settings: {} }));

  report.say(`sale / one hot show: ${STRIPE} …`);
  const [port] = await freePorts(1);
  const stripe = await startStripeProcess(`http://127.0.0.1:${port}/v1/webhooks/stripe`);
  try {
    const settings = { ...stripe.settings, PORT: `${port}` };
    const seen = await sale({ seconds, jwtSecret, tokens, settings, stripe: doorOf(stripe) });
    await compareBooks(stripe, seen.ticketsInAll);
    tell(STRIPE, seen);
  } finally {
    await stripe.stop();
  }
}

function doorOf({ port, publishableKey }: StripeProcess): StripeDoor {
  return { port, publishableKey };
}

function resultOf(subject: string, seen: Sold): Result {
  const perSecond = seen.tickets / seen.seconds;
  return {
    bench: 'sale',
    load: 'one hot show',
    subject,
    perSecond,
    unit: 'tickets/s',
    p50Ms: seen.p50Ms,
    p99Ms: seen.p99Ms,
    vs: { '12306-2015': perSecond / RAILWAY_2015 },
    ...(subject === SANDBOX
      ? { targets: [{ text: `at least ${RAILWAY_2015} tickets/s`, met: perSecond >= RAILWAY_2015 }] }
      : { outcomes: { 'calls to Stripe a ticket': seen.callsPerTicket, 'webhooks a ticket': seen.webhooksPerTicket } }),
  };
}

/** Sells, and checks what was sold; rejects where anything is wrong. */
function sale(setting: Setting): Promise<Sold> {
  const { jwtSecret, settings } = setting;
  return withTemporaryDirectory(async (dataDir) => {
    const first = await startUsher(dataDir, jwtSecret, settings);
    let show: string;
    let seen: Sold;
    try {
      const organiser = await BoxOfficeClient.signUp(first.port);
      [show] = await organiser.openShows(HALL, 1);
      const load = await sell(first.port, show, setting);
      const metrics = await first.metrics();
      const perTicket = (name: string): number => (metrics.get(name) ?? 0) / load.ticketsInAll;
      const calls = perTicket('usher_payment_calls_total');
      seen = { ...load, callsPerTicket: calls, webhooksPerTicket: perTicket('usher_webhooks_stored_total') };
    } finally {
      await first.kill();
    }
    if (seen.wrong > 0) throw new Error(`${seen.wrong} purchases failed, the first: ${seen.firstWrong}`);
    const second = await startUsher(dataDir, jwtSecret, settings);
    try {
      const organiser = await BoxOfficeClient.signUp(second.port);
      const sold = await organiser.takenSeats(show);
      if (sold !== seen.ticketsInAll)
        throw new Error(`${seen.ticketsInAll} tickets were valid, but ${sold} seats are sold`);
      const { captured, valid } = await verifyPayments(dataDir, jwtSecret, settings);
      const worth = seen.ticketsInAll * SEAT_PRICE;
      if (captured[CURRENCY] !== worth || valid[CURRENCY] !== worth)
        throw new Error(`tickets of ${worth} were sold, ${captured[CURRENCY]} captured, ${valid[CURRENCY]} are valid`);
    } finally {
      await second.stop();
    }
    return seen;
  });
}

/** What the provider itself says. */
export async function compareBooks(stripe: StripeProcess, tickets: number): Promise<void> {
  const totals = await stripe.totals();
  const isRight =
    totals?.captured === tickets * SEAT_PRICE &&
    totals.authorised === 0 &&
    totals.refunded === 0 &&
    totals.mostCaptures === 1;
  if (!isRight) throw new Error(`${tickets} tickets were sold, and the stand-in's books say ${JSON.stringify(totals)}`);
}

function sell(port: number, show: string, { tokens, seconds, stripe }: Setting): Promise<SaleLoadReport> {
  return runLoad({
    kind: 'sale',
    port,
    show,
    tokens,
    connections: CONNECTIONS,
    warmUpSeconds: WARM_UP_SECONDS,
    seconds,
    ...(stripe === undefined ? {} : { stripe }),
  });
}
