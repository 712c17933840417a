import { beforeEach, describe, expect, test } from 'vitest';
import { Inbox } from '../../src/actors/inbox.ts';
import { recover } from '../../src/actors/recovery.ts';
import { SNAPSHOT_EVERY_EVENTS } from '../../src/actors/show-snapshots.ts';
import type { Answer } from '../../src/actors/shows.ts';
import { RULES, type Rules, TurnLost, Turns } from '../../src/actors/turns.ts';
import type { Command, Question } from '../../src/allocator/commands.ts';
import { ENDED_HOLDS_KEPT } from '../../src/allocator/holds.ts';
import { HOLD_GRACE_MS, PAYMENT_WINDOW_MS } from '../../src/allocator/show.ts';
import { FORMAT } from '../../src/formats.ts';
import { madeOf } from '../support/made-show.ts';
import { settled } from '../support/manual-time.ts';
import { MemoryJournal } from '../support/memory-journal.ts';
import { holdOf, SHARD, toldBy } from '../support/show-node.ts';
import { ON_SALE_AT, onceOf, rowsOfTen, SHOW_ID, userOf } from '../support/small-show.ts';

let journal: MemoryJournal;
let inbox: Inbox;
let turns: Turns;
let now: number;
/** The form in which rows are to be written. */
let format: number;
/** Orders that settlement was told of. */
let unsettled: number[];

/** The show as a new owner finds it; as if so many events had been replayed. */
async function own(eventsSinceSnapshot?: number, rules: Rules = RULES): Promise<void> {
  const recovered = await recover(SHOW_ID, madeOf(rowsOfTen(2)), journal, RULES);
  inbox = new Inbox();
  turns = new Turns({
    ...recovered,
    eventsSinceSnapshot: eventsSinceSnapshot ?? recovered.eventsSinceSnapshot,
    shard: SHARD,
    epoch: journal.leases.current(SHARD),
    inbox,
    journal,
    format: () => format,
    writer: 'nod_me',
    clock: { now: () => now },
    rules,
    onUnsettled: (_, orders) => void unsettled.push(...orders),
    onTurn: () => {},
  });
}

/** Lets these requests wait; where their answers will be. A second answer to one of them fails the test. */
function offer(...messages: readonly (Command | Question)[]): Answer[] {
  const answers: Answer[] = [];
  for (const [i, message] of messages.entries()) {
    const answer = (given: Answer): void => {
      expect(answers[i]).toBeUndefined();
      answers[i] = given;
    };
    inbox.offer({ message, deadline: now + 1_000, answer });
  }
  return answers;
}

/** The answers to these requests in one turn. */
async function turn(...messages: readonly (Command | Question)[]): Promise<Answer[]> {
  const answers = offer(...messages);
  await turns.run().catch((error) => {
    if (!(error instanceof TurnLost)) throw error;
  });
  await settled();
  return answers;
}

beforeEach(async () => {
  journal = new MemoryJournal();
  now = ON_SALE_AT;
  format = FORMAT.newest;
  unsettled = [];
  await own();
});

describe('a turn', () => {
  test('of questions alone writes no row', async () => {
    await turn();
    await turn({ type: 'get-summary' });
    expect(journal.rows(SHOW_ID)).toHaveLength(1);
  });

  test('decides one after another: what the first took, the second cannot have', async () => {
    const seats = ['S-A-5', 'S-A-6'];
    const answers = await turn(
      { type: 'hold', once: onceOf(1), buyer: userOf(1), seats },
      { type: 'hold', once: onceOf(2), buyer: userOf(2), seats },
    );
    expect(answers.map(toldBy)).toEqual(['ok', 'SEATS_TAKEN']);
    expect(answers[1]).toMatchObject({ refusal: { extra: { taken: seats } } });
    expect(journal.rows(SHOW_ID)).toHaveLength(1);
  });

  test('answers a repeat within it as it answered the first', async () => {
    const [first, second] = await turn(holdOf(1), holdOf(1));
    expect(second).toEqual({ ...first, replayed: true });
  });

  test('refuses a key that comes with another request', async () => {
    await turn(holdOf(1));
    const [answer] = await turn({ type: 'hold', once: onceOf(1, 77), buyer: userOf(1), best: { quantity: 2 } });
    expect(toldBy(answer)).toBe('IDEMPOTENCY_KEY_REUSED');
  });
});

describe('when the outcome of its append is unknown', () => {
  test('nobody whom it may concern hears "not done"', async () => {
    journal.appendFaults.push('written');
    const answers = await turn(holdOf(1), holdOf(1), { type: 'get-summary' });
    expect(answers.map(toldBy)).toEqual(['OUTCOME_UNKNOWN', 'OUTCOME_UNKNOWN', 'moved']);
  });

  test('what an earlier turn answered is told again all the same', async () => {
    const [first] = await turn(holdOf(1));
    journal.appendFaults.push('lost');
    const answers = await turn(holdOf(1), holdOf(2));
    expect(answers[0]).toEqual({ ...first, replayed: true });
    expect(toldBy(answers[1])).toBe('OUTCOME_UNKNOWN');
  });

  test('no snapshot is kept of what it decided', async () => {
    journal.appendFaults.push('written');
    await turn(holdOf(1));
    await turns.keepSnapshot();
    expect(journal.snapshot(SHOW_ID)).toBeNull();
    expect(turns.isAtRest()).toBe(false);
  });
});

describe('a turn that is not waited for', () => {
  test('tells at once what is known of it, and nothing of what becomes of it', async () => {
    await turn(holdOf(1));
    const { version } = turns.seats;
    await turn({ type: 'order', once: onceOf(50), buyer: userOf(1), hold: 1, at: ON_SALE_AT });
    const written = Promise.withResolvers<void>();
    journal.gate = written.promise;
    const answers = offer(
      { type: 'cancel', buyer: userOf(1), order: 1, at: ON_SALE_AT },
      { type: 'get-summary' },
      holdOf(1),
    );
    const running = turns.run();
    await settled();
    turns.abandon();
    await settled();
    expect(answers.map(toldBy)).toEqual(['OUTCOME_UNKNOWN', 'moved', 'ok']);
    written.resolve();
    await running;
    expect(journal.rows(SHOW_ID)).toHaveLength(3);
    expect([turns.seats.version - version, unsettled, turns.isAtRest()]).toEqual([1, [], false]);
  });

  test('between two turns tells nothing', async () => {
    const [answer] = await turn(holdOf(1));
    turns.abandon();
    expect(toldBy(answer)).toBe('ok');
  });
});

describe('the row of a turn', () => {
  test('is in the form that is to be written when it is decided', async () => {
    for (const [n, each] of [1, 1, 2, 2].entries()) {
      format = each;
      await turn(holdOf(n + 1));
    }
    expect(journal.rows(SHOW_ID).map((row) => [row.format, row.writer])).toEqual([
      [1, null],
      [1, null],
      [2, 'nod_me'],
      [2, 'nod_me'],
    ]);
    await own();
    expect((await turn(holdOf(5))).map(toldBy)).toEqual(['ok']);
  });
});

describe('while not every node reads what they lead to, commands', () => {
  const ORDER = { type: 'order', once: onceOf(50), buyer: userOf(1), hold: 1, at: ON_SALE_AT } as const;
  const COMMIT = { type: 'commit', order: 1, amount: 4_550, currency: 'EUR' } as const;
  const NEW: readonly (Command | Question)[] = [
    { ...ORDER, once: onceOf(51), comp: true },
    { type: 'pending', order: 1 },
    { ...COMMIT, late: true },
    { type: 'settled', order: 1, reason: 'x' },
    { type: 'refund', once: onceOf(52), order: 1, at: ON_SALE_AT, reason: 'x' },
    { type: 'refunded', refund: 1 },
    { type: 'refund-failed', refund: 1, reason: 'x' },
    { type: 'refund-returned', order: 1 },
    { type: 'dispute', order: 1, dispute: 'd', status: 'lost' },
    { type: 'cancel-show', reason: 'x' },
    { type: 'get-cancellation' },
  ];

  test.each([1, 2])('are refused as not available, and change nothing (format %i)', async (older) => {
    format = older;
    await turn(holdOf(1), ORDER);
    const [before] = await turn({
      type: 'get-order',
      viewer: { user: userOf(1), all: true },
      order: 1,
      at: ON_SALE_AT,
    });
    const rows = journal.rows(SHOW_ID).length;
    expect((await turn(...NEW)).map(toldBy)).toEqual(NEW.map(() => 'UNAVAILABLE'));
    expect(journal.rows(SHOW_ID)).toHaveLength(rows);
    const [after] = await turn({ type: 'get-order', viewer: { user: userOf(1), all: true }, order: 1, at: ON_SALE_AT });
    expect(after).toEqual(before);
    expect((await turn(COMMIT)).map(toldBy)).toEqual(['ok']);
  });

  test('are decided, under the same ids, once every node does', async () => {
    format = 2;
    await turn(holdOf(1), ORDER, COMMIT, { type: 'captured', order: 1 });
    const refund: Command = { type: 'refund', once: onceOf(52), order: 1, at: ON_SALE_AT, reason: 'x' };
    expect((await turn(refund)).map(toldBy)).toEqual(['UNAVAILABLE']);
    format = 3;
    expect((await turn(refund)).map(toldBy)).toEqual(['ok']);
    expect(unsettled).toEqual([1]);
  });
});

describe('a turn of a cancelled show', () => {
  test('is due by itself as long as refunds are to begin, and tells their buyers once', async () => {
    for (const n of [1, 2]) {
      await turn(
        holdOf(n),
        { type: 'order', once: onceOf(50 + n), buyer: userOf(n), hold: n, at: ON_SALE_AT },
        { type: 'commit', order: n, amount: 4_550, currency: 'EUR' },
        { type: 'captured', order: n },
      );
    }
    await turn({ type: 'cancel-show', reason: 'rain' });
    expect([turns.isDue(), turns.isAtRest(), turns.nextDeadline()]).toEqual([true, false, ON_SALE_AT]);
    await turn();
    expect([turns.isDue(), unsettled]).toEqual([false, [1, 2]]);
    expect(journal.attempts.at(-1)?.notices.map(({ kind }) => kind)).toEqual(['refund', 'refund']);
    expect(journal.attempts.at(-1)?.wakeAt).toBe(ON_SALE_AT);
    expect((await turn({ type: 'refunded', refund: 1 }, { type: 'refunded', refund: 2 })).map(toldBy)).toEqual([
      'ok',
      'ok',
    ]);
    expect([turns.isAtRest(), journal.attempts.at(-1)?.wakeAt]).toEqual([true, null]);
  });
});

describe('a turn of a show that leaves', () => {
  test('is answered, but settlement is told nothing and no snapshot is kept', async () => {
    await own(SNAPSHOT_EVERY_EVENTS);
    await turn(holdOf(1), { type: 'order', once: onceOf(50), buyer: userOf(1), hold: 1, at: ON_SALE_AT });
    const kept = journal.snapshotAttempts;
    await own(SNAPSHOT_EVERY_EVENTS);
    turns.retire();
    const answers = await turn({ type: 'cancel', buyer: userOf(1), order: 1, at: ON_SALE_AT });
    expect(answers.map(toldBy)).toEqual(['ok']);
    expect([unsettled, journal.snapshotAttempts]).toEqual([[], kept]);
  });
});

describe('a snapshot', () => {
  test('is kept after so many events', async () => {
    await own(SNAPSHOT_EVERY_EVENTS - 2);
    await turn();
    expect(journal.snapshot(SHOW_ID)).toBeNull();
    await turn(holdOf(1));
    expect(journal.snapshot(SHOW_ID)?.seq).toBe(2);
  });

  test('is not kept twice of the same row', async () => {
    await turn(holdOf(1));
    await turns.keepSnapshot();
    const kept = journal.snapshot(SHOW_ID);
    journal.plantSnapshot(SHOW_ID, null);
    await turns.keepSnapshot();
    expect(kept?.seq).toBe(1);
    expect(journal.snapshot(SHOW_ID)).toBeNull();
  });

  test('that cannot be kept does not stop the show', async () => {
    await own(SNAPSHOT_EVERY_EVENTS);
    journal.snapshotFaults.push('rejects');
    expect((await turn(holdOf(1))).map(toldBy)).toEqual(['ok']);
    await turn(holdOf(2));
    expect((await turn(holdOf(3))).map(toldBy)).toEqual(['ok']);
    await turns.keepSnapshot();
    expect(journal.snapshot(SHOW_ID)?.seq).toBe(3);
  });
});

describe('a turn that fails', () => {
  const CANNOT_BE_WRITTEN = { toJSON: () => raise('planted') };
  const raise = (what: string): never => {
    throw new Error(what);
  };

  test('before its row was sent tells all who wait that nothing was begun', async () => {
    const decide: Rules['decide'] = (show, command, at) => {
      const decision = RULES.decide(show, command, at);
      if (decision.kind !== 'done' || decision.event?.type !== 'held') return decision;
      return { kind: 'done', event: { ...decision.event, once: { ...decision.event.once, ...CANNOT_BE_WRITTEN } } };
    };
    await turn();
    await own(undefined, { ...RULES, decide });
    const answers = offer({ type: 'get-summary' }, holdOf(1), holdOf(1));
    await expect(turns.run()).rejects.toThrow('planted');
    await settled();
    expect(answers.map(toldBy)).toEqual(['UNAVAILABLE', 'UNAVAILABLE', 'UNAVAILABLE']);
    expect([journal.attempts.length, turns.isAtRest()]).toEqual([1, false]);
  });

  test('after its row was sent tells them that the outcome is unknown', async () => {
    await turn();
    turns.seats.publish = () => raise('planted');
    const answers = offer(holdOf(1), holdOf(1), { type: 'get-summary' });
    await expect(turns.run()).rejects.toThrow('planted');
    await settled();
    expect(answers.map(toldBy)).toEqual(['OUTCOME_UNKNOWN', 'OUTCOME_UNKNOWN', 'OUTCOME_UNKNOWN']);
    expect(turns.isAtRest()).toBe(false);
  });
});

describe('settlement is told', () => {
  const orderOf = (n: number, hold: number): Command => {
    return { type: 'order', once: onceOf(10_000 + n), buyer: userOf(n), hold, at: ON_SALE_AT };
  };

  test('of an order whose hold ends and is forgotten in the same turn', async () => {
    await turn(holdOf(1), orderOf(1, 1));
    for (let hold = 2; hold < ENDED_HOLDS_KEPT + 2; ) {
      const pairs: Command[] = [];
      for (let i = 0; i < 100; i++, hold++) {
        pairs.push(holdOf(hold), { type: 'release', buyer: userOf(hold), hold, at: ON_SALE_AT });
      }
      expect((await turn(...pairs)).every((answer) => answer.ok)).toBe(true);
    }
    now += PAYMENT_WINDOW_MS + HOLD_GRACE_MS;
    expect((await turn(holdOf(9_999))).map(toldBy)).toEqual(['ok']);
    expect(unsettled).toEqual([1]);
    const [forgotten] = await turn({ type: 'release', buyer: userOf(1), hold: 1, at: ON_SALE_AT });
    expect(toldBy(forgotten)).toBe('NOT_FOUND');
  });

  test('again of all orders that are not settled, but of nothing that is not durable', async () => {
    await turn(holdOf(1), orderOf(1, 1));
    await turn({ type: 'commit', order: 1, amount: 4_550, currency: 'EUR' });
    turns.announceUnsettled();
    expect(unsettled).toEqual([1]);
    const written = Promise.withResolvers<void>();
    journal.gate = written.promise;
    offer(holdOf(2), orderOf(2, 2));
    const running = turns.run();
    turns.announceUnsettled();
    await settled();
    expect(unsettled).toEqual([1]);
    written.resolve();
    await running;
    expect(unsettled).toEqual([1, 1]);
    await turn(holdOf(3));
    expect(unsettled).toEqual([1, 1]);
  });

  test('of orders that only wait for their buyers less often: as a rule the provider tells of them', async () => {
    await turn(holdOf(1), orderOf(1, 1), holdOf(2), orderOf(2, 2));
    await turn({ type: 'commit', order: 1, amount: 4_550, currency: 'EUR' });
    const named: number[][] = [];
    for (let i = 0; i < 6; i++) {
      unsettled.length = 0;
      turns.announceUnsettled();
      named.push([...unsettled]);
    }
    expect(named).toEqual([[1, 2], [1], [1], [1], [1], [1, 2]]);
  });
});
