import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { IDLE_MS } from '../../src/actors/falling-asleep.ts';
import { INBOX_LIMIT } from '../../src/actors/inbox.ts';
import { SWEEP_MS } from '../../src/actors/sweep.ts';
import { MAX_RECOVERIES } from '../../src/actors/waking.ts';
import type { Command } from '../../src/allocator/commands.ts';
import { HOLD_GRACE_MS } from '../../src/allocator/show.ts';
import type { Snapshot } from '../../src/journal/journal.ts';
import { settled } from '../support/manual-time.ts';
import { MemoryJournal } from '../support/memory-journal.ts';
import { closeGate, eventsIn, heldIn, holdOf, SHARD, ShowNode, toldBy } from '../support/show-node.ts';
import { ON_SALE_AT, onceOf, SHOW_ID, userOf } from '../support/small-show.ts';

const SUMMARY = { type: 'get-summary' } as const;
const HOLD_LASTS_MS = 600_000 + HOLD_GRACE_MS;

let node: ShowNode;

beforeEach(() => {
  node = new ShowNode();
});

afterEach(async () => {
  await node.stop();
});

const typesIn = (journal: MemoryJournal): string[] => eventsIn(journal, SHOW_ID).map((event) => event.type);

describe('while the lease of its shard has lapsed, a show', () => {
  test('answers nothing from memory, and goes on as it was when the lease is back', async () => {
    await node.ask(SHOW_ID, holdOf(1));
    node.leases.lapse(SHARD);
    expect([await node.ask(SHOW_ID, SUMMARY), await node.ask(SHOW_ID, holdOf(2))].map(toldBy)).toEqual([
      'moved',
      'moved',
    ]);
    node.leases.renew(SHARD);
    expect(await node.ask(SHOW_ID, SUMMARY)).toMatchObject({ ok: true, value: { held: 1 } });
    expect([node.actors.counts.recoveries, node.actors.awake]).toEqual([1, 1]);
  });

  test('that waits for its turn decides nothing', async () => {
    await node.ask(SHOW_ID, SUMMARY);
    const asked = [node.ask(SHOW_ID, holdOf(1)), node.ask(SHOW_ID, SUMMARY)];
    node.leases.lapse(SHARD);
    expect((await Promise.all(asked)).map(toldBy)).toEqual(['moved', 'moved']);
    expect(typesIn(node.journal)).toEqual(['opened']);
  });

  test('tells what was durable in time, and turns away at once what waited behind it', async () => {
    await node.ask(SHOW_ID, SUMMARY);
    const open = closeGate(node.journal);
    const first = node.ask(SHOW_ID, holdOf(1));
    await settled();
    const told: string[] = [];
    void node.ask(SHOW_ID, holdOf(2)).then((answer) => told.push(toldBy(answer)));
    node.leases.lapse(SHARD);
    await node.advance(2 * SWEEP_MS);
    expect(told).toEqual(['moved']);
    open();
    expect(toldBy(await first)).toBe('ok');
    await settled();
    expect(typesIn(node.journal)).toEqual(['opened', 'held']);
  });

  test('ends no holds, and ends them when the lease is back', async () => {
    await node.ask(SHOW_ID, holdOf(1));
    node.leases.lapse(SHARD);
    await node.advance(HOLD_LASTS_MS + 10 * SWEEP_MS);
    expect(typesIn(node.journal)).toEqual(['opened', 'held']);
    node.leases.renew(SHARD);
    await node.advance(SWEEP_MS);
    expect(typesIn(node.journal)).toEqual(['opened', 'held', 'expired']);
    expect(node.actors.counts.recoveries).toBe(1);
  });

  test('refuses its seat map, but its last one can be had', async () => {
    await node.ask(SHOW_ID, holdOf(1, 2));
    node.leases.lapse(SHARD);
    expect(await node.actors.seatMap(SHOW_ID)).toMatchObject({ code: 'UNAVAILABLE', retryAfter: 1 });
    expect(await node.actors.seatCounts(SHOW_ID)).toMatchObject({ code: 'UNAVAILABLE' });
    expect(node.actors.lastSeats(SHOW_ID)).toMatchObject({ version: 1, available: 58 });
    await node.advance(2 * IDLE_MS);
    expect(node.actors.lastSeats(SHOW_ID)).not.toBeNull();
  });

  test('that was on its way to wake turns away who waits, and wakes when the lease is back', async () => {
    let wake = (): void => {};
    class HangingJournal extends MemoryJournal {
      override async readSnapshot(showId: string): Promise<Snapshot | null> {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        return super.readSnapshot(showId);
      }
    }
    node = new ShowNode({ journal: new HangingJournal() });
    const asked = node.ask(SHOW_ID, holdOf(1));
    await settled();
    node.leases.lapse(SHARD);
    await node.advance(SWEEP_MS);
    expect(toldBy(await asked)).toBe('moved');
    wake();
    await node.advance(10 * SWEEP_MS);
    expect(node.journal.attempts).toHaveLength(0);
    node.leases.renew(SHARD);
    expect(toldBy(await node.ask(SHOW_ID, holdOf(1)))).toBe('ok');
    expect(node.actors.counts.recoveries).toBe(1);
  });

  test('with unfinished work is remembered until it can be woken', async () => {
    node.leases.lapse(SHARD);
    const woken = node.actors.wake([SHOW_ID]);
    expect(node.actors.awake).toBe(0);
    await woken;
    await node.advance(10 * SWEEP_MS);
    expect([node.actors.awake, node.lookUps]).toEqual([0, 0]);
    node.leases.renew(SHARD);
    await node.advance(SWEEP_MS);
    expect(node.actors.awake).toBe(1);
  });

  test('that cannot be recovered then is to be asked elsewhere', async () => {
    const asked = node.ask(SHOW_ID, holdOf(1));
    node.journal.unreadable = true;
    node.leases.lapse(SHARD);
    expect(toldBy(await asked)).toBe('moved');
    node.journal.unreadable = false;
  });

  test('that was in line to recover with unfinished work is woken when the lease is back', async () => {
    const reads: (() => void)[] = [];
    class HangingJournal extends MemoryJournal {
      override async readSnapshot(showId: string): Promise<Snapshot | null> {
        await new Promise<void>((resolve) => void reads.push(resolve));
        return super.readSnapshot(showId);
      }
    }
    node = new ShowNode({ journal: new HangingJournal() });
    const showIds = Array.from({ length: MAX_RECOVERIES + 2 }, (_, n) => `shw_${String(n).padStart(26, '0')}`);
    void node.actors.wake(showIds);
    await settled();
    node.leases.lapse(SHARD);
    for (const read of reads.splice(0)) read();
    await node.advance(10 * SWEEP_MS);
    expect([node.actors.awake, reads.length]).toEqual([MAX_RECOVERIES, 0]);
    node.leases.renew(SHARD);
    await node.advance(2 * SWEEP_MS);
    for (const read of reads.splice(0)) read();
    await settled();
    expect([node.actors.awake, node.actors.counts.recoveries]).toEqual([MAX_RECOVERIES + 2, MAX_RECOVERIES + 2]);
  });

  test('does not keep shows of other shards from being woken', async () => {
    const showIds = [7, 8].map((n) => `shw_${String(n).padStart(26, '0')}`);
    node = new ShowNode({ shardOf: (showId) => Number(showId.slice(-1)) });
    for (const shard of [7, 8]) node.leases.lapse(shard);
    await node.actors.wake(showIds);
    node.leases.renew(8);
    await node.advance(SWEEP_MS);
    expect(node.actors.lastSeats(showIds[1])).not.toBeNull();
    expect(node.actors.lastSeats(showIds[0])).toBeNull();
  });

  test('loses an append: under the same epoch it does not recover before that can no longer land', async () => {
    await node.ask(SHOW_ID, SUMMARY);
    const open = closeGate(node.journal);
    node.journal.appendFaults.push('late');
    const asked = node.ask(SHOW_ID, holdOf(1));
    await settled();
    node.leases.lapse(SHARD);
    open();
    expect(toldBy(await asked)).toBe('OUTCOME_UNKNOWN');
    await node.advance(1_000);
    node.leases.renew(SHARD);
    await node.advance(1_000);
    expect([node.leases.advances, node.actors.awake]).toEqual([1, 1]);
    expect(node.journal.landLate()).toBe('fenced');
    expect(await node.ask(SHOW_ID, holdOf(1))).toMatchObject({ ok: true, replayed: false });
  });
});

describe('under another epoch than it recovered under, a show', () => {
  test('restarts before it decides anything, which takes no further epoch', async () => {
    await node.ask(SHOW_ID, holdOf(1));
    node.leases.move(SHARD, true);
    const asked = [node.ask(SHOW_ID, SUMMARY), node.ask(SHOW_ID, holdOf(2))];
    expect((await Promise.all(asked)).map(toldBy)).toEqual(['moved', 'moved']);
    expect(node.journal.attempts).toHaveLength(1);
    await node.advance(SWEEP_MS);
    expect(await node.ask(SHOW_ID, SUMMARY)).toMatchObject({ ok: true, value: { held: 1 } });
    expect([node.leases.advances, node.actors.counts.recoveries, node.actors.counts.restarts]).toEqual([0, 2, 0]);
  });

  test('tells no seat map from before', async () => {
    await node.ask(SHOW_ID, holdOf(1));
    node.leases.move(SHARD, true);
    expect(await node.actors.seatMap(SHOW_ID)).toMatchObject({ code: 'UNAVAILABLE' });
    await node.advance(SWEEP_MS);
    expect(await node.actors.seatMap(SHOW_ID)).toMatchObject({ available: 59 });
  });

  test('that has unfinished work recovers when it is to be woken', async () => {
    await node.ask(SHOW_ID, holdOf(1));
    node.leases.move(SHARD, true);
    await node.actors.wake([SHOW_ID]);
    await node.advance(SWEEP_MS);
    expect([node.actors.awake, node.actors.counts.recoveries]).toEqual([1, 2]);
  });
});

describe('a zombie with a backlog wakes up', () => {
  /** Another node on the same journal, which takes the shard as from a dead node. */
  function successor(): ShowNode {
    const other = new ShowNode({ journal: node.journal, time: node.time, leases: node.leases.ofAnotherNode() });
    other.leases.acquire(SHARD);
    return other;
  }

  const ONE_IN_TIME = 20_000;

  test.each([
    ['and knows that its lease has lapsed', true],
    ['and does not know yet', false],
  ])('%s: nothing of it lands, and all are told once', async (_, knows) => {
    await node.ask(SHOW_ID, SUMMARY);
    const open = closeGate(node.journal);
    const told: string[][] = [];
    const ask = (n: number, message: Command, within: number): void => {
      told[n] = [];
      const asked = node.actors.ask(SHOW_ID, message, node.now + within);
      void asked.then((answer) => told[n].push(toldBy(answer)));
    };
    ask(0, holdOf(10), ONE_IN_TIME);
    await settled();
    // The process is stopped here: these came in, and none of its timers and turns run.
    for (let n = 1; n <= 4; n++) ask(n, holdOf(n), n % 2 === 0 ? ONE_IN_TIME : 1_000);
    const other = successor();
    expect(toldBy(await other.ask(SHOW_ID, SUMMARY))).toBe('ok');
    const { length } = node.journal.attempts;
    if (knows) node.leases.lapse(SHARD);
    // It goes on, with its timers before the answer to the append that was sent before.
    node.stoppedMs = 5_000;
    await node.time.advance(SWEEP_MS);
    open();
    await node.advance(10 * SWEEP_MS);
    expect(told).toEqual([['moved'], ['OVERLOADED'], ['moved'], ['OVERLOADED'], ['moved']]);
    // What a client sends again to the new owner takes effect there, and only there.
    for (const n of [2, 4]) expect(toldBy(await other.ask(SHOW_ID, holdOf(n)))).toBe('ok');
    expect(heldIn(node.journal, SHOW_ID).map((event) => event.buyer)).toEqual([2, 4].map(userOf));
    expect(node.journal.rows(SHOW_ID).map((row) => row.epoch)).toEqual([1, 2, 2]);
    // Of the zombie's own, nothing was sent after it was stopped.
    expect(node.journal.attempts.slice(length).every((turn) => turn.epoch === 2)).toBe(true);
    await other.stop();
  });
});

describe('a request that is turned away', () => {
  test('for overload or because it came too late is not to be asked elsewhere', async () => {
    await node.ask(SHOW_ID, SUMMARY);
    const open = closeGate(node.journal);
    const first = node.ask(SHOW_ID, holdOf(1));
    await settled();
    const late = node.actors.ask(SHOW_ID, holdOf(2), node.time.clock.now() + 1);
    const waiting = Array.from({ length: INBOX_LIMIT - 1 }, () => node.ask(SHOW_ID, SUMMARY));
    expect(toldBy(await node.ask(SHOW_ID, SUMMARY))).toBe('OVERLOADED');
    await node.advance(10);
    open();
    expect([await first, await late].map(toldBy)).toEqual(['ok', 'OVERLOADED']);
    await Promise.all(waiting);
  });

  test('too late in a turn that is lost hears that it was too late', async () => {
    await node.ask(SHOW_ID, SUMMARY);
    const open = closeGate(node.journal);
    const first = node.ask(SHOW_ID, holdOf(1));
    await settled();
    const late = node.actors.ask(SHOW_ID, holdOf(2), node.time.clock.now() + 1);
    const third = node.ask(SHOW_ID, holdOf(3));
    await node.time.advance(10);
    node.journal.appendFaults.push('fenced');
    open();
    expect([await first, await late, await third].map(toldBy)).toEqual(['ok', 'OVERLOADED', 'moved']);
  });

  test('of which the first answer cannot be read is not begun elsewhere', async () => {
    await node.ask(SHOW_ID, holdOf(1));
    node.journal.unreadable = true;
    expect(toldBy(await node.ask(SHOW_ID, holdOf(1)))).toBe('UNAVAILABLE');
    node.journal.unreadable = false;
  });
});

test('what settlement has to be told waits until the lease is back', async () => {
  await node.ask(SHOW_ID, holdOf(1));
  await node.ask(SHOW_ID, { type: 'order', once: onceOf(50), buyer: userOf(1), hold: 1, at: ON_SALE_AT });
  await node.ask(SHOW_ID, { type: 'cancel', buyer: userOf(1), order: 1, at: ON_SALE_AT });
  expect(node.unsettled).toHaveLength(1);
  node.leases.lapse(SHARD);
  await node.advance(3 * IDLE_MS);
  expect(node.unsettled).toHaveLength(1);
  node.leases.renew(SHARD);
  await node.advance(SWEEP_MS);
  expect(node.unsettled).toHaveLength(2);
});
