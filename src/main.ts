import { createServer } from 'node:net';
import closeWithGrace from 'close-with-grace';
import type { Kysely } from 'kysely';
import { Accounts } from './accounts/accounts.ts';
import type { AccountsTables } from './accounts/tables.ts';
import { Tokens } from './accounts/tokens.ts';
import { ShowActors } from './actors/show-actors.ts';
import { RULES } from './actors/turns.ts';
import { createCatalogue } from './catalog/catalogue.ts';
import { CatalogueShowSource } from './catalog/show-source.ts';
import type { CatalogueTables } from './catalog/tables.ts';
import { PostgresLeases } from './cluster/leases.ts';
import { SHARDS, shardOf } from './cluster/shards.ts';
import { DEMO, seedDemo } from './demo/seed-demo.ts';
import { StartError } from './errors.ts';
import { DEFAULT_HTTP_SETTINGS } from './http/deps.ts';
import { createMetrics } from './http/metrics.ts';
import { registerNodeMetrics } from './http/node-metrics.ts';
import { buildServer } from './http/server.ts';
import { createPostgresJournal } from './journal/postgres-journal.ts';
import { createSandboxGateway } from './payments/sandbox.ts';
import { createSettlement, type Settlement } from './payments/settlement.ts';
import type { Timers } from './ports.ts';
import { connectionConfig, openDatabase } from './postgres/database.ts';
import { startEmbeddedPostgres } from './postgres/embedded-postgres.ts';
import { migrate } from './postgres/migrate.ts';
import { holdSingleNodeLock } from './postgres/single-node.ts';
import { readSettings, type Settings } from './settings.ts';
import { systemClock } from './system/clock.ts';
import { keptSecret, prepareDataDirectory } from './system/data-directory.ts';
import { createLog, type Log } from './system/log.ts';
import { systemRandom } from './system/random.ts';
import { systemTimers } from './system/timers.ts';
import { type BuyerShowTables, createBuyerShows } from './tickets/buyer-shows.ts';
import { loadTicketKeys, type TicketsTables } from './tickets/keys.ts';

/** Connections that append to the journal. */
const LANES = 2;
/** All interfaces: what reaches this node is the operator's choice of network. */
const HOST = '0.0.0.0';
/** How long a stop may take before the process ends anyhow; what is not finished then is recovered. */
const STOP_LIMIT_MS = 30_000;
/** Until the shows with unfinished work are looked for again, when they could not all be found. */
const WAKE_RETRY_MS = 5_000;

type Tables = AccountsTables & CatalogueTables & TicketsTables & BuyerShowTables;

/** Steps that undo the start, last first. */
type Undo = () => Promise<unknown> | unknown;

async function main(): Promise<void> {
  let log = createLog('info');
  const undo: Undo[] = [];
  let stopping: Promise<void> | null = null;
  const stop = (): Promise<void> => {
    stopping ??= undoAll(undo, log);
    return stopping;
  };
  try {
    const settings = readSettings(process.env);
    log = createLog(settings.logLevel);
    const grace = closeWithGrace({ delay: STOP_LIMIT_MS, logger: log }, async ({ signal, err }) => {
      if (err !== undefined) log.fatal({ err }, 'stopping after an error');
      else log.info({ signal }, 'stopping');
      await stop();
      // Else the process would end with 0 also after a stop that it asked for itself.
      if (process.exitCode !== undefined) process.exit();
    });
    await start(settings, log, undo, (reason) => {
      log.fatal(reason);
      process.exitCode = 1;
      if (stopping === null) void grace.close();
    });
  } catch (error) {
    // A stop during the start took away what the start stood on, and ends the process.
    if (stopping !== null) return;
    await stop();
    if (error instanceof StartError) process.stderr.write(`usher: ${error.message}\n`);
    else log.fatal({ err: error }, 'the start failed');
    process.exit(1);
  }
}

async function undoAll(undo: Undo[], log: Log): Promise<void> {
  for (let step = undo.pop(); step !== undefined; step = undo.pop()) {
    try {
      await step();
    } catch (error) {
      log.warn({ err: error }, 'a step of the stop failed');
    }
  }
}

async function start(settings: Settings, log: Log, undo: Undo[], fail: (reason: string) => void): Promise<void> {
  const clock = systemClock();
  const [timers, random] = [systemTimers, systemRandom];
  await requireFreePort(settings.port);
  await prepareDataDirectory(settings.dataDir);

  let url = settings.databaseUrl;
  if (url === null) {
    const embedded = await startEmbeddedPostgres({ dataDir: settings.dataDir, log, onExit: fail });
    undo.push(() => embedded.stop());
    url = embedded.url;
  }
  const database = await openDatabase<Tables>({ url, log });
  undo.push(() => database.close());
  const lock = await holdSingleNodeLock({
    url,
    timers,
    log,
    onTaken: (holder) => fail(`another node has taken the database: ${holder}`),
  });
  undo.push(() => lock.release());
  await migrate({ url, log });

  const owner = `nod_${random.uuidv7()}`;
  const connection = connectionConfig(url, 'usher');
  const leases = new PostgresLeases({ connection, owner, timers, log });
  undo.push(() => leases.close());
  await leases.acquireAll();
  undo.push(() => leases.release());
  const journal = createPostgresJournal({ connection, lanes: LANES, owner, timers, log });
  undo.push(() => journal.close());

  const secret = Buffer.from(settings.jwtSecret ?? (await keptSecret(settings.dataDir, random)));
  const { kysely } = database;
  const catalogue = createCatalogue({ db: narrowed<CatalogueTables>(kysely), clock, random, shardOf });
  const accounts = new Accounts(narrowed<AccountsTables>(kysely), clock, random);
  const sandbox = createSandboxGateway({ pool: database.pool, clock, timers, secret });

  const shows: ShowActors = new ShowActors({
    source: new CatalogueShowSource(catalogue),
    journal,
    leases,
    shardOf,
    clock,
    timers,
    rules: RULES,
    log,
    onUnsettled: (showId, orders) => settlement.resume(showId, orders),
  });
  const settlement: Settlement = createSettlement({ shows, gateway: sandbox, clock, timers, random, log });
  undo.push(() => shows.drain());
  undo.push(() => settlement.close());

  const metrics = createMetrics(true);
  registerNodeMetrics(metrics.registry, shows, () => journal.figures());
  const sales = {
    shows,
    clock,
    gateway: sandbox,
    sandbox,
    settlement,
    ticketKeys: await loadTicketKeys(narrowed<TicketsTables>(kysely), clock, random),
    buyerShows: createBuyerShows(narrowed<BuyerShowTables>(kysely)),
    organiserOf: (showId: string) => catalogue.shows.organiserOf(showId),
  };
  const app = buildServer(
    {
      accounts,
      tokens: new Tokens(secret, clock),
      catalogue,
      shows,
      clock,
      timers,
      random,
      log,
      metrics,
      readiness: {
        database: async () => void (await database.pool.query('select 1')),
        actors: async () => {
          if (shows.isDraining) throw new Error('the shows of this node are being stopped');
        },
      },
      settings: DEFAULT_HTTP_SETTINGS,
    },
    sales,
  );
  const hasDemo = settings.databaseUrl === null && process.env.NODE_ENV !== 'production';
  if (hasDemo) await seedDemo(accounts, catalogue, clock);

  const shards = Array.from({ length: SHARDS }, (_, shard) => shard);
  void wakePending(shows, () => journal.wakeable(shards), timers, log);
  const address = await app.listen({ port: settings.port, host: HOST });
  undo.push(() => app.close());
  const port = new URL(address).port;
  process.stdout.write(`Usher is open at http://localhost:${port} (its API: http://localhost:${port}/docs)\n`);
  if (hasDemo) {
    process.stdout.write(`Demo log-ins (password ${DEMO.password}): ${[DEMO.organiser, ...DEMO.buyers].join(', ')}\n`);
  }
}

/** Kysely's type of tables admits no widening: each room sees its own. */
function narrowed<T>(kysely: Kysely<Tables>): Kysely<T> {
  return kysely as unknown as Kysely<T>;
}

/** Found out before anything else is touched. */
function requireFreePort(port: number): Promise<void> {
  if (port === 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'is in use' : `cannot be used (${error.message})`;
      reject(new StartError(`Port ${port} ${why}. Free it, or set PORT to another one.`));
    });
    probe.listen({ port, host: HOST, exclusive: true }, () => probe.close(() => resolve()));
  });
}

/** Wakes the shows that were left with live holds or money under way. */
async function wakePending(
  shows: ShowActors,
  pages: () => AsyncIterable<readonly { readonly showId: string }[]>,
  timers: Timers,
  log: Log,
): Promise<void> {
  try {
    for await (const page of pages()) await shows.wake(page.map(({ showId }) => showId));
  } catch (error) {
    log.error({ err: error }, 'not all shows with unfinished work were woken; trying again');
    timers.after(WAKE_RETRY_MS, () => void wakePending(shows, pages, timers, log));
  }
}

await main();
