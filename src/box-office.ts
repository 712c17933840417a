import { availableParallelism } from 'node:os';
import type { FastifyInstance } from 'fastify';
import type { Kysely } from 'kysely';
import type { ClientConfig } from 'pg';
import type { Accounts } from './accounts/accounts.ts';
import { createAccounts } from './accounts/create-accounts.ts';
import type { LockoutLimits } from './accounts/lockout.ts';
import type { AccountsTables } from './accounts/tables.ts';
import type { Tokens } from './accounts/tokens.ts';
import { type Catalogue, createCatalogue } from './catalog/catalogue.ts';
import { FiguresWriter } from './catalog/listing/figures-writer.ts';
import { ListingFeed } from './catalog/listing/listing-feed.ts';
import { untoldShows, writeFigures } from './catalog/listing/show-figures.ts';
import { CatalogueShowSource } from './catalog/show-source.ts';
import type { CatalogueTables } from './catalog/tables.ts';
import type { ClusterNode, ClusterNodeOptions } from './cluster/cluster-node.ts';
import type { Transport } from './cluster/messages/transport.ts';
import { PostgresPlanStore } from './cluster/plans/plan-store.ts';
import { PostgresRegistry } from './cluster/registry/postgres-registry.ts';
import { shardOf } from './cluster/shards.ts';
import type { AdminAccess } from './http/admin/access.ts';
import { buildAdminServer } from './http/admin-server.ts';
import { registerClusterMetrics } from './http/cluster-metrics.ts';
import { registerDeliveryMetrics } from './http/delivery-metrics.ts';
import type { HttpSettings } from './http/deps.ts';
import { registerMailMetrics } from './http/mail-metrics.ts';
import { createMetrics } from './http/metrics.ts';
import { registerNodeMetrics } from './http/node-metrics.ts';
import { rememberedOrganisers } from './http/organisers.ts';
import { registerPaymentMetrics } from './http/payment-metrics.ts';
import { registerProjectorMetrics } from './http/projector-metrics.ts';
import { buildServer } from './http/server.ts';
import { registerSettlementMetrics } from './http/settlement-metrics.ts';
import { registerWebhookMetrics } from './http/webhook-metrics.ts';
import { createJournalReader, createPostgresJournal, journalPool } from './journal/postgres-journal.ts';
import type { RowForms } from './journal/rows.ts';
import { createComposer } from './mail/compose.ts';
import { Mailer } from './mail/mailer.ts';
import { MailOutbox } from './mail/outbox.ts';
import type { MailTransport } from './mail/transports.ts';
import type { PaymentProvider } from './payments/provider.ts';
import { createWebhooks } from './payments/webhooks/webhooks.ts';
import type { Clock, Random, Timers } from './ports.ts';
import type { Database } from './postgres/database.ts';
import { createExports } from './projector/exports.ts';
import { nextLaggards } from './projector/laggards.ts';
import { createOwnLists } from './projector/own-lists.ts';
import { Projections } from './projector/projections.ts';
import { Projector } from './projector/projector.ts';
import { createReports } from './projector/reports.ts';
import { createSellingNode } from './selling-node.ts';
import type { Log } from './system/log.ts';
import { KeyRing, type TicketsTables } from './tickets/key-ring.ts';
import { LookedUpKeys } from './tickets/keys.ts';
import { createOfferedShows, type OfferedShowTables } from './tickets/receiver-address.ts';
import { WebhookDeliverer } from './webhooks/deliverer.ts';
import { Deliveries } from './webhooks/deliveries.ts';
import { WebhookEndpoints } from './webhooks/endpoints.ts';
import { createWebhookSender } from './webhooks/sender.ts';
import type { TargetPolicy } from './webhooks/targets.ts';

/** Connections that append to the journal. */
const LANES = 2;

export type Tables = AccountsTables & CatalogueTables & TicketsTables & OfferedShowTables;

/** What a box office stands on; `src/main.ts` chooses the real ones. */
export interface BoxOfficeParts {
  readonly database: Database<Tables>;
  /** To the same database. */
  readonly connection: ClientConfig;
  readonly transport: Transport;
  readonly payments: PaymentProvider;
  /** Where mail goes; closed with the box office. */
  readonly mail: MailTransport;
  /** Where organisers may have webhooks sent. */
  readonly webhookTargets: TargetPolicy;
  /** Signs the access tokens. */
  readonly secret: Buffer;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Log;
  readonly self: ClusterNodeOptions['self'];
  readonly http: HttpSettings;
  /** What slows guessing at passwords down; the usual if absent. */
  readonly lockout?: LockoutLimits;
  readonly admin: AdminAccess;
  /** Whether to export figures of the process too. */
  readonly processMetrics: boolean;
  /** This node cannot go on. */
  readonly fail: (reason: string) => void;
}

export interface BoxOffice {
  readonly node: ClusterNode;
  /** Not yet listening. */
  readonly app: FastifyInstance;
  /** Not yet listening. */
  readonly admin: FastifyInstance;
  readonly accounts: Accounts;
  readonly tokens: Tokens;
  readonly catalogue: Catalogue;
  /** Not yet started; closed with the box office. */
  readonly listing: ListingFeed;
  /** Not yet started; closed with the box office at the latest. */
  readonly mailer: Mailer;
  /** The same. */
  readonly projector: Projector;
  /** The same. */
  readonly deliverer: WebhookDeliverer;
  /** Leaves the plan that this node applies, if it does, for others to resume: to be called before the node leaves. */
  leavePlans(): Promise<void>;
  /** Lets what is under way end, and ends what this box office opened. Its parts stay open. */
  close(): Promise<void>;
}

/** Wires a whole box office; it sells once its node has started. */
export async function assembleBoxOffice(parts: BoxOfficeParts): Promise<BoxOffice> {
  const { database, connection, transport, payments, secret, clock, timers, random, log } = parts;
  const { kysely } = database;
  const { gateway, sandbox } = payments;
  const catalogue = createCatalogue({
    db: narrowed<CatalogueTables>(kysely),
    clock,
    random,
    shardOf,
    amounts: gateway,
    onChange: () => listing.noticeChange(),
  });
  const catalogueTables = narrowed<CatalogueTables>(kysely);
  const listing = new ListingFeed({ db: catalogueTables, records: catalogue.shows, timers, log });
  const figures = new FiguresWriter({
    write: (batch) => writeFigures(catalogueTables, batch),
    tellHere: (showId, of) => listing.setFigures(showId, of),
    timers,
    random,
    log,
  });
  const people = await createAccounts({
    db: narrowed<AccountsTables>(kysely),
    clock,
    timers,
    random,
    log,
    secret,
    cores: availableParallelism(),
    lockout: parts.lockout,
  });
  const { accounts, tokens, logIns, resets } = people;
  const source = new CatalogueShowSource(catalogue);
  const keyRing = new KeyRing(narrowed<TicketsTables>(kysely), clock, random);
  const ticketKeys = await LookedUpKeys.open(keyRing, clock, timers, log);
  const registry = new PostgresRegistry({ connection, timers, log });
  const forms: RowForms = {
    newest: parts.self.format,
    onUnknown: () => {
      node.counts.unknownFormats++;
    },
  };
  // For what this node reads of shows that are not its own.
  const reader = createJournalReader(journalPool(connection, log), forms);

  const projector = new Projector({
    projections: new Projections(database.pool),
    journal: reader,
    load: (showId) => source.load(showId),
    laggards: (everyMs, count, ageMs) => nextLaggards(database.pool, everyMs, count, ageMs),
    clock,
    timers,
    random,
    log,
  });
  const selling = createSellingNode({
    registry,
    transport,
    plans: new PostgresPlanStore(database.pool, random),
    source,
    reader,
    openJournal: (owner) => createPostgresJournal({ connection, lanes: LANES, owner, forms, clock, timers, log }),
    gateway,
    clock,
    timers,
    random,
    log,
    self: parts.self,
    onJournaled: (showId) => projector.note(showId),
    onPublished: (seats) => figures.note(seats),
    alsoWake: (shards) => untoldShows(catalogueTables, shards),
    fail: parts.fail,
  });
  const { node, settlement, ops, runner } = selling;
  const { shows } = node;

  const emailOf = async (userId: string) => (await accounts.get(userId))?.email ?? null;
  const mailer = new Mailer({
    outbox: new MailOutbox(database.pool),
    transport: parts.mail,
    compose: createComposer({
      shows,
      clock,
      keys: ticketKeys,
      resetToken: (email, askedAt) => resets.tokenFor(email, askedAt),
      emailOf,
      showOf: (showId) => catalogue.shows.get(showId),
    }),
    clock,
    timers,
    random,
    log,
  });

  const deliverer = new WebhookDeliverer({
    deliveries: new Deliveries(database.pool),
    send: createWebhookSender(parts.webhookTargets),
    ...{ clock, timers, random, log },
  });

  const webhooks =
    payments.webhooks === null
      ? null
      : createWebhooks({ pool: database.pool, shows, settlement, clock, timers, random, log }, payments.webhooks);

  const metrics = createMetrics(parts.processMetrics);
  registerNodeMetrics(
    metrics.registry,
    () => node.ownShows,
    () => selling.laneFigures(),
  );
  registerPaymentMetrics(metrics.registry, () => payments.figures());
  registerSettlementMetrics(metrics.registry, settlement);
  registerClusterMetrics(metrics.registry, () => node.figures());
  registerMailMetrics(metrics.registry, () => mailer.figures());
  registerProjectorMetrics(metrics.registry, () => projector.figures());
  registerDeliveryMetrics(metrics.registry, () => deliverer.figures());
  if (webhooks !== null) registerWebhookMetrics(metrics.registry, () => webhooks.figures());
  const readiness = {
    database: async () => void (await database.pool.query('select 1')),
    cluster: async () => node.assertReady(),
  };
  const app = buildServer(
    {
      ...{
        accounts,
        logIns,
        resets,
        tokens,
        catalogue,
        listing,
        shows,
        clock,
        timers,
        random,
        log,
        metrics,
        readiness,
      },
      format: () => node.format,
      settings: parts.http,
    },
    {
      shows,
      listing,
      clock,
      timers,
      gateway,
      sandbox,
      settlement,
      // Without a secret nothing could tell the provider's webhooks from anybody's.
      webhooks: payments.webhooks?.verify ? webhooks : null,
      ticketKeys,
      ownLists: createOwnLists(database.pool),
      reports: createReports(database.pool),
      exports: createExports(database.pool),
      webhookEndpoints: new WebhookEndpoints(database.pool, random, parts.webhookTargets),
      holdsPerMinute: parts.http.holdsPerMinute,
      offeredShows: createOfferedShows(narrowed<OfferedShowTables>(kysely)),
      emailOf,
      organiserOf: rememberedOrganisers((showId) => catalogue.shows.organiserOf(showId)),
      markCancelled: (showId: string) => catalogue.shows.markCancelled(showId),
    },
  );
  const admin = buildAdminServer({ random, timers, log, metrics, readiness, ops, access: parts.admin });
  const leavePlans = (): Promise<void> => runner.stop();
  const close = async (): Promise<void> => {
    await webhooks?.close();
    await settlement.close();
    await mailer.close();
    await ticketKeys.close();
    await node.close();
    await projector.close();
    await deliverer.close();
    people.close();
    await figures.close();
    await listing.close();
    await reader.close();
    await registry.close();
  };
  return { node, app, admin, accounts, tokens, catalogue, listing, mailer, projector, deliverer, leavePlans, close };
}

/** Kysely's type of tables admits no widening: each room sees its own. */
function narrowed<T>(kysely: Kysely<Tables>): Kysely<T> {
  return kysely as unknown as Kysely<T>;
}
