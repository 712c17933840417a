import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { IDLE_MS } from '../../src/actors/falling-asleep.ts';
import { LEAVE_LIMIT_MS, LEAVE_SNAPSHOT_EVENTS } from '../../src/actors/leaving.ts';
import type { HoldView } from '../../src/actors/shows.ts';
import { SWEEP_MS } from '../../src/actors/sweep.ts';
import { MAX_RECOVERIES } from '../../src/actors/waking.ts';
import type { Command } from '../../src/allocator/commands.ts';
import { HOLD_GRACE_MS } from '../../src/allocator/show.ts';
import type { Snapshot } from '../../src/journal/journal.ts';
import { settled } from '../support/manual-time.ts';
import { type AppendFault, MemoryJournal } from '../support/memory-journal.ts';
import { closeGate, eventsIn, heldIn, holdOf, SHARD, ShowNode, toldBy } from '../support/show-node.ts';
import { ON_SALE_AT, onceOf, SHOW_ID, userOf } from '../support/small-show.ts';

const OTHER_SHARD = 8;
const OTHER_SHOW = 'shw_01k9zxh3m4q8r2v6w7y0t5b1ce';
const SUMMARY = { type: 'get-summary' } as const;
const SHARDS = new Set([SHARD]);
const shardOf = (showId: string): number => (showId === OTHER_SHOW ? OTHER_SHARD : SHARD);

let node: ShowNode;
let others: ShowNode[];

beforeEach(() => {
  node = new ShowNode({ shardOf });
  others = [];
});

afterEach(async () => {
  for (const each of [node, ...others]) await each.stop();
});

/** Another node on the same journal and the same time, which owns nothing yet. */
function another(): ShowNode {
  const { journal, time } = node;
  const other = new ShowNode({ journal, time, shardOf, leases: journal.leases.ofAnotherNode() });
  others.push(other);
  return other;
}

/** Hands the shard over, as the cluster does. @returns what the next owner is to wake. */
async function handOver(to: ShowNode): Promise<string[]> {
  node.leases.close(SHARD);
  const wanted = await node.actors.leave(SHARDS);
  node.leases.giveUp(SHARD);
  to.leases.acquire(SHARD);
  await to.actors.wake(wanted);
  return wanted;
}

/** So many events in full turns. */
async function sell(events: number): Promise<void> {
  let hold = 0;
  while (2 * hold < events) {
    const asks: Promise<unknown>[] = [];
    for (let i = 0; i < 128; i++) {
      hold++;
      asks.push(node.ask(SHOW_ID, holdOf(hold)));
      asks.push(node.ask(SHOW_ID, { type: 'release', buyer: userOf(hold), hold, at: ON_SALE_AT }));
    }
    await Promise.all(asks);
  }
}

/** Collects what each request was told, each time that it is told something. */
class Told {
  readonly by: Record<string, string[]> = {};

  ask(name: string, message: Command | typeof SUMMARY, at: ShowNode = node): void {
    this.by[name] = [];
    void at.ask(SHOW_ID, message).then((answer) => this.by[name].push(toldBy(answer)));
  }
}

/** A journal of which single snapshots hang until they are let go. */
class SlowSnapshots extends MemoryJournal {
  hanging: (() => void)[] = [];
  hangs = false;
  override async keepSnapshot(showId: string, shard: number, snapshot: Snapshot): Promise<boolean> {
    if (this.hangs) await new Promise<void>((resolve) => void this.hanging.push(resolve));
    return super.keepSnapshot(showId, shard, snapshot);
  }
}

describe('a show that leaves', () => {
  test('ends the turn under way and answers it; what waits is turned to the next owner at once', async () => {
    await node.ask(SHOW_ID, SUMMARY);
    const open = closeGate(node.journal);
    const told = new Told();
    told.ask('under way', holdOf(1));
    await settled();
    told.ask('waiting', holdOf(2));
    node.leases.close(SHARD);
    let hasLeft = false;
    const left = node.actors.leave(SHARDS).then(() => {
      hasLeft = true;
    });
    await settled();
    expect(told.by).toEqual({ 'under way': [], waiting: ['moved'] });
    expect(hasLeft).toBe(false);
    open();
    await left;
    await settled();
    expect(told.by['under way']).toEqual(['ok']);
    expect([node.actors.awake, heldIn(node.journal, SHOW_ID).length]).toEqual([0, 1]);
  });

  test('takes nothing along of other shards', async () => {
    await node.ask(OTHER_SHOW, holdOf(1));
    await node.ask(SHOW_ID, holdOf(1));
    node.leases.close(SHARD);
    expect(await node.actors.leave(SHARDS)).toEqual([SHOW_ID]);
    expect(node.actors.awake).toBe(1);
    expect(toldBy(await node.ask(OTHER_SHOW, holdOf(2)))).toBe('ok');
    expect(node.actors.counts.recoveries).toBe(2);
  });

  test('is found by the next owner as it was left, also by retries', async () => {
    const first = await node.ask<HoldView>(SHOW_ID, holdOf(1, 2));
    const next = another();
    await handOver(next);
    expect(toldBy(await node.ask(SHOW_ID, SUMMARY))).toBe('moved');
    expect(await next.ask(SHOW_ID, SUMMARY)).toMatchObject({ ok: true, value: { held: 2 } });
    expect(await next.ask(SHOW_ID, holdOf(1, 2))).toEqual({ ...first, replayed: true });
    expect([node.actors.awake, next.actors.awake]).toEqual([0, 1]);
  });

  test('keeps no snapshot of a few events', async () => {
    await node.ask(SHOW_ID, holdOf(1));
    node.leases.close(SHARD);
    await node.actors.leave(SHARDS);
    expect(node.journal.snapshotAttempts).toBe(0);
  });

  test('keeps a snapshot of many events, one that cannot be kept does not matter', async () => {
    await sell(LEAVE_SNAPSHOT_EVENTS);
    node.journal.snapshotFaults.push('rejects');
    node.leases.close(SHARD);
    expect(await node.actors.leave(SHARDS)).toEqual([SHOW_ID]);
    expect([node.journal.snapshot(SHOW_ID), node.journal.snapshotAttempts]).toEqual([null, 1]);

    const again = another();
    again.leases.acquire(SHARD);
    await again.ask(SHOW_ID, SUMMARY);
    again.leases.close(SHARD);
    await again.actors.leave(SHARDS);
    expect(node.journal.snapshot(SHOW_ID)?.seq).toBe(node.journal.rows(SHOW_ID).length);
  });

  test('has kept its snapshot before, between two turns, if it was told to', async () => {
    await sell(LEAVE_SNAPSHOT_EVENTS);
    const open = closeGate(node.journal);
    const asked = node.ask(SHOW_ID, holdOf(99_999));
    await settled();
    const kept = node.actors.keepSnapshots(SHARDS);
    await settled();
    expect(node.journal.snapshotAttempts).toBe(0);
    open();
    await kept;
    expect(toldBy(await asked)).toBe('ok');
    expect(node.journal.snapshot(SHOW_ID)?.seq).toBe(node.journal.rows(SHOW_ID).length);
    expect(toldBy(await node.ask(SHOW_ID, holdOf(88_888)))).toBe('ok');
    node.leases.close(SHARD);
    await node.actors.leave(SHARDS);
    expect(node.journal.snapshotAttempts).toBe(1);
  });

  test('does not wait for a snapshot beyond the limit', async () => {
    const journal = new SlowSnapshots();
    node = new ShowNode({ journal, shardOf });
    await sell(LEAVE_SNAPSHOT_EVENTS);
    journal.hangs = true;
    node.leases.close(SHARD);
    let hasLeft = false;
    const left = node.actors.leave(SHARDS).then(() => {
      hasLeft = true;
    });
    await node.advance(LEAVE_LIMIT_MS - 1);
    expect([hasLeft, journal.hanging.length]).toEqual([false, 1]);
    await node.advance(1);
    await left;
    expect(node.actors.awake).toBe(0);
    journal.hanging[0]();
  });

  test('while it falls asleep is gone when its snapshot is kept', async () => {
    const journal = new SlowSnapshots();
    node = new ShowNode({ journal, shardOf });
    await node.ask(SHOW_ID, SUMMARY);
    journal.hangs = true;
    await node.advance(IDLE_MS + SWEEP_MS);
    expect(journal.hanging).toHaveLength(1);
    node.leases.close(SHARD);
    const left = node.actors.leave(SHARDS);
    await settled();
    expect(node.actors.awake).toBe(1);
    journal.hanging[0]();
    expect(await left).toEqual([]);
    expect([node.actors.awake, journal.snapshot(SHOW_ID)?.seq]).toEqual([0, 1]);
  });

  test('and fails on the way is not woken here again', async () => {
    await node.ask(SHOW_ID, SUMMARY);
    const open = closeGate(node.journal);
    node.journal.appendFaults.push('written');
    const asked = node.ask(SHOW_ID, holdOf(1));
    await settled();
    const next = another();
    const handed = handOver(next);
    await settled();
    open();
    expect(await handed).toEqual([SHOW_ID]);
    expect(toldBy(await asked)).toBe('OUTCOME_UNKNOWN');
    await node.advance(10 * SWEEP_MS);
    expect([node.actors.awake, node.actors.counts.recoveries]).toEqual([0, 1]);
    expect(await next.ask(SHOW_ID, holdOf(1))).toMatchObject({ ok: true, replayed: true });
    next.leases.giveUp(SHARD);
    node.leases.acquire(SHARD);
    await node.advance(10 * SWEEP_MS);
    expect(node.actors.awake).toBe(0);
  });

  test('takes nothing more, even if admission was not closed', async () => {
    await node.ask(SHOW_ID, SUMMARY);
    const open = closeGate(node.journal);
    const asked = node.ask(SHOW_ID, holdOf(1));
    await settled();
    const left = node.actors.leave(SHARDS);
    expect(toldBy(await node.ask(SHOW_ID, holdOf(2)))).toBe('moved');
    open();
    expect([toldBy(await asked), await left]).toEqual(['ok', [SHOW_ID]]);
  });

  test('is named to the next owner if it was asked lately or has something pending', async () => {
    const [idle, held, recent, failed] = ['1', '2', '3', '4'].map((end) => SHOW_ID.slice(0, -1) + end);
    for (const showId of [idle, recent, failed]) await node.ask(showId, SUMMARY);
    await node.ask(held, holdOf(1));
    await node.advance(IDLE_MS - SWEEP_MS);
    await node.ask(recent, SUMMARY);
    await node.time.advance(SWEEP_MS - 1);
    node.journal.appendFaults.push('fenced');
    await node.ask(failed, holdOf(1));
    await settled();
    await node.time.advance(1);
    expect(node.actors.lastSeats(failed)).toBeNull();
    node.leases.close(SHARD);
    const wanted = await node.actors.leave(SHARDS);
    expect(wanted.sort()).toEqual([held, recent, failed].sort());
    await node.advance(10 * SWEEP_MS);
    expect(node.actors.awake).toBe(0);
  });

  test('tells settlement nothing any more: the next owner does', async () => {
    await node.ask(SHOW_ID, holdOf(1));
    await node.ask(SHOW_ID, { type: 'order', once: onceOf(50), buyer: userOf(1), hold: 1, at: ON_SALE_AT });
    const open = closeGate(node.journal);
    const cancelled = node.ask(SHOW_ID, { type: 'cancel', buyer: userOf(1), order: 1, at: ON_SALE_AT });
    await settled();
    const next = another();
    const handed = handOver(next);
    open();
    await handed;
    expect(toldBy(await cancelled)).toBe('ok');
    expect([node.unsettled, next.unsettled]).toEqual([[], [{ showId: SHOW_ID, orders: [1] }]]);
  });
});

describe('a show that is still waking when it leaves', () => {
  let reads: (() => void)[];

  beforeEach(() => {
    reads = [];
    class HangingJournal extends MemoryJournal {
      override async readSnapshot(showId: string): Promise<Snapshot | null> {
        await new Promise<void>((resolve) => void reads.push(resolve));
        return super.readSnapshot(showId);
      }
    }
    node = new ShowNode({ journal: new HangingJournal(), shardOf });
  });

  test('is not waited for, and never acts', async () => {
    const asked = node.ask(SHOW_ID, holdOf(1));
    await settled();
    node.leases.close(SHARD);
    expect(await node.actors.leave(SHARDS)).toEqual([SHOW_ID]);
    expect([toldBy(await asked), node.actors.awake]).toEqual(['moved', 0]);
    // The node takes the shard again: the old recovery and the new one of the same show meet.
    node.leases.giveUp(SHARD);
    node.leases.acquire(SHARD);
    const again = node.ask(SHOW_ID, holdOf(1));
    await settled();
    expect(reads).toHaveLength(2);
    reads[1]();
    expect(toldBy(await again)).toBe('ok');
    reads[0]();
    await node.advance(10 * SWEEP_MS);
    expect(await node.ask(SHOW_ID, SUMMARY)).toMatchObject({ ok: true, value: { held: 1 } });
    expect([node.actors.awake, node.actors.counts.recoveries]).toEqual([1, 1]);
  });

  test('takes no place of a recovery when its turn to recover comes', async () => {
    const asked = Array.from({ length: MAX_RECOVERIES + 3 }, (_, n) =>
      node.ask(`shw_${String(n).padStart(26, '0')}`, SUMMARY),
    );
    await settled();
    node.leases.close(SHARD);
    await node.actors.leave(SHARDS);
    expect((await Promise.all(asked)).map(toldBy)).toEqual(new Array(MAX_RECOVERIES + 3).fill('moved'));
    expect(reads).toHaveLength(MAX_RECOVERIES);
    const { lookUps } = node;
    node.leases.giveUp(SHARD);
    node.leases.acquire(SHARD);
    for (const read of [...reads]) read();
    await settled();
    expect([reads.length, node.lookUps, node.actors.counts.recoveries]).toEqual([MAX_RECOVERIES, lookUps, 0]);
  });
});

describe('a turn that does not end in time for the hand-off', () => {
  /** Leaves with one turn under way that hangs; `open` lets its append arrive. */
  async function leaveBehind(told: Told): Promise<() => void> {
    await node.ask(SHOW_ID, holdOf(7));
    const open = closeGate(node.journal);
    told.ask('changes', holdOf(1));
    told.ask('repeats it', holdOf(1));
    told.ask('reads', SUMMARY);
    told.ask('repeats an earlier one', holdOf(7));
    await settled();
    node.leases.close(SHARD);
    let hasLeft = false;
    void node.actors.leave(SHARDS).then(() => {
      hasLeft = true;
    });
    await node.advance(LEAVE_LIMIT_MS - 1);
    expect(hasLeft).toBe(false);
    await node.advance(1);
    expect(hasLeft).toBe(true);
    return open;
  }

  const TOLD = {
    changes: ['OUTCOME_UNKNOWN'],
    'repeats it': ['OUTCOME_UNKNOWN'],
    reads: ['moved'],
    'repeats an earlier one': ['ok'],
  };

  test('is abandoned: each who waits is told once what is known', async () => {
    const told = new Told();
    const open = await leaveBehind(told);
    expect(told.by).toEqual(TOLD);
    expect([node.actors.awake, node.actors.lastSeats(SHOW_ID)]).toEqual([0, null]);
    open();
    await node.advance(1_000);
    expect(told.by).toEqual(TOLD);
  });

  test.each<[string, 'in time' | 'too late']>([
    ['that was durable all the same is found by the next owner', 'in time'],
    ['that comes after the release lands nowhere', 'too late'],
  ])('%s', async (_, arrives) => {
    const told = new Told();
    const open = await leaveBehind(told);
    const { counts } = node.actors;
    const before = { ...counts };
    const next = another();
    if (arrives === 'in time') {
      open();
      await settled();
    }
    node.leases.giveUp(SHARD);
    next.leases.acquire(SHARD);
    open();
    await settled();
    expect(await next.ask(SHOW_ID, holdOf(1))).toMatchObject({ ok: true, replayed: arrives === 'in time' });
    expect(heldIn(node.journal, SHOW_ID).filter((event) => event.buyer === userOf(1))).toHaveLength(1);
    expect([told.by, counts, node.actors.awake]).toEqual([TOLD, before, 0]);
  });

  test('does not get in the way when its node takes the shard again', async () => {
    const told = new Told();
    const open = await leaveBehind(told);
    node.leases.giveUp(SHARD);
    node.leases.acquire(SHARD);
    node.journal.gate = null;
    expect(toldBy(await node.ask(SHOW_ID, holdOf(2)))).toBe('ok');
    open();
    await node.advance(1_000);
    expect(await node.ask(SHOW_ID, SUMMARY)).toMatchObject({ ok: true, value: { held: 2 } });
    expect([node.actors.counts.restarts, node.actors.counts.recoveries, node.leases.advances]).toEqual([0, 2, 0]);
    expect(told.by).toEqual(TOLD);
  });

  test('can no longer land when the shard is opened again under the same epoch', async () => {
    const told = new Told();
    const open = await leaveBehind(told);
    node.leases.open(SHARD);
    node.journal.gate = null;
    expect(await node.ask(SHOW_ID, SUMMARY)).toMatchObject({ ok: true, value: { held: 1 } });
    expect(node.leases.advances).toBe(1);
    open();
    await settled();
    expect(heldIn(node.journal, SHOW_ID)).toHaveLength(1);
  });

  test('costs no longer when many do not', async () => {
    const showIds = Array.from({ length: 200 }, (_, n) => `shw_${String(n).padStart(26, '0')}`);
    for (const showId of showIds) await node.ask(showId, SUMMARY);
    const open = closeGate(node.journal);
    const told: string[] = [];
    for (const showId of showIds) void node.ask(showId, holdOf(1)).then((answer) => told.push(toldBy(answer)));
    await settled();
    node.leases.close(SHARD);
    const left = node.actors.leave(SHARDS, 500);
    await node.advance(500);
    expect((await left).length).toBe(200);
    expect(told).toEqual(new Array(200).fill('OUTCOME_UNKNOWN'));
    open();
  });
});

describe('shows that are dropped', () => {
  test.each<[string, AppendFault | null, string]>([
    ['durable', null, 'ok'],
    ['fenced', 'fenced', 'moved'],
    ['lost', 'lost', 'OUTCOME_UNKNOWN'],
  ])('are forgotten at once, and the turn under way is answered by the journal: %s', async (_, fault, expected) => {
    await node.ask(SHOW_ID, SUMMARY);
    const open = closeGate(node.journal);
    if (fault !== null) node.journal.appendFaults.push(fault);
    const told = new Told();
    told.ask('under way', holdOf(1));
    await settled();
    told.ask('waiting', holdOf(2));
    node.leases.lapse(SHARD);
    node.actors.drop(SHARDS);
    expect([node.actors.awake, node.actors.lastSeats(SHOW_ID)]).toEqual([0, null]);
    await settled();
    expect(told.by).toEqual({ 'under way': [], waiting: ['moved'] });
    open();
    await node.advance(1_000);
    expect(told.by['under way']).toEqual([expected]);
    expect([node.actors.awake, node.actors.counts.restarts, node.leases.advances]).toEqual([0, 0, 0]);
  });

  test('are not woken here again', async () => {
    await node.ask(SHOW_ID, holdOf(1));
    node.journal.appendFaults.push('lost');
    await node.ask(SHOW_ID, holdOf(2));
    await settled();
    node.actors.drop(SHARDS);
    await node.advance(60_000);
    expect([node.actors.awake, node.actors.counts.recoveries]).toEqual([0, 1]);
  });

  test('do not get in the way when the node takes their shard again', async () => {
    await node.ask(SHOW_ID, holdOf(1));
    const open = closeGate(node.journal);
    const told = new Told();
    told.ask('under way', holdOf(2));
    await settled();
    node.leases.giveUp(SHARD);
    node.actors.drop(SHARDS);
    node.leases.acquire(SHARD);
    node.journal.gate = null;
    expect(toldBy(await node.ask(SHOW_ID, holdOf(3)))).toBe('ok');
    open();
    await settled();
    expect(told.by['under way']).toEqual(['moved']);
    expect(heldIn(node.journal, SHOW_ID).map((event) => event.buyer)).toEqual([1, 3].map(userOf));
    expect([node.actors.counts.restarts, node.actors.awake]).toEqual([0, 1]);
  });

  test('can no longer land what is under way when the shard is back under the same epoch', async () => {
    await node.ask(SHOW_ID, SUMMARY);
    const open = closeGate(node.journal);
    const told = new Told();
    told.ask('under way', holdOf(1));
    await settled();
    node.actors.drop(SHARDS);
    node.journal.gate = null;
    expect(await node.ask(SHOW_ID, SUMMARY)).toMatchObject({ ok: true, value: { held: 0 } });
    open();
    await settled();
    expect([told.by['under way'], heldIn(node.journal, SHOW_ID)]).toEqual([['moved'], []]);
  });

  test('while they leave are answered by the journal, and their hand-off ends', async () => {
    await node.ask(SHOW_ID, SUMMARY);
    const open = closeGate(node.journal);
    const told = new Told();
    told.ask('under way', holdOf(1));
    await settled();
    node.leases.close(SHARD);
    const left = node.actors.leave(SHARDS);
    node.actors.drop('all');
    await node.advance(LEAVE_LIMIT_MS);
    expect(await left).toEqual([SHOW_ID]);
    expect(told.by['under way']).toEqual([]);
    open();
    await settled();
    expect(told.by['under way']).toEqual(['ok']);
  });

  test('with all others end the node’s work', async () => {
    await node.ask(SHOW_ID, holdOf(1));
    await node.ask(OTHER_SHOW, holdOf(1));
    const { length } = node.journal.attempts;
    const looks = node.leases.looks;
    node.actors.drop('all');
    expect([node.actors.awake, node.actors.isDraining]).toEqual([0, true]);
    expect(toldBy(await node.ask(OTHER_SHOW, SUMMARY))).toBe('moved');
    expect(await node.actors.seatMap(SHOW_ID)).toMatchObject({ code: 'UNAVAILABLE' });
    await node.actors.wake([SHOW_ID, OTHER_SHOW]);
    expect(await node.actors.leave(SHARDS)).toEqual([]);
    await node.advance(700_000);
    expect([node.journal.attempts.length, node.leases.looks, node.actors.awake]).toEqual([length, looks, 0]);
    await node.actors.drain();
  });
});

test('hold expiry during a hand-off: the next owner ends the hold, once', async () => {
  await node.ask(SHOW_ID, holdOf(1));
  const next = another();
  node.leases.close(SHARD);
  await node.advance(600_000 + HOLD_GRACE_MS + 4 * SWEEP_MS);
  const left = await node.actors.leave(SHARDS);
  await node.advance(SWEEP_MS);
  expect(eventsIn(node.journal, SHOW_ID).map((event) => event.type)).toEqual(['opened', 'held']);
  node.leases.giveUp(SHARD);
  next.leases.acquire(SHARD);
  await next.actors.wake(left);
  await node.advance(10 * SWEEP_MS);
  expect(eventsIn(node.journal, SHOW_ID).map((event) => event.type)).toEqual(['opened', 'held', 'expired']);
  expect(node.journal.rows(SHOW_ID).map((row) => row.epoch)).toEqual([1, node.leases.current(SHARD)]);
  expect(await next.ask(SHOW_ID, SUMMARY)).toMatchObject({ ok: true, value: { available: 60 } });
});

test('message at every phase of a hand-off: answered once at each asking, and in effect once', async () => {
  await node.ask(SHOW_ID, SUMMARY);
  const next = another();
  const told = new Told();
  /** Each phase has a buyer of its own, and the buyer of the phase before asks again. */
  const PHASES = ['open', 'turn under way', 'closed', 'leaving', 'left', 'released', 'taken'] as const;
  const askIn = (phase: (typeof PHASES)[number]): void => {
    const n = PHASES.indexOf(phase);
    told.ask(`new, ${phase}`, holdOf(n + 1));
    if (n > 0) told.ask(`again, ${phase}`, holdOf(n));
  };

  askIn('open');
  await settled();
  const open = closeGate(node.journal);
  askIn('turn under way');
  await settled();
  node.leases.close(SHARD);
  askIn('closed');
  await settled();
  const leaving = node.actors.leave(SHARDS);
  askIn('leaving');
  await settled();
  open();
  const wanted = await leaving;
  askIn('left');
  await settled();
  node.leases.giveUp(SHARD);
  askIn('released');
  await settled();
  next.leases.acquire(SHARD);
  void next.actors.wake(wanted);
  askIn('taken');
  await node.advance(1_000);

  expect(told.by).toEqual({
    'new, open': ['ok'],
    'new, turn under way': ['ok'],
    'again, turn under way': ['ok'],
    'new, closed': ['moved'],
    'again, closed': ['moved'],
    'new, leaving': ['moved'],
    'again, leaving': ['moved'],
    'new, left': ['moved'],
    'again, left': ['moved'],
    'new, released': ['moved'],
    'again, released': ['moved'],
    'new, taken': ['moved'],
    'again, taken': ['moved'],
  });
  const answers = await Promise.all(PHASES.map((_, n) => next.ask<HoldView>(SHOW_ID, holdOf(n + 1))));
  expect(answers.map((answer) => [toldBy(answer), answer.replayed])).toEqual([
    ['ok', true],
    ['ok', true],
    ...new Array(5).fill(['ok', false]),
  ]);
  expect(heldIn(node.journal, SHOW_ID).map((event) => event.buyer)).toEqual(PHASES.map((_, n) => userOf(n + 1)));
});
