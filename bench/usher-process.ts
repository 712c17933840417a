import { type ChildProcess, spawn } from 'node:child_process';
import { type AddressInfo, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { pause } from '../src/system/pause.ts';
import { UNLIMITED } from './buyers.ts';

export interface UsherProcess {
  readonly port: number;
  /** Its figures, by the names of their metrics, without labels. */
  metrics(): Promise<ReadonlyMap<string, number>>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves when it has drained and ended. Rejects if it did not end well. */
  stop(): Promise<void>;
}

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const CLI = fileURLToPath(new URL('../src/ops/cli.ts', import.meta.url));
const READY_LIMIT_MS = 120_000;
const POLL_MS = 50;

/** Settings of the surroundings that would make the server measured another one than the one meant. */
const UNWANTED = [
  'DATABASE_URL',
  'NATS_URL',
  'SMTP_URL',
  'STRIPE_SECRET_KEY',
  'STRIPE_API_BASE',
  'STRIPE_WEBHOOK_SECRET',
  'STRIPE_PAYMENT_METHODS',
];

function environment(dataDir: string, jwtSecret: string, settings: Readonly<Record<string, string>>) {
  const env: NodeJS.ProcessEnv = { ...process.env };
  for (const name of UNWANTED) delete env[name];
  return { ...env, ...UNLIMITED, USHER_DATA_DIR: dataDir, JWT_SECRET: jwtSecret, USHER_LOG_LEVEL: 'warn', ...settings };
}

/**
 * Starts the product on embedded Postgres, with its data in `dataDir`; resolves when it takes traffic.
 * @param settings further ones; with a `PORT` if others have to know it before
 */
export async function startUsher(
  dataDir: string,
  jwtSecret: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<UsherProcess> {
  const [freePort, adminPort] = await freePorts(2);
  const port = Number(settings.PORT ?? freePort);
  const env = {
    ...environment(dataDir, jwtSecret, settings),
    PORT: `${port}`,
    ADMIN_PORT: `${adminPort}`,
  };
  const child = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const killWithUs = () => child.kill('SIGKILL');
  process.once('exit', killWithUs);
  const ended = endOf(child).finally(() => process.off('exit', killWithUs));
  await ready(port, ended);
  return {
    port,
    metrics: async () => metricsIn(await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text()),
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
    stop: async () => {
      child.kill('SIGTERM');
      const reason = await ended;
      if (reason !== 'exit code 0') throw new Error(`the server ended with ${reason}`);
    },
  };
}

/** What `usher verify --payments` found, of a server that runs or not. Rejects if journal and provider differ. */
export async function verifyPayments(
  dataDir: string,
  jwtSecret: string,
  settings: Readonly<Record<string, string>>,
): Promise<VerifiedPayments> {
  const child = spawn(process.execPath, [CLI, 'verify', '--payments', '--json'], {
    env: environment(dataDir, jwtSecret, settings),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  const reason = await endOf(child);
  if (reason !== 'exit code 0') throw new Error(`usher verify --payments ended with ${reason}: ${text}`);
  return JSON.parse(text) as VerifiedPayments;
}

export interface VerifiedPayments {
  readonly orders: number;
  readonly underWay: number;
  readonly captured: Readonly<Record<string, number>>;
  readonly valid: Readonly<Record<string, number>>;
}

function metricsIn(text: string): ReadonlyMap<string, number> {
  const metrics = new Map<string, number>();
  for (const [, name, value] of text.matchAll(/^(\w+) (\S+)$/gm)) metrics.set(name, Number(value));
  return metrics;
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal === null ? `exit code ${code}` : `signal ${signal}`));
  });
}

async function ready(port: number, ended: Promise<string>): Promise<void> {
  let end: string | null = null;
  ended.then((reason) => {
    end = reason;
  });
  for (let waited = 0; waited < READY_LIMIT_MS; waited += POLL_MS) {
    if (end !== null) throw new Error(`the server did not start: ${end}`);
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null);
    await answer?.arrayBuffer();
    if (answer?.ok) return;
    await pause(POLL_MS);
  }
  throw new Error(`the server was not ready within ${READY_LIMIT_MS / 1_000} s`);
}

/** Ports that were free a moment ago; different ones. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
