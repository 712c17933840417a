import { expect, test, vi } from 'vitest';
import { StartError } from '../../src/errors.ts';
import { FORMAT } from '../../src/formats.ts';
import type { JournalRow } from '../../src/journal/journal.ts';
import { settled } from '../support/manual-time.ts';
import { MemoryCluster } from '../support/memory-cluster.ts';
import { MemoryRegistry } from '../support/memory-registry.ts';
import { holdOf } from '../support/show-node.ts';

const SECOND = 1_000;
const OLD = 1;

async function clusterOf(format: number, ...ids: string[]): Promise<MemoryCluster> {
  const cluster = new MemoryCluster();
  for (const id of ids) await cluster.start(id, format);
  await cluster.advance(3 * SECOND);
  return cluster;
}

/** Stops the node as SIGTERM does; time passes until it is gone. */
async function stop(cluster: MemoryCluster, id: string): Promise<void> {
  const { node } = cluster.node(id);
  let isOver = false;
  void node
    .leave()
    .then(() => node.close())
    .then(() => {
      isOver = true;
    });
  while (!isOver) await cluster.advance(100);
}

let holds = 0;

/** Holds a seat of the show, at each of these nodes. @returns the rows that this added. */
async function holdAt(cluster: MemoryCluster, showId: string, ...ids: string[]): Promise<readonly JournalRow[]> {
  const before = cluster.journal.rows(showId).length;
  for (const id of ids) {
    const asked = cluster.node(id).ask(showId, holdOf(++holds));
    await settled();
    expect(await asked).toMatchObject({ ok: true });
  }
  return cluster.journal.rows(showId).slice(before);
}

const formatsOf = (rows: readonly JournalRow[]): number[] => rows.map((row) => row.format);

test('a brand-new database is written in the newest form from the first row on', async () => {
  const cluster = new MemoryCluster();
  await cluster.start('a');
  const showId = await cluster.showOn('a');
  expect(cluster.tables.format).toBe(FORMAT.newest);
  expect(cluster.journal.rows(showId)).toMatchObject([
    { seq: 1, format: FORMAT.newest, writer: cluster.node('a').incarnation },
  ]);
});

test('while nodes are replaced one after another, rows stay in the old form until the last old node is gone', async () => {
  const cluster = await clusterOf(OLD, 'a', 'b', 'c');
  const showId = await cluster.showOn('b');
  for (const id of ['a', 'b', 'c']) {
    expect(formatsOf(await holdAt(cluster, showId, 'a', 'b', 'c'))).toEqual([OLD, OLD, OLD]);
    expect(cluster.tables.format).toBe(OLD);
    await stop(cluster, id);
    await cluster.start(id);
    await cluster.advance(3 * SECOND);
  }
  expect(cluster.tables.format).toBe(FORMAT.newest);
  const rows = await holdAt(cluster, showId, 'a', 'b', 'c');
  const owner = cluster.node(cluster.ownerOf(showId) ?? '').incarnation;
  expect(rows.map(({ format, writer }) => [format, writer])).toEqual(
    [FORMAT.newest, FORMAT.newest, FORMAT.newest].map((format) => [format, owner]),
  );
});

test('a node that is killed holds the format back only until it is declared dead', async () => {
  const cluster = await clusterOf(OLD, 'a', 'b');
  await stop(cluster, 'a');
  await cluster.start('a');
  await cluster.advance(3 * SECOND);
  expect(cluster.tables.format).toBe(OLD);
  await cluster.node('b').kill();
  await cluster.advance(3 * SECOND);
  expect(cluster.tables.format).toBe(FORMAT.newest);
});

test('one node that is told to act as the version before holds the format back, and reads all that is written', async () => {
  const cluster = new MemoryCluster();
  await cluster.start('a', OLD);
  await cluster.start('b');
  await cluster.start('c');
  await cluster.advance(10 * SECOND);
  const showId = await cluster.showOn('b');
  expect(formatsOf(await holdAt(cluster, showId, 'a', 'b', 'c'))).toEqual([OLD, OLD, OLD]);
  expect(cluster.tables.format).toBe(OLD);
});

test('a node that does not read the format of the cluster is refused at its start', async () => {
  const cluster = await clusterOf(FORMAT.newest, 'a');
  const refused = cluster.start('b', OLD);
  await expect(refused).rejects.toThrow(StartError);
  await expect(refused).rejects.toThrow(`The database has been raised to format ${FORMAT.newest}`);
  expect(cluster.node('b').incarnation).toBeNull();
});

test('a format that cannot be raised at once is raised with a later heartbeat', async () => {
  const raise = vi.spyOn(MemoryRegistry.prototype, 'raiseFormat');
  raise.mockRejectedValueOnce(new Error('the database is out of reach'));
  const cluster = new MemoryCluster();
  await cluster.start('a');
  expect([cluster.tables.format, cluster.node('a').node.format]).toEqual([OLD, OLD]);
  const showId = await cluster.showOn('a');
  await cluster.advance(2 * SECOND);
  expect(formatsOf([...cluster.journal.rows(showId), ...(await holdAt(cluster, showId, 'a'))])).toEqual([
    OLD,
    FORMAT.newest,
  ]);
  expect(raise.mock.calls).toEqual([[FORMAT.newest], [FORMAT.newest]]);
  expect(cluster.node('a').logged).toContain('the format could not be raised yet');
});

test('what the owner of a show does not know yet is refused in time, and nothing beside it is; later it is done', async () => {
  const cluster = await clusterOf(2, 'a');
  await cluster.start('b');
  await cluster.advance(10 * SECOND);
  const showId = await cluster.showOn('a');
  const cancelled = cluster.node('b').ask(showId, { type: 'cancel-show', reason: 'rain' });
  const rows = await holdAt(cluster, showId, 'b', 'b');
  await cluster.advance(3 * SECOND);
  expect(await cancelled).toMatchObject({ ok: false, refusal: { code: 'UNAVAILABLE' } });
  const here = cluster.node('a').ask(showId, { type: 'cancel-show', reason: 'rain' });
  await settled();
  expect(await here).toMatchObject({ ok: false, refusal: { code: 'UNAVAILABLE' } });
  expect([formatsOf(rows), cluster.journal.rows(showId).length]).toEqual([[2, 2], 3]);

  await stop(cluster, 'a');
  await cluster.start('a');
  await cluster.advance(5 * SECOND);
  const again = cluster.node('a').ask(showId, { type: 'cancel-show', reason: 'rain' });
  await cluster.advance(SECOND);
  expect(await again).toMatchObject({ ok: true });
});
