import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import { afterAll, onTestFinished } from 'vitest';
import { up as accountsTables } from '../../migrations/0002-accounts.ts';
import { up as catalogueTables } from '../../migrations/0003-catalogue.ts';
import { up as cancelledShows } from '../../migrations/0008-cancelled-shows.ts';
import { up as mail } from '../../migrations/0011-mail.ts';
import { up as drafts } from '../../migrations/0023-drafts.ts';
import { up as showFigures } from '../../migrations/0024-show-figures.ts';
import { up as sessions } from '../../migrations/0025-sessions.ts';
import { up as mailToAccounts } from '../../migrations/0026-mail-to-accounts.ts';
import { up as figuresPrices } from '../../migrations/0029-figures-prices.ts';
import { up as showPlans } from '../../migrations/0030-show-plans.ts';
import type { Accounts } from '../../src/accounts/accounts.ts';
import { createAccounts } from '../../src/accounts/create-accounts.ts';
import type { LockoutLimits } from '../../src/accounts/lockout.ts';
import type { PasswordResets } from '../../src/accounts/password-resets.ts';
import type { AccountsTables } from '../../src/accounts/tables.ts';
import type { Role, Tokens } from '../../src/accounts/tokens.ts';
import { type Catalogue, createCatalogue } from '../../src/catalog/catalogue.ts';
import { ListingFeed } from '../../src/catalog/listing/listing-feed.ts';
import type { CatalogueTables } from '../../src/catalog/tables.ts';
import { shardOf } from '../../src/cluster/shards.ts';
import { FORMAT } from '../../src/formats.ts';
import { DEFAULT_HTTP_SETTINGS, type HttpSettings, type ReadinessCheck } from '../../src/http/deps.ts';
import { createMetrics } from '../../src/http/metrics.ts';
import type { SalesDeps } from '../../src/http/sales-deps.ts';
import { buildServer } from '../../src/http/server.ts';
import type { PaymentGateway } from '../../src/payments/gateway.ts';
import { createSettlement } from '../../src/payments/settlement.ts';
import { type Database, openDatabase } from '../../src/postgres/database.ts';
import { type CapturedLog, capturedLog } from './captured-log.ts';
import { CatalogueShows } from './catalogue-shows.ts';
import { databaseCopies } from './database-copies.ts';
import { type AtEnd, Lifetime } from './lifetime.ts';
import { type ManualTime, manualTime } from './manual-time.ts';
import { NO_READ_MODELS } from './no-read-models.ts';
import { seededRandom } from './seeded-random.ts';
import { ticketKeysInMemory } from './ticket-keys.ts';

/** No test here pays. */
const NO_GATEWAY: PaymentGateway = {
  provider: 'stripe',
  open: () => Promise.reject(new Error('no payments here')),
  clientSecret: async () => null,
  rememberedSecret: () => null,
  get: async () => null,
  capture: () => Promise.reject(new Error('no payments here')),
  cancel: () => Promise.reject(new Error('no payments here')),
  refund: () => Promise.reject(new Error('no payments here')),
  amountFault: () => null,
};

export type Send = (
  method: InjectOptions['method'],
  url: string,
  body?: object | null,
  headers?: Record<string, string>,
) => Promise<LightMyRequestResponse>;

export interface HttpApp {
  readonly app: FastifyInstance;
  readonly accounts: Accounts;
  readonly catalogue: Catalogue;
  readonly listing: ListingFeed;
  readonly shows: CatalogueShows;
  readonly tokens: Tokens;
  readonly resets: PasswordResets;
  readonly time: ManualTime;
  readonly log: CapturedLog;
  readonly database: Database<AccountsTables & CatalogueTables>;
  /** Sends as nobody. */
  readonly send: Send;
  /** Signs a new user with this role up, and sends as them. */
  as(role: Role): Promise<Send & { readonly userId: string; readonly token: string }>;
}

export interface HttpAppOptions {
  readonly settings?: Partial<HttpSettings>;
  readonly readiness?: Readonly<Record<string, ReadinessCheck>>;
  /** What the payment provider says of amounts; nothing if absent. */
  readonly amountFault?: PaymentGateway['amountFault'];
  readonly webhooks?: SalesDeps['webhooks'];
  readonly lockout?: LockoutLimits;
  /** Whether it lives until the end of the file, not of the test. */
  readonly forFile?: boolean;
  /** That all nodes read; the newest if absent. */
  readonly format?: number;
}

const TABLES = [
  ...[accountsTables, catalogueTables, cancelledShows, mail, drafts],
  ...[showFigures, sessions, mailToAccounts, figuresPrices, showPlans],
];

/** A real Postgres for the tests of a file; each call is the whole HTTP side over a database of its own. */
export function httpApps(): (options?: HttpAppOptions) => Promise<HttpApp> {
  const newDatabase = databaseCopies(TABLES);
  const ofFile = new Lifetime();
  afterAll(() => ofFile.end());
  let apps = 0;

  return async (options = {}) => {
    const log = capturedLog();
    const database = await openDatabase<AccountsTables & CatalogueTables>({
      url: await newDatabase(),
      log: log.log,
      maxConnections: 4,
    });
    const atEnd = options.forFile ? ofFile.atEnd : onTestFinished;
    atEnd(() => database.close());
    return build(database, log, ++apps, options, atEnd);
  };
}

async function build(
  database: Database<AccountsTables & CatalogueTables>,
  log: CapturedLog,
  seed: number,
  options: HttpAppOptions,
  atEnd: AtEnd,
): Promise<HttpApp> {
  const time = manualTime();
  const random = seededRandom(seed);
  const shows = new CatalogueShows();
  const people = await createAccounts({
    db: database.kysely as never,
    clock: time.clock,
    timers: time.timers,
    random,
    log: log.log,
    secret: Buffer.alloc(32, 7),
    cores: 2,
    lockout: options.lockout,
  });
  atEnd(() => people.close());
  const { accounts, logIns, resets, tokens } = people;
  const catalogue = createCatalogue({
    db: database.kysely as never,
    clock: time.clock,
    random,
    shardOf,
    amounts: { amountFault: options.amountFault ?? NO_GATEWAY.amountFault },
    onChange: () => listing.noticeChange(),
  });
  const listing = new ListingFeed({
    db: database.kysely as never,
    records: catalogue.shows,
    timers: time.timers,
    log: log.log,
  });
  const ports = { shows, listing, clock: time.clock, timers: time.timers, random, log: log.log };
  const app = buildServer(
    {
      ...ports,
      accounts,
      logIns,
      resets,
      tokens,
      catalogue,
      metrics: createMetrics(false),
      format: () => options.format ?? FORMAT.newest,
      readiness: options.readiness ?? {},
      // The tests themselves are what keeps this event loop busy.
      settings: { ...DEFAULT_HTTP_SETTINGS, eventLoopDelayMaxMs: 0, ...options.settings },
    },
    {
      ...ports,
      gateway: NO_GATEWAY,
      sandbox: null,
      webhooks: options.webhooks ?? null,
      settlement: createSettlement({ ...ports, gateway: NO_GATEWAY }),
      ticketKeys: ticketKeysInMemory(),
      ...NO_READ_MODELS,
      holdsPerMinute: { ...DEFAULT_HTTP_SETTINGS, ...options.settings }.holdsPerMinute,
      offeredShows: { showsOf: async () => [] },
      emailOf: async () => null,
      organiserOf: (showId) => catalogue.shows.organiserOf(showId),
      markCancelled: (showId) => catalogue.shows.markCancelled(showId),
    },
  );
  atEnd(() => app.close());

  const sendAs =
    (token: string | null): Send =>
    (method, url, body, headers) =>
      app.inject({
        method: method as 'GET',
        url,
        headers: { ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...headers },
        ...(body === undefined || body === null ? {} : { payload: body }),
      });
  let users = 0;
  return {
    app,
    accounts,
    catalogue,
    listing,
    shows,
    tokens,
    resets,
    time,
    log,
    database,
    send: sendAs(null),
    async as(role) {
      const user = await accounts.create({
        email: `user${++users}@example.org`,
        password: 'correct horse',
        firstName: 'Ada',
        lastName: 'Byron',
        role,
      });
      const { token } = await tokens.issue(user);
      return Object.assign(sendAs(token), { userId: user.id, token });
    },
  };
}
