import { beforeEach, describe, expect, test } from 'vitest';
import { DRAINED_BY_OPS, MOVE_LIMIT_MS, PAUSE_LIMIT_MS } from '../../src/cluster/plans/plan-run.ts';
import { PlanRunner } from '../../src/cluster/plans/plan-runner.ts';
import { PINS_PER_STEP } from '../../src/cluster/plans/plan-steps.ts';
import { baseOf, type StoredPlan } from '../../src/cluster/plans/plan-store.ts';
import { type PlanRequest, planOf } from '../../src/cluster/plans/plans.ts';
import type { ClusterView } from '../../src/cluster/view.ts';
import { RefusedError } from '../../src/errors.ts';
import { capturedLog } from '../support/captured-log.ts';
import { settled } from '../support/manual-time.ts';
import { MemoryPlanStore } from '../support/memory-plan-store.ts';
import { MemoryRegistry } from '../support/memory-registry.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { PAUSE_MS, SimulatedCluster } from '../support/simulated-cluster.ts';

let cluster: SimulatedCluster;
let store: MemoryPlanStore;

/** Pins in the order in which they were set, one list a statement. */
let pinned: number[][];

beforeEach(async () => {
  cluster = new SimulatedCluster();
  store = new MemoryPlanStore(cluster.time.clock, seededRandom());
  pinned = [];
  await cluster.start('a', 'b', 'c');
  await cluster.settle();
});

/** The runner of one node, with a registry of its own. */
function runnerOn(id: string): { runner: PlanRunner; registry: MemoryRegistry } {
  const registry = new MemoryRegistry(cluster.tables, cluster.time.timers);
  const setPins = registry.setPins.bind(registry);
  registry.setPins = (pins) => {
    pinned.push(pins.map(({ shard }) => shard));
    return setPins(pins);
  };
  const runner = new PlanRunner({
    store,
    registry,
    incarnation: () => cluster.incarnation(id),
    nudge: () => cluster.nudge(),
    clock: cluster.time.clock,
    timers: cluster.time.timers,
    log: capturedLog().log,
  });
  return { runner, registry };
}

async function propose(request: PlanRequest): Promise<string> {
  const view = await cluster.registry.read();
  return (await store.propose(planOf(view, request), baseOf(view))).id;
}

/** So many shards that are not on this node. */
function shardsNotOn(id: string, count: number, view: ClusterView): number[] {
  const shards = view.owners.flatMap((owner, shard) => (owner === cluster.incarnation(id) ? [] : [shard]));
  return shards.slice(0, count);
}

async function proposeMove(to: string, count: number): Promise<{ id: string; shards: number[] }> {
  const shards = shardsNotOn(to, count, await cluster.registry.read());
  return { id: await propose({ kind: 'pin', shards, to, exclusive: false }), shards };
}

async function plan(id: string): Promise<StoredPlan> {
  const stored = await store.read(id);
  if (stored === null) throw new Error('no such plan');
  return stored;
}

/** The code and words of the refusal that this must end in. */
async function refusal(work: Promise<unknown>): Promise<{ code: string; detail: string }> {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(RefusedError);
  const { code, detail } = (error as RefusedError).refusal;
  return { code, detail };
}

/** Lets time pass until the plan is not being applied any more. */
async function ended(id: string, withinMs = 10_000): Promise<StoredPlan> {
  for (let passed = 0; passed < withinMs; passed += 50) {
    if ((await plan(id)).applier === null) return plan(id);
    await cluster.time.advance(50);
  }
  throw new Error(`the plan ${id} is still being applied`);
}

describe('a plan that is applied', () => {
  test('moves its shards, and tells the pause of each', async () => {
    const { id, shards } = await proposeMove('b', 5);
    const moves = (await plan(id)).plan.moves.length;
    await runnerOn('a').runner.apply(id);
    const applied = await ended(id);
    expect(applied).toMatchObject({ state: 'applied', detail: null });
    expect(applied.done).toHaveLength(moves);
    expect(new Set(applied.done.map(({ pauseMs }) => pauseMs))).toEqual(new Set([PAUSE_MS]));
    const view = await cluster.registry.read();
    for (const shard of shards) expect(view.owners[shard]).toBe(cluster.incarnation('b'));
    expect(view.pins.map(({ shard }) => shard)).toEqual(shards);
  });

  test('drains a node until it owns nothing, in a way that no node ends by itself', async () => {
    const id = await propose({ kind: 'drain', node: 'c' });
    await runnerOn('c').runner.apply(id);
    expect(await ended(id)).toMatchObject({ state: 'applied' });
    const view = await cluster.registry.read();
    expect(view.owners).not.toContain(cluster.incarnation('c'));
    expect(view.nodes.find((node) => node.id === 'c')).toMatchObject({ state: 'draining', reason: DRAINED_BY_OPS });
  });

  test('undrains it again, and every shard comes back', async () => {
    const before = await cluster.registry.read();
    const { runner } = runnerOn('a');
    for (const kind of ['drain', 'undrain'] as const) {
      const id = await propose({ kind, node: 'c' });
      await runner.apply(id);
      expect(await ended(id)).toMatchObject({ state: 'applied' });
    }
    const after = await cluster.registry.read();
    expect(after.owners).toEqual(before.owners);
    expect(after.nodes.map(({ state, reason }) => [state, reason])).toEqual(Array(3).fill(['up', null]));
  });

  test('goes in steps: the next begins when the shards of the last have arrived', async () => {
    const { id, shards } = await proposeMove('b', 3 * PINS_PER_STEP + 1);
    cluster.stick('b');
    await runnerOn('a').runner.apply(id);
    await cluster.time.advance(2_000);
    expect(pinned).toEqual([shards.slice(0, PINS_PER_STEP)]);
    cluster.stick('b', false);
    expect(await ended(id)).toMatchObject({ state: 'applied' });
    expect(pinned.map((step) => step.length)).toEqual([PINS_PER_STEP, PINS_PER_STEP, PINS_PER_STEP, 1]);
    expect(pinned.flat()).toEqual(shards);
  });

  test('does nothing the second time', async () => {
    const { id } = await proposeMove('b', 2);
    const { runner } = runnerOn('a');
    await runner.apply(id);
    const applied = await ended(id);
    await runner.apply(id);
    await runner.idle();
    expect(await plan(id)).toEqual(applied);
    expect(pinned).toHaveLength(1);
  });

  test('does not wait for ever for a pause that nobody noted', async () => {
    const { id, shards } = await proposeMove('b', 1);
    const { runner, registry } = runnerOn('a');
    registry.pauses = async (asked) => asked.map(() => null);
    await runner.apply(id);
    await cluster.time.advance(PAUSE_LIMIT_MS - 500);
    expect(await plan(id)).toMatchObject({ state: 'applying', done: [] });
    const applied = await ended(id);
    expect(applied.state).toBe('applied');
    expect(applied.done).toContainEqual({ shard: shards[0], pauseMs: null });
  });

  test('goes on after the database was away', async () => {
    const { id } = await proposeMove('b', PINS_PER_STEP + 1);
    const { runner, registry } = runnerOn('a');
    await runner.apply(id);
    await settled();
    registry.fault = 'away';
    store.isAway = true;
    await cluster.time.advance(MOVE_LIMIT_MS / 2);
    registry.fault = null;
    store.isAway = false;
    expect(await ended(id)).toMatchObject({ state: 'applied' });
  });
});

describe('a cluster that changed since the plan was made', () => {
  test.each<[string, (shards: number[]) => Promise<unknown>, RegExp]>([
    ['a node joined', () => cluster.start('d'), /Node d has joined/],
    ['a node died', () => cluster.kill('c'), /Node c is gone/],
    ['a node drains', () => drainByHand('c'), /Node c is draining now/],
    [
      'a shard was pinned',
      () => cluster.registry.setPins([{ shard: 7, node: 'a', exclusive: false }]),
      /Shard 7 is pinned to a now/,
    ],
    ['a node was restarted', () => cluster.kill('c').then(() => cluster.start('c')), /other nodes/],
    ['a shard changed hands', () => takeOver(shardOwnedBy('c')), /other owners of shards/],
  ])('is refused the plan when %s', async (_, change, words) => {
    const { id, shards } = await proposeMove('b', 3);
    await change(shards);
    const refused = await refusal(runnerOn('a').runner.apply(id));
    expect(refused.code).toBe('CLUSTER_CHANGED');
    expect(refused.detail).toMatch(words);
    expect(pinned).toEqual([]);
    expect(await plan(id)).toMatchObject({ state: 'proposed', applier: null });
  });

  test('in the middle of the plan makes it fail before the next step, and nothing is rolled back', async () => {
    const { id, shards } = await proposeMove('b', 2 * PINS_PER_STEP);
    cluster.stick('b');
    await runnerOn('a').runner.apply(id);
    await cluster.time.advance(500);
    await cluster.registry.setPins([{ shard: shards[40], node: 'c', exclusive: false }]);
    cluster.stick('b', false);
    const failed = await ended(id);
    expect(failed.state).toBe('failed');
    expect(failed.detail).toMatch(new RegExp(`Shard ${shards[40]} is pinned to c now.*32 of \\d+ moves are done`));
    expect(pinned).toHaveLength(1);
    const view = await cluster.registry.read();
    for (const shard of shards.slice(0, PINS_PER_STEP)) expect(view.owners[shard]).toBe(cluster.incarnation('b'));
  });
});

describe('an interrupted plan', () => {
  test('stops between two steps when asked to, and is resumed by another node', async () => {
    const { id, shards } = await proposeMove('b', 2 * PINS_PER_STEP);
    cluster.stick('b');
    await runnerOn('a').runner.apply(id);
    await cluster.time.advance(500);
    expect(await store.askStop(id)).toBe(true);
    cluster.stick('b', false);
    const left = await ended(id);
    expect(left).toMatchObject({ state: 'applying', detail: 'Stopped between two steps.' });
    expect(left.done.map(({ shard }) => shard)).toEqual(shards.slice(0, PINS_PER_STEP));

    await cluster.time.advance(60_000);
    await runnerOn('c').runner.apply(id);
    const applied = await ended(id);
    expect(applied.state).toBe('applied');
    // What was moved before was moved once, and its pauses are kept.
    expect(pinned.flat()).toEqual(shards);
    expect(applied.done.slice(0, PINS_PER_STEP)).toEqual(left.done);
  });

  test('is resumed although its first steps have displaced shards of the later ones', async () => {
    const shards = cluster.tables.shards.flatMap((_, shard) => (ownerOf(shard) === 'c' ? [shard] : []));
    const id = await propose({ kind: 'pin', shards, to: 'a', exclusive: false });
    const { runner } = runnerOn('b');
    await runner.apply(id);
    while (pinned.length < 7) await cluster.time.advance(10);
    await store.askStop(id);
    expect(await ended(id)).toMatchObject({ state: 'applying' });
    await cluster.settle();
    const { moves } = (await plan(id)).plan;
    expect(moves.filter(({ shard, from, to }) => ![from, to].includes(ownerOf(shard) ?? ''))).not.toEqual([]);
    await runner.apply(id);
    expect(await ended(id, 20_000)).toMatchObject({ state: 'applied' });
    for (const { shard, to } of moves) expect(ownerOf(shard)).toBe(to);
  });

  test('is left at once by a node that stops, in the middle of a step', async () => {
    const { id } = await proposeMove('b', 3);
    const { runner } = runnerOn('a');
    cluster.stick('b');
    await runner.apply(id);
    await cluster.time.advance(500);
    const stopped = runner.stop();
    await cluster.time.advance(200);
    await stopped;
    expect(await plan(id)).toMatchObject({ state: 'applying', applier: null, done: [] });
    expect((await refusal(runner.apply(id))).code).toBe('UNAVAILABLE');
    cluster.stick('b', false);
    await cluster.time.advance(2_000);
    await runnerOn('b').runner.apply(id);
    expect(await ended(id)).toMatchObject({ state: 'applied' });
    expect(pinned).toHaveLength(1);
  });

  test('is resumed after its applier has died and is back, or refused while it is gone', async () => {
    const { id } = await proposeMove('b', 2 * PINS_PER_STEP);
    const dying = runnerOn('a');
    cluster.stick('b');
    await dying.runner.apply(id);
    await cluster.time.advance(500);
    dying.registry.fault = 'hung';
    cluster.stick('b', false);
    await cluster.kill('a');
    await cluster.settle();
    expect(await plan(id)).toMatchObject({ state: 'applying' });
    const refused = await refusal(runnerOn('c').runner.apply(id));
    expect(refused).toMatchObject({ code: 'CLUSTER_CHANGED', detail: expect.stringContaining('Node a is gone') });

    await cluster.start('a');
    await cluster.settle();
    await runnerOn('c').runner.apply(id);
    expect(await ended(id)).toMatchObject({ state: 'applied' });
  });

  test('is not resumed once shards of it are where neither it nor its base has them', async () => {
    const { id, shards } = await proposeMove('b', 2 * PINS_PER_STEP);
    cluster.stick('b');
    await runnerOn('a').runner.apply(id);
    await store.askStop(id);
    cluster.stick('b', false);
    await ended(id);
    const stray = shards[PINS_PER_STEP];
    const from = (await plan(id)).plan.moves.find(({ shard }) => shard === stray)?.from;
    const third = from === 'a' ? 'c' : 'a';
    for (const node of ['a', 'b', 'c']) cluster.stick(node);
    await takeOver(stray, third);
    const refused = await refusal(runnerOn('c').runner.apply(id));
    expect(refused).toMatchObject({
      code: 'CLUSTER_CHANGED',
      detail: expect.stringContaining(`${stray} is on ${third}`),
    });
  });

  test('stays to be resumed when the database does not come back for long', async () => {
    const { id } = await proposeMove('b', 2);
    const { runner, registry } = runnerOn('a');
    await runner.apply(id);
    await settled();
    registry.fault = 'away';
    await cluster.time.advance(MOVE_LIMIT_MS + 1_000);
    await runner.idle();
    registry.fault = null;
    expect(await plan(id)).toMatchObject({ state: 'applying', applier: null });
    await runner.apply(id);
    expect(await ended(id)).toMatchObject({ state: 'applied' });
  });

  test('is resumed by the node whose last run could not note its own end', async () => {
    const { id } = await proposeMove('b', 2);
    const { runner } = runnerOn('a');
    await runner.apply(id);
    await settled();
    store.isAway = true;
    await cluster.time.advance(MOVE_LIMIT_MS + 1_000);
    await runner.idle();
    store.isAway = false;
    expect(await plan(id)).toMatchObject({ state: 'applying', applier: cluster.incarnation('a') });
    expect((await refusal(runnerOn('b').runner.apply(id))).code).toBe('CLUSTER_PLAN_BUSY');
    await runner.apply(id);
    expect(await ended(id)).toMatchObject({ state: 'applied' });
  });
});

describe('a plan that cannot be carried out', () => {
  test('fails at once when the target dies in the middle, and says how far it came', async () => {
    const { id, shards } = await proposeMove('b', 3 * PINS_PER_STEP);
    await runnerOn('a').runner.apply(id);
    while (pinned.length < 2) await cluster.time.advance(10);
    cluster.stick('b');
    await cluster.time.advance(500);
    await cluster.kill('b');
    const failed = await ended(id, 1_000);
    expect(failed.state).toBe('failed');
    expect(failed.done.map(({ shard }) => shard)).toEqual(shards.slice(0, PINS_PER_STEP));
    expect(failed.detail).toMatch(/Node b is gone\. 32 of \d+ moves are done\..*nothing is rolled back/);
    expect((await refusal(runnerOn('a').runner.apply(id))).code).toBe('CLUSTER_PLAN_ENDED');
  });

  test('fails when its shards do not move', async () => {
    const { id } = await proposeMove('b', 2);
    cluster.stick('b');
    await runnerOn('a').runner.apply(id);
    await cluster.time.advance(MOVE_LIMIT_MS - 1_000);
    expect(await plan(id)).toMatchObject({ state: 'applying' });
    const failed = await ended(id);
    expect(failed).toMatchObject({ state: 'failed', done: [] });
    expect(failed.detail).toMatch(/For 30 s no move has finished; \d+ were under way\./);
  });

  test('is carried out all the same when a node dies that shards come from: their targets take them over', async () => {
    const owned = cluster.tables.shards.flatMap((_, shard) => (ownerOf(shard) === 'c' ? [shard] : []));
    const shards = owned.slice(0, 3);
    const id = await propose({ kind: 'pin', shards, to: 'b', exclusive: false });
    cluster.stick('c');
    await runnerOn('a').runner.apply(id);
    await cluster.time.advance(300);
    expect(await plan(id)).toMatchObject({ done: [] });
    await cluster.kill('c');
    const applied = await ended(id, PAUSE_LIMIT_MS + 5_000);
    expect(applied.state).toBe('applied');
    for (const shard of shards) {
      expect(ownerOf(shard)).toBe('b');
      expect(applied.done).toContainEqual({ shard, pauseMs: null });
    }
  });
});

describe('two appliers', () => {
  test.each([
    ['on two nodes', 'b'],
    ['on one node', 'a'],
  ])('of one plan %s: one wins, the other is refused', async (_, second) => {
    const { id, shards } = await proposeMove('c', 3);
    const first = runnerOn('a').runner;
    const other = second === 'a' ? first : runnerOn(second).runner;
    const outcomes = await Promise.allSettled([first.apply(id), other.apply(id)]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const lost = outcomes.find((outcome) => outcome.status === 'rejected');
    expect(lost?.reason.refusal.code).toBe('CLUSTER_PLAN_BUSY');
    expect(await ended(id)).toMatchObject({ state: 'applied' });
    expect(pinned).toEqual([shards]);
  });

  test('of two plans: the second is refused while the first is applied', async () => {
    const { id } = await proposeMove('b', 3);
    const drain = await propose({ kind: 'drain', node: 'c' });
    cluster.stick('b');
    await runnerOn('a').runner.apply(id);
    expect(await refusal(runnerOn('b').runner.apply(drain))).toMatchObject({
      code: 'CLUSTER_PLAN_BUSY',
      detail: expect.stringContaining(id),
    });
  });

  test.each([
    ['on two nodes', 'b'],
    ['on one node', 'a'],
  ])('of two drains at once, %s: one wins, the other is refused and drains nobody', async (_, second) => {
    const [drainB, drainC] = [await propose({ kind: 'drain', node: 'b' }), await propose({ kind: 'drain', node: 'c' })];
    const first = runnerOn('a').runner;
    const other = second === 'a' ? first : runnerOn(second).runner;
    const outcomes = await Promise.allSettled([first.apply(drainB), other.apply(drainC)]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const lost = outcomes.findIndex(({ status }) => status === 'rejected');
    expect((outcomes[lost] as PromiseRejectedResult).reason.refusal.code).toBe('CLUSTER_PLAN_BUSY');
    expect(await ended([drainC, drainB][lost])).toMatchObject({ state: 'applied' });
    expect(await plan([drainB, drainC][lost])).toMatchObject({ state: 'proposed', applier: null });
    const states = (await cluster.registry.read()).nodes.map(({ id, state }) => [id, state]);
    const drained = ['c', 'b'][lost];
    expect(states).toEqual(['a', 'b', 'c'].map((id) => [id, id === drained ? 'draining' : 'up']));
  });

  test('one of which was declared dead and wakes up: it notices, and sets nothing more', async () => {
    const { id, shards } = await proposeMove('b', 2 * PINS_PER_STEP);
    const zombie = runnerOn('a');
    cluster.stick('b');
    await zombie.runner.apply(id);
    await cluster.time.advance(500);
    zombie.registry.fault = 'hung';
    await cluster.kill('a');
    cluster.stick('b', false);
    await cluster.start('a');
    await cluster.settle();
    const next = runnerOn('c');
    next.registry.pauses = () => new Promise(() => {});
    await next.runner.apply(id);
    zombie.registry.fault = null;
    await cluster.time.advance(5_000);
    await zombie.runner.idle();
    expect(await plan(id)).toMatchObject({ state: 'applying', applier: cluster.incarnation('c') });
    expect(pinned).toEqual([shards.slice(0, PINS_PER_STEP)]);
  });
});

test('there is nothing to apply under an unknown id, nor by a node outside the cluster', async () => {
  expect((await refusal(runnerOn('a').runner.apply('cpl_0'))).code).toBe('NOT_FOUND');
  expect((await refusal(runnerOn('z').runner.apply('cpl_0'))).code).toBe('UNAVAILABLE');
});

async function drainByHand(id: string): Promise<boolean> {
  return cluster.registry.setState(cluster.incarnation(id) ?? '', ['up'], 'draining', 'stalled');
}

function shardOwnedBy(id: string): number {
  return cluster.tables.shards.findIndex((_, shard) => ownerOf(shard) === id);
}

function ownerOf(shard: number): string | undefined {
  return ['a', 'b', 'c'].find((id) => cluster.incarnation(id) === cluster.tables.shards[shard].owner);
}

/** Another node takes the shard, whatever its placement. */
async function takeOver(shard: number, by = 'a'): Promise<void> {
  const row = cluster.tables.shards[shard];
  if (row.owner !== null) await cluster.registry.release(row.owner, [{ shard, epoch: row.epoch, closedMsAgo: 0 }]);
  await cluster.registry.acquire(cluster.incarnation(by) ?? '', [{ shard, epoch: row.epoch }]);
}
