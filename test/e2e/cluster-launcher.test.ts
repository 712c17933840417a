import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { connectNats } from '../../src/cluster/messages/nats-transport.ts';
import { SHARDS } from '../../src/cluster/shards.ts';
import { startEmbeddedPostgres } from '../../src/postgres/embedded-postgres.ts';
import { systemRandom } from '../../src/system/random.ts';
import { systemTimers } from '../../src/system/timers.ts';
import { capturedLog } from '../support/captured-log.ts';
import { freePort } from '../support/free-port.ts';
import { natsServer } from '../support/nats-server.ts';
import { withDatabase } from '../support/prepared-database.ts';
import { wireTo } from '../support/tcp-proxy.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const LAUNCHER = fileURLToPath(new URL('../../src/dev-cluster/main.ts', import.meta.url));
const READY_LIMIT_MS = 90_000;
const GONE_LIMIT_MS = 15_000;

interface Launched {
  readonly child: ChildProcess;
  readonly dataDir: string;
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** Starts the launcher as `npm run cluster -- …` does, in a data directory of its own. */
function launch(args: readonly string[], extra: Readonly<Record<string, string>> = {}): Launched {
  const dataDir = join(temporaryDirectory(), 'data');
  const child = spawn(process.execPath, [LAUNCHER, ...args], {
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      USHER_DATA_DIR: dataDir,
      USHER_LOG_LEVEL: 'warn',
      NODE_ENV: 'production',
      USHER_SANDBOX: 'on',
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      ...extra,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) =>
    child.once('close', (code, signal) => resolve({ code, signal })),
  );
  const launched = { child, dataDir, stdout: () => stdout, stderr: () => stderr, ended };
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
    await nothingLeftOf(launched);
  });
  return launched;
}

/** Ids of the processes that know of the data directory, by their arguments or their environment, and of its NATS. */
function processesOf({ dataDir, stderr }: Launched): string[] {
  const [, nats] = /^nats \| \[(\d+)\]/m.exec(stderr()) ?? [];
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    if (pid === nats && told(pid, 'cmdline').includes('nats-server')) return true;
    return told(pid, 'environ').includes(dataDir) || told(pid, 'cmdline').includes(dataDir);
  });
}

/** Empty for a process that is gone, or has ended and was not looked after yet. */
function told(pid: string, file: 'cmdline' | 'environ'): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

async function nothingLeftOf(launched: Launched): Promise<void> {
  await vi.waitFor(() => expect(processesOf(launched)).toEqual([]), GONE_LIMIT_MS);
}

interface Node {
  readonly name: string;
  readonly url: string;
  readonly adminUrl: string;
  readonly pid: number;
}

async function nodesOf(launched: Launched, count: number): Promise<Node[]> {
  await vi.waitFor(
    () => {
      if (launched.child.exitCode !== null) throw new Error(`it ended: ${launched.stderr()}`);
      expect(launched.stdout()).toMatch(new RegExp(`^${count} nodes? (is|are) ready`, 'm'));
    },
    { timeout: READY_LIMIT_MS, interval: 100 },
  );
  const lines = launched.stdout().matchAll(/^(\S+) is open at (\S+) \(admin: (\S+), process (\d+)\)$/gm);
  return [...lines].map(([, name, url, adminUrl, pid]) => ({ name, url, adminUrl, pid: Number(pid) }));
}

async function statusOf(url: string): Promise<number> {
  return (await fetch(url)).status;
}

/** Shards that this node owns, by its metrics. */
async function shardsOf({ url }: Node): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  return Number(/^usher_shards_owned (\d+)$/m.exec(metrics)?.[1]);
}

test('three nodes share the work, one that is killed is told of and stays away, and a signal stops the rest in order', {
  timeout: 2 * READY_LIMIT_MS,
}, async () => {
  const [port, adminPort] = [await freePort(), await freePort()];
  const launched = launch(['--nodes', '3', '--port', `${port}`, '--admin-port', `${adminPort}`]);
  const nodes = await nodesOf(launched, 3);
  expect(nodes.map(({ name }) => name)).toEqual(['node-1', 'node-2', 'node-3']);
  expect(new Set(nodes.flatMap(({ url, adminUrl }) => [url, adminUrl])).size).toBe(6);
  for (const { url } of nodes) expect(await statusOf(`${url}/readyz`)).toBe(200);
  for (const { adminUrl } of nodes) expect(await statusOf(`${adminUrl}/cluster`)).toBe(200);
  await vi.waitFor(async () => {
    const shards = await Promise.all(nodes.map(shardsOf));
    expect(Math.min(...shards)).toBeGreaterThan(0);
    expect(shards.reduce((sum, each) => sum + each)).toBe(SHARDS);
  }, GONE_LIMIT_MS);

  const [first, killed, third] = nodes;
  process.kill(killed.pid, 'SIGKILL');
  const notice = `cluster | node-2 (process ${killed.pid}) ended: signal SIGKILL. It is not started again.`;
  await vi.waitFor(() => expect(launched.stderr()).toContain(notice), GONE_LIMIT_MS);
  await vi.waitFor(async () => expect((await shardsOf(first)) + (await shardsOf(third))).toBe(SHARDS), GONE_LIMIT_MS);
  await expect(fetch(`${killed.url}/livez`)).rejects.toThrow();

  launched.child.kill('SIGINT');
  expect(await launched.ended).toEqual({ code: 0, signal: null });
  expect(processesOf(launched)).toEqual([]);
});

test('a Postgres and a NATS that are given are used, none is started beside them, and both run on after the stop', {
  timeout: 2 * READY_LIMIT_MS,
}, async () => {
  const dataDir = withDatabase(temporaryDirectory());
  const postgres = await startEmbeddedPostgres({ dataDir, maxConnections: 120, log: capturedLog().log });
  onTestFinished(() => postgres.stop());
  const database = new pg.Pool({ connectionString: postgres.url, max: 1 });
  onTestFinished(() => database.end());
  const nats = await natsServer();
  const natsWire = await wireTo({ host: '127.0.0.1', port: nats.port });
  const given = { DATABASE_URL: postgres.url, NATS_URL: `nats://127.0.0.1:${natsWire.port}` };

  const launched = launch(
    ['--nodes', '2', '--port', `${await freePort()}`, '--admin-port', `${await freePort()}`],
    given,
  );
  const nodes = await nodesOf(launched, 2);
  const { rows } = await database.query<{ id: string; pid: number }>(
    "select id, pid from node where state = 'up' order by id",
  );
  expect(rows).toEqual(nodes.map(({ name, pid }) => ({ id: name, pid })));
  expect(natsWire.links).toHaveLength(2);
  expect(launched.stdout()).toContain(`NATS: ${given.NATS_URL}\n`);
  await vi.waitFor(async () => {
    const shards = await Promise.all(nodes.map(shardsOf));
    expect(Math.min(...shards)).toBeGreaterThan(0);
    expect(shards.reduce((sum, each) => sum + each)).toBe(SHARDS);
  }, GONE_LIMIT_MS);
  expect(existsSync(join(launched.dataDir, 'postgres'))).toBe(false);
  expect(launched.stderr()).not.toMatch(/^(nats|postgres) \|/m);

  launched.child.kill('SIGINT');
  expect(await launched.ended).toEqual({ code: 0, signal: null });
  // The shells beside the nodes were killed as the last thing, and may take a moment to be gone.
  await nothingLeftOf(launched);
  expect((await database.query('select distinct state from node')).rows).toEqual([{ state: 'left' }]);
  await vi.waitFor(() => expect(natsWire.links).toEqual([]), GONE_LIMIT_MS);
  const transport = await connectNats({
    url: nats.url,
    subjectPrefix: 'usher.after',
    timers: systemTimers,
    random: systemRandom,
    log: capturedLog().log,
  });
  await transport.close();
});

test('nothing outlives a launcher that is killed', { timeout: READY_LIMIT_MS + 30_000 }, async () => {
  const launched = launch(['--nodes', '1', '--port', `${await freePort()}`, '--admin-port', `${await freePort()}`]);
  const [{ pid }] = await nodesOf(launched, 1);
  // The launcher, its Postgres, its NATS and its node at least.
  expect(processesOf(launched).length).toBeGreaterThanOrEqual(4);
  expect(processesOf(launched)).toContain(`${pid}`);
  launched.child.kill('SIGKILL');
  await nothingLeftOf(launched);
});

test('a stop during the start stops what was started by then', async () => {
  const launched = launch(['--nodes', '2', '--port', `${await freePort()}`, '--admin-port', `${await freePort()}`]);
  await vi.waitFor(() => expect(launched.stderr()).toContain('nats | '), READY_LIMIT_MS);
  launched.child.kill('SIGTERM');
  expect(await launched.ended).toEqual({ code: 0, signal: null });
  expect(launched.stdout()).toBe('');
  expect(processesOf(launched)).toEqual([]);
});

test('without a nats-server it says so and starts nothing', async () => {
  const launched = launch([], { NATS_SERVER_BIN: '/nowhere/nats-server' });
  expect(await launched.ended).toEqual({ code: 1, signal: null });
  expect(launched.stderr()).toBe(
    'usher: NATS_SERVER_BIN names /nowhere/nats-server, which is no program that this user can run.\n',
  );
  expect(launched.stdout()).toBe('');
  expect(existsSync(launched.dataDir)).toBe(false);
});

describe('wrong usage is refused with 2', () => {
  test.each([
    ['--nodes', '0', 'It must be a whole number from 1 to 20.'],
    ['--nodes', 'three', 'It must be a whole number from 1 to 20.'],
    ['--port', '70000', 'It must be a whole number from 1 to 65535.'],
    ['--nods', '3', "unknown option '--nods'"],
  ])('%s %s', async (option, value, told) => {
    const launched = launch([option, value]);
    expect(await launched.ended).toEqual({ code: 2, signal: null });
    expect(launched.stderr()).toContain(told);
  });
});
