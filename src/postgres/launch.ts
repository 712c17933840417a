import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmod, chown, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { StartError } from '../errors.ts';
import { endWithUs } from '../system/death-watch.ts';

const run = promisify(execFile);

/**
 * How Postgres programs are run here. Two things differ from machine to machine:
 *
 * - who: Postgres refuses to run as root. Then it runs in a user namespace where root is an ordinary user; where that is
 *   not allowed, or the data belong to somebody else already, it runs as the owner of the data (`nobody` for new data).
 * - dying with us: on Linux the kernel signals the server when this process dies. Elsewhere a small shell watches a pipe.
 */
export interface Launch {
  /** The command put before the program's own. */
  readonly prefix: readonly string[];
  /** The user to run as, if not this process's. */
  readonly user: { readonly uid: number; readonly gid: number } | null;
  /** Whether the death of this process must be watched from outside. */
  readonly watched: boolean;
}

/** The signal that ends a server fast and in order. */
const FAST_SHUTDOWN = 'SIGINT';
const DIE_WITH_US = ['setpriv', '--pdeathsig', 'INT'];
const NAMESPACE = ['unshare', '--user', '--map-user=1000', '--map-group=1000'];

/**
 * Finds out how to run `program` on the data under `dataDirectory`, whose Postgres files are (or will be) in
 * `clusterDirectory`. Throws {@link StartError} if there is no way.
 */
export async function findLaunch(program: string, dataDirectory: string, clusterDirectory: string): Promise<Launch> {
  const watched = !(await succeeds([...DIE_WITH_US, 'true']));
  const prefix = watched ? [] : DIE_WITH_US;
  const launch = { prefix, user: null, watched };
  if (process.getuid?.() !== 0) return proven(launch, program);

  const owner = await stat(clusterDirectory).catch(() => null);
  if (owner !== null && owner.uid !== 0) {
    return proven({ ...launch, user: { uid: owner.uid, gid: owner.gid } }, program);
  }
  const namespaced = { ...launch, prefix: [...NAMESPACE, ...prefix] };
  if (await succeeds([...namespaced.prefix, 'test', '-w', dataDirectory])) return proven(namespaced, program);

  const user = { uid: Number(await output('id', '-u', 'nobody')), gid: Number(await output('id', '-g', 'nobody')) };
  // The server must be able to pass through the data directory, though not to list it.
  await chmod(dataDirectory, ((await stat(dataDirectory)).mode & 0o777) | 0o011);
  if (owner !== null) await run('chown', ['-R', `${user.uid}:${user.gid}`, clusterDirectory]);
  return proven({ ...launch, user }, program);
}

/** Gives `path` to the user that the server runs as. */
export async function giveTo(launch: Launch, path: string): Promise<void> {
  if (launch.user !== null) await chown(path, launch.user.uid, launch.user.gid);
}

/** Starts a program in a session of its own, so that a Ctrl-C at the terminal reaches only this process, which stops it in order. */
export function start(launch: Launch, program: string, args: readonly string[]): ChildProcess {
  const [file, ...rest] = [...launch.prefix, program, ...args];
  const child = spawn(file, rest, {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    // Nothing of the caller's PG* variables may reach the server.
    env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' },
    ...(launch.user ?? {}),
  });
  child.stdin?.on('error', () => undefined);
  if (launch.watched) endWithUs(child, FAST_SHUTDOWN);
  return child;
}

async function proven(launch: Launch, program: string): Promise<Launch> {
  const child = start(launch, program, ['--version']);
  let text = '';
  child.stdout?.on('data', (chunk) => (text += chunk));
  child.stderr?.on('data', (chunk) => (text += chunk));
  const code = await new Promise<number | null>((resolve) => {
    child.once('error', (error) => {
      text += error.message;
      resolve(null);
    });
    child.once('close', resolve);
  });
  if (code === 0) return launch;
  throw new StartError(
    `The embedded Postgres cannot be run (${program}): ${text.trim() || `exit code ${code}`}. ` +
      'Make the folder readable for the user that runs it, or set DATABASE_URL to a Postgres 15 or newer.',
  );
}

async function succeeds([file, ...args]: readonly string[]): Promise<boolean> {
  return run(file, args).then(
    () => true,
    () => false,
  );
}

async function output(file: string, ...args: readonly string[]): Promise<string> {
  return (await run(file, args)).stdout.trim();
}
