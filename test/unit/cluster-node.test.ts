import { describe, expect, test } from 'vitest';
import type { Answer } from '../../src/actors/shows.ts';
import { encodeLetter } from '../../src/cluster/messages/letter-codec.ts';
import { HEARTBEAT_MS } from '../../src/cluster/registry/registry.ts';
import { shardOf } from '../../src/cluster/shards.ts';
import { FORMAT } from '../../src/formats.ts';
import { settled } from '../support/manual-time.ts';
import { MemoryCluster, type MemoryNode } from '../support/memory-cluster.ts';
import { closeGate, holdOf, toldBy } from '../support/show-node.ts';
import { userOf } from '../support/small-show.ts';

/** What a node of several does about what it hears, each thing by itself. */

/** Until a node has seen in the tables what was changed there. */
const SEEN_MS = HEARTBEAT_MS + 100;
/** Sooner than any heartbeat that nobody asked for. */
const AT_ONCE_MS = 100;

async function clusterOf(...ids: string[]): Promise<MemoryCluster> {
  const cluster = new MemoryCluster();
  for (const id of ids) await cluster.start(id);
  await cluster.advance(3_000);
  return cluster;
}

/** What a promise has come to by now. */
function watched<T>(promise: Promise<Answer<T>>): { told: string | null } {
  const seen: { told: string | null } = { told: null };
  void promise.then((answer) => {
    seen.told = toldBy(answer);
  });
  return seen;
}

/** Lets time pass until the node has just had a heartbeat acknowledged. */
async function justAfterBeat(cluster: MemoryCluster, { node }: MemoryNode): Promise<void> {
  for (let steps = 0; steps < 40 && node.figures().leaseAgeMs > 50; steps++) await cluster.advance(50);
  expect(node.figures().leaseAgeMs).toBeLessThanOrEqual(50);
}

describe('when the link changes', () => {
  test('the others are told at once', async () => {
    const cluster = await clusterOf('a', 'b');
    const a = cluster.node('a');
    const isLinked = (): boolean | undefined => cluster.tables.nodes.get(a.incarnation ?? '')?.isLinked;
    await justAfterBeat(cluster, a);
    a.transport.cut();
    await cluster.advance(AT_ONCE_MS);
    expect(isLinked()).toBe(false);
    await justAfterBeat(cluster, a);
    a.transport.mend();
    await cluster.advance(AT_ONCE_MS);
    expect(isLinked()).toBe(true);
  });

  test('what may have been answered meanwhile is asked again as soon as it is back', async () => {
    const cluster = await clusterOf('a', 'b');
    const showId = await cluster.showOn('a');
    const open = closeGate(cluster.journal);
    const hold = watched(cluster.node('b').ask(showId, holdOf(1)));
    await cluster.advance(AT_ONCE_MS);
    cluster.node('b').transport.cut();
    open();
    await cluster.advance(AT_ONCE_MS);
    expect(hold.told).toBeNull();
    cluster.node('b').transport.mend();
    await cluster.advance(AT_ONCE_MS);
    expect(hold.told).toBe('ok');
  });
});

test('what must not be begun twice is told to be unknown when its node is dead, long before its deadline', async () => {
  const cluster = await clusterOf('a', 'b');
  const showId = await cluster.showOn('a');
  const at = cluster.time.clock.now();
  const held = watched(cluster.node('b').ask(showId, holdOf(1)));
  await settled();
  expect(held.told).toBe('ok');
  // Later there is something to extend.
  await cluster.advance(1_000);
  closeGate(cluster.journal);
  const extended = watched(cluster.node('b').ask(showId, { type: 'extend', buyer: userOf(1), hold: 1, at }, 60_000));
  await cluster.advance(AT_ONCE_MS);
  await cluster.node('a').kill();
  await cluster.advance(2 * SEEN_MS);
  expect(extended.told).toBe('OUTCOME_UNKNOWN');
});

test('a shard that is another’s in the table is lost, though nobody announced it', async () => {
  const cluster = await clusterOf('a', 'b');
  const [a, b] = [cluster.node('a'), cluster.node('b')];
  const shard = shardOf(await cluster.showOn('a'));
  const { shardsOwned } = a.node.figures();
  // The other one neither announces it nor gives it back.
  b.registry.fault = 'away';
  Object.assign(cluster.tables.shards[shard], {
    owner: b.incarnation,
    epoch: cluster.tables.shards[shard].epoch + 1,
    pin: { shard, node: 'b', exclusive: false },
  });
  await cluster.advance(SEEN_MS);
  expect(a.node.figures().shardsOwned).toBe(shardsOwned - 1);
});

test('a node that leaves takes nothing any more, whatever is handed to it', async () => {
  const cluster = await clusterOf('a', 'b');
  const [a, b] = [cluster.node('a'), cluster.node('b')];
  const shard = shardOf(await cluster.showOn('b'));
  const row = cluster.tables.shards[shard];
  const hand = async (): Promise<string | null> => {
    Object.assign(row, { owner: null, epoch: row.epoch + 1 });
    const nothing = { requests: [], answers: [], owned: [], look: false, prepare: [], prepared: [] };
    const letter = { ...nothing, from: b.incarnation ?? '', nudges: [{ shard, epoch: row.epoch, awake: [] }] };
    b.line.send(a.incarnation ?? '', encodeLetter(letter, FORMAT.newest), 1);
    await settled();
    return row.owner;
  };
  expect(await hand()).toBe(a.incarnation);
  void a.node.leave();
  expect(await hand()).toBeNull();
});

test('shards that are no longer to go while they wait for it stay', async () => {
  const cluster = await clusterOf('a', 'b');
  const { registry, incarnation } = cluster.node('a');
  const owned = cluster.tables.shards.flatMap(({ owner }, shard) => (owner === incarnation ? [shard] : []));
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  const release = registry.release.bind(registry);
  const released: number[] = [];
  registry.release = async (who, shards) => {
    released.push(...shards.map(({ shard }) => shard));
    await opened;
    return release(who, shards);
  };
  const pinned = owned.slice(0, 100);
  for (const shard of pinned) cluster.tables.shards[shard].pin = { shard, node: 'b', exclusive: false };
  await cluster.advance(SEEN_MS);
  expect(released.length).toBeGreaterThan(0);
  expect(released.length).toBeLessThan(pinned.length);
  const going = [...released];
  for (const shard of pinned) cluster.tables.shards[shard].pin = null;
  await cluster.advance(SEEN_MS);
  open();
  await cluster.advance(5 * SEEN_MS);
  expect(released.filter((shard) => pinned.includes(shard))).toEqual(going);
  expect(pinned.every((shard) => cluster.tables.shards[shard].owner === incarnation)).toBe(true);
});

describe('how long a hand-off paused a shard', () => {
  /** The pauses that the next owner has noted. */
  async function noted(nudged: boolean): Promise<number> {
    const cluster = await clusterOf('a', 'b');
    const [a, b] = [cluster.node('a'), cluster.node('b')];
    const showId = await cluster.showOn('a');
    const count = (): number => b.node.figures().pauses.counts.reduce((sum, each) => sum + each, 0);
    const before = count();
    if (!nudged) a.line.send = () => false;
    cluster.pin(showId, 'b');
    await cluster.advance(3 * SEEN_MS);
    expect(cluster.ownerOf(showId)).toBe('b');
    return count() - before;
  }

  test('is noted by the next owner', async () => {
    expect(await noted(true)).toBe(1);
  });

  test('is noted also when the next owner had to find the shard in the table', async () => {
    expect(await noted(false)).toBe(1);
  });
});

describe('the clock of the database', () => {
  test('is not judged by a heartbeat whose answer took long', async () => {
    const cluster = await clusterOf('a');
    const { node, registry } = cluster.node('a');
    const beat = registry.beat.bind(registry);
    let delayMs = 0;
    registry.beat = async (...args) => {
      const answer = await beat(...args);
      await new Promise<void>((resolve) => cluster.time.timers.after(delayMs, resolve));
      return answer;
    };
    delayMs = 900;
    await cluster.advance(3_000);
    expect(node.figures().clockAheadMs).toBeCloseTo(0);
    delayMs = 400;
    await cluster.advance(3_000);
    expect(node.figures().clockAheadMs).toBe(200);
  });
});
