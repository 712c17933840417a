import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { type ClusterOps, createClusterOps } from '../../src/cluster/plans/cluster-ops.ts';
import { PlanRunner } from '../../src/cluster/plans/plan-runner.ts';
import { shardOf } from '../../src/cluster/shards.ts';
import type { AdminAccess } from '../../src/http/admin/access.ts';
import { buildAdminServer } from '../../src/http/admin-server.ts';
import { createMetrics } from '../../src/http/metrics.ts';
import { capturedLog } from '../support/captured-log.ts';
import { expectProblem, pointersOf } from '../support/expect-problem.ts';
import { MemoryPlanStore } from '../support/memory-plan-store.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { SimulatedCluster } from '../support/simulated-cluster.ts';
import { SHOW_ID } from '../support/small-show.ts';

const LOCAL: AdminAccess = { host: '127.0.0.1', token: null, allowsActions: true };
const TOKEN = 'a token of this cluster';
const REMOTE: AdminAccess = { host: '0.0.0.0', token: TOKEN, allowsActions: true };
const UNKNOWN_SHOW = `shw_${'0'.repeat(26)}`;
const SHARD = shardOf(SHOW_ID);

let cluster: SimulatedCluster;
let ops: ClusterOps;

beforeEach(async () => {
  cluster = new SimulatedCluster();
  await cluster.start('a', 'b', 'c');
  await cluster.settle();
  const { time, registry } = cluster;
  const store = new MemoryPlanStore(time.clock, seededRandom());
  const runner = new PlanRunner({
    store,
    registry,
    incarnation: () => cluster.incarnation('a'),
    nudge: () => cluster.nudge(),
    clock: time.clock,
    timers: time.timers,
    log: capturedLog().log,
  });
  ops = createClusterOps({
    registry,
    store,
    runner,
    shardOf,
    isShow: async (id) => id === SHOW_ID,
    log: capturedLog().log,
  });
});

type Send = (
  method: 'GET' | 'POST' | 'PUT',
  url: string,
  body?: object | null,
  headers?: Record<string, string>,
) => Promise<LightMyRequestResponse>;

function listener(access: AdminAccess, isReady = true): { app: FastifyInstance; send: Send } {
  const app = buildAdminServer({
    ops,
    access,
    random: seededRandom(),
    timers: cluster.time.timers,
    log: capturedLog().log,
    metrics: createMetrics(false),
    readiness: { database: () => (isReady ? Promise.resolve() : Promise.reject(new Error('away'))) },
  });
  onTestFinished(() => app.close());
  const send: Send = (method, url, body, headers = {}) => {
    const options: InjectOptions = { method, url, headers: { host: '127.0.0.1:8081', ...headers } };
    return app.inject(body === undefined || body === null ? options : { ...options, payload: body });
  };
  return { app, send };
}

const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

describe('who may come in', () => {
  const READS = ['/cluster', '/cluster/shards', `/cluster/shows/${SHOW_ID}`, '/metrics'];

  test('everybody on this machine, where there is no token', async () => {
    const { send } = listener(LOCAL);
    for (const url of READS) expect((await send('GET', url)).statusCode, url).toBe(200);
    for (const host of ['localhost', 'LOCALHOST:8081', '127.0.0.1', '127.9.8.7:1', '[::1]:8081', '[::1]']) {
      expect((await send('GET', '/cluster', null, { host })).statusCode, host).toBe(200);
    }
  });

  test.each([
    'usher.example',
    'usher.example:8081',
    '127.0.0.1.example',
    'localhost.example:80',
    '10.0.0.7:8081',
    '[::2]',
  ])('nobody under the name %j, which a page elsewhere may have made to point here', async (host) => {
    const { send } = listener(LOCAL);
    expectProblem(await send('GET', '/cluster', null, { host }), 'FORBIDDEN');
    expectProblem(await send('POST', '/cluster/plans', { kind: 'rebalance' }, { host }), 'FORBIDDEN');
  });

  test('no page in a browser, with or without the token', async () => {
    const origin = { origin: 'http://127.0.0.1:8081' };
    expectProblem(await listener(LOCAL).send('GET', '/cluster', null, origin), 'FORBIDDEN');
    const { send } = listener(REMOTE);
    expectProblem(
      await send('POST', '/cluster/plans', { kind: 'rebalance' }, { ...origin, ...bearer(TOKEN) }),
      'FORBIDDEN',
    );
    expectProblem(await send('GET', '/livez', null, { origin: 'null' }), 'FORBIDDEN');
  });

  test.each(READS)('only with the token, where there is one: %s', async (url) => {
    const { send } = listener(REMOTE);
    const host = { host: 'usher.example' };
    const missing = await send('GET', url, null, host);
    expect(expectProblem(missing, 'UNAUTHENTICATED').detail).toContain('ADMIN_TOKEN');
    expect(missing.headers['www-authenticate']).toBe('Bearer');
    for (const wrong of [`${TOKEN}x`, TOKEN.slice(1), TOKEN.toUpperCase(), '', 'x'.repeat(5_000)]) {
      expectProblem(await send('GET', url, null, { ...host, ...bearer(wrong) }), 'UNAUTHENTICATED');
    }
    expectProblem(await send('GET', url, null, { ...host, authorization: `Basic ${TOKEN}` }), 'UNAUTHENTICATED');
    expect((await send('GET', url, null, { ...host, ...bearer(TOKEN) })).statusCode).toBe(200);
    expect((await send('GET', url, null, { ...host, authorization: `bearer ${TOKEN}` })).statusCode).toBe(200);
  });

  test('with the token before anything is read of the request', async () => {
    const { send } = listener(REMOTE);
    for (const url of ['/cluster/plans', '/cluster/plans/cpl_0/apply', '/cluster/plans/cpl_0/stop']) {
      expectProblem(await send('POST', url, { kind: 7 }), 'UNAUTHENTICATED');
    }
  });

  test('with the token also on loopback, where one is set', async () => {
    const { send } = listener({ ...LOCAL, token: TOKEN });
    expectProblem(await send('GET', '/cluster'), 'UNAUTHENTICATED');
    expect((await send('GET', '/cluster', null, bearer(TOKEN))).statusCode).toBe(200);
  });

  test('a probe without it', async () => {
    const { send } = listener(REMOTE);
    expect((await send('GET', '/livez', null, { host: '10.0.0.7:8081' })).json()).toEqual({ status: 'ok' });
    expect((await send('GET', '/readyz?verbose')).json()).toEqual({ status: 'ok', checks: { database: 'ok' } });
    expectProblem(await listener(REMOTE, false).send('GET', '/readyz'), 'UNAVAILABLE');
  });

  test('nobody at all where others could, without a token', () => {
    expect(() => listener({ ...REMOTE, token: null })).toThrow('needs a token');
  });
});

describe('without the leave to act', () => {
  const READ_ONLY = { ...LOCAL, allowsActions: false };

  test('a plan can be made and read, but not applied or stopped, and the refusal says how', async () => {
    const { send } = listener(READ_ONLY);
    const made = await send('POST', '/cluster/plans', { kind: 'drain', node: 'c' });
    expect(made.statusCode).toBe(201);
    const { id } = made.json();
    for (const action of ['apply', 'stop']) {
      const problem = expectProblem(await send('POST', `/cluster/plans/${id}/${action}`), 'FORBIDDEN');
      expect(problem.detail).toContain('ADMIN_ACTIONS=on');
    }
    expect((await send('GET', `/cluster/plans/${id}`)).json()).toMatchObject({ state: 'proposed' });
    expect((await ops.view()).nodes.map(({ state }) => state)).toEqual(['up', 'up', 'up']);
  });

  test('nobody learns more by a wrong token', async () => {
    const { send } = listener({ ...REMOTE, allowsActions: false });
    expectProblem(await send('POST', '/cluster/plans/cpl_0/apply', null, bearer('wrong')), 'UNAUTHENTICATED');
    expectProblem(await send('POST', '/cluster/plans/cpl_0/apply', null, bearer(TOKEN)), 'FORBIDDEN');
  });
});

describe('the cluster', () => {
  test('is told at a glance', async () => {
    cluster.loads.set('b', { perSecond: 120, inbox: 3, awake: 7, lagMs: 12, hot: [[SHARD, 90]] });
    await cluster.time.advance(1_000);
    const status = (await listener(LOCAL).send('GET', '/cluster')).json();
    const counts = status.nodes.map(({ shards }: { shards: number }) => shards);
    expect(counts.reduce((sum: number, count: number) => sum + count)).toBe(1_024);
    expect(status).toEqual({
      at: expect.stringMatching(/^2026-.*Z$/),
      format: 1,
      nodes: ['a', 'b', 'c'].map((id, i) => ({
        id,
        incarnation: cluster.incarnation(id),
        pid: expect.any(Number),
        url: `http://${id}.example`,
        adminUrl: null,
        state: 'up',
        reason: null,
        shards: counts[i],
        weight: 1,
        load:
          id === 'b'
            ? { perSecond: 120, inbox: 3, awake: 7, lagMs: 12 }
            : { perSecond: 0, inbox: 0, awake: 0, lagMs: 0 },
        isLinked: true,
        stalledMs: 0,
        ageMs: expect.any(Number),
        format: 1,
      })),
      shards: { total: 1_024, owned: 1_024, unowned: 0, moving: 0 },
      pins: [],
      moves: [],
    });
  });

  test('is told while shards move', async () => {
    const { send } = listener(LOCAL);
    const { owner } = (await send('GET', `/cluster/shows/${SHARD}`)).json();
    const to = owner === 'a' ? 'b' : 'a';
    await cluster.registry.setPins([{ shard: SHARD, node: to, exclusive: false }]);
    const status = (await send('GET', '/cluster')).json();
    expect(status.pins).toEqual([{ shard: SHARD, node: to, exclusive: false }]);
    expect(status.shards.moving).toBe(status.moves.length);
    expect(status.moves).toContainEqual({ shard: SHARD, from: owner, to });
  });

  test('is told without what dead nodes had', async () => {
    await cluster.kill('c');
    const { nodes, shards } = (await listener(LOCAL).send('GET', '/cluster')).json();
    expect(nodes).toHaveLength(2);
    expect(shards.unowned).toBeGreaterThan(300);
    expect(shards.owned + shards.unowned).toBe(1_024);
  });

  test('is told shard by shard, of one node if wanted', async () => {
    const { send } = listener(LOCAL);
    await cluster.registry.setPins([{ shard: 5, node: 'gone', exclusive: true }]);
    const all = (await send('GET', '/cluster/shards')).json();
    expect(all.total).toBe(1_024);
    expect(all.items[5]).toEqual({
      shard: 5,
      epoch: expect.any(Number),
      owner: expect.stringMatching(/^[abc]$/),
      target: all.items[5].owner,
      pin: { node: 'gone', exclusive: true },
    });
    const ofB = (await send('GET', '/cluster/shards?node=b')).json();
    expect(ofB.items).toEqual(all.items.filter(({ owner }: { owner: string }) => owner === 'b'));
    expect((await send('GET', '/cluster/shards?node=z')).json()).toEqual({ items: [], total: 0 });
    expectProblem(await send('GET', '/cluster/shards?owner=b'), 'BODY_INVALID');
  });

  test('explains where a show is, by its id or the number of its shard', async () => {
    const { send } = listener(LOCAL);
    const byShow = (await send('GET', `/cluster/shows/${SHOW_ID}`)).json();
    expect(byShow).toEqual({
      showId: SHOW_ID,
      shard: SHARD,
      epoch: expect.any(Number),
      owner: expect.stringMatching(/^[abc]$/),
      incarnation: cluster.incarnation(byShow.owner),
      target: byShow.owner,
      why: expect.stringContaining('rendezvous'),
      pin: null,
    });
    expect((await send('GET', `/cluster/shows/${SHARD}`)).json()).toEqual({ ...byShow, showId: null });
  });

  test.each([UNKNOWN_SHOW, 'shw_1', '1024', '-1', '1e1', 'x'])('does not know the show %s', async (name) => {
    expectProblem(await listener(LOCAL).send('GET', `/cluster/shows/${name}`), 'NOT_FOUND');
  });

  test('is out of reach with the database, which is no fault of the request', async () => {
    cluster.registry.fault = 'away';
    expectProblem(await listener(LOCAL).send('GET', '/cluster'), 'UNAVAILABLE');
  });
});

describe('a plan', () => {
  test('is made, read, applied in the background, and told move by move', async () => {
    const { send } = listener(LOCAL);
    const { owner } = (await send('GET', `/cluster/shows/${SHOW_ID}`)).json();
    const to = owner === 'a' ? 'b' : 'a';
    const made = await send('POST', '/cluster/plans', { kind: 'pin', shows: [SHOW_ID], shards: [SHARD], to });
    expect(made.statusCode).toBe(201);
    const plan = made.json();
    expect(made.headers.location).toBe(`/cluster/plans/${plan.id}`);
    expect(plan).toMatchObject({
      state: 'proposed',
      applier: null,
      request: { kind: 'pin', shards: [SHARD], to, exclusive: false },
      changes: { pins: [{ shard: SHARD, node: to, exclusive: false }], drain: null, undrain: null },
      progress: { done: 0, total: plan.moves.length },
      detail: null,
      notes: expect.any(Array),
    });
    expect(plan.moves).toContainEqual({
      shard: SHARD,
      from: owner,
      to,
      why: expect.any(String),
      perSecond: 0,
      isDone: false,
      pauseMs: null,
    });
    expect(plan.load.map(({ node }: { node: string }) => node)).toEqual(['a', 'b', 'c']);
    expect((await send('GET', `/cluster/plans/${plan.id}`)).json()).toEqual(plan);

    const begun = await send('POST', `/cluster/plans/${plan.id}/apply`);
    expect(begun.statusCode).toBe(202);
    expect(begun.headers.location).toBe(`/cluster/plans/${plan.id}`);
    expect(begun.json()).toMatchObject({ id: plan.id, state: 'applying', applier: 'a' });
    expectProblem(await send('POST', `/cluster/plans/${plan.id}/apply`), 'CLUSTER_PLAN_BUSY');
    await cluster.time.advance(1_000);
    const applied = (await send('GET', `/cluster/plans/${plan.id}`)).json();
    expect(applied).toMatchObject({ state: 'applied', applier: null });
    expect(applied.moves.every((move: { isDone: boolean; pauseMs: number }) => move.isDone && move.pauseMs > 0)).toBe(
      true,
    );
    expect((await send('POST', `/cluster/plans/${plan.id}/apply`)).json()).toEqual(applied);
  });

  test('is stopped between two steps, and resumed', async () => {
    const { send } = listener(LOCAL);
    const shards = cluster.tables.shards.flatMap(({ owner }, shard) =>
      owner === cluster.incarnation('b') ? [] : [shard],
    );
    const plan = (await send('POST', '/cluster/plans', { kind: 'move', shards: shards.slice(0, 100), to: 'b' })).json();
    await send('POST', `/cluster/plans/${plan.id}/apply`);
    expect((await send('POST', `/cluster/plans/${plan.id}/stop`)).statusCode).toBe(202);
    await cluster.time.advance(1_000);
    const stopped = (await send('GET', `/cluster/plans/${plan.id}`)).json();
    expect(stopped).toMatchObject({ state: 'applying', applier: null, detail: 'Stopped between two steps.' });
    expect(stopped.progress.done).toBeLessThan(stopped.progress.total);
    expect((await send('POST', `/cluster/plans/${plan.id}/apply`)).statusCode).toBe(202);
    await cluster.time.advance(5_000);
    expect((await send('GET', `/cluster/plans/${plan.id}`)).json()).toMatchObject({ state: 'applied' });
  });

  test('is refused with the reason when the cluster has changed', async () => {
    const { send } = listener(LOCAL);
    const { id } = (await send('POST', '/cluster/plans', { kind: 'drain', node: 'c' })).json();
    await cluster.start('d');
    const problem = expectProblem(await send('POST', `/cluster/plans/${id}/apply`), 'CLUSTER_CHANGED');
    expect(problem.detail).toContain('Node d has joined.');
  });

  test('that there is not is not found', async () => {
    const { send } = listener(LOCAL);
    expectProblem(await send('GET', '/cluster/plans/cpl_0'), 'NOT_FOUND');
    expectProblem(await send('POST', '/cluster/plans/cpl_0/apply'), 'NOT_FOUND');
    expectProblem(await send('POST', '/cluster/plans/cpl_0/stop'), 'NOT_FOUND');
    expectProblem(await send('POST', '/cluster/plans', { kind: 'drain', node: 'z' }), 'NODE_UNKNOWN');
    expectProblem(await send('POST', '/cluster/plans', { kind: 'move', shows: [UNKNOWN_SHOW], to: 'a' }), 'NOT_FOUND');
  });

  test.each<[object, string[]]>([
    [{}, ['/kind']],
    [{ kind: 'conjure' }, ['/kind']],
    [{ kind: 'drain' }, ['/node']],
    [{ kind: 'drain', node: 7 }, ['/node']],
    [{ kind: 'drain', node: 'a', to: 'b', shards: [1] }, ['/shards', '/to']],
    [{ kind: 'move' }, ['/shows', '/to']],
    [{ kind: 'move', shows: [], to: 'a' }, ['/shows']],
    [{ kind: 'move', shards: [1_024], to: 'a' }, ['/shards/0']],
    [{ kind: 'move', shards: [1], to: 'a', exclusive: true }, ['/exclusive']],
    [{ kind: 'pin', shards: [1], to: 'a', exclusive: 'yes' }, ['/exclusive']],
    [{ kind: 'unpin', shards: [1], node: 'a' }, ['/node']],
    [{ kind: 'rebalance', shows: ['x'] }, ['/shows']],
    [{ kind: 'rebalance', force: true }, ['/force']],
  ])('cannot be made of %j', async (body, pointers) => {
    const { send } = listener(LOCAL);
    expect(pointersOf(expectProblem(await send('POST', '/cluster/plans', body), 'BODY_INVALID'))).toEqual(pointers);
  });

  test('is not applied with a body, whatever that may be meant to say', async () => {
    const { send } = listener(LOCAL);
    const { id } = (await send('POST', '/cluster/plans', { kind: 'drain', node: 'c' })).json();
    expectProblem(await send('POST', `/cluster/plans/${id}/apply`, { dryRun: true }), 'BODY_INVALID');
    expect((await ops.planStatus(id)).state).toBe('proposed');
  });
});

test('the list of codes is where problems point, and nothing of the public API is here', async () => {
  const { send } = listener(REMOTE);
  const page = await send('GET', '/docs/errors');
  expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
  expect(page.body).toContain('id="CLUSTER_CHANGED"');
  expectProblem(await send('GET', '/v1/shows'), 'NOT_FOUND');
  const put = await send('PUT', '/cluster/plans', {}, bearer(TOKEN));
  expectProblem(put, 'METHOD_NOT_ALLOWED');
  expect(put.headers.allow).toBe('POST');
});
