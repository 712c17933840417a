import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { StartError } from '../../src/errors.ts';
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
  useEmbeddedPostgres,
} from '../../src/postgres/embedded-postgres.ts';
import { platformBinaries } from '../../src/postgres/platform-binaries.ts';
import { serverProcesses } from '../../src/postgres/server-processes.ts';
import { DirectoryBusyError } from '../../src/system/directory-lock.ts';
import { capturedLog } from '../support/captured-log.ts';
import { nodeProcess } from '../support/node-process.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const NODE_FIXTURE = fileURLToPath(new URL('fixtures/embedded-postgres-node.ts', import.meta.url));
const WATCHED_FIXTURE = fileURLToPath(new URL('fixtures/watched-server.ts', import.meta.url));
const NOBODY = { uid: 65534, gid: 65534 };

/** The users that this machine lets us try: this one, and from root also an ordinary one that can read the project. */
const USERS: { name: string; identity: { uid: number; gid: number } | null }[] = [
  { name: 'this user', identity: null },
];
const ROOT = process.getuid?.() === 0;
if (
  ROOT &&
  spawnSync(process.execPath, ['-e', `require('fs').readFileSync(${JSON.stringify(NODE_FIXTURE)})`], NOBODY).status ===
    0
) {
  USERS.push({ name: 'an ordinary user', identity: NOBODY });
}

async function started(dataDir: string): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ dataDir, log: capturedLog().log });
  onTestFinished(() => postgres.stop());
  return postgres;
}

async function query(url: string, text: string): Promise<pg.QueryResultRow[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

function noServerOn(dataDir: string): Promise<void> {
  return vi.waitFor(async () => expect(await serverProcesses(join(dataDir, 'postgres'))).toEqual([]), 20_000);
}

describe('a first start', () => {
  test('makes a private, durable Postgres 18 that listens on a unix socket only', async () => {
    const dataDir = temporaryDirectory();
    const { url } = await started(dataDir);
    const [settings] = await query(
      url,
      `SELECT current_setting('server_version_num')::int / 10000 AS major, current_setting('fsync') AS fsync,
        current_setting('synchronous_commit') AS commit, current_setting('full_page_writes') AS pages,
        current_setting('listen_addresses') AS addresses, current_database() AS database,
        current_setting('data_checksums') AS checksums`,
    );
    expect(settings).toEqual({
      major: 18,
      fsync: 'on',
      commit: 'on',
      pages: 'on',
      addresses: '',
      database: 'usher',
      checksums: 'on',
    });
    expect(statSync(join(dataDir, 'postgres')).mode & 0o777).toBe(0o700);
    expect(readdirSync(dataDir).filter((name) => name.startsWith('postgres.unfinished'))).toEqual([]);
  });

  test('works where the path is too long for a socket', async () => {
    const dataDir = join(temporaryDirectory(), 'a-very-long-name'.repeat(6), 'with spaces, "quotes" and ünïcode');
    mkdirSync(dataDir, { recursive: true });
    const postgres = await started(dataDir);
    expect(await query(postgres.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    const sockets = String(new URL(postgres.url.replace('@/', '@x/')).searchParams.get('host'));
    expect(sockets).toMatch(/^\/tmp\/usher-[0-9a-f]{24}$/);
    expect(statSync(sockets).mode & 0o777).toBe(0o700);
    await postgres.stop();
    expect(existsSync(sockets)).toBe(false);
  });

  test('killed half-way leaves nothing that a later start would take for a database', async () => {
    const dataDir = temporaryDirectory();
    for (const ms of [80, 200, 350, 500, 650]) {
      const { child, ended } = nodeProcess(NODE_FIXTURE, [dataDir]);
      await new Promise((resolve) => setTimeout(resolve, ms));
      child.kill('SIGKILL');
      await ended;
    }
    const { url } = await started(dataDir);
    expect(await query(url, 'SELECT current_database() AS name')).toEqual([{ name: 'usher' }]);
    expect(readdirSync(dataDir).filter((name) => name.startsWith('postgres.unfinished'))).toEqual([]);
  });
});

test('a restart keeps the data', async () => {
  const dataDir = temporaryDirectory();
  const first = await started(dataDir);
  await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
  await first.stop();
  await first.stop();
  expect(await serverProcesses(join(dataDir, 'postgres'))).toEqual([]);
  const second = await started(dataDir);
  expect(await query(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
});

describe.each(USERS)('as $name', ({ identity }) => {
  test('kill -9 of the node leaves no server behind, and the next start at once is clean and has everything', async () => {
    const dataDir = temporaryDirectory();
    if (identity !== null) chownSync(dataDir, identity.uid, identity.gid);
    for (let round = 1; round <= 5; round++) {
      const { child, firstLine, ended } = nodeProcess(NODE_FIXTURE, [dataDir], identity ?? {});
      const { url, error } = await firstLine;
      expect(error).toBeUndefined();
      await query(String(url), 'CREATE TABLE IF NOT EXISTS pile (round int, filler text)');
      expect(await query(String(url), 'SELECT count(DISTINCT round)::int AS rounds FROM pile')).toEqual([
        { rounds: round - 1 },
      ]);
      // Enough to keep the shutdown's checkpoint busy for a moment.
      await query(String(url), `INSERT INTO pile SELECT ${round}, repeat('x', 500) FROM generate_series(1, 20000)`);
      child.kill('SIGKILL');
      await ended;
    }
    await noServerOn(dataDir);
  });
});

describe('a busy data directory', () => {
  test('is refused at once, naming the directory and the process, and nothing is touched', async () => {
    const dataDir = temporaryDirectory();
    const { url } = await started(dataDir);
    const { firstLine, ended } = nodeProcess(NODE_FIXTURE, [dataDir]);
    const { error } = await firstLine;
    expect(error).toContain(`The data directory ${dataDir} is in use by another Usher, process ${process.pid}.`);
    expect((await ended).code).toBe(1);
    await expect(started(dataDir)).rejects.toThrow(DirectoryBusyError);
    expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('lets the command line use the server that is running, and leaves it running', async () => {
    const dataDir = temporaryDirectory();
    const { url } = await started(dataDir);
    const used = await useEmbeddedPostgres({ dataDir, log: capturedLog().log });
    expect(used.url).toBe(url);
    await used.stop();
    expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('is told from one whose files merely look busy', async () => {
    const dataDir = temporaryDirectory();
    const first = await started(dataDir);
    const pidFile = join(dataDir, 'postgres', 'postmaster.pid');
    const lines = readFileSync(pidFile, 'utf8').split('\n');
    await first.stop();
    // As after a power cut, when the process id now belongs to something else: this very process.
    writeFileSync(pidFile, [process.pid, ...lines.slice(1)].join('\n'), { mode: 0o600 });
    writeFileSync(join(dataDir, 'postgres-socket', '.s.PGSQL.5432.lock'), [process.pid, ...lines.slice(1)].join('\n'));
    writeFileSync(join(dataDir, 'usher.pid'), `${process.pid}\n`);
    const second = await started(dataDir);
    expect(await query(second.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});

test('the end of a server that nobody stopped is reported', async () => {
  const dataDir = temporaryDirectory();
  const onExit = vi.fn<(reason: string) => void>();
  const postgres = await startEmbeddedPostgres({ dataDir, log: capturedLog().log, onExit });
  onTestFinished(() => postgres.stop());
  process.kill(postgres.pid, 'SIGQUIT');
  await vi.waitFor(() => expect(onExit).toHaveBeenCalledTimes(1), 10_000);
  expect(onExit.mock.calls[0][0]).toMatch(/^The embedded Postgres ended by itself/);
  const next = await started(dataDir);
  expect(await query(next.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

test('a database of another Postgres version is refused in its own words', async () => {
  const dataDir = temporaryDirectory();
  const first = await started(dataDir);
  await first.stop();
  writeFileSync(join(dataDir, 'postgres', 'PG_VERSION'), '17\n');
  await expect(started(dataDir)).rejects.toThrow(/did not start.*initialized by PostgreSQL version 17/s);
  expect(await serverProcesses(join(dataDir, 'postgres'))).toEqual([]);
});

test('a platform without a package is refused by the name of the package', async () => {
  await expect(platformBinaries('sunos', 'sparc')).rejects.toThrow(StartError);
  await expect(platformBinaries('sunos', 'sparc')).rejects.toThrow('@embedded-postgres/sunos-sparc');
});

if (ROOT) {
  test('root without the right to make user namespaces runs the server as nobody', async () => {
    const programs = temporaryDirectory();
    chmodSync(programs, 0o755);
    for (const name of ['setpriv', 'id', 'chown', 'test', 'true']) {
      symlinkSync(
        execFileSync('sh', ['-c', `command -v /usr/bin/${name} || command -v /bin/${name}`], {
          encoding: 'utf8',
        }).trim(),
        join(programs, name),
      );
    }
    const dataDir = temporaryDirectory();
    // Made by root in a namespace first, then taken over: the data change hands.
    const before = await started(dataDir);
    await query(before.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await before.stop();
    for (let round = 1; round <= 2; round++) {
      const { child, firstLine, ended } = nodeProcess(NODE_FIXTURE, [dataDir], {
        env: { ...process.env, PATH: programs },
      });
      const { url, error } = await firstLine;
      expect(error).toBeUndefined();
      expect(await query(String(url), 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
      expect(statSync(join(dataDir, 'postgres')).uid).toBe(NOBODY.uid);
      child.kill('SIGKILL');
      await ended;
    }
    await noServerOn(dataDir);
  });
}

describe('where the kernel does not pass a death on', () => {
  test('a watcher ends the server when the node is killed', async () => {
    const { child, firstLine, ended } = nodeProcess(WATCHED_FIXTURE, []);
    const { pid } = await firstLine;
    child.kill('SIGKILL');
    await ended;
    await vi.waitFor(() => expect(isRunning(Number(pid))).toBe(false), 5_000);
  });

  test('the watcher ends with the server', async () => {
    const { child, firstLine, ended } = nodeProcess(WATCHED_FIXTURE, []);
    const { pid } = await firstLine;
    child.stdin?.write('stop\n');
    await ended;
    await vi.waitFor(() => expect(processesMentioning(`sh ${pid}`)).toEqual([]), 5_000);
  });
});

function isRunning(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  return stdout.trim() !== '' && !stdout.trim().startsWith('Z');
}

function processesMentioning(text: string): string[] {
  return spawnSync('ps', ['-axww', '-o', 'command='], { encoding: 'utf8' })
    .stdout.split('\n')
    .filter((line) => line.endsWith(text));
}
