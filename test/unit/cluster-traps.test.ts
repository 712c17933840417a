import { expect, test } from 'vitest';
import type { Answer, HoldView } from '../../src/actors/shows.ts';
import { shardOf } from '../../src/cluster/shards.ts';
import { settled } from '../support/manual-time.ts';
import { MemoryCluster } from '../support/memory-cluster.ts';
import { IDLE } from '../support/node-starts.ts';
import { holdOf } from '../support/show-node.ts';
import { onceOf, userOf } from '../support/small-show.ts';

/** Longer than a lease, and than it takes to notice. */
const LEASE_OVER_MS = 4_500;
const SECOND = 1_000;

async function clusterOf(...ids: string[]): Promise<MemoryCluster> {
  const cluster = new MemoryCluster();
  for (const id of ids) await cluster.start(id);
  await cluster.advance(3 * SECOND);
  return cluster;
}

/** What a promise has come to by now. */
function watched<T>(promise: Promise<T>): { answer: T | null } {
  const seen: { answer: T | null } = { answer: null };
  void promise.then((answer) => {
    seen.answer = answer;
  });
  return seen;
}

function seatsOf(answers: readonly { answer: Answer<HoldView> | null }[]): string[] {
  return answers.flatMap(({ answer }) => (answer?.ok ? answer.value.seats.map(({ id }) => id) : []));
}

/** The journal of a show is one gapless chain, and its epochs never fall. */
function expectOneChain(cluster: MemoryCluster, showId: string): void {
  const rows = cluster.journal.rows(showId);
  rows.forEach((row, i) => {
    expect(row.seq).toBe(i + 1);
    expect(row.prevHash).toBe(i === 0 ? '0'.repeat(64) : rows[i - 1].hash);
    if (i > 0) expect(row.epoch).toBeGreaterThanOrEqual(rows[i - 1].epoch);
  });
}

test('every shard has an owner, and any node answers for any show', async () => {
  const cluster = await clusterOf('a', 'b', 'c');
  const owners = cluster.tables.shards.map(({ owner }) => owner);
  expect(new Set(owners).size).toBe(3);
  const showId = await cluster.showOn('b');
  for (const id of ['a', 'b', 'c']) {
    const answer = cluster.node(id).ask<HoldView>(showId, holdOf(id.charCodeAt(0)));
    await settled();
    expect(await answer).toMatchObject({ ok: true });
    const map = cluster.node(id).node.shows.seatMap(showId);
    await settled();
    expect(await map).toMatchObject({ showId, stale: false });
  }
});

test('a killed owner is replaced at once, and nothing that it acknowledged is lost', async () => {
  const cluster = await clusterOf('a', 'b', 'c');
  const showId = await cluster.showOn('a');
  const first = watched(cluster.node('b').ask<HoldView>(showId, holdOf(1, 2)));
  await settled();
  await cluster.node('a').kill();
  const second = watched(cluster.node('b').ask<HoldView>(showId, holdOf(2, 2)));
  await cluster.advance(SECOND);
  expect(second.answer).toMatchObject({ ok: true });
  expect(new Set(seatsOf([first, second])).size).toBe(4);
  expect(cluster.ownerOf(showId)).not.toBe('a');
  expectOneChain(cluster, showId);
});

test('zombie re-acquires its shard: it joins anew, reads the tables first, and never fences the rightful owner', async () => {
  const cluster = await clusterOf('a', 'b');
  const showId = await cluster.showOn('a');
  const zombie = cluster.node('a').incarnation;
  cluster.node('a').stop();
  await cluster.advance(LEASE_OVER_MS);
  expect(cluster.ownerOf(showId)).toBe('b');
  const taken = cluster.tables.shards[shardOf(showId)].epoch;

  // Let it act only until it has woken: nothing it believes of before may reach the table.
  const owners = new Set<string | null>();
  cluster.node('a').resume();
  for (let step = 0; step < 40; step++) {
    await cluster.advance(50);
    owners.add(cluster.tables.shards[shardOf(showId)].owner);
  }
  expect(owners.has(zombie)).toBe(false);
  expect(cluster.tables.nodes.get(zombie ?? '')?.state).toBe('dead');
  // It came back under a new name and got the show by a hand-off: given up (one epoch) and taken (another).
  expect(cluster.node('a').incarnation).not.toBe(zombie);
  expect(cluster.hub.lines.has(zombie ?? '')).toBe(false);
  expect(cluster.ownerOf(showId)).toBe('a');
  expect(cluster.tables.shards[shardOf(showId)].epoch).toBe(taken + 2);
});

test('a zombie with a backlog wakes up: it decides nothing of it, though nobody tells it that its lease is over', async () => {
  const cluster = await clusterOf('a', 'b', 'c');
  const showId = await cluster.showOn('a');
  const zombie = cluster.node('a');
  zombie.stop();
  const backlog = Array.from({ length: 5 }, (_, i) => watched(cluster.node('b').ask<HoldView>(showId, holdOf(i + 1))));
  await cluster.advance(100);
  // It is not to hear of those who take over, neither from them nor, when it wakes, from the tables.
  zombie.transport.cut();
  await cluster.advance(LEASE_OVER_MS);
  expect(cluster.ownerOf(showId)).not.toBe('a');
  const held = cluster.journal.rows(showId).length;
  const { appends } = zombie;
  zombie.registry.fault = 'hung';
  zombie.transport.mend();
  zombie.resume();
  const own = watched(zombie.ask<HoldView>(showId, holdOf(99)));
  const map = watched(zombie.node.shows.seatMap(showId));
  await cluster.advance(200);
  expect(zombie.node.figures()).toMatchObject({ state: 'lapsed', fenced: 0 });
  expect(() => zombie.node.assertReady()).toThrow('no heartbeat');
  // The five of the backlog were heard, and turned back: those who sent them have long had their answers.
  expect(zombie.node.counts.servedForPeers).toBe(5);
  expect(zombie.appends).toBe(appends);
  expect(cluster.journal.rows(showId)).toHaveLength(held);
  expect(map.answer).not.toMatchObject({ stale: false });
  zombie.registry.fault = null;
  await cluster.advance(12 * SECOND);
  expect(zombie.node.counts.fenced).toBe(1);
  for (const { answer } of [...backlog, own]) expect(answer).toMatchObject({ ok: true });
  const seats = seatsOf([...backlog, own]);
  expect(new Set(seats).size).toBe(6);
  expectOneChain(cluster, showId);
});

test('two nodes drain at once: the third has everything, and nobody is refused', async () => {
  const cluster = await clusterOf('a', 'b', 'c');
  const shows = [await cluster.showOn('a'), await cluster.showOn('b')];
  for (const id of ['a', 'b']) {
    const row = cluster.tables.nodes.get(cluster.node(id).incarnation ?? '');
    if (row !== undefined) row.state = 'draining';
  }
  const answers: { answer: Answer<HoldView> | null }[] = [];
  for (let step = 0; step < 60; step++) {
    const showId = shows[step % 2];
    answers.push(watched(cluster.node(step % 3 === 0 ? 'a' : 'c').ask<HoldView>(showId, holdOf(step + 1))));
    await cluster.advance(50);
  }
  await cluster.advance(SECOND);
  expect(new Set(cluster.tables.shards.map(({ owner }) => owner))).toEqual(new Set([cluster.node('c').incarnation]));
  expect(answers.filter(({ answer }) => answer?.ok !== true)).toEqual([]);
  for (const showId of shows) expectOneChain(cluster, showId);
});

test('the target of a move dies in the middle: the shard goes to whoever is left', async () => {
  const cluster = await clusterOf('a', 'b', 'c');
  const showId = await cluster.showOn('a');
  cluster.pin(showId, 'b');
  // Released for b, and b never hears of it.
  for (let step = 0; step < 100 && cluster.ownerOf(showId) === 'a'; step++) {
    cluster.node('b').stop();
    await cluster.advance(50);
  }
  expect(cluster.ownerOf(showId)).toBeNull();
  await cluster.node('b').kill();
  const hold = watched(cluster.node('c').ask<HoldView>(showId, holdOf(1)));
  await cluster.advance(SECOND);
  expect(cluster.ownerOf(showId)).not.toBeNull();
  expect(cluster.ownerOf(showId)).not.toBe('b');
  expect(hold.answer).toMatchObject({ ok: true });
});

test('a node restarts under the same address: the new start owes nothing to the old one, and hears nothing meant for it', async () => {
  const cluster = await clusterOf('a', 'b');
  const showId = await cluster.showOn('a');
  const [old, b] = [cluster.node('a').incarnation ?? '', cluster.node('b')];
  // b hears nothing of the restart: what it sends is still for the old start.
  b.transport.cut();
  b.registry.fault = 'away';
  await cluster.node('a').kill();
  const a = await cluster.start('a');
  expect(a.incarnation).not.toBe(old);
  expect(cluster.ownerOf(showId)).toBe('a');
  const { epoch } = cluster.tables.shards[shardOf(showId)];

  b.transport.mend();
  const hold = watched(b.ask<HoldView>(showId, holdOf(1)));
  await cluster.advance(50);
  expect(b.node.figures()).toMatchObject({ forwarded: 1, unreachable: 1 });
  expect([a.node.counts.servedForPeers, a.appends, hold.answer]).toEqual([0, 0, null]);

  // It is asked of the new start once b knows of it.
  b.registry.fault = null;
  await cluster.advance(SECOND);
  expect(hold.answer).toMatchObject({ ok: true, replayed: false });
  expect(a.node.counts.servedForPeers).toBe(1);
  expect(cluster.journal.rows(showId).filter(({ events }) => events.includes('"held"'))).toMatchObject([{ epoch }]);
});

test('an old stop event after a new start changes nothing of the new one, nor does anything else that was under way', async () => {
  const cluster = await clusterOf('a', 'b');
  const showId = await cluster.showOn('a');
  const before = cluster.node('a');
  const [old, shard] = [before.incarnation ?? '', shardOf(showId)];
  const { epoch } = cluster.tables.shards[shard];
  // The process stops in order, but the database does all that it asks for only after it has ended.
  before.registry.fault = 'late';
  const left = before.node.leave();
  const late = (taken: number): Promise<unknown>[] => [
    before.registry.setState(old, ['up', 'draining', 'leaving'], 'left', 'stopped'),
    before.registry.beat(old, IDLE).then(({ state }) => state),
    before.registry.release(old, [{ shard, epoch: taken, closedMsAgo: 0 }]),
    before.registry.acquire(old, [{ shard, epoch: taken }]),
    before.registry.advance(old, shard, taken),
  ];
  // Under the epoch that the old start had, and under that which the new one will have.
  const [first, second] = [late(epoch), late(epoch + 1)];
  for (const each of [left, ...first, ...second]) each.catch(() => {});
  cluster.tables.endSession(old);
  const a = await cluster.start('a');
  const fresh = a.incarnation ?? '';
  expect([fresh === old, cluster.tables.shards[shard]]).toMatchObject([false, { owner: fresh, epoch: epoch + 1 }]);
  const [row, shards] = [{ ...cluster.tables.nodes.get(fresh) }, structuredClone(cluster.tables.shards)];

  before.registry.fault = null;
  await settled();
  expect(cluster.tables.nodes.get(fresh)).toEqual(row);
  expect(cluster.tables.shards).toEqual(shards);
  expect(cluster.tables.nodes.get(old)?.state).toBe('dead');
  // Nor when it asks only now.
  expect(await Promise.all(late(epoch + 1))).toEqual([false, 'dead', [], [], null]);
  // Not even what is nobody's.
  const free = cluster.tables.shards.findIndex(({ owner }) => owner === fresh);
  cluster.tables.shards[free].owner = null;
  expect(await before.registry.acquire(old, [{ shard: free, epoch: shards[free].epoch }])).toEqual([]);
  cluster.tables.shards[free].owner = fresh;
  await before.node.close();
  await cluster.advance(SECOND);
  expect(cluster.tables.nodes.get(fresh)?.state).toBe('up');
  expect(cluster.tables.shards).toEqual(shards);
  const hold = watched(cluster.node('b').ask<HoldView>(showId, holdOf(1)));
  await cluster.advance(100);
  expect(hold.answer).toMatchObject({ ok: true });
  await left;
});

test('a subscriber not yet flushed when announced: a node stands in the table only once it is sure to hear the others', async () => {
  const cluster = await clusterOf('a', 'b');
  const { promise, resolve } = Promise.withResolvers<void>();
  cluster.subscribing = promise;
  const entered = (): boolean => [...cluster.tables.nodes.values()].some(({ id }) => id === 'c');
  let isEarly = false;
  cluster.time.timers.after(2 * SECOND, () => {
    isEarly = entered();
    resolve();
  });
  await cluster.start('c');
  expect([isEarly, entered()]).toEqual([false, true]);
  await cluster.advance(3 * SECOND);
  const showId = await cluster.showOn('c');
  const hold = watched(cluster.node('a').ask<HoldView>(showId, holdOf(1)));
  await cluster.advance(50);
  expect(hold.answer).toMatchObject({ ok: true });
  for (const id of ['a', 'b']) expect(cluster.node(id).node.figures().unreachable).toBe(0);
});

test('a stale routing cache after a fail-back costs a detour, not an answer', async () => {
  const cluster = await clusterOf('a', 'b', 'c');
  const [a, b, c] = [cluster.node('a'), cluster.node('b'), cluster.node('c')];
  const showId = await cluster.showOn('a');
  const served = (): number[] => [a, b].map(({ node }) => node.counts.servedForPeers);
  const announced: Uint8Array[] = [];
  const { line } = b;
  const { broadcast } = line;
  line.broadcast = (bytes) => {
    announced.push(bytes.slice());
    return broadcast.call(line, bytes);
  };
  // c learns that b has the show, and then hears of nothing while that fails back to a.
  cluster.pin(showId, 'b');
  await cluster.advance(1_500);
  expect(cluster.ownerOf(showId)).toBe('b');
  c.transport.cut();
  c.registry.fault = 'away';
  cluster.pin(showId, 'a');
  await cluster.advance(1_200);
  expect(cluster.ownerOf(showId)).toBe('a');

  c.transport.mend();
  expect(served()).toEqual([0, 0]);
  const hold = watched(c.ask<HoldView>(showId, holdOf(1)));
  await settled();
  expect([served(), hold.answer]).toEqual([[0, 1], null]);
  c.registry.fault = null;
  await cluster.advance(500);
  expect(hold.answer).toMatchObject({ ok: true });
  expect(served()).toEqual([1, 1]);

  // That b has it comes once more, late. It leads nobody astray: there is no second detour.
  for (const bytes of announced) line.send(c.incarnation ?? '', bytes, 0);
  await settled();
  const again = watched(c.ask<HoldView>(showId, holdOf(2)));
  await cluster.advance(50);
  expect(again.answer).toMatchObject({ ok: true });
  expect(served()).toEqual([2, 1]);
});

test('an owner that is behind decides nothing under its old epoch: who knows of the newer one is turned back', async () => {
  const cluster = await clusterOf('a', 'b');
  const [a, b] = [cluster.node('a'), cluster.node('b')];
  const showId = await cluster.showOn('b');
  // b moved the shard to a new epoch, and never heard the answer; only a reads it in the table.
  b.registry.fault = 'away';
  cluster.tables.shards[shardOf(showId)].epoch++;
  await cluster.advance(SECOND);
  const { appends } = b;
  const hold = watched(a.ask<HoldView>(showId, holdOf(1)));
  await cluster.advance(100);
  expect(b.node.counts.servedForPeers).toBeGreaterThan(0);
  expect([b.appends, hold.answer]).toEqual([appends, null]);
  b.registry.fault = null;
  await cluster.advance(SECOND);
  expect(hold.answer).toMatchObject({ ok: true });
  expect(cluster.ownerOf(showId)).toBe('b');
  expectOneChain(cluster, showId);
});

test('a message at every phase of a hand-off is answered once, with success, and takes effect once', async () => {
  const cluster = await clusterOf('a', 'b', 'c');
  const showId = await cluster.showOn('a');
  const answers: { answer: Answer<HoldView> | null }[] = [];
  for (let round = 0; round < 4; round++) {
    cluster.pin(showId, round % 2 === 0 ? 'b' : 'a');
    // One request from each node after every few turns of the event loop: some fall into each phase.
    for (let step = 0; step < 22; step++) {
      if (answers.length < 38) {
        const from = cluster.node(['a', 'b', 'c'][step % 3]);
        answers.push(watched(from.ask<HoldView>(showId, holdOf(answers.length + 1))));
      }
      await cluster.advance(step === 0 ? 1_000 : 7);
    }
  }
  await cluster.advance(2 * SECOND);
  expect(answers.filter(({ answer }) => answer?.ok !== true).map(({ answer }) => answer)).toEqual([]);
  const seats = seatsOf(answers);
  expect(new Set(seats).size).toBe(answers.length);
  expectOneChain(cluster, showId);
  expect(new Set(cluster.journal.rows(showId).map(({ epoch }) => epoch)).size).toBeGreaterThan(2);
});

test('duplicate delivery: a message that comes twice takes effect once', async () => {
  const cluster = await clusterOf('a', 'b');
  const showId = await cluster.showOn('a');
  const { line } = cluster.node('b');
  const { send } = line;
  line.send = (to, bytes, number) => {
    const copy = bytes.slice();
    cluster.time.timers.after(SECOND, () => void send.call(line, to, copy, number));
    return send.call(line, to, bytes, number);
  };
  const hold = watched(cluster.node('b').ask<HoldView>(showId, holdOf(1)));
  await cluster.advance(SECOND);
  if (hold.answer?.ok !== true) throw new Error('not held');
  // It has no key of its own: asked twice, the hold would be extended twice.
  const at = Date.parse(hold.answer.value.serverTime);
  const extend = watched(cluster.node('b').ask(showId, { type: 'extend', buyer: userOf(1), hold: 1, at }));
  await cluster.advance(2 * SECOND);
  expect(extend.answer).toMatchObject({ ok: true });
  const events = cluster.journal.rows(showId).flatMap((row) => JSON.parse(row.events) as { type: string }[]);
  expect(events.map(({ type }) => type)).toEqual(['opened', 'held', 'extended']);
});

test('a lost reply, then a retry on another node: the same key finds the first answer', async () => {
  const cluster = await clusterOf('a', 'b', 'c');
  const showId = await cluster.showOn('a');
  const { line } = cluster.node('a');
  const { send } = line;
  const toB = cluster.node('b').incarnation;
  line.send = (to, bytes, number) => (to === toB ? true : send.call(line, to, bytes, number));
  const first = watched(cluster.node('b').ask<HoldView>(showId, holdOf(1), 900));
  await cluster.advance(SECOND);
  expect(first.answer).toMatchObject({ ok: false, refusal: { code: 'OUTCOME_UNKNOWN' } });
  const again = watched(cluster.node('c').ask<HoldView>(showId, holdOf(1)));
  await cluster.advance(100);
  expect(again.answer).toMatchObject({ ok: true, replayed: true });
  expect(cluster.journal.rows(showId).filter(({ events }) => events.includes('"held"'))).toHaveLength(1);
});

test('timers and payments are resumed by the new owner', async () => {
  const cluster = await clusterOf('a', 'b');
  const showId = await cluster.showOn('a');
  const hold = watched(cluster.node('a').ask<HoldView>(showId, holdOf(1, 2)));
  const paid = watched(cluster.node('a').ask<HoldView>(showId, holdOf(2, 2)));
  await cluster.advance(100);
  if (hold.answer?.ok !== true || paid.answer?.ok !== true) throw new Error('not held');
  const at = Date.parse(paid.answer.value.serverTime);
  const order = watched(
    cluster.node('a').ask(showId, { type: 'order', once: onceOf(50), buyer: userOf(2), hold: 2, at }),
  );
  await cluster.advance(100);
  expect(order.answer).toMatchObject({ ok: true });
  const commit = watched(cluster.node('a').ask(showId, { type: 'commit', order: 1, amount: 9_100, currency: 'EUR' }));
  await cluster.advance(100);
  expect(commit.answer).toMatchObject({ ok: true });
  cluster.unsettled.length = 0;
  await cluster.node('a').kill();
  await cluster.advance(2 * SECOND);
  // Nobody asked for the show: what it has pending woke it.
  expect(cluster.unsettled).toContainEqual({ node: 'b', showId, orders: [1] });
  await cluster.advance(12 * 60 * SECOND);
  const events = cluster.journal
    .rows(showId)
    .map((row) => row.events)
    .join();
  expect(events).toContain('"expired"');
  expectOneChain(cluster, showId);
});

test('a node cut off from the others gives its shards away, and takes some again when it is back', async () => {
  const cluster = await clusterOf('a', 'b', 'c');
  const showId = await cluster.showOn('a');
  const { incarnation } = cluster.node('a');
  cluster.node('a').transport.cut();
  await cluster.advance(5 * SECOND);
  expect(cluster.ownerOf(showId)).not.toBe('a');
  expect(cluster.tables.nodes.get(incarnation ?? '')).toMatchObject({ state: 'draining', reason: /cut off/ });
  const hold = watched(cluster.node('b').ask<HoldView>(showId, holdOf(1)));
  await cluster.advance(100);
  expect(hold.answer).toMatchObject({ ok: true });
  cluster.node('a').transport.mend();
  await cluster.advance(10 * SECOND);
  expect(cluster.node('a').incarnation).toBe(incarnation);
  expect(cluster.ownerOf(showId)).toBe('a');
});

test('a database out of reach for one node: the others take over, and it comes back as a new incarnation', async () => {
  const cluster = await clusterOf('a', 'b', 'c');
  const showId = await cluster.showOn('a');
  const before = cluster.node('a').incarnation;
  cluster.node('a').registry.fault = 'hung';
  await cluster.advance(LEASE_OVER_MS);
  expect(cluster.ownerOf(showId)).not.toBe('a');
  // Requests that come in at the cut-off node go to the new owner.
  const hold = watched(cluster.node('a').ask<HoldView>(showId, holdOf(1)));
  await cluster.advance(100);
  expect(hold.answer).toMatchObject({ ok: true });
  cluster.node('a').registry.fault = null;
  await cluster.advance(4 * SECOND);
  expect(cluster.node('a').incarnation).not.toBe(before);
  expect(cluster.ownerOf(showId)).toBe('a');
});

test('a database that was away for all: nobody is declared dead, and everything goes on', async () => {
  const cluster = await clusterOf('a', 'b', 'c');
  const showId = await cluster.showOn('a');
  const before = [...cluster.nodes.values()].map(({ incarnation }) => incarnation);
  for (const { registry } of cluster.nodes.values()) registry.fault = 'away';
  await cluster.advance(5 * SECOND);
  const refused = watched(cluster.node('b').ask<HoldView>(showId, holdOf(1)));
  await cluster.advance(8 * SECOND);
  expect(refused.answer).toMatchObject({ ok: false, refusal: { code: 'UNAVAILABLE' } });
  cluster.tables.restart();
  for (const { registry } of cluster.nodes.values()) registry.fault = null;
  await cluster.advance(3 * SECOND);
  expect([...cluster.nodes.values()].map(({ incarnation }) => incarnation)).toEqual(before);
  const hold = watched(cluster.node('b').ask<HoldView>(showId, holdOf(2)));
  await cluster.advance(100);
  expect(hold.answer).toMatchObject({ ok: true });
});

test('what may have been begun is never told to be not begun, however full the way is afterwards', async () => {
  const cluster = await clusterOf('a', 'b', 'c');
  const showId = await cluster.showOn('b');
  const { line } = cluster.node('b');
  // b decides, and its answers are lost.
  line.send = () => true;
  const questions = Array.from({ length: 256 }, () => watched(cluster.node('a').ask(showId, { type: 'get-summary' })));
  const hold = watched(cluster.node('a').ask<HoldView>(showId, holdOf(1)));
  await cluster.advance(100);
  expect(cluster.journal.rows(showId).some(({ events }) => events.includes('"held"'))).toBe(true);
  await cluster.node('b').kill();
  // Nobody may take the shard, so that all wait for an owner, and the last finds no place.
  for (const { registry } of cluster.nodes.values()) registry.fault = 'away';
  await cluster.advance(12 * SECOND);
  expect(questions.every(({ answer }) => answer !== null)).toBe(true);
  if (hold.answer?.ok === false) expect(hold.answer.refusal.code).toBe('OUTCOME_UNKNOWN');
  else expect(hold.answer).toMatchObject({ ok: true });
});

test('a node that is stopped while it joins again takes nothing and leaves nothing behind', async () => {
  const cluster = await clusterOf('a', 'b');
  const a = cluster.node('a');
  a.stop();
  await cluster.advance(LEASE_OVER_MS);
  a.registry.fault = 'away';
  a.resume();
  await cluster.advance(SECOND);
  const left = a.node.leave();
  a.registry.fault = null;
  await cluster.advance(5 * SECOND);
  await left;
  const closed = a.node.close();
  await cluster.advance(SECOND);
  await closed;
  expect(a.incarnation).toBeNull();
  expect(new Set(cluster.tables.shards.map(({ owner }) => owner))).toEqual(new Set([cluster.node('b').incarnation]));
});

test('requests for shows that cannot be reached do not make heartbeats come any faster than four a second', async () => {
  const cluster = await clusterOf('a', 'b', 'c');
  const showId = await cluster.showOn('a');
  const [a, b] = [cluster.node('a'), cluster.node('b')];
  // Nobody listens there any more, and whoever sends something is told; yet its session at the database stays.
  cluster.hub.lines.delete(a.incarnation ?? '');
  const beat = b.registry.beat.bind(b.registry);
  let beats = 0;
  b.registry.beat = (...args) => {
    beats++;
    return beat(...args);
  };
  const before = b.node.figures().unreachable;
  for (let step = 0; step < 40; step++) {
    watched(b.ask(showId, { type: 'get-summary' }));
    await cluster.advance(25);
  }
  // Each of these asked for a look at the tables.
  expect(b.node.figures().unreachable - before).toBeGreaterThan(30);
  expect(beats).toBeGreaterThanOrEqual(3);
  expect(beats).toBeLessThan(8);
});

test('what an operator drained stays drained, also when the node was declared dead meanwhile', async () => {
  const cluster = await clusterOf('a', 'b');
  const row = cluster.tables.nodes.get(cluster.node('a').incarnation ?? '');
  if (row !== undefined) Object.assign(row, { state: 'draining', reason: 'drained by an operator' });
  await cluster.advance(2 * SECOND);
  cluster.node('a').stop();
  await cluster.advance(LEASE_OVER_MS);
  cluster.node('a').resume();
  await cluster.advance(4 * SECOND);
  expect(cluster.tables.nodes.get(cluster.node('a').incarnation ?? '')).toMatchObject({ state: 'draining' });
  expect(new Set(cluster.tables.shards.map(({ owner }) => owner))).toEqual(new Set([cluster.node('b').incarnation]));
});

test('the seat map of a show that cannot wake is the last one, marked stale, on its own node too', async () => {
  const cluster = await clusterOf('a', 'b');
  const showId = await cluster.showOn('a');
  const hold = watched(cluster.node('a').ask<HoldView>(showId, holdOf(1)));
  await cluster.advance(100);
  expect(hold.answer).toMatchObject({ ok: true });
  const seen = watched(cluster.node('a').node.shows.seatMap(showId));
  await cluster.advance(100);
  expect(seen.answer).toMatchObject({ showId, stale: false, version: 2 });
  // The next turn is lost, and the database is out of reach for its recovery, though not yet for as long as a lease.
  cluster.journal.appendFaults.push('lost');
  cluster.journal.unreadable = true;
  for (const { registry } of cluster.nodes.values()) registry.fault = 'away';
  const lost = watched(cluster.node('a').ask<HoldView>(showId, holdOf(2)));
  await cluster.advance(300);
  expect(lost.answer).toMatchObject({ ok: false });
  const stale = watched(cluster.node('a').node.shows.seatMap(showId));
  await cluster.advance(SECOND);
  expect(stale.answer).toMatchObject({ showId, stale: true, version: 2 });
});
