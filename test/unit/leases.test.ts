import { describe, expect, test, vi } from 'vitest';
import { Leases } from '../../src/cluster/ownership/leases.ts';
import { LEASE_MS } from '../../src/cluster/registry/registry.ts';
import { manualTime } from '../support/manual-time.ts';
import { MemoryRegistry, MemoryTables } from '../support/memory-registry.ts';
import { selfOf, under } from '../support/node-starts.ts';

/** A node that has taken these shards, with a heartbeat acknowledged just now. */
async function nodeWith(...shards: number[]) {
  const time = manualTime();
  const tables = new MemoryTables(time.clock);
  const registry = new MemoryRegistry(tables, time.timers);
  const { incarnation, ...self } = selfOf('a');
  await registry.join({ incarnation, ...self });
  const leases = new Leases(registry, incarnation, time.clock);
  leases.take(await registry.acquire(incarnation, under(0, shards)));
  leases.renew(time.clock.now());
  return { time, tables, registry, leases, incarnation };
}

describe('leases', () => {
  test('hold for the shards that were taken, until those are dropped', async () => {
    const { leases } = await nodeWith(7, 8);
    expect([6, 7, 8].map((shard) => leases.epochOf(shard))).toEqual([null, 1, 1]);
    leases.drop([7]);
    expect([leases.epochOf(7), leases.takenAs(7), leases.owned]).toEqual([null, null, 1]);
    leases.dropAll();
    expect([leases.epochOf(8), leases.takenAs(8), leases.owned]).toEqual([null, null, 0]);
  });

  test('lapse before others may take them, and hold again with the next heartbeat', async () => {
    const { time, leases } = await nodeWith(7);
    await time.advance(LEASE_MS - 201);
    expect([leases.epochOf(7), leases.isCurrent]).toEqual([1, true]);
    await time.advance(1);
    expect([leases.epochOf(7), leases.takenAs(7), leases.isCurrent]).toEqual([null, 1, false]);
    leases.renew(time.clock.now());
    expect(leases.epochOf(7)).toBe(1);
  });

  test('are as old as the question, not the answer, and no answer that comes late shortens them', async () => {
    const { time, leases } = await nodeWith(7);
    const asked = time.clock.now();
    await time.advance(1_000);
    leases.renew(time.clock.now());
    leases.renew(asked);
    await time.advance(LEASE_MS - 201);
    expect(leases.epochOf(7)).toBe(1);
  });

  test('that are closed admit nothing, but are still ours', async () => {
    const { leases } = await nodeWith(7);
    leases.close([7]);
    expect([leases.epochOf(7), leases.takenAs(7), leases.isClosed(7)]).toEqual([null, 1, true]);
    expect(await leases.advance(7)).toBeNull();
    leases.take([{ shard: 7, epoch: 5 }]);
    expect([leases.epochOf(7), leases.isClosed(7)]).toEqual([5, false]);
  });
});

describe('a lease that moves to a new epoch', () => {
  test('is told so by the registry', async () => {
    const { leases } = await nodeWith(7, 8);
    expect(await leases.advance(7)).toBe(2);
    expect([7, 8].map((shard) => leases.epochOf(shard))).toEqual([2, 1]);
    expect(await leases.advance(6)).toBeNull();
  });

  test('is lost when it turns out to be another’s', async () => {
    const { leases, tables } = await nodeWith(7, 8);
    const onLost = vi.fn<(shard: number) => void>();
    leases.onLost = onLost;
    Object.assign(tables.shards[7], { owner: 'nod_other', epoch: 2 });
    expect(await leases.advance(7)).toBeNull();
    expect(onLost.mock.calls).toEqual([[7]]);
    expect([7, 8].map((shard) => leases.takenAs(shard))).toEqual([null, 1]);
  });

  test('keeps what it has when the database is out of reach', async () => {
    const { leases, registry } = await nodeWith(7);
    registry.fault = 'away';
    await expect(leases.advance(7)).rejects.toThrow('out of reach');
    expect(leases.epochOf(7)).toBe(1);
  });

  test('is not taken back when it was dropped meanwhile', async () => {
    const { leases } = await nodeWith(7);
    const advanced = leases.advance(7);
    leases.drop([7]);
    expect(await advanced).toBeNull();
    expect(leases.takenAs(7)).toBeNull();
  });
});
