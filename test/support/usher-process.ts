import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { eventually } from './eventually.ts';
import type { AtEnd } from './lifetime.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const CLI = fileURLToPath(new URL('../../src/ops/cli.ts', import.meta.url));
/** How long the database of a killed server may take to end. */
export const ORPHAN_LIMIT_MS = 15_000;
/** Fatal and error lines of the product's log. */
const ERROR_LEVEL = 50;
const ORPHANS = { timeoutMs: ORPHAN_LIMIT_MS, intervalMs: 50 };

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process of the product's own, as an operator runs it. */
export interface UsherProcess {
  readonly child: ChildProcess;
  /** What it has written so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Its log lines of level error or worse. */
  readonly errors: () => string[];
  readonly ended: Promise<Ended>;
}

export interface ServerProcess extends UsherProcess {
  /** Resolves when it says that it is open; rejects, with its last words, if it ends before. */
  readonly open: Promise<void>;
}

/** Settings beside these are none: nothing of the surroundings reaches the process. */
export type Settings = Readonly<Record<string, string>>;

/** Starts the server (`npm start`); it ends at the latest with the test that started it. */
export function startServer(settings: Settings, atEnd: AtEnd = onTestFinished): ServerProcess {
  const usher = run([MAIN], settings, atEnd);
  const open = new Promise<void>((resolve, reject) => {
    usher.child.stdout?.on('data', () => {
      if (/^Usher is open at /m.test(usher.stdout())) resolve();
    });
    usher.ended.then(({ code, signal }) =>
      reject(new Error(`the server ended (${signal ?? `exit code ${code}`}) before it was open: ${usher.stderr()}`)),
    );
  });
  open.catch(() => undefined);
  return { ...usher, open };
}

/** Starts one command of the command line (`npm run usher -- …`); it ends at the latest with the test that started it. */
export function startUsher(args: readonly string[], settings: Settings, atEnd: AtEnd = onTestFinished): UsherProcess {
  return run([CLI, ...args], settings, atEnd);
}

/** Runs one to its end. */
export async function runUsher(
  args: readonly string[],
  settings: Settings,
  atEnd: AtEnd = onTestFinished,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const usher = run([CLI, ...args], settings, atEnd);
  const { code } = await usher.ended;
  return { code, stdout: usher.stdout(), stderr: usher.stderr() };
}

function run(args: readonly string[], settings: Settings, atEnd: AtEnd): UsherProcess {
  const { NODE_COMPILE_CACHE } = process.env;
  const child = spawn(process.execPath, args, {
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      NODE_ENV: 'production',
      USHER_SANDBOX: 'on',
      ADMIN_PORT: '0',
      // Much of a start is compiling, and tests need many starts.
      ...(NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE }),
      // Whole audiences come from this one address.
      USHER_HOLDS_PER_ACCOUNT: 'off',
      USHER_HOLDS_PER_ADDRESS: 'off',
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<Ended>((resolve) => child.once('close', (code, signal) => resolve({ code, signal })));
  atEnd(async () => {
    child.kill('SIGKILL');
    await ended;
    // Its database writes on for a moment in a directory that is about to be removed.
    const { USHER_DATA_DIR: dataDir } = settings;
    if (dataDir !== undefined) await eventually(() => requireNoServer(dataDir), ORPHANS);
  });
  return {
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    errors: () => stderr.split('\n').filter((line) => levelOf(line) >= ERROR_LEVEL),
    ended,
  };
}

function requireNoServer(dataDir: string): void {
  const servers = postgresServers(dataDir);
  if (servers.length > 0) throw new Error(`Postgres still runs on ${dataDir}: process ${servers}`);
}

function levelOf(line: string): number {
  return Number(/^\{"level":(\d+),/.exec(line)?.[1] ?? 0);
}

/** Ids of the Postgres servers (not their workers) that run on the embedded database in `dataDir`, by their command lines. */
export function postgresServers(dataDir: string): number[] {
  const cluster = join(dataDir, 'postgres');
  const found = readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    const words = told(pid, 'cmdline').split('\0');
    return words[0].endsWith('/postgres') && words[words.indexOf('-D') + 1] === cluster;
  });
  // A worker has its server's command line until it has given itself a title.
  return found.filter((pid) => !found.includes(/\) \S (\d+) /.exec(told(pid, 'stat'))?.[1] ?? '')).map(Number);
}

/** Empty for a process that is gone. */
function told(pid: string, file: 'cmdline' | 'stat'): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
