import { createServer, type Socket } from 'node:net';
import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { PLANS_KEPT, type PlanBase, type PlanStore, PostgresPlanStore } from '../../src/cluster/plans/plan-store.ts';
import type { Plan } from '../../src/cluster/plans/plans.ts';
import { isId } from '../../src/ids.ts';
import { systemClock } from '../../src/system/clock.ts';
import { systemRandom } from '../../src/system/random.ts';
import { freePort } from '../support/free-port.ts';
import { journalServer } from '../support/journal-database.ts';
import { MemoryPlanStore } from '../support/memory-plan-store.ts';

const newDatabase = journalServer();

const PLAN: Plan = {
  request: { kind: 'move', shards: [3, 4], to: 'b' },
  base: 'aa.bb.cc',
  changes: { pins: [{ shard: 3, node: 'b', exclusive: false }], drain: null, undrain: null },
  moves: [
    { shard: 3, from: 'a', to: 'b', why: 'pinned', perSecond: 1.5 },
    { shard: 4, from: null, to: 'b', why: 'it has no owner', perSecond: 0 },
  ],
  load: [{ node: 'b', shardsBefore: 0, shardsAfter: 2, perSecondBefore: 0, perSecondAfter: 1.5 }],
  notes: ['a note'],
};
const BASE: PlanBase = {
  nodes: [{ id: 'a', state: 'up', weight: 0.5 }],
  pins: [{ shard: 9, node: 'a', exclusive: true }],
};

describe.each<[string, () => Promise<PlanStore>]>([
  ['in memory', async () => new MemoryPlanStore(systemClock(), systemRandom)],
  ['in Postgres', async () => new PostgresPlanStore((await newDatabase()).pool, systemRandom)],
])('the store of plans %s', (_, newStore) => {
  test('keeps a plan as it was proposed', async () => {
    const store = await newStore();
    const before = systemClock().now();
    const proposed = await store.propose(PLAN, BASE);
    expect(isId('cpl', proposed.id)).toBe(true);
    expect(proposed).toEqual({
      id: proposed.id,
      state: 'proposed',
      plan: PLAN,
      base: BASE,
      done: [],
      detail: null,
      applier: null,
      isStopAsked: false,
      createdAt: expect.closeTo(before, -4),
      changedAt: proposed.createdAt,
    });
    expect(await store.read(proposed.id)).toEqual(proposed);
    expect(await store.read('cpl_0')).toBeNull();
  });

  test('lets one node apply one plan at a time', async () => {
    const store = await newStore();
    const [{ id }, other] = [await store.propose(PLAN, BASE), await store.propose(PLAN, BASE)];
    expect(await store.current()).toBeNull();
    const claims = await Promise.all([
      store.claim(id, 'nod_1'),
      store.claim(id, 'nod_2'),
      store.claim(other.id, 'nod_3'),
      store.claim('cpl_0', 'nod_4'),
    ]);
    expect(claims.filter((claim) => claim)).toHaveLength(1);
    const current = await store.current();
    expect(current).toEqual({
      id: claims[2] ? other.id : id,
      applier: ['nod_1', 'nod_2', 'nod_3'][claims.indexOf(true)],
    });
    expect(await store.claim(current?.id ?? '', current?.applier ?? '')).toBe(false);
  });

  test('notes progress for the applier alone', async () => {
    const store = await newStore();
    const { id } = await store.propose(PLAN, BASE);
    const done = [
      { shard: 3, pauseMs: 12 },
      { shard: 4, pauseMs: null },
    ];
    expect(await store.note(id, 'nod_1', done)).toBeNull();
    await store.claim(id, 'nod_1');
    expect(await store.note(id, 'nod_1', done)).toEqual({ isStopAsked: false });
    expect(await store.note(id, 'nod_2', [])).toBeNull();
    expect(await store.read(id)).toMatchObject({ state: 'applying', applier: 'nod_1', done });
  });

  test('lets the applier know that it is to stop, once', async () => {
    const store = await newStore();
    const { id } = await store.propose(PLAN, BASE);
    expect(await store.askStop(id)).toBe(false);
    await store.claim(id, 'nod_1');
    expect(await store.askStop(id)).toBe(true);
    expect(await store.note(id, 'nod_1', [])).toEqual({ isStopAsked: true });
    expect(await store.leave(id, 'nod_1', 'stopped')).toBe(true);
    expect(await store.read(id)).toMatchObject({ state: 'applying', applier: null, detail: 'stopped' });
    expect(await store.claim(id, 'nod_2')).toBe(true);
    expect(await store.note(id, 'nod_2', [])).toEqual({ isStopAsked: false });
  });

  test.each(['applied', 'failed'] as const)('ends a plan as %s for good', async (state) => {
    const store = await newStore();
    const { id } = await store.propose(PLAN, BASE);
    await store.claim(id, 'nod_1');
    expect(await store.end(id, 'nod_2', state, null)).toBe(false);
    expect(await store.leave(id, 'nod_2', '')).toBe(false);
    expect(await store.end(id, 'nod_1', state, 'why')).toBe(true);
    expect(await store.read(id)).toMatchObject({ state, detail: 'why', applier: null });
    expect(await store.claim(id, 'nod_1')).toBe(false);
    expect(await store.current()).toBeNull();
    expect(await store.claim((await store.propose(PLAN, BASE)).id, 'nod_2')).toBe(true);
  });

  test('forgets the oldest plans, but never one that is being applied', async () => {
    const store = await newStore();
    const applied = await store.propose(PLAN, BASE);
    await store.claim(applied.id, 'nod_1');
    const oldest = await store.propose(PLAN, BASE);
    for (let i = 1; i < PLANS_KEPT; i++) await store.propose(PLAN, BASE);
    expect(await store.read(oldest.id)).not.toBeNull();
    const newest = await store.propose(PLAN, BASE);
    expect(await store.read(oldest.id)).toBeNull();
    expect(await store.read(newest.id)).not.toBeNull();
    expect(await store.read(applied.id)).toMatchObject({ applier: 'nod_1' });
  });
});

test('a database that does not answer is given up in time', async () => {
  const sockets: Socket[] = [];
  // It takes the connection and everything that is said, and is silent.
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.once('data', () => {
      // AuthenticationOk, ReadyForQuery
      socket.write(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0, 0x5a, 0, 0, 0, 5, 0x49]));
    });
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const pool = new pg.Pool({ host: '127.0.0.1', port, user: 'usher', database: 'usher', max: 1 });
  pool.on('error', () => {});
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await pool.end();
    server.close();
  });
  const store = new PostgresPlanStore(pool, systemRandom, 100);
  await expect(store.read('cpl_0')).rejects.toThrow('timeout');
  await expect(store.current()).rejects.toThrow('timeout');
  expect(sockets).toHaveLength(2);
});
