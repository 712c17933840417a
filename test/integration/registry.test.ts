import pg from 'pg';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { END_SESSIONS } from '../../src/cluster/registry/node-conditions.ts';
import { PostgresRegistry } from '../../src/cluster/registry/postgres-registry.ts';
import { LEASE_MS, type NodeSelf, type Registry } from '../../src/cluster/registry/registry.ts';
import { FORMAT_HELD } from '../../src/cluster/registry/registry-join.ts';
import { SHARDS } from '../../src/cluster/shards.ts';
import { StartError } from '../../src/errors.ts';
import { FENCE } from '../../src/journal/append-statement.ts';
import type { Timers } from '../../src/ports.ts';
import { connectionConfig } from '../../src/postgres/database.ts';
import { startEmbeddedPostgres } from '../../src/postgres/embedded-postgres.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import { systemTimers } from '../../src/system/timers.ts';
import { capturedLog } from '../support/captured-log.ts';
import { freePort } from '../support/free-port.ts';
import { type JournalDatabase, journalServer, nodeOn } from '../support/journal-database.ts';
import { IDLE, selfOf, under } from '../support/node-starts.ts';
import { PacedTimers } from '../support/paced-timers.ts';
import { withDatabase } from '../support/prepared-database.ts';
import { registryContract } from '../support/registry-contract.ts';
import { tcpProxy } from '../support/tcp-proxy.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const newDatabase = journalServer();
const ALL = Array.from({ length: SHARDS }, (_, shard) => shard);

/** The wait between two looks of a start is hurried; deadlines are not. */
const HURRIED_POLLS: Timers = { ...systemTimers, after: (ms, task) => systemTimers.after(ms === 100 ? 10 : ms, task) };

/** A registry as one process has it, closed when the test has finished. */
function registryOn(connection: pg.ClientConfig, timers: Timers = systemTimers) {
  const { log, lines } = capturedLog();
  const registry = new PostgresRegistry({ connection, timers, log });
  onTestFinished(() => registry.close());
  return { registry, logged: lines };
}

/** A node that has joined, in a process of its own. */
async function nodeIn(connection: pg.ClientConfig, id: string, timers: Timers = systemTimers, format = 1) {
  const self = selfOf(id, { format });
  const parts = registryOn(connection, timers);
  await parts.registry.join(self);
  return { ...parts, self, name: self.incarnation };
}

async function age({ pool }: JournalDatabase, incarnation: string, ms: number): Promise<void> {
  await pool.query(`update node set heartbeat_at = heartbeat_at - $2 * interval '1 ms' where incarnation = $1`, [
    incarnation,
    ms,
  ]);
}

/** Ends the node's registry session, and waits until it has. */
async function endSession({ pool }: JournalDatabase, incarnation: string): Promise<void> {
  await pool.query('select pg_terminate_backend(session_pid, 5000) from node where incarnation = $1', [incarnation]);
}

/** A connection past every node, closed when the test has finished. */
async function stranger({ connection }: JournalDatabase): Promise<pg.Client> {
  const client = new pg.Client({ ...connection, application_name: 'stranger' });
  client.on('error', () => {});
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

/** A stranger locks the shard's row. @returns what ends that. */
async function locked(database: JournalDatabase, shard: number): Promise<() => Promise<void>> {
  const other = await stranger(database);
  await other.query('begin');
  await other.query('select from shard where id = $1 for update', [shard]);
  return async () => void (await other.query('commit'));
}

/** Holds the shard's row as a lane does that died between Execute and Sync of an append in the name of `owner`. */
async function halfOpenAppend(database: JournalDatabase, owner: string, shard: number): Promise<pg.Client> {
  const lane = await stranger(database);
  await lane.query(
    `insert into lane_backend
     select pid, backend_start, $1, 0 from pg_stat_activity where pid = pg_backend_pid()`,
    [owner],
  );
  await lane.query('begin');
  expect((await lane.query(FENCE, [[shard], owner])).rowCount).toBe(1);
  return lane;
}

async function query(connection: pg.ClientConfig, text: string): Promise<void> {
  const client = new pg.Client(connection);
  await client.connect();
  await client.query(text);
  await client.end();
}

async function took<T>(promise: Promise<T>): Promise<{ value: T; ms: number }> {
  const from = performance.now();
  const value = await promise;
  return { value, ms: performance.now() - from };
}

/** The server processes that are there under these names. */
async function processesOf({ pool }: JournalDatabase, name: string): Promise<number[]> {
  const { rows } = await pool.query<{ pid: number }>(
    'select pid from pg_stat_activity where datname = current_database() and application_name like $1 order by 1',
    [name],
  );
  return rows.map(({ pid }) => pid);
}

/** How many sessions of this name wait for a lock. */
async function waitersOn({ pool }: JournalDatabase, name: string): Promise<number> {
  const { rows } = await pool.query<{ waiters: number }>(
    `select count(*)::int as waiters from pg_stat_activity
     where datname = current_database() and application_name = $1 and wait_event_type = 'Lock'`,
    [name],
  );
  return rows[0].waiters;
}

describe('the registry on Postgres', () => {
  registryContract(async () => {
    const database = await newDatabase();
    return {
      registry: () => registryOn(database.connection, HURRIED_POLLS).registry,
      age: (incarnation, ms) => age(database, incarnation, ms),
      endSession: (incarnation) => endSession(database, incarnation),
      lock: (shard) => locked(database, shard),
    };
  });
});

describe('a start', () => {
  test('names the process that stands in its way, and where it runs', async () => {
    const database = await newDatabase();
    const { registry } = registryOn(database.connection);
    const first = selfOf('first', { transport: 'local' });
    await registry.join(first);
    const second = registryOn(database.connection, HURRIED_POLLS).registry;
    await expect(second.join(selfOf('second'))).rejects.toThrow(
      `The database is in use by another node (first, process ${first.pid} at this machine). ` +
        'Stop it first, or give all nodes the same NATS_URL.',
    );
  });

  test('beside a node of a version that knew of one node only is refused', async () => {
    const database = await newDatabase();
    const old = await stranger(database);
    await old.query('select pg_advisory_lock(1970497650, 1852793957)');
    const { registry } = registryOn(database.connection, HURRIED_POLLS);
    await expect(registry.join(selfOf('a'))).rejects.toThrow(StartError);
    await old.query('select pg_advisory_unlock_all()');
    await registry.join(selfOf('a'));
  });

  test('removes what ended long ago, but for those that still own shards', async () => {
    const database = await newDatabase();
    const nodes = [];
    for (const id of ['left', 'owner', 'recent']) nodes.push(await nodeIn(database.connection, id));
    const [left, owner, recent] = nodes;
    await owner.registry.acquire(owner.name, under(0, [1]));
    for (const { registry, name } of nodes) await registry.setState(name, ['up'], 'left', 'stopped');
    for (const { name } of [left, owner]) await age(database, name, 25 * 60 * 60 * 1_000);
    await nodeIn(database.connection, 'next');
    const { rows } = await database.pool.query('select id from node order by id');
    expect(rows.map(({ id }) => id)).toEqual(['next', 'owner', 'recent']);
    expect((await recent.registry.beat(recent.name, IDLE)).state).toBe('left');
  });
});

describe('a heartbeat', () => {
  test('that waits while its node is declared dead renews nothing', async () => {
    const database = await newDatabase();
    const { registry, name } = await nodeIn(database.connection, 'a');
    const other = await stranger(database);
    await other.query('begin');
    await other.query(`update node set state = 'dead' where incarnation = $1`, [name]);
    const beat = registry.beat(name, IDLE);
    await vi.waitFor(async () => {
      const { rowCount } = await database.pool.query(
        `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      );
      expect(rowCount).toBe(1);
    });
    await other.query('commit');
    const { state, view } = await beat;
    expect([state, view.nodes]).toEqual(['dead', []]);
  });

  test('is quick, and one row for any number of shards', async () => {
    const database = await newDatabase();
    const { registry, name } = await nodeIn(database.connection, 'a');
    await registry.acquire(name, under(0, ALL));
    const times: number[] = [];
    for (let n = 0; n < 200; n++) times.push((await took(registry.beat(name, IDLE))).ms);
    times.sort((a, b) => a - b);
    process.stdout.write(`heartbeat: p50 ${times[100].toFixed(2)} ms, p99 ${times[197].toFixed(2)} ms\n`);
    expect(times[100]).toBeLessThan(20);
  });

  test('whose answer never comes is given up, and the next one has a connection of its own', async () => {
    const database = await newDatabase();
    const wire = await tcpProxy(database.connection);
    const { registry, name } = await nodeIn(wire.connection, 'a');
    const before = await processesOf(database, 'usher node');
    wire.mode = 'deaf';
    const { ms } = await took(
      expect(registry.beat(name, IDLE)).rejects.toThrow('no answer from the database within 1000 ms'),
    );
    expect(ms).toBeGreaterThan(900);
    expect(ms).toBeLessThan(2_000);
    wire.mode = 'pass';
    expect((await registry.beat(name, IDLE)).state).toBe('up');
    const after = await processesOf(database, 'usher node');
    expect(after).toHaveLength(1);
    expect(after).not.toEqual(before);
  });

  test('after a lost connection has another, under which the node is known', async () => {
    const database = await newDatabase();
    const { registry, name } = await nodeIn(database.connection, 'a');
    await endSession(database, name);
    await vi.waitFor(async () => expect((await registry.beat(name, IDLE)).state).toBe('up'));
    const { rows } = await database.pool.query('select session_pid from node');
    expect(rows.map((row) => row.session_pid)).toEqual(await processesOf(database, 'usher node'));
  });
});

describe('those who only look at the cluster', () => {
  test('keep no heartbeat waiting, however long they wait themselves', async () => {
    const database = await newDatabase();
    const wire = await tcpProxy(database.connection);
    const { registry, name } = await nodeIn(wire.connection, 'a');
    await registry.read();
    wire.isStill = ({ greeting }) => / usher reads /.test(greeting);
    const read = expect(registry.read()).rejects.toThrow('no answer from the database within');
    for (let beats = 0; beats < 10; beats++) expect((await registry.beat(name, IDLE)).state).toBe('up');
    await read;
    wire.isStill = () => false;
    expect((await registry.read()).nodes).toMatchObject([{ id: 'a' }]);
  });

  test('are never too many: all who ask meanwhile share the next look, which sees what was true when they asked', async () => {
    const database = await newDatabase();
    const { registry, name } = await nodeIn(database.connection, 'a');
    const many = Array.from({ length: 500 }, () => registry.read());
    await registry.setState(name, ['up'], 'draining', 'asked to');
    const later = Array.from({ length: 500 }, () => registry.read());
    expect(new Set(await Promise.all(many)).size).toBeLessThanOrEqual(2);
    for (const view of await Promise.all(later)) expect(view.nodes).toMatchObject([{ state: 'draining' }]);
  });

  test('look again after a look that failed', async () => {
    const database = await newDatabase();
    const wire = await tcpProxy(database.connection);
    const { registry } = await nodeIn(wire.connection, 'a');
    await registry.read();
    wire.cut();
    await vi.waitFor(async () => expect((await registry.read()).nodes).toMatchObject([{ id: 'a' }]));
  });
});

describe('a hung Postgres promise', () => {
  const asked: [string, (registry: Registry, self: NodeSelf) => Promise<unknown>][] = [
    ['join', (registry, self) => registry.join(self)],
    ['beat', (registry, self) => registry.beat(self.incarnation, IDLE)],
    ['read', (registry) => registry.read()],
    ['declareDead', (registry) => registry.declareDead([{ incarnation: 'nod_x', cause: 'gone' }])],
    ['setState', (registry, self) => registry.setState(self.incarnation, ['up'], 'up', null)],
    ['acquire', (registry, self) => registry.acquire(self.incarnation, under(1, [9]))],
    ['advance', (registry, self) => registry.advance(self.incarnation, 9, 9)],
    ['release', (registry, self) => registry.release(self.incarnation, [{ shard: 9, epoch: 9, closedMsAgo: 0 }])],
    ['ready', (registry, self) => registry.ready(self.incarnation, under(9, [9]))],
    ['pauses', (registry) => registry.pauses([9])],
    ['setPins', (registry) => registry.setPins([{ shard: 9, node: null }])],
  ];
  /** The longest limit, hurried tenfold, and room for a busy machine. */
  const WITHIN_MS = 3_000;

  test.each(['deaf', 'mute'] as const)(
    '(%s) rejects in time, whatever was asked, and all goes on afterwards',
    async (mode) => {
      const database = await newDatabase();
      const wire = await tcpProxy(database.connection);
      const timers = new PacedTimers();
      const { registry, self } = await nodeIn(wire.connection, 'a', timers);
      for (const [, ask] of asked) await ask(registry, self);
      timers.factor = 10;
      wire.mode = mode;
      const rejected = asked.map(([what, ask]) =>
        took(expect(ask(registry, self), what).rejects.toThrow('no answer from the database within')),
      );
      for (const { ms } of await Promise.all(rejected)) expect(ms).toBeLessThan(WITHIN_MS);
      timers.factor = 1;
      wire.mode = 'pass';
      for (const [, ask] of asked) await ask(registry, self);
      expect((await registry.read()).nodes).toMatchObject([{ id: 'a', state: 'up' }]);
    },
  );

  test('makes the connections at rest suspect: a change does not wait for one that hangs too', async () => {
    const database = await newDatabase();
    const wire = await tcpProxy(database.connection);
    const { registry, name } = await nodeIn(wire.connection, 'a');
    await registry.acquire(name, under(0, [1]));
    const before = await processesOf(database, 'usher leases');
    wire.mode = 'deaf';
    await expect(registry.beat(name, IDLE)).rejects.toThrow('no answer');
    wire.mode = 'pass';
    await registry.acquire(name, under(0, [2]));
    const after = await processesOf(database, 'usher leases');
    expect(after).toHaveLength(1);
    expect(after).not.toEqual(before);
  });

  test('is not waited for by a close', async () => {
    const database = await newDatabase();
    const wire = await tcpProxy(database.connection);
    const timers = new PacedTimers();
    const { registry, name } = await nodeIn(wire.connection, 'a', timers);
    await registry.acquire(name, under(0, [1]));
    timers.factor = 10;
    wire.mode = 'mute';
    expect((await took(registry.close())).ms).toBeLessThan(WITHIN_MS);
  });

  test('is none when nobody listens: that is told at once', async () => {
    const { registry } = registryOn({ host: '127.0.0.1', port: await freePort(), user: 'usher', database: 'usher' });
    await expect(registry.read()).rejects.toThrow('ECONNREFUSED');
    await expect(registry.acquire('nod_x', under(0, [1]))).rejects.toThrow('ECONNREFUSED');
    await expect(registry.join(selfOf('a'))).rejects.toThrow('ECONNREFUSED');
  });
});

describe('a death', () => {
  test('ends the dead node’s sessions, and nobody else’s', async () => {
    const database = await newDatabase();
    const [a, b] = ['a', 'b'].map((id) => nodeOn(database, id));
    for (const node of [a, b]) await node.join();
    const sessionsOf = async (incarnation: string): Promise<number[]> => {
      const { rows } = await database.pool.query(
        `select a.pid from pg_stat_activity a
         join (select pid, started_at from lane_backend where owner = $1
               union select session_pid, session_started_at from node where incarnation = $1) s
         on s.pid = a.pid and s.started_at = a.backend_start order by 1`,
        [incarnation],
      );
      return rows.map(({ pid }) => pid);
    };
    // Two lanes and the registry's.
    await vi.waitFor(async () => {
      for (const node of [a, b]) expect(await sessionsOf(node.incarnation)).toHaveLength(3);
    });
    const [before, others] = [await sessionsOf(a.incarnation), await sessionsOf(b.incarnation)];
    await age(database, a.incarnation, LEASE_MS + 1);
    await b.registry.declareDead([{ incarnation: a.incarnation, cause: 'expired' }]);
    await vi.waitFor(async () => {
      const { rows } = await database.pool.query('select pid from pg_stat_activity where pid = any($1)', [before]);
      expect(rows).toEqual([]);
    });
    expect(await sessionsOf(b.incarnation)).toEqual(others);
  });

  test('whose sessions are ended late does not end the one that the next incarnation of the process uses', async () => {
    const database = await newDatabase();
    const { registry, name } = await nodeIn(database.connection, 'a');
    await age(database, name, LEASE_MS + 1);
    const endLate = () => database.pool.query({ text: END_SESSIONS.text, values: [[name]] });
    const next = selfOf('a');
    await registry.join(next);
    const sessions = await processesOf(database, 'usher node');
    expect((await endLate()).rows).toEqual([]);
    await registry.setState(next.incarnation, ['up'], 'left', 'stopped');
    expect((await endLate()).rows).toEqual([{ pid: sessions[0], pg_terminate_backend: true }]);
  });

  test('is not a restart of the database, nor its recovery from a crash', async () => {
    const dataDir = withDatabase(temporaryDirectory());
    const { log } = capturedLog();
    let server = await startEmbeddedPostgres({ dataDir, log });
    onTestFinished(() => server.stop());
    await migrate({ url: server.url, log });
    const connection = connectionConfig(server.url, 'registry test');
    const [a, b] = [await nodeIn(connection, 'a'), await nodeIn(connection, 'b')];
    const declared = (by: Registry = b.registry) => by.declareDead([{ incarnation: a.name, cause: 'gone' }]);
    const answers = () => vi.waitFor(() => b.registry.beat(b.name, IDLE), { timeout: 20_000, interval: 50 });

    // Of a role that sees less of the server than its owner does.
    const plainUrl = server.url.replace('//usher@', '//plain@');
    const plain = registryOn(connectionConfig(plainUrl, 'registry test')).registry;
    await query(connection, 'create role plain login; grant all on all tables in schema public to plain');
    expect(await declared(plain)).toEqual([]);

    await server.stop();
    server = await startEmbeddedPostgres({ dataDir, log });
    await answers();
    expect(await declared()).toEqual([]);
    expect(await vi.waitFor(() => declared(plain))).toEqual([]);

    await a.registry.beat(a.name, IDLE);
    const probe = new pg.Client(connection);
    probe.on('error', () => {});
    await probe.connect();
    const { rows } = await probe.query('select session_pid from node where incarnation = $1', [a.name]);
    process.kill(rows[0].session_pid, 'SIGKILL');
    await vi.waitFor(() => expect(probe.query('select 1')).rejects.toThrow());
    await answers();
    expect(await declared()).toEqual([]);

    await a.registry.beat(a.name, IDLE);
    await a.registry.close();
    await vi.waitFor(async () => expect(await declared()).toEqual([a.name]));
  });
});

describe('two nodes that declare the same ones dead in different orders', () => {
  test('do not deadlock', async () => {
    const database = await newDatabase();
    const nodes = [];
    for (const id of ['a', 'b', 'c', 'd']) nodes.push(await nodeIn(database.connection, id));
    const [a, b, c, d] = nodes;
    for (const { name } of [c, d]) await age(database, name, LEASE_MS + 1);
    const [first, last] = [c.name, d.name].sort();
    // Whoever comes waits for the row that is the first in order, and has not locked the other.
    const other = await stranger(database);
    await other.query('begin');
    await other.query('select from node where incarnation = $1 for update', [first]);
    const deaths = [last, first].map((incarnation) => ({ incarnation, cause: 'expired' }) as const);
    const declared = [a.registry.declareDead(deaths), b.registry.declareDead(deaths.toReversed())];
    await vi.waitFor(async () => expect(await waitersOn(database, 'usher node')).toBe(2));
    const free = 'select from node where incarnation = $1 for update skip locked';
    expect((await database.pool.query(free, [last])).rowCount).toBe(1);
    await other.query('commit');
    expect((await Promise.all(declared)).flat().sort()).toEqual([first, last]);
  });
});

describe('a half-open append that holds the shard row', () => {
  test('of a dead node is ended before its shards are taken', async () => {
    const database = await newDatabase();
    const [a, b] = [await nodeIn(database.connection, 'a'), await nodeIn(database.connection, 'b')];
    await a.registry.acquire(a.name, under(0, ALL));
    const lane = await halfOpenAppend(database, a.name, 7);
    // Declared dead by somebody who died before it could end the sessions.
    await database.pool.query(`update node set state = 'dead' where incarnation = $1`, [a.name]);
    const { value, ms } = await took(b.registry.acquire(b.name, under(1, ALL)));
    expect(value).toHaveLength(SHARDS);
    process.stdout.write(`taking ${SHARDS} shards of a dead node with a half-open append: ${ms.toFixed(0)} ms\n`);
    expect(ms).toBeLessThan(1_000);
    await expect(lane.query('commit')).rejects.toThrow();
    // Not only when the patience with it was over.
    expect(b.logged.map((line) => line.msg)).toEqual(['ended the lanes of dead nodes']);
  });

  test('of a living node is ended when the patience is over, so that its shard can move', async () => {
    const database = await newDatabase();
    const a = await nodeIn(database.connection, 'a');
    await a.registry.acquire(a.name, under(0, [7]));
    const moves = [
      () => a.registry.advance(a.name, 7, 1),
      () => a.registry.release(a.name, [{ shard: 7, epoch: 2, closedMsAgo: 0 }]),
    ];
    for (const move of moves) {
      const lane = await halfOpenAppend(database, a.name, 7);
      const { value, ms } = await took<unknown>(move());
      expect(value).not.toBeNull();
      expect(ms).toBeGreaterThan(400);
      expect(ms).toBeLessThan(2_000);
      await expect(lane.query('commit')).rejects.toThrow();
    }
    await vi.waitFor(() => expect(a.logged).toContainEqual(expect.objectContaining({ owner: a.name, ended: true })));
  });
});

describe('a row of a shard that somebody locks', () => {
  test('keeps no other shard of a dead node from being taken, and is named', async () => {
    const database = await newDatabase();
    const [a, b] = [await nodeIn(database.connection, 'a'), await nodeIn(database.connection, 'b')];
    await a.registry.acquire(a.name, under(0, ALL));
    const unlock = await locked(database, 7);
    await a.registry.setState(a.name, ['up'], 'left', 'stopped');
    const { value, ms } = await took(b.registry.acquire(b.name, under(1, ALL)));
    expect(value).toHaveLength(SHARDS - 1);
    process.stdout.write(`taking ${SHARDS - 1} shards past a locked one: ${ms.toFixed(0)} ms\n`);
    expect(ms).toBeLessThan(1_500);
    expect(b.logged).toContainEqual(expect.objectContaining({ owner: null, application: 'stranger', ended: false }));
    await unlock();
    expect(await b.registry.acquire(b.name, under(1, [7]))).toEqual(under(2, [7]));
  });

  test('is waited for a moment: it may be free again', async () => {
    const database = await newDatabase();
    const { registry, name } = await nodeIn(database.connection, 'a');
    const unlock = await locked(database, 7);
    const taken = registry.acquire(name, under(0, ALL));
    await vi.waitFor(async () => expect(await waitersOn(database, 'usher leases')).toBe(1));
    await unlock();
    expect(await taken).toHaveLength(SHARDS);
  });

  test('does not make a change of another shard impatient that comes later', async () => {
    const database = await newDatabase();
    const { registry, name } = await nodeIn(database.connection, 'a');
    await registry.acquire(name, under(0, [7]));
    const unlock = await locked(database, 7);
    expect(await registry.acquire(name, under(1, [7]))).toEqual([]);
    const from = performance.now();
    const advanced = registry.advance(name, 7, 1);
    await vi.waitFor(async () => expect(await waitersOn(database, 'usher leases')).toBe(1));
    // Longer than taking waits.
    await new Promise((resolve) => setTimeout(resolve, 900));
    await unlock();
    expect(await advanced).toBe(2);
    expect(performance.now() - from).toBeGreaterThan(900);
  });

  test.each(['usher leases', 'usher journal'])(
    'by a session of ours (%s) that hangs is free again soon',
    async (who) => {
      const database = await newDatabase();
      const { registry, logged, name } = await nodeIn(database.connection, 'a');
      const hung = await stranger(database);
      await hung.query(`set application_name = '${who}'`);
      await hung.query('begin');
      await hung.query('select from shard where id = 7 for share');
      const { value, ms } = await took(registry.acquire(name, under(0, ALL)));
      expect(value).toHaveLength(SHARDS);
      expect(ms).toBeGreaterThan(400);
      // Told on another connection, which may be behind the change that it made possible.
      await vi.waitFor(() =>
        expect(logged).toContainEqual(expect.objectContaining({ owner: null, application: who, ended: true })),
      );
    },
  );

  test('is part of the pause of a hand-off that has to wait for it', async () => {
    const database = await newDatabase();
    const [a, b] = [await nodeIn(database.connection, 'a'), await nodeIn(database.connection, 'b')];
    await a.registry.acquire(a.name, under(0, [7]));
    const unlock = await locked(database, 7);
    const released = a.registry.release(a.name, [{ shard: 7, epoch: 1, closedMsAgo: 5 }]);
    await vi.waitFor(async () => expect(await waitersOn(database, 'usher leases')).toBe(1));
    await new Promise((resolve) => setTimeout(resolve, 400));
    await unlock();
    const taken = await b.registry.acquire(b.name, await released);
    const [pause] = await b.registry.ready(b.name, taken);
    expect(pause).toBeGreaterThanOrEqual(405);
    expect(pause).toBeLessThan(2_000);
  });
});

describe('the format of the cluster', () => {
  test('is not raised past a node that was entering when it was to be', async () => {
    const database = await newDatabase();
    const { registry } = await nodeIn(database.connection, 'a', systemTimers, 2);
    const entering = await stranger(database);
    await entering.query('begin');
    await entering.query(FORMAT_HELD);
    const raised = registry.raiseFormat(2);
    await vi.waitFor(async () => expect(await waitersOn(database, 'usher format')).toBe(1));
    await entering.query(`
      insert into node (incarnation, id, state, pid, transport, format, weight, session_pid, session_started_at,
        joined_at, heartbeat_at, is_linked, load)
      values ('nod_old', 'old', 'up', 1, 'nats', 1, 1, 1, now(), now(), now(), true, '{}')`);
    await entering.query('commit');
    expect(await raised).toBe(1);
  });

  test('is waited for by a node that enters while it is raised', async () => {
    const database = await newDatabase();
    await nodeIn(database.connection, 'a', systemTimers, 2);
    const raising = await stranger(database);
    await raising.query('begin');
    await raising.query('update cluster set format = 2');
    const entered = registryOn(database.connection).registry.join(selfOf('old'));
    entered.catch(() => {});
    await vi.waitFor(async () => expect(await waitersOn(database, 'usher start')).toBe(1));
    await raising.query('commit');
    await expect(entered).rejects.toThrow('The database has been raised to format 2');
  });

  test('that cannot be raised in time rejects, and the node goes on', async () => {
    const database = await newDatabase();
    const { registry, name } = await nodeIn(database.connection, 'a', systemTimers, 2);
    const entering = await stranger(database);
    await entering.query('begin');
    await entering.query(FORMAT_HELD);
    const raised = registry.raiseFormat(2);
    expect((await registry.beat(name, IDLE)).state).toBe('up');
    await expect(raised).rejects.toThrow('lock timeout');
    await entering.query('commit');
    expect((await registry.beat(name, IDLE)).view.format).toBe(1);
    expect(await registry.raiseFormat(2)).toBe(2);
  });
});

describe('many shards', () => {
  test('are taken and given up in one call', async () => {
    const database = await newDatabase();
    const { registry, name } = await nodeIn(database.connection, 'a');
    const third = ALL.slice(0, 341);
    const taken = await took(registry.acquire(name, under(0, third)));
    expect(taken.value).toHaveLength(341);
    const again = await took(registry.acquire(name, under(1, third)));
    const given = await took(
      registry.release(
        name,
        under(2, third).map((each) => ({ ...each, closedMsAgo: 5 })),
      ),
    );
    expect(given.value).toHaveLength(341);
    const times = [taken, again, given].map(({ ms }) => ms.toFixed(1)).join(', ');
    process.stdout.write(`341 shards taken, taken again, given up: ${times} ms\n`);
    expect(given.ms).toBeLessThan(1_000);
  });

  test('move while appends go on, without a deadlock', async () => {
    const database = await newDatabase();
    const [a, b] = [await nodeIn(database.connection, 'a'), await nodeIn(database.connection, 'b')];
    let [from, to] = [a, b];
    await from.registry.acquire(from.name, under(0, ALL));
    let moving = true;
    const appends = [1, 2, 3].map(async (stride) => {
      const lane = await stranger(database);
      const shards = ALL.map((shard) => (shard * (2 * stride + 1)) % SHARDS).slice(0, 400);
      let statements = 0;
      for (; moving; statements++) for (const { name } of [a, b]) await lane.query(FENCE, [shards, name]);
      return statements;
    });
    for (let epoch = 1; epoch < 20; epoch += 2) {
      const halves = [ALL.slice(0, 512), ALL.slice(512).toReversed()];
      const released = await Promise.all(
        halves.map((half) =>
          from.registry.release(
            from.name,
            under(epoch, half).map((each) => ({ ...each, closedMsAgo: 0 })),
          ),
        ),
      );
      expect(released.flat()).toHaveLength(SHARDS);
      const taken = await to.registry.acquire(to.name, released.flat());
      expect(taken).toHaveLength(SHARDS);
      [from, to] = [to, from];
    }
    moving = false;
    for (const statements of await Promise.all(appends)) expect(statements).toBeGreaterThan(0);
  });
});
