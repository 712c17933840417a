import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { IDLE_MS } from '../../src/actors/falling-asleep.ts';
import { ANNOUNCE_MS, SWEEP_MS } from '../../src/actors/sweep.ts';
import { HOLD_GRACE_MS } from '../../src/allocator/show.ts';
import { settled } from '../support/manual-time.ts';
import { closeGate, eventsIn, holdOf, ShowNode } from '../support/show-node.ts';

const SUMMARY = { type: 'get-summary' } as const;
const showId = (shard: number): string => `shw_${String(shard).padStart(26, '0')}`;
/** Each show in a shard of its own, which its id ends with. */
const shardOf = (id: string): number => Number(id.slice(-4));

let node: ShowNode;

beforeEach(() => {
  node = new ShowNode({ shardOf });
});

afterEach(async () => {
  await node.stop();
});

/** Asks so many questions a second of these shards, for some seconds. */
async function askFor(seconds: number, perSecond: ReadonlyMap<number, number>): Promise<void> {
  for (let quarter = 0; quarter < seconds * 4; quarter++) {
    for (const [shard, rate] of perSecond) {
      await Promise.all(Array.from({ length: rate / 4 }, () => node.ask(showId(shard), SUMMARY)));
    }
    await node.time.advance(SWEEP_MS);
  }
}

describe('the load of a node', () => {
  test('is nothing at first', () => {
    expect(node.actors.load()).toEqual({ perSecond: 0, inbox: 0, awake: 0, lagMs: 0, hot: [] });
  });

  test('follows what its shows decide, and fades when they are asked no more', async () => {
    await askFor(1, new Map([[1, 400]]));
    expect(node.actors.load().perSecond).toBeGreaterThan(50);
    expect(node.actors.load().perSecond).toBeLessThan(100);
    await askFor(60, new Map([[1, 400]]));
    expect(node.actors.load().perSecond).toBeCloseTo(400, 0);
    await node.time.advance(5_000);
    expect(node.actors.load().perSecond).toBeCloseTo(400 / Math.E, 0);
    await node.time.advance(120_000);
    expect(node.actors.load()).toMatchObject({ perSecond: 0, hot: [] });
  });

  test('does not depend on how late a sweep comes', async () => {
    await askFor(30, new Map([[1, 40]]));
    node.stoppedMs += 750;
    await Promise.all(Array.from({ length: 40 }, () => node.ask(showId(1), SUMMARY)));
    await node.time.advance(SWEEP_MS);
    expect(node.actors.load().perSecond).toBeCloseTo(40, 0);
  });

  test('names the busiest shards, busiest first, and no more than sixteen', async () => {
    const rates = new Map(Array.from({ length: 20 }, (_, n) => [n + 1, 4 * (n + 1)] as const));
    await askFor(20, rates);
    const { hot, perSecond, awake } = node.actors.load();
    expect(hot.map(([shard]) => shard)).toEqual(Array.from({ length: 16 }, (_, n) => 20 - n));
    expect(hot[0][1]).toBeGreaterThan(75);
    expect(hot[0][1]).toBeLessThanOrEqual(80);
    expect(perSecond).toBeGreaterThan((0.95 * 4 * 20 * 21) / 2);
    expect(awake).toBe(20);
  });

  test('of a shard that has left is no longer its own', async () => {
    const rates = new Map([
      [1, 40],
      [2, 80],
    ]);
    await askFor(20, rates);
    node.leases.close(2);
    await node.actors.leave(new Set([2]));
    expect(node.actors.load().hot.map(([shard]) => shard)).toEqual([1]);
    node.leases.lapse(1);
    node.actors.drop('all');
    expect(node.actors.load()).toMatchObject({ perSecond: 0, awake: 0, hot: [] });
  });

  test('counts who waits, and how long the oldest turn has not been durable', async () => {
    await node.ask(showId(1), SUMMARY);
    await node.ask(showId(2), SUMMARY);
    const open = closeGate(node.journal);
    const first = node.ask(showId(1), holdOf(1));
    await node.advance(1_000);
    const second = node.ask(showId(2), holdOf(1));
    await settled();
    const third = node.ask(showId(2), holdOf(2));
    await node.advance(500);
    expect(node.actors.load()).toMatchObject({ lagMs: 1_500, inbox: 1 });
    open();
    await Promise.all([first, second, third]);
    await settled();
    expect(node.actors.load()).toMatchObject({ lagMs: 0, inbox: 0 });
  });

  test('counts a lost turn as over', async () => {
    await node.ask(showId(1), SUMMARY);
    node.journal.appendFaults.push('lost');
    await node.ask(showId(1), holdOf(1));
    await node.advance(1_000);
    expect(node.actors.load().lagMs).toBe(0);
  });
});

describe('a sweep', () => {
  const SHOWS = 300;

  test('passes over shows of which nothing is due', async () => {
    for (let n = 1; n <= SHOWS; n++) await node.ask(showId(n), holdOf(1));
    await node.advance(2 * SWEEP_MS);
    const { looks } = node.leases;
    await node.advance(20 * SWEEP_MS);
    expect(node.leases.looks).toBe(looks);
    // A show with a live hold is looked at to name its orders, not all the time that it is idle.
    await node.advance(IDLE_MS + ANNOUNCE_MS);
    expect(node.leases.looks - looks).toBeLessThan(4 * SHOWS);
  });

  test('misses nothing for that: holds end in time, and shows that are left with nothing to do fall asleep', async () => {
    const shows = 30;
    for (let n = 1; n <= shows; n++) {
      await node.ask(showId(n), holdOf(1));
      await node.time.advance(1_000);
    }
    await node.advance(600_000 + HOLD_GRACE_MS - shows * 1_000 - 1);
    const ended = (n: number): boolean => eventsIn(node.journal, showId(n)).at(-1)?.type === 'expired';
    for (let n = 1; n <= shows; n++) {
      expect(ended(n)).toBe(false);
      await node.advance(SWEEP_MS + 1);
      expect(ended(n)).toBe(true);
      await node.advance(1_000 - SWEEP_MS - 1);
    }
    await node.advance(SWEEP_MS);
    expect(node.actors.awake).toBe(0);
  });
});
