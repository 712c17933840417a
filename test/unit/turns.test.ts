import { beforeEach, describe, expect, test } from 'vitest';
import { Inbox } from '../../src/actors/inbox.ts';
import { recover } from '../../src/actors/recovery.ts';
import type { Answer } from '../../src/actors/shows.ts';
import { RULES, SNAPSHOT_EVERY_EVENTS, TurnLost, Turns } from '../../src/actors/turns.ts';
import type { Command, Question } from '../../src/allocator/commands.ts';
import { settled } from '../support/manual-time.ts';
import { MemoryJournal } from '../support/memory-journal.ts';
import { holdOf, SHARD } from '../support/show-node.ts';
import { ON_SALE_AT, onceOf, rowsOfTen, SHOW_ID, termsOf, userOf } from '../support/small-show.ts';

let journal: MemoryJournal;
let inbox: Inbox;
let turns: Turns;

/** The show as a new owner finds it; as if so many events had been replayed. */
async function own(eventsSinceSnapshot?: number): Promise<void> {
  const recovered = await recover(SHOW_ID, rowsOfTen(2), termsOf(), journal, RULES);
  inbox = new Inbox();
  turns = new Turns({
    ...recovered,
    eventsSinceSnapshot: eventsSinceSnapshot ?? recovered.eventsSinceSnapshot,
    shard: SHARD,
    epoch: journal.leases.current(SHARD),
    inbox,
    journal,
    clock: { now: () => ON_SALE_AT },
    rules: RULES,
    onUnsettled: () => {},
    onTurn: () => {},
  });
}

/** The answers to these requests in one turn. */
async function turn(...messages: readonly (Command | Question)[]): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const [i, message] of messages.entries()) {
    const answer = (given: Answer): void => {
      answers[i] = given;
    };
    inbox.offer({ message, deadline: ON_SALE_AT + 1_000, answer });
  }
  await turns.run().catch((error) => {
    if (!(error instanceof TurnLost)) throw error;
  });
  await settled();
  return answers;
}

const codeOf = (answer: Answer): string => (answer.ok ? 'ok' : answer.refusal.code);

beforeEach(async () => {
  journal = new MemoryJournal();
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
    expect(answers.map(codeOf)).toEqual(['ok', 'SEATS_TAKEN']);
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
    expect(codeOf(answer)).toBe('IDEMPOTENCY_KEY_REUSED');
  });
});

describe('when the outcome of its append is unknown', () => {
  test('nobody whom it may concern hears "not done"', async () => {
    journal.appendFaults.push('written');
    const answers = await turn(holdOf(1), holdOf(1), { type: 'get-summary' });
    expect(answers.map(codeOf)).toEqual(['OUTCOME_UNKNOWN', 'OUTCOME_UNKNOWN', 'UNAVAILABLE']);
  });

  test('what an earlier turn answered is told again all the same', async () => {
    const [first] = await turn(holdOf(1));
    journal.appendFaults.push('lost');
    const answers = await turn(holdOf(1), holdOf(2));
    expect(answers[0]).toEqual({ ...first, replayed: true });
    expect(codeOf(answers[1])).toBe('OUTCOME_UNKNOWN');
  });

  test('no snapshot is kept of what it decided', async () => {
    journal.appendFaults.push('written');
    await turn(holdOf(1));
    await turns.keepSnapshot();
    expect(journal.snapshot(SHOW_ID)).toBeNull();
    expect(turns.isAtRest()).toBe(false);
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
    expect((await turn(holdOf(1))).map(codeOf)).toEqual(['ok']);
    await turn(holdOf(2));
    expect((await turn(holdOf(3))).map(codeOf)).toEqual(['ok']);
    await turns.keepSnapshot();
    expect(journal.snapshot(SHOW_ID)?.seq).toBe(3);
  });
});
