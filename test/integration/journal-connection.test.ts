import { describe, expect, test, vi } from 'vitest';
import type { Journal } from '../../src/journal/journal.ts';
import { CANARY_MS } from '../../src/journal/lane.ts';
import { journalServer, nodeOn } from '../support/journal-database.ts';
import { PacedTimers } from '../support/paced-timers.ts';
import { ShowHistory, showsOfOtherShards } from '../support/show-history.ts';
import { tcpProxy } from '../support/tcp-proxy.ts';

const newDatabase = journalServer();

async function seqsOf(journal: Journal, showId: string): Promise<number[]> {
  const seqs: number[] = [];
  for await (const page of journal.rowsAfter(showId, 0)) seqs.push(...page.map((row) => row.seq));
  return seqs;
}

/** A node whose lane goes through a wire that can be broken, with one row in the journal. */
async function nodeOnAWire() {
  const timers = new PacedTimers();
  const database = await newDatabase();
  const wire = await tcpProxy(database.connection);
  const node = nodeOn(database, 'a', { connection: wire.connection, lanes: 1, timers });
  await node.takeAll();
  const history = new ShowHistory(showsOfOtherShards(1)[0]);
  const append = (): ReturnType<Journal['append']> =>
    node.journal.append(history.next(node.leases.epochOf(history.shard)));
  expect(await append()).toBe('durable');
  return { database, wire, timers, history, append, ...node };
}

describe('a connection lost at the commit', () => {
  test('leaves the outcome unknown; a new epoch and a look at the journal show that it was written', async () => {
    const { database, wire, history, append, journal, leases } = await nodeOnAWire();
    wire.mode = 'deaf';
    const appended = append();
    await vi.waitFor(async () => expect((await database.pool.query('select from journal')).rowCount).toBe(2));
    wire.cut();
    expect(await appended).toBe('unknown');
    wire.mode = 'pass';
    const epoch = leases.epochOf(history.shard) as number;
    expect(await leases.advance(history.shard)).toBe(epoch + 1);
    expect(await seqsOf(journal, history.showId)).toEqual([1, 2]);
    expect(await append()).toBe('durable');
  });

  test('leaves the outcome unknown; the same shows that it was not', async () => {
    const { wire, history, append, journal, leases } = await nodeOnAWire();
    wire.mode = 'mute';
    const appended = append();
    wire.cut();
    expect(await appended).toBe('unknown');
    wire.mode = 'pass';
    await leases.advance(history.shard);
    expect(await seqsOf(journal, history.showId)).toEqual([1]);
  });
});

describe('a connection that hangs', () => {
  test('is given up at the deadline, and another takes its place', async () => {
    const { wire, timers, append, journal, history, leases, logged } = await nodeOnAWire();
    wire.mode = 'deaf';
    timers.factor = 10;
    expect(await append()).toBe('unknown');
    timers.factor = 1;
    wire.mode = 'pass';
    await leases.advance(history.shard);
    expect(await seqsOf(journal, history.showId)).toEqual([1, 2]);
    expect(await append()).toBe('durable');
    expect(journal.figures()[0].connections).toBe(2);
    expect(logged.map((line) => line.msg)).toContain('journal: a lane lost its connection');
  });

  test('does not keep those waiting to whom a first answer is to be told again', async () => {
    const { wire, timers, journal, history } = await nodeOnAWire();
    expect(await journal.readRow(history.showId, 1)).toMatchObject({ seq: 1 });
    wire.mode = 'deaf';
    timers.factor = 10;
    await expect(journal.readRow(history.showId, 1)).rejects.toThrow('was not read within 5000 ms');
    wire.mode = 'pass';
    expect(await journal.readRow(history.showId, 1)).toMatchObject({ seq: 1 });
  });

  test('does not keep shows from being recovered for more than seconds', async () => {
    const { wire, journal, history } = await nodeOnAWire();
    // All connections that recoveries read with.
    const reads = () => Array.from({ length: 4 }, () => seqsOf(journal, history.showId));
    await Promise.all(reads());
    wire.mode = 'deaf';
    const from = performance.now();
    for (const { status } of await Promise.allSettled(reads())) expect(status).toBe('rejected');
    expect(performance.now() - from).toBeLessThan(10_000);
    wire.mode = 'pass';
    expect(await Promise.all(reads())).toEqual([[1], [1], [1], [1]]);
  });

  test('with the append half sent cannot hold a new epoch up', async () => {
    const { database, history, leases, logged } = await nodeOnAWire();
    // What a lane leaves behind that died between Execute and Sync: a session of its own with the shard's lock.
    const half = await database.pool.connect();
    half.on('error', () => {});
    await half.query('begin');
    await half.query(`select from shard where id = ${history.shard} for share`);
    await half.query(
      `insert into lane_backend select pid, backend_start, 'a', 0 from pg_stat_activity where pid = pg_backend_pid()`,
    );
    await half.query('commit; begin');
    await half.query(`select from shard where id = ${history.shard} for share`);
    const epoch = leases.epochOf(history.shard) as number;
    expect(await leases.advance(history.shard)).toBe(epoch + 1);
    await expect(half.query('select 1')).rejects.toThrow();
    half.release(true);
    await vi.waitFor(() => expect(logged).toContainEqual(expect.objectContaining({ owner: 'a', ended: true })));
  });
});

describe('without a connection', () => {
  test('turns wait a bounded time, then are unknown', async () => {
    const { wire, timers, append, journal } = await nodeOnAWire();
    wire.mode = 'mute';
    timers.factor = 10;
    wire.cut();
    expect(await append()).toBe('unknown');
    expect(journal.figures()[0]).toMatchObject({ connections: 1, waiting: 0 });
    wire.cut();
    wire.mode = 'pass';
  });

  test('turns that wait are sent as soon as there is one', async () => {
    const { wire, append, journal, history, logged } = await nodeOnAWire();
    wire.cut();
    await vi.waitFor(() => expect(logged.map((line) => line.msg)).toContain('journal: a lane lost its connection'));
    const appended = append();
    expect(journal.figures()[0]).toMatchObject({ connections: 1, waiting: 1 });
    expect(await appended).toBe('durable');
    expect(await seqsOf(journal, history.showId)).toEqual([1, 2]);
  });

  test('a server that ends the session in mid-append leaves the outcome unknown', async () => {
    const { database, history, append, journal, leases } = await nodeOnAWire();
    const blocker = await database.pool.connect();
    await blocker.query('begin');
    await blocker.query(`select from shard where id = ${history.shard} for update`);
    const appended = append();
    await vi.waitFor(async () => {
      const { rows } = await database.pool.query(
        `select pg_terminate_backend(pid) as ended from pg_stat_activity
         where datname = current_database() and application_name = 'usher lane 0' and wait_event_type = 'Lock'`,
      );
      expect(rows).toEqual([{ ended: true }]);
    });
    expect(await appended).toBe('unknown');
    await blocker.query('rollback');
    blocker.release();
    await leases.advance(history.shard);
    expect(await seqsOf(journal, history.showId)).toEqual([1]);
  });
});

describe('a lane that has nothing to append', () => {
  /** A lane with a hurried time, which no turn was ever given, and what it wrote of itself. */
  async function idleLane() {
    const database = await newDatabase();
    const wire = await tcpProxy(database.connection);
    const { journal } = nodeOn(database, 'a', {
      connection: wire.connection,
      lanes: 1,
      timers: new PacedTimers(10),
    });
    const record = async () => (await database.pool.query('select pid, xmin from lane_backend')).rows;
    await vi.waitFor(() => expect(journal.figures()[0].answeredMsAgo).toBeLessThan(CANARY_MS));
    return { database, wire, journal, record };
  }

  test('proves with small commits, again and again, that a turn would become durable', async () => {
    const { database, journal, record } = await idleLane();
    const [first] = await record();
    await vi.waitFor(async () => expect((await record())[0].xmin).not.toBe(first.xmin));
    expect(await record()).toEqual([{ pid: first.pid, xmin: expect.anything() }]);
    expect(journal.figures()[0]).toMatchObject({ statements: 0, waiting: 0, connections: 1 });
    expect((await database.pool.query('select from journal')).rowCount).toBe(0);
  });

  test("is in nobody's way: neither waits for a change of owner nor holds one up", async () => {
    const { database, journal } = await idleLane();
    const change = await database.pool.connect();
    await change.query('begin');
    await change.query('select from shard for update');
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(journal.figures()[0].stalledMs).toBeLessThan(400);
    await change.query('rollback');
    change.release();
  });

  test('counts as stalled for as long as its commits do not get through, over lost connections too', async () => {
    const { wire, journal } = await idleLane();
    wire.mode = 'still';
    // Three times as long as it waits for an answer or a connection.
    await vi.waitFor(() => expect(journal.figures()[0].stalledMs).toBeGreaterThan(1_500), { timeout: 5_000 });
    expect(journal.figures()[0].answeredMsAgo).toBeGreaterThan(1_500);
    wire.mode = 'pass';
    await vi.waitFor(() => expect(journal.figures()[0].stalledMs).toBe(0), { timeout: 5_000 });
    expect(journal.figures()[0].answeredMsAgo).toBeLessThan(1_000);
  });

  test('whose record is gone gets another, so that whoever takes its shards can end it', async () => {
    const { database, journal, record } = await idleLane();
    const [{ pid }] = await record();
    await database.pool.query('delete from lane_backend');
    await vi.waitFor(async () => expect((await record()).length).toBe(1));
    expect((await record())[0].pid).not.toBe(pid);
    await vi.waitFor(() => expect(journal.figures()[0]).toMatchObject({ stalledMs: 0, connections: 2 }));
  });
});
