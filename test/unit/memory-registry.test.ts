import { describe, expect, test } from 'vitest';
import { LEASE_MS } from '../../src/cluster/registry/registry.ts';
import { systemClock } from '../../src/system/clock.ts';
import { manualTime } from '../support/manual-time.ts';
import { MemoryRegistry, MemoryTables } from '../support/memory-registry.ts';
import { IDLE, selfOf, under } from '../support/node-starts.ts';
import { PacedTimers } from '../support/paced-timers.ts';
import { registryContract } from '../support/registry-contract.ts';

describe('the registry in memory', () => {
  registryContract(async () => {
    const tables = new MemoryTables(systemClock());
    return {
      registry: () => new MemoryRegistry(tables, new PacedTimers(10)),
      age: async (incarnation, ms) => tables.age(incarnation, ms),
      endSession: async (incarnation) => tables.endSession(incarnation),
      lock: async (shard) => {
        tables.locked.add(shard);
        return async () => void tables.locked.delete(shard);
      },
    };
  });
});

describe('a fault of the registry in memory', () => {
  async function node() {
    const time = manualTime();
    const tables = new MemoryTables(time.clock);
    const registry = new MemoryRegistry(tables, time.timers);
    const self = selfOf('a');
    await registry.join(self);
    return { time, tables, registry, name: self.incarnation };
  }
  const epochOf = (tables: MemoryTables) => tables.shards[1].epoch;

  test('away: rejects at once, and nothing is done', async () => {
    const { tables, registry, name } = await node();
    registry.fault = 'away';
    await expect(registry.acquire(name, under(0, [1]))).rejects.toThrow('out of reach');
    registry.fault = null;
    expect(epochOf(tables)).toBe(0);
  });

  test.each([
    ['hung', 0],
    ['late', 1],
  ] as const)('%s: rejects in the end; the epoch is %i when all is well again', async (fault, epoch) => {
    const { time, tables, registry, name } = await node();
    registry.fault = fault;
    const given = expect(registry.acquire(name, under(0, [1]))).rejects.toThrow('no answer');
    await time.advance(999);
    expect(epochOf(tables)).toBe(0);
    await time.advance(1);
    await given;
    registry.fault = null;
    expect(epochOf(tables)).toBe(epoch);
  });

  test('lost: it is done, but rejects', async () => {
    const { tables, registry, name } = await node();
    registry.fault = 'lost';
    await expect(registry.acquire(name, under(0, [1]))).rejects.toThrow('lost');
    expect(epochOf(tables)).toBe(1);
  });

  test('is one node’s, not the others’', async () => {
    const { time, tables, registry, name } = await node();
    const other = new MemoryRegistry(tables, time.timers);
    await other.join(selfOf('b'));
    registry.fault = 'away';
    await time.advance(LEASE_MS + 1);
    expect(await other.declareDead([{ incarnation: name, cause: 'expired' }])).toEqual([name]);
    registry.fault = null;
    expect((await registry.beat(name, IDLE)).state).toBe('dead');
  });

  test('of the server: a restart is nobody’s death', async () => {
    const { time, tables, name } = await node();
    const other = new MemoryRegistry(tables, time.timers);
    await other.join(selfOf('b'));
    tables.restart();
    expect(await other.declareDead([{ incarnation: name, cause: 'gone' }])).toEqual([]);
  });
});
