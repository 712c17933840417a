import { describe, expect, test } from 'vitest';
import type { NodeShows } from '../../src/actors/node-shows.ts';
import type { Nudge } from '../../src/cluster/messages/letter.ts';
import { HandOffs, PREPARE_MS } from '../../src/cluster/ownership/hand-off.ts';
import { Leases } from '../../src/cluster/ownership/leases.ts';
import type { NodeRow } from '../../src/cluster/view.ts';
import { clusterView } from '../support/cluster-view.ts';
import { manualTime, settled } from '../support/manual-time.ts';
import { MemoryRegistry, MemoryTables } from '../support/memory-registry.ts';
import { selfOf, under } from '../support/node-starts.ts';

const [, B, C] = clusterView({ a: {}, b: {}, c: {} }).nodes;
/** How long the turns under way take to end. */
const LEAVE_MS = 30;

/** A node that owns these shards, and every step that its hand-offs take. */
async function nodeWith(...shards: number[]) {
  let slow = false;
  const preparedWithin: number[] = [];
  const time = manualTime();
  const tables = new MemoryTables(time.clock);
  const registry = new MemoryRegistry(tables, time.timers);
  const self = selfOf('a');
  const { incarnation } = self;
  await registry.join(self);
  const leases = new Leases(registry, incarnation, time.clock);
  leases.take(await registry.acquire(incarnation, under(0, shards)));
  leases.renew(time.clock.now());

  /** Each step, with those of the node's shards to which requests would be admitted then. */
  const steps: (readonly [step: string, admitted: readonly number[]])[] = [];
  const step = (name: string): void => {
    steps.push([name, shards.filter((shard) => leases.epochOf(shard) !== null)]);
  };
  const shows = {
    wanted: (of: ReadonlySet<number>) => [...of].map((shard) => `shw_${shard}`),
    async keepSnapshots(of: ReadonlySet<number>) {
      step(`snapshots of ${[...of]}`);
      await null;
    },
    async leave(of: ReadonlySet<number>) {
      step(`leave ${[...of]}`);
      await new Promise<void>((resolve) => time.timers.after(LEAVE_MS, resolve));
      step(`left ${[...of]}`);
      return [...of].map((shard) => `shw_${shard}`);
    },
  } as unknown as NodeShows;
  const release = registry.release.bind(registry);
  registry.release = async (by, given) => {
    step(`release ${given.map(({ shard }) => shard)}`);
    const released = await release(by, given);
    step('released');
    return released;
  };
  const nudges: (readonly [to: string, nudges: readonly Nudge[]])[] = [];
  const told: unknown[] = [];
  const down = new Set<string>();
  let looks = 0;
  const handOffs = new HandOffs({
    incarnation,
    registry,
    leases,
    shows,
    shardOf: (showId) => Number(showId.slice('shw_'.length)),
    clock: time.clock,
    log: { warn: () => {} },
    prepare: async (to, showIds, limitMs) => {
      step(`${to} prepares ${showIds}`);
      preparedWithin.push(limitMs);
      if (slow) await new Promise<void>((resolve) => time.timers.after(limitMs, resolve));
    },
    nudge: (to, each) => void nudges.push([to, each]),
    isUp: (other) => !down.has(other),
    onLook: () => void looks++,
    released: (each) => void told.push(...each),
  });
  return {
    time,
    tables,
    registry,
    leases,
    handOffs,
    steps,
    nudges,
    told,
    down,
    looks: () => looks,
    incarnation,
    /** Within how many ms each preparation had to be done. */
    preparedWithin,
    /** Next owners take as long as they may. */
    slowDown: () => {
      slow = true;
    },
  };
}

async function give(node: Awaited<ReturnType<typeof nodeWith>>, departures: Record<number, NodeRow | null>) {
  const gone = node.handOffs.start(Object.entries(departures).map(([shard, to]) => ({ shard: Number(shard), to })));
  await node.time.advance(10 * LEAVE_MS);
  await gone;
}

describe('a shard that is handed over', () => {
  test('admits nothing from before its shows end until it is released: nothing is decided in between', async () => {
    const node = await nodeWith(7, 8);
    await give(node, { 7: B });
    expect(node.steps).toEqual([
      ['snapshots of 7', [7, 8]],
      [`${B.incarnation} prepares shw_7`, [7, 8]],
      ['leave 7', [8]],
      ['left 7', [8]],
      ['release 7', [8]],
      ['released', [8]],
    ]);
    expect([node.leases.takenAs(7), node.leases.epochOf(8)]).toEqual([null, 1]);
  });

  test('is nobody’s then, under a new epoch, and its next owner is told which shows to wake', async () => {
    const node = await nodeWith(7, 8, 9);
    await give(node, { 7: B, 8: C, 9: B });
    for (const shard of [7, 8, 9]) expect(node.tables.shards[shard]).toMatchObject({ owner: null, epoch: 2 });
    expect(node.nudges).toEqual([
      [B.incarnation, [7, 9].map((shard) => ({ shard, epoch: 2, awake: [`shw_${shard}`] }))],
      [C.incarnation, [{ shard: 8, epoch: 2, awake: ['shw_8'] }]],
    ]);
    expect(node.told).toEqual(under(2, [7, 8, 9]));
    expect(node.handOffs.size).toBe(0);
  });

  test('counts its pause from when it was closed', async () => {
    const node = await nodeWith(7);
    const startedAt = node.time.clock.now();
    await give(node, { 7: B });
    expect(node.tables.shards[7].closedAt).toBe(startedAt);
  });

  test('is prepared by the node that it goes to, while it still sells', async () => {
    const node = await nodeWith(7, 8, 9);
    await give(node, { 7: B, 8: C, 9: null });
    expect(node.steps.filter(([name]) => name.includes('prepares'))).toEqual([
      [`${B.incarnation} prepares shw_7`, [7, 8, 9]],
      [`${C.incarnation} prepares shw_8`, [7, 8, 9]],
    ]);
  });

  test('to nobody is released, and nobody is told', async () => {
    const node = await nodeWith(7);
    await give(node, { 7: null });
    expect(node.tables.shards[7]).toMatchObject({ owner: null, epoch: 2 });
    expect(node.nudges).toEqual([]);
  });

  test('stays, and stays open, when its target is gone by then', async () => {
    const node = await nodeWith(7, 8);
    node.down.add(B.incarnation);
    await give(node, { 7: B, 8: C });
    expect([7, 8].map((shard) => node.leases.epochOf(shard))).toEqual([1, null]);
    expect([node.tables.shards[7].owner, node.looks()]).toEqual([node.incarnation, 1]);
  });

  test('is not ours any more when it is not known whether it was released: the tables tell', async () => {
    const node = await nodeWith(7);
    node.registry.fault = 'lost';
    await give(node, { 7: B });
    expect([node.leases.takenAs(7), node.looks(), node.nudges.length]).toEqual([null, 1, 0]);
  });

  test('that another node has taken meanwhile is not released', async () => {
    const node = await nodeWith(7);
    node.leases.drop([7]);
    await give(node, { 7: B });
    const prepared = ['snapshots of 7', `${B.incarnation} prepares shw_7`];
    expect([node.steps.map(([name]) => name), node.tables.shards[7].epoch]).toEqual([prepared, 1]);
  });
});

describe('many shards', () => {
  const MANY = Array.from({ length: 40 }, (_, shard) => shard);

  test('leave 32 at a time; the others go on meanwhile', async () => {
    const node = await nodeWith(...MANY);
    await give(node, Object.fromEntries(MANY.map((shard) => [shard, B])));
    const left = node.steps.filter(([name]) => name.startsWith('leave'));
    expect(left.map(([, admitted]) => admitted)).toEqual([MANY.slice(32), []]);
  });

  test('do not wait, in all, longer than a bounded time for their next owners to be prepared', async () => {
    const node = await nodeWith(...MANY);
    node.slowDown();
    const gone = node.handOffs.start(MANY.map((shard) => ({ shard, to: B })));
    await node.time.advance(PREPARE_MS + 10 * LEAVE_MS);
    await gone;
    expect(node.preparedWithin).toEqual([PREPARE_MS]);
    expect(node.leases.owned).toBe(0);
  });

  test('that wait stay if they are no longer to go, or go to where they are to go by then', async () => {
    const node = await nodeWith(...MANY);
    const gone = node.handOffs.start(MANY.map((shard) => ({ shard, to: B })));
    await settled();
    expect(node.handOffs.size).toBe(40);
    node.handOffs.keepOnly(new Set(MANY.slice(0, 33)));
    void node.handOffs.start([{ shard: 32, to: C }]);
    await node.time.advance(10 * LEAVE_MS);
    await gone;
    expect(MANY.filter((shard) => node.leases.takenAs(shard) !== null)).toEqual(MANY.slice(33));
    expect(node.nudges.map(([to, nudges]) => [to, nudges.length])).toEqual([
      [B.incarnation, 32],
      [C.incarnation, 1],
    ]);
  });
});
