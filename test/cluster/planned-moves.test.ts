import { setTimeout as pause } from 'node:timers/promises';
import { beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { DRAINED_BY_OPS } from '../../src/cluster/plans/plan-run.ts';
import { PINS_PER_STEP } from '../../src/cluster/plans/plan-steps.ts';
import { shardOf } from '../../src/cluster/shards.ts';
import { type Person, type ShowOnSale, signUpOrganiser } from '../support/box-office.ts';
import { type Absence, expectSound, failures } from '../support/cluster-audit.ts';
import { type Readiness, startCluster, type TestCluster, type TestNode } from '../support/cluster-processes.ts';
import { ClusterSale } from '../support/cluster-sale.ts';
import { atEndOfFile } from '../support/file-lifetime.ts';
import { preStopOfPod } from '../support/kubernetes-pod.ts';
import { expectPauses, type Move, moves, objects, type Plan, printed, shardsIn } from '../support/operator.ts';
import { startUsher } from '../support/usher-process.ts';

/*
 * Shards move because somebody wants it, under load from a hundred buyers. Nobody of them may notice more than a slow
 * answer; only a process that ends may cut its own connections, and refuse new ones.
 */

const TEST_LIMIT_MS = 180_000;
const MOVED_MS = 30_000;
/** So many that one is under way when a stop that follows the first move arrives. */
const MANY_STEPS = 14;

/** Those that run before and after each test. */
const IDS = ['n1', 'n2', 'n3'];

let cluster: TestCluster;
let organiser: Person;
beforeAll(async () => {
  cluster = await startCluster(IDS, { atEnd: atEndOfFile });
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

function shardsOf(shows: readonly ShowOnSale[]): number[] {
  return [...new Set(shows.map(({ id }) => shardOf(id)))];
}

/** The ids of the nodes that own these shows, each once. */
async function ownersOf(shows: readonly ShowOnSale[]): Promise<(string | null)[]> {
  return [...new Set(await Promise.all(shows.map(({ id }) => cluster.ownerOf(id))))];
}

async function shardsNotOn(id: string): Promise<number[]> {
  const text = 'select s.id from shard s join node n on n.incarnation = s.owner where n.id <> $1 order by s.id';
  return (await cluster.query<{ id: number }>(text, [id])).map((shard) => shard.id);
}

/** All that decides where shards are, and where they are. */
function tables(): Promise<unknown[]> {
  return cluster.query(`
    select s.id, s.owner, s.epoch, s.pin, s.pin_exclusive, n.state
    from shard s join node n on n.incarnation = s.owner order by s.id`);
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

test('usher drain and undrain under load: the command waits for the last shard, each pause is told, no request fails', {
  timeout: TEST_LIMIT_MS,
}, async () => {
  const drained = cluster.node('n2');
  const sale = await ClusterSale.open(cluster, organiser);
  const shows = sale.showsOf(drained);
  const { shards } = await cluster.lastOf(drained.id);
  const from = performance.now();
  const away = await moves(cluster.node('n1'), ['drain', drained.id]);
  expect(await cluster.lastOf(drained.id)).toMatchObject({ state: 'draining', reason: DRAINED_BY_OPS, shards: 0 });
  expect(away.filter((move) => move.from === drained.id)).toHaveLength(shards);
  expect(away.filter((move) => move.to === drained.id)).toEqual([]);
  await sale.sellsAgain(shows, { since: from, at: cluster.nodes, limitMs: MOVED_MS });

  const back = await moves(drained, ['undrain', drained.id]);
  const to = performance.now();
  expect(await cluster.lastOf(drained.id)).toMatchObject({ state: 'up', reason: null, shards: back.length });
  await sale.sellsAgain(sale.shows, { since: to, at: [drained], limitMs: MOVED_MS });
  await sale.end();

  expect(failures(sale.history)).toEqual([]);
  await expectSound(sale, drained);
  expect(errors()).toEqual([]);
});

test('a pod stopped by Kubernetes under load, drained by its preStop and then told to end: no request fails', {
  timeout: TEST_LIMIT_MS,
}, async () => {
  const stopped = cluster.node('n3');
  const sale = await ClusterSale.open(cluster, organiser);
  const preStop = await preStopOfPod(stopped.operator);
  expect(preStop).toMatchObject({ code: 0, stderr: '' });
  expect(preStop.stdout).toMatch(/\nn3 owns nothing, after [\d.]+ s\.\n$/);
  expect(await cluster.lastOf(stopped.id)).toMatchObject({ state: 'draining', reason: DRAINED_BY_OPS, shards: 0 });
  const from = performance.now();
  stopped.signal('SIGTERM');
  expect(await stopped.process.ended).toEqual({ code: 0, signal: null });
  expect(await cluster.lastOf(stopped.id)).toMatchObject({ state: 'left', shards: 0 });
  await stopped.start();
  const gone: Absence = { port: stopped.port, from, to: performance.now(), kind: 'gone' };
  await cluster.settled(IDS, MOVED_MS);
  await sale.sellsAgain(sale.shows, { since: gone.to, at: [stopped], limitMs: MOVED_MS });
  await sale.end();

  expect(failures(sale.history, [gone])).toEqual([]);
  await expectSound(sale, stopped, { absences: [gone] });
  expect(errors()).toEqual([]);
});

test('usher move under load: the shows are sold where they are moved to, until their pins are taken away; no request fails', {
  timeout: TEST_LIMIT_MS,
}, async () => {
  const [home, other, operator] = ['n1', 'n2', 'n3'].map((id) => cluster.node(id));
  const sale = await ClusterSale.open(cluster, organiser);
  const shows = sale.showsOf(home);
  const ids = shows.map(({ id }) => id);
  const from = performance.now();
  const away = await moves(operator, ['move', ...ids, '--to', other.id]);
  const moved = new Set(away.filter((move) => move.to === other.id).map(({ shard }) => shard));
  expect(shardsOf(shows).filter((shard) => !moved.has(shard))).toEqual([]);
  expect(await ownersOf(shows)).toEqual([other.id]);
  await sale.sellsAgain(shows, { since: from, at: cluster.nodes, limitMs: MOVED_MS });

  const to = performance.now();
  await moves(operator, ['pin', ...ids, '--none']);
  expect(await ownersOf(shows)).toEqual([home.id]);
  await sale.sellsAgain(shows, { since: to, at: cluster.nodes, limitMs: MOVED_MS });
  await sale.end();

  expect(failures(sale.history)).toEqual([]);
  await expectSound(sale, operator);
  expect(errors()).toEqual([]);
});

test('usher rebalance under load: the plan for a hot show is only printed, then applied as it is; no request fails', {
  timeout: TEST_LIMIT_MS,
}, async () => {
  const [first, second] = cluster.nodes;
  const sale = await ClusterSale.open(cluster, organiser, { hotPart: 0.6 });
  const shard = shardOf(sale.hot.id);
  const before = await tables();
  const proposed = await vi.waitFor(
    async () => {
      const [plan] = await printed<Plan>(first, ['rebalance', '--dry-run']);
      expect(plan.changes.pins).toContainEqual({ shard, node: expect.any(String), exclusive: true });
      return plan;
    },
    { timeout: MOVED_MS, interval: 500 },
  );
  expect(await tables()).toEqual(before);

  const from = performance.now();
  const applied = await moves(second, ['rebalance', '--apply', proposed.id]);
  expect(shardsIn(applied)).toEqual(shardsIn(proposed.moves));
  const isolated = proposed.changes.pins.find((pin) => pin.shard === shard)?.node ?? '';
  expect(await ownersOf([sale.hot])).toEqual([isolated]);
  expect(await cluster.lastOf(isolated)).toMatchObject({ shards: 1 });
  await sale.sellsAgain(sale.shows, { since: from, at: cluster.nodes, limitMs: MOVED_MS });
  for (const node of cluster.nodes) {
    await sale.sellsAgain([sale.hot], { since: from, at: [node], limitMs: MOVED_MS });
  }
  await moves(first, ['pin', ...proposed.changes.pins.map((pin) => String(pin.shard)), '--none']);
  expect(await tables()).toEqual(before.map((row) => ({ ...(row as object), epoch: expect.any(String) })));
  await sale.end();

  expect(failures(sale.history)).toEqual([]);
  await expectSound(sale, first);
  expect(errors()).toEqual([]);
});

test('a plan stopped with Ctrl-C under load stops between two steps, and is resumed through another node: no request fails', {
  timeout: TEST_LIMIT_MS,
}, async () => {
  const [target, other] = [cluster.node('n1'), cluster.node('n3')];
  const sale = await ClusterSale.open(cluster, organiser);
  const sold = shardsOf(sale.shows);
  const elsewhere = await shardsNotOn(target.id);
  // What is on sale is moved before the stop, after it, or in between: by the numbers of the shards.
  const rest = elsewhere.filter((shard) => !sold.includes(shard)).slice(0, MANY_STEPS * PINS_PER_STEP);
  const shards = [...rest, ...elsewhere.filter((shard) => sold.includes(shard))];
  const [{ id, moves: planned }] = await printed<Plan>(target, [
    'pin',
    ...shards.map(String),
    '--to',
    target.id,
    '--dry-run',
  ]);

  const from = performance.now();
  const applying = startUsher(['rebalance', '--apply', id, '--json'], target.operator);
  await vi.waitFor(() => expect(applying.stdout()).toContain('\n'), { timeout: MOVED_MS, interval: 5 });
  applying.child.kill('SIGINT');
  expect(await applying.ended).toEqual({ code: 1, signal: null });
  const firstMoves = objects<Move>(applying.stdout());
  expect(applying.stderr()).toBe(
    'Stopping after the step under way; Ctrl-C again to leave at once.\n' +
      `usher: Stopped between two steps. ${firstMoves.length} of ${planned.length} moves are done. ` +
      `Resume it with: usher rebalance --apply ${id}\n`,
  );
  expect(firstMoves.length % PINS_PER_STEP).toBe(0);
  expectPauses(firstMoves);
  const resumed = await moves(other, ['rebalance', '--apply', id], firstMoves);
  process.stdout.write(`of ${planned.length} moves ${firstMoves.length} were done before the stop\n`);
  expect(shardsIn([...firstMoves, ...resumed])).toEqual(shardsIn(planned));
  expect((await shardsNotOn(target.id)).filter((shard) => shards.includes(shard))).toEqual([]);
  await sale.sellsAgain(sale.shows, { since: from, at: cluster.nodes, limitMs: MOVED_MS });
  await moves(other, ['pin', ...shards.map(String), '--none']);
  const to = performance.now();
  await sale.sellsAgain(sale.shows, { since: to, at: cluster.nodes, limitMs: MOVED_MS });
  await sale.end();

  expect(failures(sale.history)).toEqual([]);
  await expectSound(sale, other);
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
