import { setTimeout as pause } from 'node:timers/promises';
import { beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type Person, signUpOrganiser } from '../support/box-office.ts';
import { type Absence, expectSound, failures } from '../support/cluster-audit.ts';
import { type Readiness, startCluster, type TestCluster, type TestNode } from '../support/cluster-processes.ts';
import { ClusterSale } from '../support/cluster-sale.ts';

/*
 * Shards move because somebody wants it, under load from a hundred buyers. Nobody of them may notice more than a slow
 * answer; only a process that ends may cut its own connections, and refuse new ones.
 */

const TEST_LIMIT_MS = 180_000;
const MOVED_MS = 30_000;

/** Those that run before and after each test. */
const IDS = ['n1', 'n2', 'n3'];

let cluster: TestCluster;
let organiser: Person;
beforeAll(async () => {
  cluster = await startCluster(IDS, { until: 'file' });
  organiser = await signUpOrganiser(cluster.ports[0]);
});
beforeEach(() => cluster.settled(IDS, MOVED_MS));

/** Resolves when the node is so, with so many shards or more. */
function nodeIs(id: string, state: string, shards: { atLeast: number } | 'none'): Promise<void> {
  return vi.waitFor(
    async () => {
      const seen = await cluster.lastOf(id);
      expect(seen.state).toBe(state);
      if (shards === 'none') expect(seen.shards).toBe(0);
      else expect(seen.shards).toBeGreaterThanOrEqual(shards.atLeast);
    },
    { timeout: MOVED_MS, interval: 50 },
  );
}

async function setState(id: string, state: 'up' | 'draining'): Promise<void> {
  const { incarnation } = await cluster.lastOf(id);
  const reason = state === 'up' ? null : 'test';
  await cluster.query('update node set state = $2, reason = $3 where incarnation = $1', [incarnation, state, reason]);
}

/** What the node says of its readiness, again and again until nobody answers. */
async function readinessUntilGone(node: TestNode): Promise<Readiness[]> {
  const said: Readiness[] = [];
  for (;;) {
    try {
      said.push(await node.readiness());
    } catch {
      return said;
    }
    await pause(10);
  }
}

function errors(): string[] {
  return cluster.nodes.flatMap((node) => node.newErrors());
}

test('a node drained and undrained under load: no request fails', { timeout: TEST_LIMIT_MS }, async () => {
  const drained = cluster.node('n2');
  const sale = await ClusterSale.open(cluster, organiser);
  const shows = sale.showsOf(drained);
  const from = performance.now();
  await setState(drained.id, 'draining');
  await nodeIs(drained.id, 'draining', 'none');
  await sale.sellsAgain(shows, { since: from, at: cluster.nodes, limitMs: MOVED_MS });
  await setState(drained.id, 'up');
  const to = performance.now();
  await cluster.settled(IDS, MOVED_MS);
  await sale.sellsAgain(sale.shows, { since: to, at: [drained], limitMs: MOVED_MS });
  await sale.end();

  expect(failures(sale.history)).toEqual([]);
  await expectSound(sale, drained);
  expect(errors()).toEqual([]);
});

test('a node joins under load and takes its share; on SIGTERM it says that it is not ready, gives all away and leaves: no request fails', {
  timeout: TEST_LIMIT_MS,
}, async () => {
  const sale = await ClusterSale.open(cluster, organiser);
  const joining = await cluster.add('n4');
  await joining.start();
  sale.ports.push(joining.port);
  const joined = performance.now();
  await nodeIs(joining.id, 'up', { atLeast: 200 });
  await sale.sellsAgain(sale.shows, { since: joined, at: [joining], limitMs: MOVED_MS });

  const from = performance.now();
  joining.signal('SIGTERM');
  const said = await readinessUntilGone(joining);
  const notReady = { status: 503, checks: { database: 'ok', cluster: 'failed' } };
  expect(said).toContainEqual(notReady);
  expect(said.slice(said.findIndex(({ status }) => status === 503)).filter(({ status }) => status === 200)).toEqual([]);
  expect(await joining.process.ended).toEqual({ code: 0, signal: null });
  const gone: Absence = { port: joining.port, from, to: Number.POSITIVE_INFINITY, kind: 'gone' };
  await nodeIs(joining.id, 'left', 'none');
  await cluster.settled(IDS, MOVED_MS);
  await sale.end();

  expect(failures(sale.history, [gone])).toEqual([]);
  await expectSound(sale, cluster.nodes[0], { absences: [gone] });
  expect(errors()).toEqual([]);
});

test('all nodes restarted one after another under load: no request fails', { timeout: TEST_LIMIT_MS }, async () => {
  const before = await cluster.seen();
  const sale = await ClusterSale.open(cluster, organiser);
  const absences: Absence[] = [];
  for (const id of IDS) {
    const node = cluster.node(id);
    const from = performance.now();
    node.signal('SIGTERM');
    expect(await node.process.ended).toEqual({ code: 0, signal: null });
    await node.start();
    absences.push({ port: node.port, from, to: performance.now(), kind: 'gone' });
    await cluster.settled(IDS, MOVED_MS);
  }
  const restarted = performance.now();
  for (const node of cluster.nodes.filter(({ id }) => IDS.includes(id))) {
    await sale.sellsAgain(sale.shows, { since: restarted, at: [node], limitMs: MOVED_MS });
  }
  await sale.end();

  const after = await cluster.seen();
  expect(
    after
      .filter(({ state }) => state === 'up')
      .map(({ id }) => id)
      .sort(),
  ).toEqual(IDS);
  const started = before.map(({ incarnation }) => incarnation);
  expect(after.filter(({ incarnation, state }) => started.includes(incarnation) && state !== 'left')).toEqual([]);
  expect(failures(sale.history, absences)).toEqual([]);
  await expectSound(sale, cluster.nodes[0], { absences });
  expect(errors()).toEqual([]);
});
