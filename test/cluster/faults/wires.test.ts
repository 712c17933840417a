import { expect, test, vi } from 'vitest';
import { CUT_OFF, RECOVERED_MS, STALLED } from '../../../src/cluster/ownership/watch.ts';
import { pause } from '../../../src/system/pause.ts';
import { expectSound, failures, OldRows } from '../../support/cluster-audit.ts';
import type { TestCluster } from '../../support/cluster-processes.ts';
import type { Link } from '../../support/tcp-proxy.ts';
import { DECLARED_DEAD, errorsOf, SELLS_AGAIN_MS, scene, TEST_LIMIT_MS } from './scene.ts';

/*
 * One node loses its way to NATS, to Postgres, or only some of its connections: nothing is refused, nothing ends, no byte
 * comes through, and what was sent meanwhile arrives in the end. Real processes under load from a hundred buyers, judged
 * from outside.
 */

const setting = scene();

test('NATS cut for one node: it says that it is not ready, gives its shards away by itself, and takes some again once it is well', {
  timeout: TEST_LIMIT_MS,
}, async () => {
  const { cluster, victim, others, sale: open, victimIs, whole } = setting();
  const { incarnation } = await cluster.lastOf(victim.id);
  const sale = await open();
  const shows = sale.showsOf(victim);

  const from = performance.now();
  victim.natsWire.mode = 'still';
  await victimIs({ incarnation, state: 'draining', reason: CUT_OFF, shards: 0 });
  expect(await victim.readiness()).toEqual({ status: 503, checks: { database: 'ok', cluster: 'failed' } });
  for (const other of others) expect(await other.readiness()).toEqual({ status: 200 });
  await sale.sellsAgain(shows, { since: from, at: others, limitMs: SELLS_AGAIN_MS });
  const old = await OldRows.of(cluster, shows);
  victim.natsWire.mode = 'pass';
  const to = performance.now();
  await whole();
  await sale.sellsAgain(sale.shows, { since: to, at: [victim], limitMs: SELLS_AGAIN_MS });
  await sale.end();

  expect(await cluster.lastOf(victim.id)).toMatchObject({ incarnation, state: 'up', reason: null });
  expect(await victim.readiness()).toEqual({ status: 200 });
  await old.expectNoMore();
  await expectSound(sale, victim);
  expect(errorsOf(cluster)).toEqual({});
});

test('Postgres cut for one node: the others sell its shows on; the zombie appends nothing, stops its actors and comes back clean', {
  timeout: TEST_LIMIT_MS,
}, async () => {
  const { cluster, victim, others, sale: open, whole } = setting();
  const zombie = await cluster.lastOf(victim.id);
  const sale = await open();
  const shows = sale.showsOf(victim);

  const from = performance.now();
  victim.postgresWire.mode = 'still';
  await sale.sellsAgain(shows, { since: from, at: others, limitMs: SELLS_AGAIN_MS });
  const old = await OldRows.of(cluster, shows);
  // What its connections were given meanwhile, appends among it, comes to the server now.
  victim.postgresWire.mode = 'pass';
  const to = performance.now();
  await whole();
  await sale.sellsAgain(sale.shows, { since: to, at: [victim], limitMs: SELLS_AGAIN_MS });
  await sale.end();

  expect(await cluster.seen()).toContainEqual({ ...zombie, state: 'dead', reason: 'was not heard of', shards: 0 });
  await old.expectNoMore();
  await expectSound(sale, victim);
  expect(errorsOf(cluster, 'out of reach')).toEqual({ [victim.id]: [DECLARED_DEAD] });
});

test('a hung Postgres connection under the heartbeats: the node opens another in time, and no request fails', {
  timeout: TEST_LIMIT_MS,
}, async () => {
  const { cluster, victim, sale: open } = setting();
  const { incarnation } = await cluster.lastOf(victim.id);
  const sale = await open();
  const shows = sale.showsOf(victim);
  const before = await sessionOf(cluster, incarnation);
  const epochs = await OldRows.of(cluster, shows);

  const hung = victim.postgresWire.links.filter(isOfHeartbeats);
  expect(hung).toHaveLength(1);
  const from = performance.now();
  victim.postgresWire.isStill = (link) => hung.includes(link);
  await vi.waitFor(async () => expect(await sessionOf(cluster, incarnation)).not.toBe(before), SELLS_AGAIN_MS);
  await sale.sellsAgain(shows, { since: from, at: [victim], limitMs: SELLS_AGAIN_MS });
  victim.postgresWire.isStill = () => false;
  await sale.end();

  expect(await cluster.lastOf(victim.id)).toMatchObject({ incarnation, state: 'up' });
  expect(await Promise.all(shows.map(({ id }) => cluster.ownerOf(id)))).toEqual(shows.map(() => victim.id));
  await epochs.expectNoMore();
  expect(failures(sale.history)).toEqual([]);
  await expectSound(sale, victim);
  expect(errorsOf(cluster)).toEqual({});
});

test('all Postgres connections of a node hung, while new ones pass: its shows are sold on, here or elsewhere', {
  timeout: TEST_LIMIT_MS,
}, async () => {
  const { cluster, victim, sale: open, whole } = setting();
  const sale = await open();
  const shows = sale.showsOf(victim);

  const hung = victim.postgresWire.links;
  const from = performance.now();
  victim.postgresWire.isStill = (link) => hung.includes(link);
  await sale.sellsAgain(shows, { since: from, at: cluster.nodes, limitMs: SELLS_AGAIN_MS });
  const old = await OldRows.of(cluster, shows);
  victim.postgresWire.isStill = () => false;
  const to = performance.now();
  await whole();
  await sale.sellsAgain(sale.shows, { since: to, at: [victim], limitMs: SELLS_AGAIN_MS });
  await sale.end();

  await old.expectNoMore();
  await expectSound(sale, victim);
  expect(errorsOf(cluster, 'out of reach')).toEqual({});
});

test('a healthy-looking but stalled node (oldest undurable turn) is found and drained', {
  timeout: TEST_LIMIT_MS,
}, async () => {
  const { cluster, victim, others, sale: open, victimIs, whole } = setting();
  const { incarnation } = await cluster.lastOf(victim.id);
  const sale = await open();
  const shows = sale.showsOf(victim);

  const from = performance.now();
  // Its heartbeats go on; its turns never become durable, whichever connection they take.
  victim.postgresWire.isStill = isOfLanes;
  await victimIs({ incarnation, state: 'draining', reason: STALLED, shards: 0 });
  await sale.sellsAgain(shows, { since: from, at: others, limitMs: SELLS_AGAIN_MS });
  const old = await OldRows.of(cluster, shows);
  victim.postgresWire.isStill = () => false;
  const to = performance.now();
  await whole();
  await sale.sellsAgain(sale.shows, { since: to, at: [victim], limitMs: SELLS_AGAIN_MS });
  await sale.end();

  expect(await cluster.lastOf(victim.id)).toMatchObject({ incarnation, state: 'up', reason: null });
  expect(await victim.readiness()).toEqual({ status: 200 });
  await old.expectNoMore();
  await expectSound(sale, victim);
  expect(errorsOf(cluster, 'out of reach')).toEqual({});
});

test('a stalled node is found and drained though no node sells anything, and takes its share again when it is well', {
  timeout: TEST_LIMIT_MS,
}, async () => {
  const { cluster, victim, victimIs, whole } = setting();
  const { incarnation } = await cluster.lastOf(victim.id);

  victim.postgresWire.isStill = isOfLanes;
  await victimIs({ incarnation, state: 'draining', reason: STALLED, shards: 0 });
  // A node without shards does not look well because nobody asks it for anything.
  await pause(3 * RECOVERED_MS);
  await victimIs({ incarnation, state: 'draining', reason: STALLED, shards: 0 });
  victim.postgresWire.isStill = () => false;
  await whole();

  expect(await cluster.lastOf(victim.id)).toMatchObject({ incarnation, state: 'up', reason: null });
  expect(errorsOf(cluster, 'out of reach')).toEqual({});
});

function isOfHeartbeats({ greeting }: Link): boolean {
  return / usher node /.test(greeting);
}

function isOfLanes({ greeting }: Link): boolean {
  return / usher lane \d /.test(greeting);
}

/** The process of the database server that the node's heartbeats come from. */
async function sessionOf(cluster: TestCluster, incarnation: string): Promise<number> {
  const text = 'select session_pid from node where incarnation = $1';
  const [{ session_pid }] = await cluster.query<{ session_pid: number }>(text, [incarnation]);
  return session_pid;
}
