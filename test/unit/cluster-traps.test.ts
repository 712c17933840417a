import { expect, test } from 'vitest';
import type { Answer, HoldView } from '../../src/actors/shows.ts';
import { shardOf } from '../../src/cluster/shards.ts';
import { MemoryCluster } from '../support/memory-cluster.ts';
import { holdOf, quiet } from '../support/show-node.ts';
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
    await quiet();
    expect(await answer).toMatchObject({ ok: true });
    const map = cluster.node(id).node.shows.seatMap(showId);
    await quiet();
    expect(await map).toMatchObject({ showId, stale: false });
  }
});

test('a killed owner is replaced at once, and nothing that it acknowledged is lost', async () => {
  const cluster = await clusterOf('a', 'b', 'c');
  const showId = await cluster.showOn('a');
  const first = watched(cluster.node('b').ask<HoldView>(showId, holdOf(1, 2)));
  await quiet();
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
  expect(cluster.ownerOf(showId)).toBe('a');
  expect(cluster.tables.shards[shardOf(showId)].epoch).toBe(taken + 2);
});

test('a zombie with a backlog wakes up: it drops what waited, and appends nothing', async () => {
  const cluster = await clusterOf('a', 'b', 'c');
  const showId = await cluster.showOn('a');
  const zombie = cluster.node('a');
  zombie.stop();
  const backlog = Array.from({ length: 5 }, (_, i) => watched(cluster.node('b').ask<HoldView>(showId, holdOf(i + 1))));
  const own = watched(zombie.ask<HoldView>(showId, holdOf(99)));
  await cluster.advance(LEASE_OVER_MS);
  const before = cluster.journal.rows(showId).length;
  const appends = zombie.appends;
  zombie.resume();
  await cluster.advance(200);
  expect(zombie.appends).toBe(appends);
  expect(cluster.journal.rows(showId).length - before).toBeLessThanOrEqual(1);
  await cluster.advance(12 * SECOND);
  for (const { answer } of [...backlog, own]) expect(answer).not.toBeNull();
  const seats = seatsOf([...backlog, own]);
  expect(new Set(seats).size).toBe(seats.length);
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
  const old = cluster.node('a').incarnation ?? '';
  await cluster.node('a').kill();
  await cluster.start('a');
  await cluster.advance(3 * SECOND);
  expect(cluster.node('a').incarnation).not.toBe(old);
  // An old stop event after a new start.
  expect(await cluster.node('b').registry.setState(old, ['up', 'draining', 'leaving'], 'left', 'stopped')).toBe(false);
  expect(cluster.ownerOf(showId)).toBe('a');
  const hold = watched(cluster.node('b').ask<HoldView>(showId, holdOf(1)));
  await cluster.advance(100);
  expect(hold.answer).toMatchObject({ ok: true });
});

test('a stale routing cache after a fail-back costs a detour, not an answer', async () => {
  const cluster = await clusterOf('a', 'b', 'c');
  const showId = await cluster.showOn('a');
  // c hears of nothing while the show goes to b and back to a.
  cluster.node('c').transport.cut();
  cluster.node('c').registry.fault = 'away';
  cluster.pin(showId, 'b');
  await cluster.advance(1_500);
  expect(cluster.ownerOf(showId)).toBe('b');
  cluster.pin(showId, 'a');
  await cluster.advance(1_200);
  expect(cluster.ownerOf(showId)).toBe('a');
  cluster.node('c').transport.mend();
  const hold = watched(cluster.node('c').ask<HoldView>(showId, holdOf(1)));
  await cluster.advance(300);
  expect(hold.answer).toMatchObject({ ok: true });
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
  const line = [...cluster.hub.lines].find(([name]) => name === cluster.node('b').incarnation)?.[1];
  if (line === undefined) throw new Error('b has no line');
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
  const line = [...cluster.hub.lines].find(([name]) => name === cluster.node('a').incarnation)?.[1];
  if (line === undefined) throw new Error('a has no line');
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
  const line = [...cluster.hub.lines].find(([name]) => name === cluster.node('b').incarnation)?.[1];
  if (line === undefined) throw new Error('b has no line');
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
  cluster.node('a').transport.cut();
  const { registry } = cluster.node('b');
  const beat = registry.beat.bind(registry);
  let beats = 0;
  registry.beat = (...args) => {
    beats++;
    return beat(...args);
  };
  const asked: { answer: unknown }[] = [];
  for (let step = 0; step < 40; step++) {
    asked.push(watched(cluster.node('b').ask(showId, { type: 'get-summary' })));
    await cluster.advance(25);
  }
  expect(beats).toBeLessThan(8);
});
