import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, mkdtemp, open, readdir, readFile, realpath, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { StartError } from '../errors.ts';
import { DirectoryBusyError, lockDirectory } from '../system/directory-lock.ts';
import type { Log } from '../system/log.ts';
import { pause } from '../system/pause.ts';
import { systemTimers } from '../system/timers.ts';
import { findLaunch, giveTo, type Launch, start } from './launch.ts';
import { type PostgresBinaries, platformBinaries } from './platform-binaries.ts';
import { SERVER_MARK, serverProcesses } from './server-processes.ts';

export interface EmbeddedPostgresOptions {
  /** Where all data live; must exist and be writable. The database is in its folder `postgres`. */
  readonly dataDir: string;
  readonly log: Log;
  /** Connections that it takes, for more nodes than one. */
  readonly maxConnections?: number;
  /** The server died although nobody stopped it. */
  readonly onExit?: (reason: string) => void;
}

export interface EmbeddedPostgres {
  /** For `pg` and for `psql` alike. */
  readonly url: string;
  /** The server's process id. */
  readonly pid: number;
  /** Shuts the server down fast and in order; close your connections first. Safe to call twice. */
  stop(): Promise<void>;
}

const SOCKET_LOCK = '.s.PGSQL.5432.lock';
/** Longest socket path that every supported system takes, less the file's own name and its lock's. */
const SOCKET_DIRECTORY_LIMIT = 103 - `/${SOCKET_LOCK}`.length;
/** How long a killed node's server may take to finish before it is asked again, and before we give up. */
const LEFTOVER_PATIENCE_MS = 3_000;
const LEFTOVER_LIMIT_MS = 60_000;
/** Recovery after a crash replays at most `max_wal_size` of log, or a little more. */
const READY_LIMIT_MS = 120_000;
const FAST_STOP_LIMIT_MS = 30_000;
const IMMEDIATE_STOP_LIMIT_MS = 5_000;
const POLL_MS = 20;
const REMOVAL_RETRIES = 20;
/** Lines of the server's last words that go into an error message. */
const LAST_WORDS = 20;
/** Enough for one node and a few commands beside it. */
const MAX_CONNECTIONS = 50;
const CANNOT_CONNECT_NOW = '57P03';
const UNFINISHED = 'postgres.unfinished-';

const USER = 'usher';
const DATABASE = 'usher';

/** For a small machine that also runs the node: durable in every respect, group commit, even latency. */
const TUNING: Readonly<Record<string, string>> = {
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  shared_buffers: '128MB',
  huge_pages: 'try',
  wal_buffers: '16MB',
  min_wal_size: '256MB',
  max_wal_size: '2GB',
  checkpoint_timeout: '15min',
  checkpoint_completion_target: '0.9',
  max_wal_senders: '0',
  max_parallel_workers_per_gather: '0',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_min_messages: 'warning',
  log_line_prefix: '',
};

/**
 * Starts a real Postgres on the data in `dataDir`, made on the first start: on a unix socket only, with `fsync` on.
 * It dies with this process, however that ends; the server of a killed node is awaited here before its data are touched.
 * Throws {@link StartError}: the directory is in use (then nothing was touched), the binaries are missing, or the server
 * does not come up.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const dataDir = await realpath(options.dataDir);
  const lock = lockDirectory(dataDir);
  try {
    return await startLocked(dataDir, options, () => lock.release());
  } catch (error) {
    lock.release();
    throw error;
  }
}

/**
 * As {@link startEmbeddedPostgres}, but where a node has it running already, its server is used: then `stop()` leaves it
 * alone and `pid` is 0. For the command line, which works with and without a running node.
 */
export async function useEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  try {
    return await startEmbeddedPostgres(options);
  } catch (error) {
    if (!(error instanceof DirectoryBusyError)) throw error;
    return { url: urlOf(socketDirectory(await realpath(options.dataDir))), pid: 0, stop: async () => undefined };
  }
}

async function startLocked(
  dataDir: string,
  { log, maxConnections, onExit }: EmbeddedPostgresOptions,
  release: () => void,
): Promise<EmbeddedPostgres> {
  const place = join(dataDir, 'postgres');
  const cluster = await realpath(place).catch(() => place);
  const binaries = await platformBinaries();
  await awaitLeftovers(cluster, log);
  const launch = await findLaunch(binaries.postgres, dataDir, cluster);
  await removeUnfinished(dataDir);
  if (!(await exists(join(cluster, 'PG_VERSION')))) await initialise(launch, binaries, dataDir, cluster, log);
  await clearMisleadingPidFile(cluster);
  const sockets = await prepareSocketDirectory(launch, dataDir);

  const child = start(launch, binaries.postgres, ['-D', cluster, ...serverArguments(sockets, maxConnections)]);
  const lastWords = forwardLog(child, log);
  const exit = exitOf(child);
  const url = urlOf(sockets);
  const cleanUp = async (): Promise<void> => {
    if (!sockets.startsWith(dataDir)) await rm(sockets, { recursive: true, force: true });
  };
  try {
    await ready(url, exit, lastWords);
  } catch (error) {
    await shutDown(child, exit, log);
    await cleanUp();
    throw error;
  }

  let stopping: Promise<void> | null = null;
  exit.then((reason) => {
    if (stopping !== null) return;
    release();
    onExit?.(`The embedded Postgres ended by itself (${reason}): ${lastWords().join(' / ') || 'no last words'}`);
  });
  const stop = async (): Promise<void> => {
    await shutDown(child, exit, log);
    await cleanUp();
    release();
  };
  log.debug({ pid: child.pid, url }, 'embedded Postgres is ready');
  return {
    url,
    pid: child.pid ?? 0,
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

// --- before the start ------------------------------------------------------------------------------------------------

/** We hold the lock, so whatever still runs on the data is the server of a node that was killed, or somebody else's. */
async function awaitLeftovers(cluster: string, log: Log): Promise<void> {
  for (let waited = 0; ; waited += POLL_MS) {
    const processes = await serverProcesses(cluster);
    if (processes.length === 0) return;
    const servers = processes.filter((process) => process.startedByUsher);
    if (waited === 0) log.info({ pids: processes.map(({ pid }) => pid) }, 'waiting for the last Postgres to finish');
    const foreign = servers.length === 0 && waited >= LEFTOVER_PATIENCE_MS;
    if (foreign || waited >= LEFTOVER_LIMIT_MS) {
      throw new StartError(
        `The database in ${cluster} is in use by the Postgres process ${processes[0].pid}, which no node owns. ` +
          'Stop it first, or set USHER_DATA_DIR to another directory.',
      );
    }
    // Its node may have died before the kernel was told to pass the signal on.
    if (waited === LEFTOVER_PATIENCE_MS) for (const { pid } of servers) interrupt(pid);
    await pause(POLL_MS);
  }
}

function interrupt(pid: number): void {
  try {
    process.kill(pid, 'SIGINT');
  } catch {
    // Gone meanwhile.
  }
}

async function removeUnfinished(dataDir: string): Promise<void> {
  for (const entry of await readdir(dataDir)) {
    if (!entry.startsWith(UNFINISHED)) continue;
    const path = join(dataDir, entry);
    // The programs of a killed first start end at once, but may be writing still.
    for (let waited = 0; waited < LEFTOVER_PATIENCE_MS; waited += POLL_MS) {
      if ((await serverProcesses(path)).length === 0) break;
      await pause(POLL_MS);
    }
    // One that the kernel has not listed yet may add a file while the folder goes.
    await rm(path, { recursive: true, force: true, maxRetries: REMOVAL_RETRIES, retryDelay: POLL_MS });
  }
}

/** Makes the cluster beside its place and moves it there whole, so that a start killed half-way leaves none. */
async function initialise(
  launch: Launch,
  binaries: PostgresBinaries,
  dataDir: string,
  cluster: string,
  log: Log,
): Promise<void> {
  log.info({ directory: cluster }, 'making a new database');
  const unfinished = await mkdtemp(join(dataDir, UNFINISHED));
  await chmod(unfinished, 0o700);
  await giveTo(launch, unfinished);
  // A locale of Postgres's own, so that sorting does not depend on the machine.
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  const initdb = ['-D', unfinished, `--username=${USER}`, '--auth=trust', '--no-instructions', ...locale];
  await complete(launch, binaries.initdb, initdb);
  await complete(
    launch,
    binaries.postgres,
    ['--single', '-D', unfinished, 'postgres'],
    `CREATE DATABASE ${DATABASE}\n`,
  );
  await rename(unfinished, cluster).catch((error: Error) => {
    throw new StartError(`${cluster} is there but holds no database (${error.message}); move it away.`);
  });
  const parent = await open(dataDir, 'r');
  await parent.sync().finally(() => parent.close());
}

async function complete(launch: Launch, program: string, args: readonly string[], input = ''): Promise<void> {
  const child = start(launch, program, args);
  let text = '';
  child.stdout?.on('data', (chunk) => (text += chunk));
  child.stderr?.on('data', (chunk) => (text += chunk));
  child.stdin?.end(input);
  const reason = await exitOf(child);
  if (reason === 'exit code 0' && !/\b(ERROR|FATAL|PANIC):/.test(text)) return;
  throw new StartError(`The embedded database could not be made (${reason}): ${text.trim()}`);
}

/**
 * Postgres refuses to start when the process id in a stale `postmaster.pid` belongs to any living process, as it does after
 * a crash of the machine or container. No Postgres lives on the directory (we asked the kernel), so the file misleads.
 */
async function clearMisleadingPidFile(cluster: string): Promise<void> {
  const path = join(cluster, 'postmaster.pid');
  const pid = Number.parseInt(await readFile(path, 'utf8').catch(() => ''), 10);
  if (Number.isInteger(pid) && isAlive(pid)) await rm(path, { force: true });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

// --- the socket ------------------------------------------------------------------------------------------------------

/** In the data directory where the path is short enough for a socket, else in a private directory under /tmp. */
function socketDirectory(dataDir: string): string {
  const inside = join(dataDir, 'postgres-socket');
  if (Buffer.byteLength(inside) <= SOCKET_DIRECTORY_LIMIT) return inside;
  return `/tmp/usher-${createHash('sha256').update(dataDir).digest('hex').slice(0, 24)}`;
}

async function prepareSocketDirectory(launch: Launch, dataDir: string): Promise<string> {
  const directory = socketDirectory(dataDir);
  await mkdir(directory, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  const found = await lstat(directory);
  const owners = [process.getuid?.() ?? 0, launch.user?.uid ?? 0];
  // Under /tmp somebody else could have made it first, to listen in.
  if (!found.isDirectory() || !owners.includes(found.uid)) {
    throw new StartError(`The directory ${directory} for the database's socket belongs to somebody else; remove it.`);
  }
  await chmod(directory, 0o700);
  await giveTo(launch, directory);
  // Left behind by a server that was killed, it misleads as its `postmaster.pid` does.
  await rm(join(directory, SOCKET_LOCK), { force: true });
  return directory;
}

function urlOf(sockets: string): string {
  return `postgresql://${USER}@/${DATABASE}?host=${encodeURIComponent(sockets)}`;
}

function serverArguments(sockets: string, maxConnections: number = MAX_CONNECTIONS): string[] {
  const settings = {
    ...TUNING,
    max_connections: `${maxConnections}`,
    listen_addresses: '',
    unix_socket_directories: `"${sockets.replaceAll('"', '""')}"`,
    unix_socket_permissions: '0700',
    port: '5432',
  };
  return [SERVER_MARK, ...Object.entries(settings).map(([name, value]) => `${name}=${value}`)].flatMap((setting) => [
    '-c',
    setting,
  ]);
}

// --- the running server ----------------------------------------------------------------------------------------------

/** Passes the server's log on, and keeps its last lines for a message. */
function forwardLog(child: ChildProcess, log: Log): () => readonly string[] {
  const lines: string[] = [];
  let rest = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) {
      if (line.trim() === '') continue;
      lines.push(line.trim());
      if (lines.length > LAST_WORDS) lines.shift();
      // A FATAL ends one session, ours, which then reports it itself; a PANIC ends them all.
      log[line.startsWith('PANIC:') ? 'error' : 'debug']({ postgres: line }, 'Postgres says');
    }
  });
  child.stdout?.resume();
  return () => lines;
}

/** Resolves, once the process and its pipes are closed, with why it ended. */
function exitOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(signal === null ? `exit code ${code}` : `signal ${signal}`));
  });
}

async function ready(url: string, exit: Promise<string>, lastWords: () => readonly string[]): Promise<void> {
  let ended: string | null = null;
  exit.then((reason) => {
    ended = reason;
  });
  for (let waited = 0; waited < READY_LIMIT_MS; waited += POLL_MS) {
    if (ended !== null) {
      throw new StartError(`The embedded Postgres did not start (${ended}): ${lastWords().join(' / ')}`);
    }
    if (await answers(url)) return;
    await pause(POLL_MS);
  }
  throw new StartError(
    `The embedded Postgres was not ready within ${READY_LIMIT_MS / 1000} s: ${lastWords().join(' / ')}`,
  );
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return true;
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === CANNOT_CONNECT_NOW) return false;
    throw new StartError(`The embedded Postgres refuses us: ${(error as Error).message}`, { cause: error });
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Fast; past its deadline immediate (the next start recovers); past that, by force. */
async function shutDown(child: ChildProcess, exit: Promise<string>, log: Log): Promise<void> {
  const within = (ms: number): Promise<boolean> =>
    new Promise((resolve) => {
      const deadline = systemTimers.after(ms, () => resolve(false));
      exit.then(() => {
        deadline.cancel();
        resolve(true);
      });
    });
  child.kill('SIGINT');
  if (await within(FAST_STOP_LIMIT_MS)) return;
  log.warn('Postgres did not stop in time; it will recover at the next start');
  child.kill('SIGQUIT');
  if (await within(IMMEDIATE_STOP_LIMIT_MS)) return;
  child.kill('SIGKILL');
  await exit;
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
