import { createHmac } from 'node:crypto';
import type { FastifyInstance, LightMyRequestResponse } from 'fastify';
import type { Pool } from 'pg';
import { onTestFinished } from 'vitest';
import { newListener } from '../../src/http/listener.ts';
import { webhookRoutes } from '../../src/http/routes/webhooks.ts';
import type { App } from '../../src/http/server.ts';
import type { Payment, PaymentGateway, PaymentState } from '../../src/payments/gateway.ts';
import { createSettlement, type Settlement } from '../../src/payments/settlement.ts';
import type { EventFeed } from '../../src/payments/webhooks/event-poller.ts';
import { stripeSignature } from '../../src/payments/webhooks/webhook-signature.ts';
import type { WebhookLookups } from '../../src/payments/webhooks/webhook-worker.ts';
import { createWebhooks, type Webhooks } from '../../src/payments/webhooks/webhooks.ts';
import type { Timers } from '../../src/ports.ts';
import { type CapturedLog, capturedLog } from './captured-log.ts';
import { type ManualTime, manualTime } from './manual-time.ts';
import { ORDERED_AT, OrderBook, paymentIdOf, SHOW } from './order-book.ts';
import { seededRandom } from './seeded-random.ts';
import { setDatabaseTime } from './webhook-database.ts';

export const BUYER = 'usr_01k9zxh3m4q8r2v6w7y0t5b1ce';
export const SECRET = 'whsec_of_the_endpoint';

/** What stands at the provider, which alone is believed. */
export class Books implements PaymentGateway, WebhookLookups {
  readonly provider = 'stripe';
  /** By our id. */
  readonly payments = new Map<string, PaymentState>();
  readonly disputes = new Map<string, Awaited<ReturnType<WebhookLookups['disputeOf']>>>();
  /** Our ids by the provider's. */
  readonly intents = new Map<string, string>();
  isAway = false;

  async open(): Promise<{ clientSecret: string }> {
    return { clientSecret: 'secret' };
  }
  rememberedSecret(): null {
    return null;
  }
  async clientSecret(): Promise<null> {
    return null;
  }
  async get(id: string): Promise<Payment | null> {
    const state = await this.#answer(this.payments.get(id));
    return state === undefined ? null : { id, state, amount: 4_550, currency: 'EUR' };
  }
  capture(id: string): Promise<Payment> {
    if (this.payments.get(id) === 'authorised') this.payments.set(id, 'captured');
    return this.get(id) as Promise<Payment>;
  }
  cancel(id: string): Promise<Payment> {
    if (this.payments.get(id) !== 'captured') this.payments.set(id, 'cancelled');
    return this.get(id) as Promise<Payment>;
  }
  async refund(): Promise<'done'> {
    return 'done';
  }
  amountFault(): null {
    return null;
  }
  paymentOf(intentId: string): Promise<string | null> {
    return this.#answer(this.intents.get(intentId) ?? null);
  }
  disputeOf(disputeId: string): ReturnType<WebhookLookups['disputeOf']> {
    return this.#answer(this.disputes.get(disputeId) ?? null);
  }

  async #answer<T>(value: T): Promise<T> {
    if (this.isAway) throw new Error('the provider does not answer');
    return value;
  }
}

/** Timers of a node that does nothing by itself. */
const STILL: Timers = {
  after: () => ({ cancel: () => {} }),
  every: () => ({ cancel: () => {} }),
  soon: (task) => void setImmediate(task),
};

export interface NodeOptions {
  readonly pool?: Pool;
  readonly timers?: Timers;
  readonly feed?: EventFeed;
  readonly livemode?: boolean;
  /** So much its clock is ahead, ms. */
  readonly aheadMs?: number;
  readonly settlement?: Pick<Settlement, 'settle'>;
  /** It hangs for ever at some point, so nothing waits for its end. */
  readonly dies?: true;
}

export interface WebhookNode {
  readonly app: FastifyInstance;
  readonly webhooks: Webhooks;
  readonly log: CapturedLog;
  /** Sends a body signed just now. */
  deliver(event: object): Promise<LightMyRequestResponse>;
  /** Sends anything. */
  post(body: string | Buffer | undefined, headers?: Record<string, string>): Promise<LightMyRequestResponse>;
}

export interface WebhookRow {
  readonly id: string;
  readonly type: string;
  readonly about: string | null;
  readonly payment_id: string | null;
  readonly attempts: number;
  readonly next_at: number;
  readonly outcome: string | null;
}

/** A clock, an order book, the provider's books and a database; nodes of one cluster share them. */
export class WebhookScene {
  readonly time: ManualTime = manualTime();
  readonly book = new OrderBook();
  readonly books = new Books();
  readonly pool: Pool;
  constructor(pool: Pool) {
    this.pool = pool;
  }

  node(options: NodeOptions = {}): WebhookNode {
    const log = capturedLog();
    const clock = { now: () => this.time.clock.now() + (options.aheadMs ?? 0) };
    const ports = { clock, timers: options.timers ?? STILL, random: seededRandom(), log: log.log };
    const shows = this.book;
    const webhooks = createWebhooks(
      {
        ...ports,
        pool: options.pool ?? this.pool,
        shows,
        settlement: options.settlement ?? createSettlement({ ...ports, shows, gateway: this.books }),
      },
      {
        verify: stripeSignature(SECRET),
        livemode: options.livemode ?? false,
        lookups: this.books,
        feed: options.feed ?? null,
      },
    );
    const app = newListener({ ...ports, trustProxy: [] });
    app.register(
      (v1: App, _options, done) => {
        webhookRoutes(v1, webhooks);
        done();
      },
      { prefix: '/v1' },
    );
    onTestFinished(() => app.close());
    if (options.dies === undefined) onTestFinished(() => webhooks.close());
    const post: WebhookNode['post'] = (body, headers) =>
      app.inject({
        method: 'POST',
        url: '/v1/webhooks/stripe',
        headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
        ...(body === undefined ? {} : { payload: body }),
      });
    return {
      app: app as unknown as FastifyInstance,
      webhooks,
      log,
      post,
      deliver: (event) => {
        const body = JSON.stringify(event);
        return post(body, { 'stripe-signature': signed(body, clock.now()) });
      },
    };
  }

  /** Lets time pass for the nodes and for the database. */
  async advance(ms: number): Promise<void> {
    await this.time.advance(ms);
    await setDatabaseTime(this.pool, this.time.clock.now());
  }

  async rows(): Promise<WebhookRow[]> {
    return (await this.pool.query<WebhookRow>('select * from webhook_event order by id')).rows;
  }
}

export function signatureOf(body: string | Buffer, at: number, secret = SECRET): string {
  return createHmac('sha256', secret)
    .update(`${Math.floor(at / 1_000)}.`)
    .update(body)
    .digest('hex');
}

/** The header that Stripe sends with this body at this time (ms since the epoch). */
export function signed(body: string | Buffer, at: number, secret = SECRET): string {
  return `t=${Math.floor(at / 1_000)},v1=${signatureOf(body, at, secret)}`;
}

let events = 0;

/** An event about the payment of an order, as Stripe writes it. */
export function intentEvent(order: number, type = 'payment_intent.succeeded', parts: object = {}): { id: string } {
  const object = {
    id: `pi_${order}`,
    object: 'payment_intent',
    status: 'succeeded',
    amount: 4_550,
    amount_received: 4_550,
    metadata: { usher_payment: paymentIdOf(order) },
  };
  return eventOf(type, object, parts);
}

export function eventOf(type: string, object: object, parts: object = {}): { id: string } {
  const created = Math.floor(ORDERED_AT / 1_000);
  return {
    id: `evt_${++events}`,
    object: 'event',
    created,
    livemode: false,
    type,
    data: { object },
    ...parts,
  } as never;
}

export function disputeEvent(order: number, dispute: string, type = 'created', parts: object = {}): { id: string } {
  const object = { id: dispute, object: 'dispute', status: 'needs_response', payment_intent: `pi_${order}` };
  return eventOf(`charge.dispute.${type}`, object, parts);
}

export function statusOf(book: OrderBook, order: number): string | undefined {
  return book.orders.get(`${SHOW}/${order}`)?.status;
}
