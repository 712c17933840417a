import { type ChildProcess, spawn } from 'node:child_process';
import { type AddressInfo, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { pause } from '../src/system/pause.ts';

export interface UsherProcess {
  readonly port: number;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves when it has drained and ended. Rejects if it did not end well. */
  stop(): Promise<void>;
}

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const READY_LIMIT_MS = 120_000;
const POLL_MS = 50;

/** Settings of the surroundings that would make the server measured another one than the one meant. */
const UNWANTED = ['DATABASE_URL', 'NATS_URL', 'STRIPE_SECRET_KEY', 'STRIPE_API_BASE'];

/** Starts the product on embedded Postgres, with its data in `dataDir`; resolves when it takes traffic. */
export async function startUsher(dataDir: string, jwtSecret: string): Promise<UsherProcess> {
  const [port, adminPort] = await freePorts(2);
  const env: NodeJS.ProcessEnv = { ...process.env };
  for (const name of UNWANTED) delete env[name];
  Object.assign(env, {
    PORT: `${port}`,
    ADMIN_PORT: `${adminPort}`,
    USHER_DATA_DIR: dataDir,
    JWT_SECRET: jwtSecret,
    USHER_LOG_LEVEL: 'warn',
  });
  const child = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const killWithUs = () => child.kill('SIGKILL');
  process.once('exit', killWithUs);
  const ended = endOf(child).finally(() => process.off('exit', killWithUs));
  await ready(port, ended);
  return {
    port,
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
async function freePorts(count: number): Promise<number[]> {
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
