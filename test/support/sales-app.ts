import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import fastify, { type FastifyInstance, type InjectOptions, type LightMyRequestResponse } from 'fastify';
import { onTestFinished } from 'vitest';
import { type Role, Tokens } from '../../src/accounts/tokens.ts';
import type { Shows } from '../../src/actors/shows.ts';
import { guards } from '../../src/http/auth.ts';
import { problemHandler, refuse } from '../../src/http/problem.ts';
import { ticketKeyRoutes } from '../../src/http/routes/tickets.ts';
import { salesRoutes } from '../../src/http/sales.ts';
import type { App } from '../../src/http/server.ts';
import { validatorCompiler } from '../../src/http/validation.ts';
import type { Payment, PaymentGateway, PaymentOrder, PaymentState, RefundState } from '../../src/payments/gateway.ts';
import type { SandboxGateway } from '../../src/payments/sandbox.ts';
import { createSettlement } from '../../src/payments/settlement.ts';
import type { Exports } from '../../src/projector/exports.ts';
import type { TicketKeys } from '../../src/tickets/keys.ts';
import { capturedLog } from './captured-log.ts';
import { type ManualTime, manualTime } from './manual-time.ts';
import { NO_READ_MODELS } from './no-read-models.ts';
import { OrderBook } from './order-book.ts';
import { seededRandom } from './seeded-random.ts';
import { ticketKeysInMemory } from './ticket-keys.ts';

/** A sandbox in memory: the cards' outcomes without their books. */
class MemorySandbox implements SandboxGateway {
  readonly provider = 'sandbox';
  readonly payments = new Map<
    string,
    { state: PaymentState; captureFails: boolean; amount: number; currency: string }
  >();

  async open({ paymentId }: PaymentOrder): Promise<{ clientSecret: string }> {
    return { clientSecret: `${paymentId}_secret` };
  }
  rememberedSecret(id: string): string {
    return `${id}_secret`;
  }
  async clientSecret(id: string): Promise<string> {
    return `${id}_secret`;
  }
  async confirm(id: string, amount: number, currency: string, card: string): Promise<Payment> {
    const before = this.payments.get(id)?.state ?? 'open';
    if (before === 'open' || before === 'challenge') {
      const passed = before === 'challenge' || !card.endsWith('3220');
      const state = card.endsWith('0002') ? 'open' : passed ? 'authorised' : 'challenge';
      this.payments.set(id, { state, captureFails: card.endsWith('0341'), amount, currency });
    }
    return this.#payment(id);
  }
  async get(id: string): Promise<Payment | null> {
    return this.payments.has(id) ? this.#payment(id) : null;
  }
  async capture(id: string): Promise<Payment> {
    const payment = this.payments.get(id);
    if (payment?.state === 'authorised') payment.state = payment.captureFails ? 'failed' : 'captured';
    return this.#payment(id);
  }
  async cancel(id: string): Promise<Payment> {
    const payment = this.payments.get(id);
    if (payment === undefined)
      this.payments.set(id, { state: 'cancelled', captureFails: false, amount: 0, currency: '' });
    else if (payment.state !== 'captured' && payment.state !== 'failed') payment.state = 'cancelled';
    return this.#payment(id);
  }
  async refund(): Promise<RefundState> {
    return 'done';
  }
  amountFault: PaymentGateway['amountFault'] = () => null;
  #payment(id: string): Payment {
    const payment = this.payments.get(id);
    if (payment === undefined) throw new Error(`no payment ${id}`);
    return { id, state: payment.state, amount: payment.amount, currency: payment.currency };
  }
}

export interface SalesApp {
  readonly app: FastifyInstance;
  readonly book: OrderBook;
  readonly sandbox: MemorySandbox;
  readonly time: ManualTime;
  readonly ticketKeys: TicketKeys;
  /** By buyer: the shows in which they have orders. */
  readonly shows: Map<string, string[]>;
  /** By show: its organiser. */
  readonly organisers: Map<string, string>;
  /** The access token of this user. */
  tokenOf(user: string, role: Role): Promise<string>;
  /** Sends a request as this user. */
  as(
    user: string,
    role: Role,
  ): Promise<
    (method: InjectOptions['method'], url: string, body?: object, headers?: object) => Promise<LightMyRequestResponse>
  >;
}

/**
 * The routes of seats, holds, orders, payments and tickets over an order book, with real tokens and validation.
 * @param given.shows instead of the order book
 * @param given.gateway the payment provider; without one it is the sandbox
 * @param given.exports what organisers take away; without it nothing
 * @param given.shows who is asked instead of the order book, at `given.time`
 */
export function salesApp(
  given: {
    readonly gateway?: PaymentGateway;
    readonly exports?: Exports;
    readonly shows?: Shows | Pick<Shows, 'ask'>;
    readonly time?: ManualTime;
    readonly amountFault?: PaymentGateway['amountFault'];
  } = {},
): SalesApp {
  const time = given.time ?? manualTime();
  const book = new OrderBook();
  const sandbox = new MemorySandbox();
  sandbox.amountFault = given.amountFault ?? sandbox.amountFault;
  const gateway = given.gateway ?? sandbox;
  const shows = new Map<string, string[]>();
  const organisers = new Map<string, string>();
  const ticketKeys = ticketKeysInMemory();
  const { log } = capturedLog();
  const tokens = new Tokens(Buffer.alloc(32, 7), time.clock);
  // Who is asked may be all that is given.
  const sold: Shows =
    given.shows === undefined || 'seatMap' in given.shows
      ? (given.shows ?? book)
      : Object.assign(Object.create(book) as OrderBook, given.shows);
  const deps = {
    shows: sold,
    listing: { find: () => Promise.reject(new Error('nothing is listed here')), isPublic: () => true },
    clock: time.clock,
    timers: time.timers,
    gateway,
    sandbox,
    webhooks: null,
    settlement: createSettlement({
      shows: sold,
      gateway,
      clock: time.clock,
      timers: time.timers,
      random: seededRandom(),
      log,
    }),
    ticketKeys,
    ...NO_READ_MODELS,
    ...(given.exports === undefined ? {} : { exports: given.exports }),
    // Every show is ahead of the read models.
    ownLists: { ...NO_READ_MODELS.ownLists, showsBehind: async (buyer: string) => shows.get(buyer) ?? [] },
    // By what stands for an address.
    offeredShows: { showsOf: async (address: string) => shows.get(address) ?? [] },
    emailOf: async (user: string) => `${user}@example.org`,
    organiserOf: async (show: string) => organisers.get(show) ?? null,
    markCancelled: async () => {},
    holdsPerMinute: { user: Number.POSITIVE_INFINITY, address: Number.POSITIVE_INFINITY },
  };
  const app: App = fastify({
    logger: false,
    routerOptions: { maxParamLength: 200 },
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setErrorHandler(problemHandler(log));
  app.setNotFoundHandler((_request, reply) => refuse(reply, { code: 'NOT_FOUND', detail: 'There is nothing here.' }));
  app.decorateRequest('user', null as never);
  ticketKeyRoutes(app, deps);
  app.register(
    (v1: App, _options, done) => {
      salesRoutes(v1, deps, guards(tokens));
      done();
    },
    { prefix: '/v1' },
  );
  onTestFinished(() => app.close());
  return {
    app: app as unknown as FastifyInstance,
    book,
    sandbox,
    time,
    ticketKeys,
    shows,
    organisers,
    tokenOf: async (id, role) => (await tokens.issue({ id, role })).token,
    async as(user, role) {
      const { token } = await tokens.issue({ id: user, role });
      return (method, url, body, headers) =>
        app.inject({
          method: method as 'GET',
          url,
          headers: { authorization: `Bearer ${token}`, ...headers },
          ...(body === undefined ? {} : { payload: body }),
        });
    },
  };
}
