import { pause } from '../src/system/pause.ts';
import { type HttpAnswer, KeepAliveConnection } from './keep-alive-connection.ts';
import { Latencies } from './latencies.ts';

export interface SaleLoadOrder {
  readonly kind: 'sale';
  readonly port: number;
  readonly show: string;
  /** One bearer token a buyer; each buys one ticket. */
  readonly tokens: readonly string[];
  readonly connections: number;
  /** Where buyers confirm their payments; in the sandbox if absent. */
  readonly stripe?: StripeDoor;
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

/** The stand-in for Stripe as a buyer's browser knows it. */
export interface StripeDoor {
  readonly port: number;
  readonly publishableKey: string;
}

export interface SaleLoadReport {
  /** Tickets of the measured part that were fetched and found valid. */
  readonly tickets: number;
  /** From the first measured request to the last valid ticket. */
  readonly seconds: number;
  /** Of a whole purchase, from sending the hold to reading the valid ticket. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Valid tickets, warm-up included. */
  readonly ticketsInAll: number;
  /** Reads of a ticket that was not yet valid (the money was still being captured). */
  readonly earlyReads: number;
  readonly wrong: number;
  readonly firstWrong: string | null;
  readonly exhausted: boolean;
}

const CARD = '4242424242424242';
/** How often a ticket is asked for before the purchase counts as failed. */
const TICKET_READS_AT_MOST = 200;
/** Between two reads of a ticket whose payment another house has to settle first; doubled each time. */
const POLL_FIRST_MS = 50;
const POLL_MOST_MS = 1_600;
const FIRST_WRONG_LENGTH = 600;

/** Runs warm-up and measured part of whole purchases, with nothing in flight between them. */
export async function runSaleLoad(order: SaleLoadOrder): Promise<SaleLoadReport> {
  const connections = await Promise.all(
    Array.from({ length: order.connections }, () => KeepAliveConnection.open(order.port)),
  );
  const { stripe } = order;
  const doors = new Map<KeepAliveConnection, KeepAliveConnection>();
  if (stripe !== undefined) {
    await Promise.all(connections.map(async (each) => doors.set(each, await KeepAliveConnection.open(stripe.port))));
  }
  const latencies = new Latencies();
  let next = 0;
  let bought = 0;
  let earlyReads = 0;
  let wrong = 0;
  let firstWrong: string | null = null;

  const drive = async (seconds: number, record: (ms: number) => void): Promise<number> => {
    const start = performance.now();
    const end = start + seconds * 1_000;
    const loop = async (connection: KeepAliveConnection): Promise<void> => {
      while (performance.now() < end && next < order.tokens.length) {
        const buyer = next++;
        const begun = performance.now();
        try {
          earlyReads += await buyOneTicket(
            connection,
            order.show,
            order.tokens[buyer],
            `sale-${buyer}`,
            doorOf(doors.get(connection), stripe),
          );
          bought++;
          record(performance.now() - begun);
        } catch (error) {
          if (!(error instanceof WrongAnswer)) throw error;
          wrong++;
          firstWrong ??= error.message;
        }
      }
    };
    await Promise.all(connections.map(loop));
    return (performance.now() - start) / 1_000;
  };

  await drive(order.warmUpSeconds, () => {});
  const before = bought;
  const seconds = await drive(order.seconds, (ms) => latencies.record(ms));
  for (const connection of [...connections, ...doors.values()]) connection.close();

  return {
    tickets: bought - before,
    seconds,
    p50Ms: latencies.percentile(0.5),
    p99Ms: latencies.percentile(0.99),
    ticketsInAll: bought,
    earlyReads,
    wrong,
    firstWrong,
    exhausted: next >= order.tokens.length,
  };
}

/** A buyer's way to Stripe. */
export interface StripeBrowser {
  readonly connection: KeepAliveConnection;
  readonly publishableKey: string;
}

function doorOf(connection: KeepAliveConnection | undefined, stripe: StripeDoor | undefined): StripeBrowser | null {
  return connection === undefined || stripe === undefined
    ? null
    : { connection, publishableKey: stripe.publishableKey };
}

/** Hold, order, pay, fetch the ticket until it is valid. Returns how many reads came too early. */
async function buyOneTicket(
  connection: KeepAliveConnection,
  show: string,
  token: string,
  key: string,
  stripe: StripeBrowser | null,
): Promise<number> {
  const order = await orderOneTicket(connection, show, token, key);
  if (stripe !== null) {
    await confirmAtStripe(stripe, order.payment.clientSecret);
  } else {
    const path = `/v1/sandbox/payments/${order.payment.id}/confirm`;
    expect(200, 'payment', await connection.request(postText(path, token, `${key}${path}`, { card: CARD })));
  }
  const path = `/v1/tickets/${order.lines[0].ticketId}`;
  for (let reads = 0; reads < TICKET_READS_AT_MOST; reads++) {
    const answer = await connection.request(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${token}\r\n\r\n`,
    );
    // Before the capture is journaled there is no valid ticket: not there yet, or there and not valid.
    if (answer.status === 404) {
      if (stripe !== null) await pause(Math.min(POLL_MOST_MS, POLL_FIRST_MS * 2 ** reads));
      continue;
    }
    const ticket = expect(200, 'ticket', answer) as { status: string; code: string };
    if (ticket.status === 'valid' && ticket.code.length > 0) return reads;
  }
  throw new WrongAnswer(`the ticket was not valid after ${TICKET_READS_AT_MOST} reads`);
}

export interface OrderedTicket {
  readonly id: string;
  readonly lines: readonly { readonly ticketId: string }[];
  readonly payment: { readonly id: string; readonly clientSecret: string };
}

/** Holds the best seat and orders it. */
export function orderOneTicket(
  connection: KeepAliveConnection,
  show: string,
  token: string,
  key: string,
): Promise<OrderedTicket> {
  return holdAndOrder(connection, show, token, key, 1);
}

/** Holds so many of the best seats and orders them. */
export async function holdAndOrder(
  connection: KeepAliveConnection,
  show: string,
  token: string,
  key: string,
  quantity: number,
): Promise<OrderedTicket> {
  const post = (path: string, body: unknown) => connection.request(postText(path, token, `${key}${path}`, body));
  const hold = expect(201, 'hold', await post(`/v1/shows/${show}/holds`, { best: { quantity } })) as { id: string };
  return expect(201, 'order', await post(`/v1/holds/${hold.id}/order`, {})) as OrderedTicket;
}

/** What Stripe.js does with a card that is good. */
export async function confirmAtStripe(
  { connection, publishableKey }: StripeBrowser,
  clientSecret: string,
): Promise<void> {
  const form = new URLSearchParams({ client_secret: clientSecret, payment_method: 'pm_card_visa' }).toString();
  const answer = await connection.request(
    `POST /v1/payment_intents/${clientSecret.split('_secret_')[0]}/confirm HTTP/1.1\r\nHost: 127.0.0.1\r\n` +
      `Authorization: Bearer ${publishableKey}\r\nContent-Type: application/x-www-form-urlencoded\r\n` +
      `Content-Length: ${form.length}\r\n\r\n${form}`,
  );
  const { status } = expect(200, 'payment', answer) as { status: string };
  if (status !== 'requires_capture') throw new WrongAnswer(`payment: ${status}`);
}

export class WrongAnswer extends Error {}

function expect(status: number, step: string, answer: HttpAnswer): unknown {
  if (answer.status !== status) {
    throw new WrongAnswer(`${step}: ${answer.status} ${answer.body.slice(0, FIRST_WRONG_LENGTH)}`);
  }
  return JSON.parse(answer.body);
}

function postText(path: string, token: string, key: string, body: unknown): string {
  const json = JSON.stringify(body);
  return (
    `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${token}\r\nIdempotency-Key: ${key}\r\n` +
    `Content-Type: application/json\r\nContent-Length: ${json.length}\r\n\r\n${json}`
  );
}
