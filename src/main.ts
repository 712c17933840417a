import { createServer } from 'node:net';
import { join } from 'node:path';
import closeWithGrace from 'close-with-grace';
import type { Pool } from 'pg';
import { assembleBoxOffice, type Tables } from './box-office.ts';
import { InProcessHub, InProcessTransport } from './cluster/messages/in-process-transport.ts';
import { connectNats } from './cluster/messages/nats-transport.ts';
import type { Transport } from './cluster/messages/transport.ts';
import { DEMO, seedDemo } from './demo/seed-demo.ts';
import { StartError } from './errors.ts';
import { DEFAULT_HTTP_SETTINGS } from './http/deps.ts';
import { fileTransport, type MailTransport, smtpTransport } from './mail/transports.ts';
import { type PaymentProvider, sandboxProvider } from './payments/provider.ts';
import { createSandboxGateway } from './payments/sandbox.ts';
import { createStripePaymentTable } from './payments/stripe/payment-table.ts';
import { connectionConfig, openDatabase } from './postgres/database.ts';
import { startEmbeddedPostgres } from './postgres/embedded-postgres.ts';
import { migrate } from './postgres/migrate.ts';
import { isLiveKey, readSettings, type Settings } from './settings.ts';
import { systemClock } from './system/clock.ts';
import { keptSecret, prepareDataDirectory } from './system/data-directory.ts';
import { createLog, type Log } from './system/log.ts';
import { systemRandom } from './system/random.ts';
import { systemTimers } from './system/timers.ts';

/** All interfaces: what reaches this node is the operator's choice of network. */
const HOST = '0.0.0.0';
/** Below the data directory: where mail goes without a mail server. */
const MAIL_DIRECTORY = 'mail';
/** How long a stop may take before the process ends anyhow; what is not finished then is recovered. */
const STOP_LIMIT_MS = 30_000;

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
  await requireFreePort(settings.port, 'PORT');
  await requireFreePort(settings.adminPort, 'ADMIN_PORT');
  await prepareDataDirectory(settings.dataDir);

  let url = settings.databaseUrl;
  if (url === null) {
    const embedded = await startEmbeddedPostgres({ dataDir: settings.dataDir, log, onExit: fail });
    undo.push(() => embedded.stop());
    url = embedded.url;
  }
  const database = await openDatabase<Tables>({ url, log });
  undo.push(() => database.close());
  await migrate({ url, log });

  const transport = await openTransport(settings, await clusterIdOf(database.pool), log);
  undo.push(() => transport.close());
  const secret = Buffer.from(settings.jwtSecret ?? (await keptSecret(settings.dataDir, random)));
  const office = await assembleBoxOffice({
    database,
    connection: connectionConfig(url, 'usher'),
    transport,
    payments: await openPayments(settings, database.pool, secret, log),
    secret,
    mail: mailOf(settings),
    webhookTargets: settings.webhookTargets,
    clock,
    timers,
    random,
    log,
    self: {
      id: settings.node,
      pid: process.pid,
      url: settings.nodeUrl ?? urlOf('localhost', settings.port),
      adminUrl: urlOf(settings.adminHost, settings.adminPort),
      format: settings.format,
      weight: settings.nodeWeight,
    },
    http: {
      ...DEFAULT_HTTP_SETTINGS,
      trustProxy: settings.trustedProxies,
      holdsPerMinute: { ...DEFAULT_HTTP_SETTINGS.holdsPerMinute, ...settings.holdsPerMinute },
    },
    admin: { host: settings.adminHost, token: settings.adminToken, allowsActions: settings.adminActions },
    processMetrics: true,
    fail,
  });
  undo.push(() => office.close());
  const { node, app, admin } = office;
  if (settings.demo) await seedDemo(office.accounts, office.catalogue, clock);

  await office.listing.start();
  await node.start();
  office.mailer.start();
  office.projector.start();
  office.deliverer.start();
  await admin.listen({ port: settings.adminPort, host: settings.adminHost });
  undo.push(() => admin.close());
  const address = await app.listen({ port: settings.port, host: HOST });
  // Where others can answer, they take over what is here first, and this node still answers what comes in meanwhile.
  undo.push(async () => {
    if (!node.hasOthers) await app.close();
    // It reads what it tells of from shows: others' after this.
    const mailed = office.mailer.close();
    await office.leavePlans();
    await node.leave();
    await mailed;
    await app.close();
  });
  const port = new URL(address).port;
  process.stdout.write(`Usher is open at http://localhost:${port} (its API: http://localhost:${port}/docs)\n`);
  if (settings.demo) {
    process.stdout.write(`Demo log-ins (password ${DEMO.password}): ${[DEMO.organiser, ...DEMO.buyers].join(', ')}\n`);
  }
}

/** Found out before anything else is touched. */
function requireFreePort(port: number, setting: string): Promise<void> {
  if (port === 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'is in use' : `cannot be used (${error.message})`;
      reject(new StartError(`Port ${port} ${why}. Free it, or set ${setting} to another one.`));
    });
    probe.listen({ port, host: HOST, exclusive: true }, () => probe.close(() => resolve()));
  });
}

/** Sets this database's nodes apart from those of others on the same NATS. */
async function clusterIdOf(pool: Pool): Promise<string> {
  const { rows } = await pool.query<{ id: string }>('select id::text as id from cluster');
  return rows[0].id;
}

function openTransport(settings: Settings, cluster: string, log: Log): Promise<Transport> {
  if (settings.natsUrl === null) return Promise.resolve(new InProcessTransport(new InProcessHub(systemTimers)));
  return connectNats({
    url: settings.natsUrl.join(','),
    subjectPrefix: `usher.${cluster}`,
    timers: systemTimers,
    random: systemRandom,
    log,
  });
}

async function openPayments({ stripe }: Settings, pool: Pool, secret: Buffer, log: Log): Promise<PaymentProvider> {
  const ports = { clock: systemClock(), timers: systemTimers, random: systemRandom };
  if (stripe === null) return sandboxProvider(createSandboxGateway({ pool, ...ports, secret }));
  // Large: a start without it is over sooner.
  const { stripeClient } = await import('./payments/stripe/stripe-api.ts');
  const { stripeProvider } = await import('./payments/stripe/stripe-provider.ts');
  return stripeProvider({
    stripe: stripeClient(stripe.secretKey, stripe.apiBase),
    table: createStripePaymentTable({ pool, ...ports }),
    methods: stripe.methods,
    webhookSecret: stripe.webhookSecret,
    livemode: isLiveKey(stripe.secretKey),
    ...ports,
    log,
  });
}

function mailOf({ smtpUrl, mailFrom, dataDir }: Settings): MailTransport {
  if (smtpUrl === null) return fileTransport(join(dataDir, MAIL_DIRECTORY), mailFrom, systemRandom);
  return smtpTransport(smtpUrl, mailFrom);
}

/** The address of a listener of this machine; null when it takes any port. */
function urlOf(host: string, port: number): string | null {
  return port === 0 ? null : `http://${host}:${port}`;
}

await main();
