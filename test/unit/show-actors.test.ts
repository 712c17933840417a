import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { IDLE_MS } from '../../src/actors/falling-asleep.ts';
import { INBOX_LIMIT } from '../../src/actors/inbox.ts';
import type { Answer, HoldView, OrderView, ShowSummary } from '../../src/actors/shows.ts';
import { SWEEP_MS } from '../../src/actors/sweep.ts';
import { CATALOGUE_LIMIT_MS } from '../../src/actors/timely-source.ts';
import { RULES, TURN_LIMIT } from '../../src/actors/turns.ts';
import { MAX_RECOVERIES } from '../../src/actors/waking.ts';
import { HOLD_GRACE_MS } from '../../src/allocator/show.ts';
import { FORMAT } from '../../src/formats.ts';
import { parseScopedId } from '../../src/ids.ts';
import type { AppendOutcome, JournalRow, Snapshot, Turn } from '../../src/journal/journal.ts';
import { manualTime, settled } from '../support/manual-time.ts';
import { MemoryJournal } from '../support/memory-journal.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { closeGate, eventsIn, heldIn, holdOf, SHARD, ShowNode, toldBy } from '../support/show-node.ts';
import { ON_SALE_AT, onceOf, rowsOfTen, SHOW_ID, termsOf, userOf } from '../support/small-show.ts';

const OTHER_SHOW = 'shw_01k9zxh3m4q8r2v6w7y0t5b1ce';
const SUMMARY = { type: 'get-summary' } as const;
/** Longer than the first wait before a failed show is woken again. */
const RESTARTED_MS = 1_000;

let node: ShowNode;

beforeEach(() => {
  node = new ShowNode();
});

afterEach(async () => {
  await node.stop();
});

async function summaryOf(showId = SHOW_ID): Promise<ShowSummary> {
  const answer = await node.ask<ShowSummary>(showId, SUMMARY);
  if (!answer.ok) throw new Error(answer.refusal.code);
  return answer.value;
}

describe('asking a show', () => {
  test('wakes it and answers once the turn is durable', async () => {
    const open = closeGate(node.journal);
    let isAnswered = false;
    const asked = node.ask<HoldView>(SHOW_ID, holdOf(1, 2)).then((answer) => {
      isAnswered = true;
      return answer;
    });
    await settled();
    expect(isAnswered).toBe(false);
    open();
    const answer = await asked;
    expect(answer.ok && answer.value.seats.map((seat) => seat.id)).toEqual(['S-A-5', 'S-A-6']);
    expect(heldIn(node.journal, SHOW_ID)).toHaveLength(1);
  });

  test('that nobody knows is refused, and leaves nothing awake', async () => {
    node.known = new Set([OTHER_SHOW]);
    expect(toldBy(await node.ask(SHOW_ID, SUMMARY))).toBe('NOT_FOUND');
    expect(await node.actors.seatMap(SHOW_ID)).toMatchObject({ code: 'NOT_FOUND' });
    await node.advance(60_000);
    expect([node.actors.awake, node.journal.rows(SHOW_ID).length]).toEqual([0, 0]);
  });

  test('whose shard is another node’s is turned to its owner, without a look-up', async () => {
    node.journal.leases.giveUp(SHARD);
    expect(toldBy(await node.ask(SHOW_ID, SUMMARY))).toBe('moved');
    expect([node.actors.awake, node.lookUps]).toEqual([0, 0]);
  });

  test('many at once makes one turn of them, and several of very many', async () => {
    await node.ask(SHOW_ID, SUMMARY);
    const turns = node.actors.counts.turns;
    await Promise.all(Array.from({ length: TURN_LIMIT }, () => node.ask(SHOW_ID, SUMMARY)));
    expect(node.actors.counts.turns - turns).toBe(1);
    await Promise.all(Array.from({ length: TURN_LIMIT * 2 + 1 }, () => node.ask(SHOW_ID, SUMMARY)));
    expect(node.actors.counts.turns - turns).toBe(4);
  });

  test('more than its inbox holds is refused at the door, and all are answered once', async () => {
    await node.ask(SHOW_ID, SUMMARY);
    const open = closeGate(node.journal);
    const first = node.ask(SHOW_ID, holdOf(1));
    await settled();
    const codes: string[] = [];
    const waiting = Array.from({ length: INBOX_LIMIT + 10 }, async () =>
      codes.push(toldBy(await node.ask(SHOW_ID, SUMMARY))),
    );
    await settled();
    expect(codes).toEqual(new Array(10).fill('OVERLOADED'));
    expect([node.actors.counts.turnedAway, node.actors.waiting]).toEqual([10, INBOX_LIMIT]);
    open();
    await Promise.all(waiting);
    expect(toldBy(await first)).toBe('ok');
    expect(codes.filter((code) => code === 'ok')).toHaveLength(INBOX_LIMIT);
  });

  test('too late drops the request undone', async () => {
    await node.ask(SHOW_ID, SUMMARY);
    const open = closeGate(node.journal);
    const first = node.ask(SHOW_ID, holdOf(1));
    await settled();
    const second = node.actors.ask(SHOW_ID, holdOf(2), node.time.clock.now() + 100);
    const third = node.ask(SHOW_ID, holdOf(3));
    await node.advance(101);
    open();
    expect([await first, await second, await third].map(toldBy)).toEqual(['ok', 'OVERLOADED', 'ok']);
    expect(heldIn(node.journal, SHOW_ID).map((event) => event.buyer)).toEqual([userOf(1), userOf(3)]);
  });

  test('shows at the same time recovers only some at once, and answers all', async () => {
    let reading = 0;
    let most = 0;
    class SlowJournal extends MemoryJournal {
      override async readSnapshot(showId: string): Promise<Snapshot | null> {
        reading++;
        most = Math.max(most, reading);
        await settled();
        reading--;
        return super.readSnapshot(showId);
      }
    }
    node = new ShowNode({ journal: new SlowJournal() });
    const shows = Array.from({ length: MAX_RECOVERIES * 3 }, (_, n) => `shw_${String(n).padStart(26, '0')}`);
    const answers = await Promise.all(shows.map((showId) => node.ask(showId, SUMMARY)));
    expect(answers.every((answer) => answer.ok)).toBe(true);
    expect(most).toBe(MAX_RECOVERIES);
  });
});

describe('a show that does not wake', () => {
  test('answers each request soon after its deadline', async () => {
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
    const codes: string[] = [];
    const first = node.ask(SHOW_ID, holdOf(1)).then((answer) => codes.push(toldBy(answer)));
    await node.advance(6_000);
    const second = node.ask(SHOW_ID, holdOf(2)).then((answer) => codes.push(toldBy(answer)));
    await node.advance(4_000 + SWEEP_MS);
    expect(codes).toEqual(['OVERLOADED']);
    wake();
    await Promise.all([first, second]);
    expect(codes).toEqual(['OVERLOADED', 'ok']);
    expect(heldIn(node.journal, SHOW_ID).map((event) => event.buyer)).toEqual([userOf(2)]);
  });
});

describe('a catalogue that does not answer', () => {
  test('for as many shows as recover at once keeps the others from waking for a while only', async () => {
    const shows = Array.from({ length: MAX_RECOVERIES }, (_, n) => `shw_${String(n).padStart(26, '0')}`);
    for (const showId of shows) node.unanswered.add(showId);
    const hung = shows.map((showId) => node.ask(showId, SUMMARY));
    await node.advance(CATALOGUE_LIMIT_MS - 1_000);
    expect((await Promise.all(hung)).map(toldBy)).toEqual(shows.map(() => 'OVERLOADED'));
    const asked = node.ask(SHOW_ID, SUMMARY);
    await node.advance(1_000);
    expect(toldBy(await asked)).toBe('ok');
    expect(node.errors).toEqual(shows.map(() => `the catalogue did not answer within ${CATALOGUE_LIMIT_MS} ms`));
    node.unanswered.clear();
    await node.advance(RESTARTED_MS);
    // Woken again without being asked.
    expect(node.actors.awake).toBe(MAX_RECOVERIES + 1);
    expect((await Promise.all(shows.map((showId) => node.ask(showId, SUMMARY)))).map(toldBy)).toEqual(
      shows.map(() => 'ok'),
    );
  });
});

describe('a catalogue that does not say what a plan makes of a hall', () => {
  const replace = (planId: string, key: number) => ({ type: 'replace-plan', once: onceOf(key), planId }) as const;

  test('keeps other plans from being compiled for a while only', async () => {
    node = new ShowNode({ plans: { pln_hung: rowsOfTen(5), pln_other: rowsOfTen(5) } });
    node.unansweredPlans.add('pln_hung');
    const hung = node.ask(SHOW_ID, replace('pln_hung', 1));
    await node.advance(CATALOGUE_LIMIT_MS - 1_000);
    expect(toldBy(await hung)).toBe('OVERLOADED');
    const other = node.ask(SHOW_ID, replace('pln_other', 2));
    await node.advance(1_000);
    expect(toldBy(await other)).toBe('ok');
  });

  test('keeps a show from waking for a while only, whose plan was replaced by it', async () => {
    node = new ShowNode({ plans: { pln_hung: rowsOfTen(5) } });
    expect(toldBy(await node.ask(SHOW_ID, replace('pln_hung', 1)))).toBe('ok');
    node.unansweredPlans.add('pln_hung');
    const next = new ShowNode({ journal: node.journal, plans: { pln_hung: rowsOfTen(5) } });
    next.unansweredPlans.add('pln_hung');
    const asked = next.ask(SHOW_ID, SUMMARY);
    await next.advance(CATALOGUE_LIMIT_MS);
    expect(toldBy(await asked)).toBe('OVERLOADED');
    expect(next.errors).toEqual([`the catalogue did not answer within ${CATALOGUE_LIMIT_MS} ms`]);
    next.unansweredPlans.clear();
    await next.advance(RESTARTED_MS);
    expect(await next.ask(SHOW_ID, SUMMARY)).toMatchObject({ ok: true, value: { capacity: 70 } });
    await next.stop();
  });
});

describe('the seat map', () => {
  test('of a show that does not wake is waited for until the deadline, and no longer', async () => {
    node.unanswered.add(SHOW_ID);
    const told: string[] = [];
    const note = (what: string) => (map: object) => void told.push(`${what} ${'code' in map ? map.code : 'ok'}`);
    const waiting = [
      node.actors.seatCounts(SHOW_ID, node.now + 500).then(note('counts')),
      node.actors.seatMap(SHOW_ID, node.now + 2_000).then(note('map')),
      node.actors.seatMap(SHOW_ID, node.now + 60_000).then(note('patient')),
    ];
    await node.advance(500 + SWEEP_MS);
    expect(told).toEqual(['counts OVERLOADED']);
    await node.advance(1_500);
    expect(told).toEqual(['counts OVERLOADED', 'map OVERLOADED']);
    await node.advance(8_000);
    expect(told).toEqual(['counts OVERLOADED', 'map OVERLOADED', 'patient OVERLOADED']);
    await Promise.all(waiting);
    node.unanswered.clear();
    await node.advance(CATALOGUE_LIMIT_MS);
  });

  test('says that its show is cancelled once that is durable, whoever recovers it', async () => {
    const isCancelled = async () => {
      const counts = await node.actors.seatCounts(SHOW_ID);
      return 'code' in counts ? counts.code : counts.cancelled;
    };
    expect(await isCancelled()).toBe(false);
    const open = closeGate(node.journal);
    const asked = node.ask(SHOW_ID, { type: 'cancel-show', reason: 'rain' });
    await settled();
    expect(await isCancelled()).toBe(false);
    open();
    expect(toldBy(await asked)).toBe('ok');
    expect(await isCancelled()).toBe(true);
    await node.stop();
    node = new ShowNode({ journal: node.journal, time: node.time });
    expect(await isCancelled()).toBe(true);
  });

  test('follows durable turns only', async () => {
    const map = await node.actors.seatMap(SHOW_ID);
    if (!('letters' in map)) throw new Error(map.code);
    const open = closeGate(node.journal);
    const asked = node.ask(SHOW_ID, holdOf(1, 2));
    await settled();
    expect([map.version, map.available]).toEqual([1, 60]);
    open();
    await asked;
    expect([map.version, map.available]).toEqual([2, 58]);
    expect(String.fromCharCode(...map.letters.subarray(0, 10))).toBe('aaaahhaaaa');
  });
});

describe('a show that fails', () => {
  test('answers that nothing was done, and recovers', async () => {
    let faults = 0;
    const apply: typeof RULES.apply = (show, event, ...place) => {
      if (event.type === 'held' && event.buyer === userOf(2) && faults++ === 0) throw new Error('planted');
      RULES.apply(show, event, ...place);
    };
    node = new ShowNode({ rules: { decide: RULES.decide, apply } });
    await node.ask(SHOW_ID, holdOf(1));
    const both = [node.ask(SHOW_ID, holdOf(2)), node.ask(SHOW_ID, holdOf(3))];
    expect((await Promise.all(both)).map(toldBy)).toEqual(['UNAVAILABLE', 'UNAVAILABLE']);
    await node.advance(RESTARTED_MS);
    expect([node.actors.counts.restarts, node.actors.awake]).toEqual([1, 1]);
    expect(node.journal.leases.advances).toBe(0);
    const again = await Promise.all([node.ask(SHOW_ID, holdOf(2)), node.ask(SHOW_ID, holdOf(3))]);
    expect(again.map(toldBy)).toEqual(['ok', 'ok']);
    expect(heldIn(node.journal, SHOW_ID).map((event) => event.hold)).toEqual([1, 2, 3]);
  });

  test('answers who asks while it stops', async () => {
    await node.ask(SHOW_ID, SUMMARY);
    node.journal.appendFaults.push('fenced');
    const lost = await node.ask(SHOW_ID, holdOf(1));
    const next = await node.ask(SHOW_ID, holdOf(2));
    expect([toldBy(lost), toldBy(next)]).toEqual(['moved', 'moved']);
    await settled();
    expect(toldBy(await node.ask(SHOW_ID, holdOf(2)))).toBe('ok');
    expect(heldIn(node.journal, SHOW_ID)).toHaveLength(1);
  });

  test('after an unknown append recovers under a new epoch, and a retry gets the first answer', async () => {
    const order: string[] = [];
    const { leases } = node.journal;
    await node.ask(SHOW_ID, SUMMARY);
    const advance = leases.advance.bind(leases);
    leases.advance = (shard) => {
      order.push('advance');
      return advance(shard);
    };
    const read = node.journal.readSnapshot.bind(node.journal);
    node.journal.readSnapshot = (showId) => {
      order.push('read');
      return read(showId);
    };
    node.journal.appendFaults.push('written');
    expect(toldBy(await node.ask(SHOW_ID, holdOf(1, 2)))).toBe('OUTCOME_UNKNOWN');
    await settled();
    const retried = await node.ask<HoldView>(SHOW_ID, holdOf(1, 2));
    expect(retried).toMatchObject({ ok: true, replayed: true, value: { seats: [{ id: 'S-A-5' }, { id: 'S-A-6' }] } });
    expect(order).toEqual(['advance', 'read']);
    expect(heldIn(node.journal, SHOW_ID)).toHaveLength(1);
  });

  test('after an unknown append that was not written does the retry, and the lost one never arrives', async () => {
    await node.ask(SHOW_ID, SUMMARY);
    node.journal.appendFaults.push('late');
    expect(toldBy(await node.ask(SHOW_ID, holdOf(1, 2)))).toBe('OUTCOME_UNKNOWN');
    await settled();
    expect(await node.ask(SHOW_ID, holdOf(1, 2))).toMatchObject({ ok: true, replayed: false });
    expect(node.journal.landLate()).toBe('fenced');
    expect(heldIn(node.journal, SHOW_ID)).toHaveLength(1);
  });

  test('after an unknown append waits for its new epoch, however long that takes', async () => {
    await node.ask(SHOW_ID, SUMMARY);
    node.journal.leases.away = true;
    node.journal.appendFaults.push('late');
    await node.ask(SHOW_ID, holdOf(1));
    await settled();
    expect(toldBy(await node.ask(SHOW_ID, SUMMARY))).toBe('UNAVAILABLE');
    await node.advance(5_000);
    expect([node.actors.awake, node.actors.counts.recoveries]).toEqual([0, 1]);
    expect(node.journal.landLate()).toBe('durable');
    node.journal.leases.away = false;
    await node.advance(60_000);
    expect(node.actors.awake).toBe(1);
    expect(await node.ask(SHOW_ID, holdOf(1))).toMatchObject({ ok: true, replayed: true });
  });

  test('fenced by its own node’s new epoch recovers without another', async () => {
    await node.ask(SHOW_ID, holdOf(1));
    node.journal.leases.move(SHARD, true);
    expect(toldBy(await node.ask(SHOW_ID, holdOf(2)))).toBe('moved');
    await settled();
    expect(toldBy(await node.ask(SHOW_ID, holdOf(2)))).toBe('ok');
    expect(node.journal.leases.advances).toBe(0);
    expect(node.journal.rows(SHOW_ID).map((row) => row.epoch)).toEqual([1, 2]);
  });

  test('fenced by an epoch that its node does not know of learns it, and goes on', async () => {
    await node.ask(SHOW_ID, holdOf(1));
    node.journal.leases.move(SHARD, false);
    expect(toldBy(await node.ask(SHOW_ID, holdOf(2)))).toBe('moved');
    await settled();
    expect(toldBy(await node.ask(SHOW_ID, holdOf(2)))).toBe('ok');
    expect(node.journal.leases.advances).toBe(1);
  });

  test('does not take the other shows of its shard along, beyond a new epoch', async () => {
    await node.ask(SHOW_ID, holdOf(1));
    await node.ask(OTHER_SHOW, holdOf(1));
    node.journal.appendFaults.push('lost');
    expect(toldBy(await node.ask(SHOW_ID, holdOf(2)))).toBe('OUTCOME_UNKNOWN');
    await node.advance(RESTARTED_MS);
    expect(toldBy(await node.ask(OTHER_SHOW, holdOf(2)))).toBe('moved');
    await node.advance(RESTARTED_MS);
    expect(toldBy(await node.ask(OTHER_SHOW, holdOf(2)))).toBe('ok');
    expect(node.journal.leases.advances).toBe(1);
  });

  test('and cannot be recovered is tried again until it can', async () => {
    await node.ask(SHOW_ID, holdOf(1));
    node.journal.unreadable = true;
    node.journal.leases.move(SHARD, true);
    expect(toldBy(await node.ask(SHOW_ID, holdOf(2)))).toBe('moved');
    await node.advance(2_000);
    expect(toldBy(await node.ask(SHOW_ID, holdOf(2)))).toBe('UNAVAILABLE');
    node.journal.unreadable = false;
    await node.advance(60_000);
    expect(node.actors.awake).toBe(1);
    expect((await summaryOf()).held).toBe(1);
  });

  test('in each of its turns is tried again less and less often', async () => {
    const apply: typeof RULES.apply = (show, event, ...place) => {
      if (event.type === 'expired') throw new Error('planted');
      RULES.apply(show, event, ...place);
    };
    node = new ShowNode({ rules: { decide: RULES.decide, apply } });
    await node.ask(SHOW_ID, holdOf(1));
    await node.advance(600_000 + HOLD_GRACE_MS);
    for (let tenths = 0; tenths < 600; tenths++) await node.advance(100);
    expect(node.actors.counts.restarts).toBeGreaterThan(5);
    expect(node.actors.counts.restarts).toBeLessThan(15);
  });

  test('again and again is not tried more often because many ask for it, and sells within a second once it is well', async () => {
    await node.ask(SHOW_ID, holdOf(1));
    node.journal.unreadable = true;
    node.journal.leases.move(SHARD, true);
    expect(toldBy(await node.ask(SHOW_ID, holdOf(2)))).toBe('moved');
    const tries = (): number => node.errors.filter((message) => message === 'the database is out of reach').length;
    const told = new Set<string>();
    for (let tenths = 0; tenths < 100; tenths++) {
      await node.advance(100);
      told.add(toldBy(await node.ask(SHOW_ID, holdOf(2))));
    }
    expect(told).toEqual(new Set(['UNAVAILABLE']));
    expect(tries()).toBeGreaterThan(7);
    expect(tries()).toBeLessThan(15);
    node.journal.unreadable = false;
    await node.advance(1_000);
    expect(toldBy(await node.ask(SHOW_ID, holdOf(2)))).toBe('ok');
    // All is forgiven: the next failure is served at once again.
    node.journal.leases.move(SHARD, true);
    expect(toldBy(await node.ask(SHOW_ID, holdOf(3)))).toBe('moved');
    await settled();
    expect(toldBy(await node.ask(SHOW_ID, holdOf(3)))).toBe('ok');
  });

  test('with a damaged journal never sells again', async () => {
    await node.ask(SHOW_ID, holdOf(1));
    node.journal.leases.move(SHARD, true);
    const rows = node.journal.rows(SHOW_ID) as JournalRow[];
    rows[0] = { ...rows[0], at: rows[0].at + 1 };
    for (const told of ['moved', 'UNAVAILABLE', 'UNAVAILABLE']) {
      expect(toldBy(await node.ask(SHOW_ID, holdOf(2)))).toBe(told);
      await node.advance(RESTARTED_MS);
    }
    expect(node.journal.rows(SHOW_ID)).toHaveLength(1);
    expect(node.logged).toContain('the show cannot be recovered');
  });
});

describe('a show whose journal has a row in an unknown form', () => {
  const UNKNOWN = FORMAT.newest + 1;

  test('does not wake, and is logged by name; the others go on, and it does too once the form is known', async () => {
    await node.ask(SHOW_ID, holdOf(1));
    await node.ask(OTHER_SHOW, holdOf(1));
    const rows = node.journal.rows(SHOW_ID) as JournalRow[];
    const [first] = rows;
    await node.stop();
    rows[0] = { ...first, format: UNKNOWN };
    node = new ShowNode({ journal: node.journal });
    expect(toldBy(await node.ask(SHOW_ID, SUMMARY))).toBe('UNAVAILABLE');
    expect(toldBy(await node.ask(SHOW_ID, holdOf(2)))).toBe('UNAVAILABLE');
    expect(toldBy(await node.ask(OTHER_SHOW, holdOf(2)))).toBe('ok');
    expect(node.journal.rows(SHOW_ID)).toHaveLength(1);
    expect(node.errors).toContain(
      `row 1 of the journal of ${SHOW_ID} has format ${UNKNOWN}; this version knows formats 1 to ${FORMAT.newest}`,
    );
    rows[0] = first;
    await node.advance(RESTARTED_MS);
    expect(toldBy(await node.ask(SHOW_ID, holdOf(2)))).toBe('ok');
  });
});

describe('time', () => {
  test('ends a hold without anyone asking, within the grace', async () => {
    await node.ask(SHOW_ID, holdOf(1, 3));
    await node.advance(600_000 + HOLD_GRACE_MS - 1);
    expect(eventsIn(node.journal, SHOW_ID).some((event) => event.type === 'expired')).toBe(false);
    await node.advance(SWEEP_MS + 1);
    expect(eventsIn(node.journal, SHOW_ID).at(-1)).toEqual({ type: 'expired', holds: [1] });
    expect((await summaryOf()).available).toBe(60);
  });

  test('puts an idle show to sleep with a snapshot, and a question wakes it', async () => {
    await node.ask(SHOW_ID, holdOf(1));
    const release = { type: 'release', buyer: userOf(1), hold: 1, at: ON_SALE_AT } as const;
    expect(toldBy(await node.ask(SHOW_ID, release))).toBe('ok');
    await node.advance(IDLE_MS - SWEEP_MS);
    expect(node.actors.awake).toBe(1);
    await node.advance(2 * SWEEP_MS);
    expect(node.actors.awake).toBe(0);
    expect(node.journal.snapshot(SHOW_ID)?.seq).toBe(2);
    expect(await summaryOf()).toMatchObject({ available: 60, version: 2 });
    expect(await node.ask(SHOW_ID, holdOf(1))).toMatchObject({ ok: true, replayed: true });
  });

  test('does not put a show to sleep while a hold is live or money is under way', async () => {
    await node.ask(SHOW_ID, holdOf(1));
    await node.ask(SHOW_ID, { type: 'order', once: onceOf(50), buyer: userOf(1), hold: 1, at: ON_SALE_AT });
    await node.advance(IDLE_MS * 3);
    expect(node.actors.awake).toBe(1);
    await node.advance(600_000);
    expect(eventsIn(node.journal, SHOW_ID).at(-1)?.type).toBe('expired');
    await node.advance(IDLE_MS * 2);
    expect(node.actors.awake).toBe(1);
    expect(toldBy(await node.ask(SHOW_ID, { type: 'settled', order: 1 }))).toBe('ok');
    await node.advance(IDLE_MS * 2);
    expect(node.actors.awake).toBe(0);
  });

  test('sleep does not swallow what is asked while the snapshot is kept', async () => {
    let finishFirst: (() => void) | null = null;
    class SlowFirstSnapshot extends MemoryJournal {
      override async keepSnapshot(showId: string, shard: number, snapshot: Snapshot): Promise<boolean> {
        if (finishFirst === null) {
          await new Promise<void>((resolve) => {
            finishFirst = resolve;
          });
        }
        return super.keepSnapshot(showId, shard, snapshot);
      }
    }
    node = new ShowNode({ journal: new SlowFirstSnapshot() });
    await node.ask(SHOW_ID, SUMMARY);
    await node.advance(IDLE_MS + SWEEP_MS);
    expect(finishFirst).not.toBeNull();
    const asked = node.ask(SHOW_ID, holdOf(1));
    await settled();
    (finishFirst as unknown as () => void)();
    expect(toldBy(await asked)).toBe('ok');
    await settled();
    expect((await summaryOf()).held).toBe(1);
  });
});

describe('a node that starts again', () => {
  test('finds the holds and orders, and puts to rest what was unsettled', async () => {
    await node.ask(SHOW_ID, holdOf(1, 2));
    const ordered = await node.ask<OrderView>(SHOW_ID, {
      type: 'order',
      once: onceOf(50),
      buyer: userOf(1),
      hold: 1,
      at: ON_SALE_AT,
    });
    await node.ask(SHOW_ID, holdOf(2));
    node.journal.leases.move(SHARD, true);
    // The first node's time stands still from here on: it is gone.
    node = new ShowNode({ journal: node.journal, time: manualTime(node.time.clock.now()) });
    await node.actors.wake([SHOW_ID]);
    expect(node.unsettled).toEqual([{ showId: SHOW_ID, orders: [1] }]);
    expect(await summaryOf()).toMatchObject({ held: 1, inPayment: 2 });
    const id = ordered.ok ? parseScopedId('ord', ordered.value.id) : null;
    const viewer = { user: userOf(1), all: false };
    const found = await node.ask(SHOW_ID, { type: 'get-order', order: id?.number ?? 0, at: id?.at ?? 0, viewer });
    expect(found).toEqual({ ...ordered, replayed: false });
    await node.advance(700_000);
    expect(await summaryOf()).toMatchObject({ available: 60 });
    expect(node.unsettled.at(-1)).toEqual({ showId: SHOW_ID, orders: [1] });
  });
});

describe('draining', () => {
  test('finishes what waits, keeps snapshots, and refuses what comes after', async () => {
    const asked = Array.from({ length: 20 }, (_, n) => node.ask(SHOW_ID, holdOf(n)));
    asked.push(node.ask(OTHER_SHOW, holdOf(1)));
    const drained = node.actors.drain();
    expect(toldBy(await node.ask(SHOW_ID, holdOf(99)))).toBe('moved');
    await node.advance(100);
    await drained;
    expect((await Promise.all(asked)).map(toldBy)).toEqual(new Array(21).fill('ok'));
    for (const showId of [SHOW_ID, OTHER_SHOW]) {
      expect(node.journal.snapshot(showId)?.seq).toBe(node.journal.rows(showId).length);
    }
    expect(heldIn(node.journal, SHOW_ID)).toHaveLength(20);
    node = new ShowNode();
  });

  test('waits for the append under way', async () => {
    await node.ask(SHOW_ID, SUMMARY);
    const open = closeGate(node.journal);
    const asked = node.ask(SHOW_ID, holdOf(1));
    await settled();
    let isDrained = false;
    const drained = node.actors.drain().then(() => {
      isDrained = true;
    });
    await node.advance(1_000);
    expect(isDrained).toBe(false);
    open();
    await node.advance(10);
    await drained;
    expect(toldBy(await asked)).toBe('ok');
    expect(node.journal.snapshot(SHOW_ID)?.seq).toBe(2);
    node = new ShowNode();
  });

  test('answers who waits for a show that fails meanwhile', async () => {
    await node.ask(SHOW_ID, SUMMARY);
    const open = closeGate(node.journal);
    node.journal.appendFaults.push('lost');
    const first = node.ask(SHOW_ID, holdOf(1));
    await settled();
    const second = node.ask(SHOW_ID, holdOf(2));
    const drained = node.actors.drain();
    await settled();
    open();
    await node.advance(100);
    await drained;
    expect([toldBy(await first), toldBy(await second)]).toEqual(['OUTCOME_UNKNOWN', 'moved']);
    node = new ShowNode();
  });

  test('promises no recovery of a show that fails on the way out', async () => {
    await node.ask(SHOW_ID, SUMMARY);
    const open = closeGate(node.journal);
    node.journal.appendFaults.push('lost');
    const asked = node.ask(SHOW_ID, holdOf(1));
    await settled();
    const drained = node.actors.drain();
    await settled();
    open();
    await node.advance(100);
    await drained;
    expect(toldBy(await asked)).toBe('OUTCOME_UNKNOWN');
    expect([node.actors.counts.restarts, node.actors.awake]).toEqual([0, 0]);
    node = new ShowNode();
  });
});

test('through failures of all kinds every request is answered once, and every key has one outcome', async () => {
  const random = seededRandom(11);
  const dice = (sides: number): number => random.bytes(1)[0] % sides;
  let isFaulty = true;
  class FaultyJournal extends MemoryJournal {
    override async append(turn: Turn): Promise<AppendOutcome> {
      if (isFaulty && dice(4) === 0) this.appendFaults.push((['fenced', 'lost', 'written', 'late'] as const)[dice(4)]);
      const outcome = await super.append(turn);
      if (dice(3) === 0) this.landLate();
      return outcome;
    }
  }
  const journal = new FaultyJournal();
  node = new ShowNode({ journal, terms: termsOf({ holdSeconds: 3_600 }) });
  const outcomes = new Map<number, Answer<HoldView>>();
  const pause = (ms: number): Promise<void> => new Promise((resolve) => void node.time.timers.after(ms, resolve));
  const buyer = async (n: number): Promise<void> => {
    await pause(10 * dice(200));
    for (let attempt = 0; attempt < 200; attempt++) {
      const answer = await node.ask<HoldView>(SHOW_ID, holdOf(n));
      const isFinal = answer.ok || !['UNAVAILABLE', 'OUTCOME_UNKNOWN', 'OVERLOADED'].includes(answer.refusal.code);
      if (isFinal) {
        expect(outcomes.has(n)).toBe(false);
        outcomes.set(n, answer);
        return;
      }
      await pause(20 + dice(200));
    }
    throw new Error(`buyer ${n} never got an answer`);
  };
  const buyers = Promise.all(Array.from({ length: 60 }, (_, n) => buyer(n)));
  for (let rounds = 0; outcomes.size < 60 && rounds < 300; rounds++) await node.advance(100);
  await buyers;
  const held = heldIn(journal, SHOW_ID);
  expect(new Set(held.map((event) => event.once.id)).size).toBe(held.length);
  for (const [n, answer] of outcomes) {
    const event = held.find((one) => one.once.id === onceOf(n).id);
    expect(answer.ok).toBe(event !== undefined);
    if (answer.ok) expect(parseScopedId('hld', answer.value.id)?.number).toBe(event?.hold);
  }
  expect(held.flatMap((event) => event.seats)).toHaveLength(40);
  expect(new Set(held.flatMap((event) => event.seats)).size).toBe(40);
  expect(node.actors.counts.restarts).toBeGreaterThan(5);
  isFaulty = false;
});
