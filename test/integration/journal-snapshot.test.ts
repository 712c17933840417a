import { hash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Snapshot, Turn } from '../../src/journal/journal.ts';
import { journalServer, type Node, nodeOn } from '../support/journal-database.ts';
import { ShowHistory, showsOfOtherShards } from '../support/show-history.ts';

const newDatabase = journalServer();

function snapshotOf(turn: Turn, state: Uint8Array = new TextEncoder().encode(`state ${turn.seq}`)): Snapshot {
  return { seq: turn.seq, epoch: turn.epoch, rowHash: turn.hash, stateHash: hash('sha256', state, 'hex'), state };
}

async function nodeWithRows(count: number) {
  const database = await newDatabase();
  const node = nodeOn(database, 'a');
  await node.takeAll();
  const history = new ShowHistory(showsOfOtherShards(1)[0]);
  const turns: Turn[] = [];
  for (let n = 0; n < count; n++) {
    turns.push(history.next(node.leases.epochOf(history.shard)));
    expect(await node.journal.append(turns[n])).toBe('durable');
  }
  const keep = (snapshot: Snapshot, by: Node = node): Promise<boolean> =>
    by.journal.keepSnapshot(history.showId, history.shard, snapshot);
  return { database, node, history, turns, keep };
}

describe('a snapshot', () => {
  test('is read back as it was kept, and a newer one takes its place', async () => {
    const { node, history, turns, keep } = await nodeWithRows(2);
    expect(await node.journal.readSnapshot(history.showId)).toBeNull();
    const state = Uint8Array.from({ length: 3_000_000 }, (_, index) => (index * 31) & 255);
    const padded = new Uint8Array(state.length + 8);
    padded.set(state, 4);
    expect(await keep(snapshotOf(turns[0], padded.subarray(4, state.length + 4)))).toBe(true);
    const first = await node.journal.readSnapshot(history.showId);
    expect(Buffer.compare(first?.state ?? new Uint8Array(), state)).toBe(0);
    expect(first).toMatchObject({ seq: 1, epoch: 1, rowHash: turns[0].hash, stateHash: hash('sha256', state, 'hex') });
    expect(await keep(snapshotOf(turns[1]))).toBe(true);
    expect((await node.journal.readSnapshot(history.showId))?.seq).toBe(2);
  });

  test('that is not newer than the kept one is refused', async () => {
    const { node, history, turns, keep } = await nodeWithRows(2);
    expect(await keep(snapshotOf(turns[1]))).toBe(true);
    expect(await keep(snapshotOf(turns[0]))).toBe(false);
    expect(await keep(snapshotOf(turns[1], new Uint8Array(1)))).toBe(false);
    const kept = await node.journal.readSnapshot(history.showId);
    expect(kept?.stateHash).toBe(snapshotOf(turns[1]).stateHash);
  });

  test('is given up by the server long before a takeover gives up waiting for it', async () => {
    const { database, node, history, turns } = await nodeWithRows(1);
    const limits = ['lock_timeout', 'statement_timeout'].map((name) => `current_setting('${name}')::interval`);
    const fence = `select id, epoch from shard
      where id = any($1::int2[]) and owner = $2 and greatest(${limits.join(', ')}) <= '5 s' and least(${limits.join(', ')}) > '0 s'
      for share`;
    const { journal } = nodeOn(database, 'a', { fence, incarnation: node.incarnation });
    expect(await journal.keepSnapshot(history.showId, history.shard, snapshotOf(turns[0]))).toBe(true);
    expect(await node.journal.readSnapshot(history.showId)).not.toBeNull();
  });

  test('of a row that the journal does not have is refused', async () => {
    const { node, history, turns, keep } = await nodeWithRows(1);
    expect(await keep({ ...snapshotOf(turns[0]), seq: 2 })).toBe(false);
    expect(await keep({ ...snapshotOf(turns[0]), rowHash: '1'.repeat(64) })).toBe(false);
    expect(await node.journal.readSnapshot(history.showId)).toBeNull();
  });

  test('of a fenced owner is refused; the new owner may keep one of the same row', async () => {
    const { database, node, history, turns, keep } = await nodeWithRows(1);
    const successor = nodeOn(database, 'successor');
    await successor.takeAll();
    expect(await keep(snapshotOf(turns[0]))).toBe(false);
    const epoch = successor.leases.epochOf(history.shard) as number;
    expect(await keep({ ...snapshotOf(turns[0]), epoch })).toBe(false);
    expect(await node.journal.readSnapshot(history.showId)).toBeNull();
    expect(await keep({ ...snapshotOf(turns[0]), epoch }, successor)).toBe(true);
    expect(await node.journal.readSnapshot(history.showId)).toMatchObject({ seq: 1, epoch });
  });

  test('in a form that this version does not know is passed over', async () => {
    const { database, node, history, turns, keep } = await nodeWithRows(1);
    await keep(snapshotOf(turns[0]));
    await database.pool.query('update snapshot set format = 2');
    expect(await node.journal.readSnapshot(history.showId)).toBeNull();
  });
});
