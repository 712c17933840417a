import { describe, expect, test, vi } from 'vitest';
import { SHARDS } from '../../src/cluster/shards.ts';
import { journalServer, nodeOn, PacedTimers } from '../support/journal-database.ts';

const newDatabase = journalServer();

describe('leases', () => {
  test('are taken for every shard at once, under a new epoch', async () => {
    const database = await newDatabase();
    const { leases } = nodeOn(database, 'a');
    expect(leases.epochOf(0)).toBeNull();
    await leases.acquireAll();
    expect(Array.from({ length: SHARDS }, (_, shard) => leases.epochOf(shard))).toEqual(new Array(SHARDS).fill(1));
    const { rows } = await database.pool.query('select owner, epoch, count(*)::int as shards from shard group by 1, 2');
    expect(rows).toEqual([{ owner: 'a', epoch: 1, shards: SHARDS }]);
  });

  test('change hands without a deadlock when two nodes take them at the same time', async () => {
    const database = await newDatabase();
    const nodes = ['a', 'b', 'c'].map((owner) => nodeOn(database, owner).leases);
    await Promise.all(nodes.map((leases) => leases.acquireAll()));
    expect(nodes.map((leases) => leases.epochOf(1)).sort()).toEqual([1, 2, 3]);
    const { rows } = await database.pool.query('select distinct owner, epoch from shard');
    expect(rows).toEqual([{ owner: nodes.find((leases) => leases.epochOf(1) === 3)?.owner, epoch: 3 }]);
  });

  test('move to a new epoch one shard at a time; calls at the same time share one move', async () => {
    const { leases } = nodeOn(await newDatabase(), 'a');
    await leases.acquireAll();
    expect(await Promise.all([leases.advance(7), leases.advance(7), leases.advance(8)])).toEqual([2, 2, 2]);
    expect(await leases.advance(7)).toBe(3);
    expect([6, 7, 8].map((shard) => leases.epochOf(shard))).toEqual([1, 3, 2]);
  });

  test('cannot be moved by a node that lost them', async () => {
    const database = await newDatabase();
    const { leases } = nodeOn(database, 'a');
    await leases.acquireAll();
    await database.pool.query(`update shard set owner = 'b', epoch = epoch + 1 where id = 7`);
    expect(await leases.advance(7)).toBeNull();
    expect(leases.epochOf(7)).toBeNull();
    expect(leases.epochOf(8)).toBe(1);
    expect(await leases.advance(7)).toBeNull();
    expect((await database.pool.query('select epoch from shard where id = 7')).rows).toEqual([{ epoch: 2 }]);
  });

  test('are at the epoch of an own move whose answer was lost', async () => {
    const database = await newDatabase();
    const { leases } = nodeOn(database, 'a');
    await leases.acquireAll();
    await database.pool.query('update shard set epoch = epoch + 1 where id = 7');
    expect(await leases.advance(7)).toBe(2);
    expect(leases.epochOf(7)).toBe(2);
  });

  test('are given up as a whole', async () => {
    const database = await newDatabase();
    const { leases } = nodeOn(database, 'a');
    await leases.acquireAll();
    await leases.release();
    expect(leases.epochOf(7)).toBeNull();
    expect(await leases.recheck(7)).toBeNull();
    const { rows } = await database.pool.query('select distinct owner, epoch from shard');
    expect(rows).toEqual([{ owner: null, epoch: 2 }]);
  });

  test('are not taken from a node that a successor has fenced when it gives them up', async () => {
    const database = await newDatabase();
    const [old, successor] = ['old', 'successor'].map((owner) => nodeOn(database, owner).leases);
    await old.acquireAll();
    await successor.acquireAll();
    await old.release();
    expect(await successor.recheck(7)).toBe(2);
    const { rows } = await database.pool.query('select distinct owner, epoch from shard');
    expect(rows).toEqual([{ owner: 'successor', epoch: 2 }]);
  });

  test('wait for a stranger who holds them up, and name it, but end only lanes', async () => {
    const database = await newDatabase();
    const timers = new PacedTimers();
    timers.factor = 10;
    const { leases, logged } = nodeOn(database, 'a', { timers });
    const stranger = await database.pool.connect();
    await stranger.query('begin');
    await stranger.query('select from shard where id = 7 for share');
    const acquired = leases.acquireAll();
    await vi.waitFor(() => expect(logged).toContainEqual(expect.objectContaining({ owner: null, ended: false })));
    await stranger.query('commit');
    stranger.release();
    await acquired;
    expect(leases.epochOf(7)).toBe(1);
  });
});
