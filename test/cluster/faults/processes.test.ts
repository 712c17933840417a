import { setTimeout as pause } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { CUT_OFF_MS, STALLED_MS } from '../../../src/cluster/ownership/watch.ts';
import { LEASE_MS } from '../../../src/cluster/registry/registry.ts';
import { expectSound, OldRows } from '../../support/cluster-audit.ts';
import type { TestCluster } from '../../support/cluster-processes.ts';
import { DECLARED_DEAD, errorsOf, SELLS_AGAIN_MS, scene, TEST_LIMIT_MS } from './scene.ts';

/*
 * Whole processes end or stand still: a node, NATS, Postgres. All real, under load from a hundred buyers, and judged from
 * outside.
 */

/** Longer than it takes until a node that is cut off alone gives its shards away. */
const NATS_OUTAGE_MS = CUT_OFF_MS + 1_000;
/** Longer than any lease lasts, and than turns may wait before a node counts as stalled. */
const POSTGRES_OUTAGE_MS = Math.max(LEASE_MS, STALLED_MS) + 1_000;

const setting = scene();

test('SIGKILL of a node: the others sell its shows on, and it comes back as a new incarnation', {
  timeout: TEST_LIMIT_MS,
}, async () => {
  const { cluster, victim, others, sale: open, whole } = setting();
  const killed = await cluster.lastOf(victim.id);
  const sale = await open();
  const shows = sale.showsOf(victim);

  const from = performance.now();
  await victim.kill();
  await sale.sellsAgain(shows, { since: from, at: others, limitMs: SELLS_AGAIN_MS });
  const old = await OldRows.of(cluster, shows);
  await victim.start();
  const to = performance.now();
  await whole();
  await sale.sellsAgain(sale.shows, { since: to, at: [victim], limitMs: SELLS_AGAIN_MS });
  await sale.end();

  expect(await cluster.seen()).toContainEqual({ ...killed, state: 'dead', reason: 'its session ended', shards: 0 });
  await old.expectNoMore();
  await expectSound(sale, victim, { absences: [{ port: victim.port, from, to, kind: 'gone' }] });
  expect(errorsOf(cluster)).toEqual({});
});

test('SIGSTOP of a node for longer than its lease, then SIGCONT: the others sell its shows on; the zombie appends nothing, stops its actors and comes back clean', {
  timeout: TEST_LIMIT_MS,
}, async () => {
  const { cluster, victim, others, sale: open, whole } = setting();
  const zombie = await cluster.lastOf(victim.id);
  const sale = await open();
  const shows = sale.showsOf(victim);

  const from = performance.now();
  victim.signal('SIGSTOP');
  await sale.sellsAgain(shows, { since: from, at: others, limitMs: SELLS_AGAIN_MS });
  const old = await OldRows.of(cluster, shows);
  // It has a backlog now: what buyers and other nodes sent it, and what it had begun.
  victim.signal('SIGCONT');
  const to = performance.now();
  await whole();
  await sale.sellsAgain(sale.shows, { since: to, at: [victim], limitMs: SELLS_AGAIN_MS });
  await sale.end();

  expect(await cluster.seen()).toContainEqual({ ...zombie, state: 'dead', reason: 'was not heard of', shards: 0 });
  expect(sale.staleMaps(shows, from, to)).toBeGreaterThan(0);
  await old.expectNoMore();
  await expectSound(sale, victim, { absences: [{ port: victim.port, from, to, kind: 'still' }] });
  expect(errorsOf(cluster)).toEqual({ [victim.id]: [DECLARED_DEAD] });
});

test('the whole NATS server restarted: each node sells its own shows on, the rest waits, nobody loses a shard, and all resumes by itself', {
  timeout: TEST_LIMIT_MS,
}, async () => {
  const { cluster, sale: open, whole } = setting();
  const sale = await open();
  const before = await ownership(cluster);

  const from = performance.now();
  await cluster.nats.kill();
  await vi.waitFor(async () => expect(await links(cluster)).toEqual([false, false, false]), SELLS_AGAIN_MS);
  const cutOff = performance.now();
  for (const node of cluster.nodes) {
    await sale.sellsAgain(sale.showsOf(node), { since: cutOff, at: [node], limitMs: SELLS_AGAIN_MS });
  }
  await pause(Math.max(0, from + NATS_OUTAGE_MS - performance.now()));
  await cluster.nats.restart();
  const to = performance.now();
  for (const node of cluster.nodes) {
    await sale.sellsAgain(sale.shows, { since: to, at: [node], limitMs: SELLS_AGAIN_MS });
  }
  await whole();
  await sale.end();

  expect(await ownership(cluster)).toEqual(before);
  await expectSound(sale, cluster.nodes[0]);
  expect(errorsOf(cluster)).toEqual({});
});

test('Postgres restarted: the sale stands still, nobody is declared dead or drained for it, and all resumes by itself', {
  timeout: TEST_LIMIT_MS,
}, async () => {
  const { cluster, sale: open, whole } = setting();
  const sale = await open();
  const before = await ownership(cluster);
  const [{ now }] = await cluster.query<{ now: Date }>('select now()');

  await cluster.postgres.stop();
  const from = performance.now();
  await pause(POSTGRES_OUTAGE_MS);
  expect(sale.givenWithin(from, performance.now())).toBe(0);
  await cluster.postgres.start();
  const to = performance.now();
  for (const node of cluster.nodes) {
    await sale.sellsAgain(sale.shows, { since: to, at: [node], limitMs: SELLS_AGAIN_MS });
  }
  await whole();
  await sale.end();

  expect(await ownership(cluster)).toEqual(before);
  expect(await cluster.query('select id from shard where closed_at > $1', [now])).toEqual([]);
  await expectSound(sale, cluster.nodes[0]);
  expect(errorsOf(cluster, 'out of reach')).toEqual({});
});

/** How many shards each incarnation owns that is not over. */
function ownership(cluster: TestCluster): Promise<unknown[]> {
  return cluster.query(`
    select n.incarnation, n.state, count(*)::int as shards from node n join shard s on s.owner = n.incarnation
    group by n.incarnation order by n.incarnation`);
}

/** Whether each node reaches the others, as it last said. */
async function links(cluster: TestCluster): Promise<boolean[]> {
  const rows = await cluster.query<{ is_linked: boolean }>(`select is_linked from node where state = 'up'`);
  return rows.map((row) => row.is_linked);
}
