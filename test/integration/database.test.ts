import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { sql } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { StartError } from '../../src/errors.ts';
import { type Database, openDatabase } from '../../src/postgres/database.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/postgres/embedded-postgres.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import { capturedLog } from '../support/captured-log.ts';
import { fakePostgres } from '../support/fake-postgres.ts';
import { withDatabase } from '../support/prepared-database.ts';
import { tcpProxy } from '../support/tcp-proxy.ts';
import { temporaryDirectory, temporaryDirectoryForFile } from '../support/temporary-directory.ts';

let server: EmbeddedPostgres;
let databases = 0;
const log = capturedLog().log;

beforeAll(async () => {
  server = await startEmbeddedPostgres({ dataDir: withDatabase(temporaryDirectoryForFile()), log });
});
afterAll(() => server.stop());

/** The address of a new, empty database. */
async function emptyDatabase(): Promise<string> {
  const name = `empty_${++databases}`;
  await run(server.url, `CREATE DATABASE ${name}`);
  return server.url.replace('@/usher?', `@/${name}?`);
}

async function run(url: string, text: string): Promise<pg.QueryResultRow[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

async function opened(
  url: string,
  options: { statementTimeoutMs?: number; maxConnections?: number } = {},
): Promise<Database<unknown>> {
  const database = await openDatabase<unknown>({ url, log, ...options });
  onTestFinished(() => database.close());
  return database;
}

describe('opening a database', () => {
  test('refuses an address where nobody answers, without its password', async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const { port } = closed.address() as { port: number };
    await new Promise((resolve) => closed.close(resolve));
    const refused = openDatabase({ url: `postgres://someone:secret@127.0.0.1:${port}/shows`, log });
    await expect(refused).rejects.toThrow(StartError);
    await expect(refused).rejects.toThrow(
      `postgres://someone:***@127.0.0.1:${port}/shows cannot be used: connect ECONNREFUSED`,
    );
    await expect(refused).rejects.not.toThrow('secret');
  });

  test.each(['14.12', '9.6'])('refuses Postgres %s as too old', async (version) => {
    const [major, minor] = version.split('.').map(Number);
    const url = await fakePostgres(String(major * 10_000 + minor));
    await expect(openDatabase({ url, log })).rejects.toThrow(
      `is too old: it is Postgres ${major}, and Usher needs 15 or newer`,
    );
  });

  test.each(['mysql://root@localhost/x', 'localhost:5432', 'postgres://[bad', ''])(
    'refuses %j as no address of a Postgres',
    async (url) => {
      await expect(openDatabase({ url, log })).rejects.toThrow('DATABASE_URL is not the address of a Postgres');
    },
  );

  test('survives that a connection ends while it is lent and has no statement under way', async () => {
    const { pool } = await opened(await emptyDatabase());
    const lent = await pool.connect();
    const ended = new Promise((resolve) => lent.once('end', resolve));
    const { rows } = await lent.query<{ pid: number }>('select pg_backend_pid() as pid');
    await run(server.url, `select pg_terminate_backend(${rows[0].pid})`);
    await ended;
    await expect(lent.query('select 1')).rejects.toThrow();
    lent.release();
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  });

  test('refuses a database that is not there, in words', async () => {
    const url = server.url.replace('@/usher?', '@/nowhere?');
    await expect(openDatabase({ url, log })).rejects.toThrow('database "nowhere" does not exist');
  });

  test('reads bigints as exact numbers, here and nowhere else, and refuses those that are not exact', async () => {
    const { pool, kysely } = await opened(server.url);
    const big = await sql<{
      count: number;
      max: number;
    }>`select count(*) as count, 9007199254740991::bigint as max from (values (1), (2)) as t(x)`.execute(kysely);
    expect(big.rows).toEqual([{ count: 2, max: Number.MAX_SAFE_INTEGER }]);
    await expect(pool.query('SELECT 9007199254740992::bigint')).rejects.toThrow('does not fit a number');
    expect((await pool.query('SELECT 7::bigint AS seven')).rows).toEqual([{ seven: 7 }]);
    expect(await run(server.url, 'SELECT 7::bigint AS seven')).toEqual([{ seven: '7' }]);
  });

  test('bounds its connections and how long a statement may run', async () => {
    const { pool } = await opened(server.url, { statementTimeoutMs: 100, maxConnections: 3 });
    await expect(pool.query('SELECT pg_sleep(5)')).rejects.toThrow('statement timeout');
    await Promise.all(Array.from({ length: 30 }, () => pool.query('SELECT 1')));
    expect(pool.totalCount).toBeLessThanOrEqual(3);
  });

  describe('over a connection that goes mute', () => {
    const STATEMENT_MS = 300;
    /** With the margin for the server to say that it cancelled the statement. */
    const LIMIT_MS = 2_300;
    const PID = sql<{ pid: number }>`select pg_backend_pid() as pid`;
    const ways: [string, (database: Database<unknown>) => Promise<number>][] = [
      ['Kysely', async ({ kysely }) => (await PID.execute(kysely)).rows[0].pid],
      [
        'a transaction',
        ({ kysely }) => kysely.transaction().execute(async (tx) => (await PID.execute(tx)).rows[0].pid),
      ],
      ['the pool', async ({ pool }) => (await pool.query('select pg_backend_pid() as pid')).rows[0].pid],
    ];

    test.each(ways)('rejects in time what was asked by %s, and never lends that connection again', async (_, pidBy) => {
      const wire = await tcpProxy({ connectionString: server.url });
      const { user, database: name, port } = wire.connection;
      const url = `postgres://${user}@127.0.0.1:${port}/${name}`;
      const database = await opened(url, { statementTimeoutMs: STATEMENT_MS, maxConnections: 1 });
      const before = await pidBy(database);
      wire.mode = 'mute';
      const from = performance.now();
      const asked = pidBy(database);
      await expect(asked).rejects.toThrow(`no answer from the database within ${LIMIT_MS} ms`);
      expect(performance.now() - from).toBeGreaterThan(LIMIT_MS - 100);
      expect(performance.now() - from).toBeLessThan(LIMIT_MS + 1_000);
      wire.mode = 'pass';
      expect(await pidBy(database)).not.toBe(before);
      expect(database.pool.totalCount).toBe(1);
    });
  });

  test('gives no connection up that is busy for long with one statement after another', async () => {
    const database = await opened(server.url, { statementTimeoutMs: 200, maxConnections: 1 });
    const pids = new Set<number>();
    const from = performance.now();
    // Never at rest: whoever waits has the connection as soon as the one before is answered.
    const buyers = Array.from({ length: 3 }, async () => {
      while (performance.now() - from < 2_500) {
        pids.add((await database.pool.query('select pg_backend_pid() as pid, pg_sleep(0.02)')).rows[0].pid);
      }
    });
    await Promise.all(buyers);
    expect(pids.size).toBe(1);
  });

  test('survives the loss of its idle connections', async () => {
    const { pool } = await opened(server.url);
    const { pid } = (await pool.query('SELECT pg_backend_pid() AS pid')).rows[0];
    await run(server.url, `SELECT pg_terminate_backend(${pid})`);
    await vi.waitFor(() => expect(pool.totalCount).toBe(0), 5_000);
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });
});

describe('migrations', () => {
  function folder(files: Record<string, string>): string {
    const directory = join(temporaryDirectory(), 'migrations');
    mkdirSync(directory);
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
    return directory;
  }
  const creates = (table: string): string =>
    `export async function up(db: { schema: any }): Promise<void> { await db.schema.createTable('${table}').addColumn('id', 'integer').execute(); }`;

  test('bring an empty database up to date, and then have nothing to do', async () => {
    const url = await emptyDatabase();
    const names = await migrate({ url, log });
    expect(names.length).toBeGreaterThan(0);
    expect(names).toEqual([...names].sort());
    expect(await migrate({ url, log })).toEqual([]);
  });

  test('run once when several nodes start together', async () => {
    const url = await emptyDatabase();
    const migrations = folder({ '0001-one.ts': creates('one'), '0002-two.ts': creates('two') });
    const runs = await Promise.all([1, 2, 3].map(() => migrate({ url, log, folder: migrations })));
    expect(runs.flat().sort()).toEqual(['0001-one', '0002-two']);
  });

  test('of a newer version stop the start and touch nothing', async () => {
    const url = await emptyDatabase();
    await migrate({ url, log, folder: folder({ '0001-one.ts': creates('one'), '0099-future.ts': creates('future') }) });
    const tables = `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1`;
    const before = await run(url, tables);
    const old = migrate({ url, log, folder: folder({ '0001-one.ts': creates('one'), '0002-two.ts': creates('two') }) });
    await expect(old).rejects.toThrow(StartError);
    await expect(old).rejects.toThrow(/newer than this Usher.*0099-future/);
    expect(await run(url, tables)).toEqual(before);
  });

  test('that fail leave nothing of themselves behind', async () => {
    const url = await emptyDatabase();
    const bad = folder({
      '0001-one.ts': creates('one'),
      '0002-bad.ts': `export async function up() { throw new Error('no such luck'); }`,
    });
    await expect(migrate({ url, log, folder: bad })).rejects.toThrow(/0002-bad.*no such luck.*Nothing was changed/);
    expect(await run(url, `SELECT to_regclass('one')::text AS one`)).toEqual([{ one: null }]);
  });
});
