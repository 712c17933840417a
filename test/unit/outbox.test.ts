import { describe, expect, test } from 'vitest';
import type { Letter, LetterRequest } from '../../src/cluster/messages/letter.ts';
import { decodeLetter, ITEM_CHARS_MAX } from '../../src/cluster/messages/letter-codec.ts';
import { LetterReader } from '../../src/cluster/messages/letter-reader.ts';
import {
  COLLECTED_ITEMS_MAX,
  MESSAGE_ITEMS_MAX,
  NUDGE_SHOWS_MAX,
  Outbox,
  REMEMBERED_MAX,
  REMEMBERED_MS,
} from '../../src/cluster/messages/outbox.ts';
import { MESSAGE_BYTES_MAX } from '../../src/cluster/messages/transport.ts';
import { FORMAT } from '../../src/formats.ts';
import { emptyLetter } from '../support/empty-letter.ts';
import { manualTime, settled } from '../support/manual-time.ts';
import { onceOf, SHOW_ID, userOf } from '../support/small-show.ts';

/** An outbox whose line notes what is sent; peer `former` reads only formats to 2, `old` only 1, `older` not even that. */
function outbox() {
  const time = manualTime();
  const sent: { to: string; bytes: Uint8Array; number: number }[] = [];
  const broadcast: Letter[] = [];
  const undelivered: number[] = [];
  const state = { takes: Number.POSITIVE_INFINITY };
  const box = new Outbox({
    from: 'me',
    timers: time.timers,
    formatOf: (to) => ({ old: 1, former: 2, older: 0, newer: 9 })[to] ?? FORMAT.newest,
    undelivered: (numbers) => undelivered.push(...numbers),
    line: {
      send: (to, bytes, number) => {
        if (sent.length >= state.takes || bytes.length > MESSAGE_BYTES_MAX) return false;
        sent.push({ to, bytes, number });
        return true;
      },
      broadcast: (bytes) => broadcast.push(decodeLetter(bytes, 1)) > 0,
      stop: async () => {},
    },
  });
  /** What the messages to a peer say, put together. */
  const letters = (to: string): Letter[] => {
    const reader = new LetterReader(time.timers);
    return sent.filter((message) => message.to === to).map(({ bytes }) => reader.read(bytes));
  };
  return { time, box, sent, broadcast, undelivered, state, letters };
}

function request(number: number, seat = 'A-1'): LetterRequest {
  const message = { type: 'hold', once: onceOf(number), buyer: userOf(number), seats: [seat] } as const;
  return { number, showId: SHOW_ID, shard: 1, epoch: 2, deadline: 3, wanted: { kind: 'ask', message } };
}

/** A request of about so many bytes. */
const large = (number: number, bytes: number): LetterRequest => request(number, 'x'.repeat(bytes));
const told = (number: number, value: unknown = number) => ({ number, value, replayed: false });
const numbersIn = (letter: Letter): number[] => letter.requests.map(({ number }) => number);

describe('what is written to a peer', () => {
  test('goes in one message once the input was handled', async () => {
    const { box, sent, letters } = outbox();
    expect([box.request('a', request(1)), box.request('b', request(2)), box.request('a', request(3))]).not.toContain(
      false,
    );
    box.answer('a', told(9));
    box.nudge('a', [{ shard: 4, epoch: 5, awake: [SHOW_ID] }]);
    expect(sent).toEqual([]);
    await settled();
    expect(sent.map(({ to, number }) => [to, number])).toEqual([
      ['a', 1],
      ['b', 2],
    ]);
    expect(letters('a')).toStrictEqual([
      {
        from: 'me',
        requests: [request(1), request(3)],
        answers: [told(9)],
        owned: [],
        nudges: [{ shard: 4, epoch: 5, awake: [SHOW_ID] }],
        look: false,
        prepare: [],
        prepared: [],
      },
    ]);
    await settled();
    expect(sent).toHaveLength(2);
  });

  test('asks to prepare shows, and tells that they are prepared, only whoever reads that', async () => {
    const { box, letters } = outbox();
    expect(box.prepare('a', { number: 1, shows: [SHOW_ID] })).toBe(true);
    box.prepared('a', 7);
    expect(box.prepare('former', { number: 2, shows: [SHOW_ID] })).toBe(false);
    box.prepared('former', 8);
    await settled();
    expect(letters('a')).toMatchObject([{ prepare: [{ number: 1, shows: [SHOW_ID] }], prepared: [7] }]);
    expect(letters('former')).toEqual([]);
  });

  test('is split by number', async () => {
    const { box, letters } = outbox();
    for (let number = 1; number <= 2 * MESSAGE_ITEMS_MAX + 1; number++) box.request('a', request(number));
    await settled();
    expect(letters('a').map((letter) => letter.requests.length)).toEqual([MESSAGE_ITEMS_MAX, MESSAGE_ITEMS_MAX, 1]);
  });

  test('is split by bytes', async () => {
    const { box, sent, letters } = outbox();
    for (let number = 1; number <= 10; number++) box.request('a', large(number, 240_000));
    await settled();
    expect(letters('a').flatMap(numbersIn)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(sent).toHaveLength(3);
  });

  test('is limited until it is sent', async () => {
    const { box, sent } = outbox();
    for (let number = 1; number <= COLLECTED_ITEMS_MAX; number++) expect(box.request('a', request(number))).toBe(true);
    expect(box.request('a', request(0))).toBe(false);
    expect(box.request('b', request(0))).toBe(true);
    await settled();
    expect(sent).toHaveLength(COLLECTED_ITEMS_MAX / MESSAGE_ITEMS_MAX + 1);
    expect(box.request('a', request(0))).toBe(true);
  });

  test('is limited in bytes too', () => {
    const { box } = outbox();
    const taken = Array.from({ length: 40 }, (_, number) => box.request('a', large(number, 1_000_000)));
    expect(taken.filter(Boolean)).toHaveLength(31);
  });

  test('is a message even when there is nothing to say', async () => {
    const { box, letters } = outbox();
    box.ping('a');
    await settled();
    expect(letters('a')).toStrictEqual([emptyLetter('me')]);
  });
});

describe('what is larger than a message', () => {
  test('comes in parts, with small things before and after it', async () => {
    const { box, sent, letters } = outbox();
    const value = '座"'.repeat(1_000_000);
    box.answer('a', told(1));
    box.answer('a', told(2, value));
    box.request('a', large(3, 2_000_000));
    box.request('a', request(4));
    await settled();
    expect(sent.length).toBeGreaterThan(5);
    expect(letters('a').flatMap(({ answers }) => answers)).toStrictEqual([told(1), told(2, value)]);
    const requests = letters('a').flatMap((letter) => letter.requests);
    expect(requests.sort((a, b) => a.number - b.number)).toStrictEqual([large(3, 2_000_000), request(4)]);
  });

  test('is refused beyond any measure: a request to its sender, an answer to who waits for it', async () => {
    const { box, letters } = outbox();
    expect(box.request('a', large(1, ITEM_CHARS_MAX))).toBe(false);
    box.answer('a', told(2, 'x'.repeat(ITEM_CHARS_MAX)));
    await settled();
    expect(letters('a').map(({ answers }) => answers)).toMatchObject([[{ number: 2, refusal: { code: 'INTERNAL' } }]]);
  });

  test('is refused to a peer that reads no parts, when no message holds it', async () => {
    const { box, sent, letters } = outbox();
    expect(box.request('old', large(1, MESSAGE_BYTES_MAX))).toBe(false);
    box.answer('old', told(2, 'x'.repeat(MESSAGE_BYTES_MAX)));
    box.answer('old', told(3, 'x'.repeat(700_000)));
    await settled();
    expect(letters('old').flatMap(({ answers }) => answers)).toMatchObject([
      { number: 2, refusal: { code: 'INTERNAL' } },
      { number: 3 },
    ]);
    for (const { bytes } of sent) expect(decodeLetter(bytes, 1).parts).toEqual([]);
  });
});

describe('a peer of another version', () => {
  test('gets what it can read', async () => {
    const { box, sent } = outbox();
    for (const to of ['old', 'newer']) box.nudge(to, [{ shard: 1, epoch: 2, awake: [SHOW_ID] }]);
    await settled();
    expect(decodeLetter(sent[0].bytes, 1).nudges).toEqual([{ shard: 1, epoch: 2, awake: [] }]);
    expect(decodeLetter(sent[1].bytes).nudges).toEqual([{ shard: 1, epoch: 2, awake: [SHOW_ID] }]);
  });

  test('is asked nothing that it does not know, and gets all else in the same message', async () => {
    const { box, letters } = outbox();
    const refund = { type: 'refund', once: onceOf(2), order: 7, at: 1, reason: 'rain' } as const;
    const late = { type: 'commit', order: 7, amount: 1, currency: 'EUR', late: true } as const;
    const inTime = { type: 'commit', order: 7, amount: 1, currency: 'EUR' } as const;
    for (const to of ['former', 'old', 'a']) {
      box.request(to, request(1));
      const isTaken = [refund, late].map((message, i) =>
        box.request(to, { ...request(2 + i), wanted: { kind: 'ask', message } }),
      );
      expect(isTaken).toEqual(to === 'a' ? [true, true] : [false, false]);
      expect(box.request(to, { ...request(4), wanted: { kind: 'ask', message: inTime } })).toBe(true);
      box.request(to, { ...request(5), wanted: { kind: 'counts' } });
    }
    await settled();
    expect(letters('former').map(numbersIn)).toEqual([[1, 4, 5]]);
    expect(letters('old').map(numbersIn)).toEqual([[1, 4, 5]]);
    expect(letters('a').map(numbersIn)).toEqual([[1, 2, 3, 4, 5]]);
  });

  test('gets nothing when it can read nothing of ours', async () => {
    const { box, sent } = outbox();
    expect(box.request('older', request(1))).toBe(false);
    box.nudge('older', [{ shard: 1, epoch: 2, awake: [] }]);
    box.ping('older');
    await settled();
    expect(sent).toEqual([]);
  });
});

test('a shard with many shows awake is nudged for in several pieces', async () => {
  const { box, letters } = outbox();
  const awake = Array<string>(2 * NUDGE_SHOWS_MAX + 1).fill(SHOW_ID);
  box.nudge('a', [{ shard: 1, epoch: 2, awake }]);
  box.nudge('old', [{ shard: 1, epoch: 2, awake }]);
  await settled();
  expect(letters('a')[0].nudges.map((nudge) => nudge.awake.length)).toEqual([NUDGE_SHOWS_MAX, NUDGE_SHOWS_MAX, 1]);
  expect(letters('old')[0].nudges).toHaveLength(1);
});

test('what all should know goes to all, in the form that the oldest reads, each shard once', async () => {
  const { box, broadcast } = outbox();
  box.owned([
    { shard: 1, epoch: 2 },
    { shard: 3, epoch: 4 },
  ]);
  box.owned([{ shard: 1, epoch: 5 }]);
  box.look();
  await settled();
  const owned = [
    { shard: 1, epoch: 5 },
    { shard: 3, epoch: 4 },
  ];
  expect(broadcast).toMatchObject([{ from: 'me', owned, look: true }]);
  box.look();
  await settled();
  expect(broadcast).toMatchObject([{ owned }, { owned: [], look: true }]);
});

describe('requests that reach nobody are named', () => {
  test('when the transport does not take their message, and all after it', async () => {
    const { box, undelivered, state } = outbox();
    state.takes = 1;
    for (let number = 1; number <= 2 * MESSAGE_ITEMS_MAX + 1; number++) box.request('a', request(number));
    box.answer('a', told(99_999));
    await settled();
    expect(undelivered).toEqual(Array.from({ length: MESSAGE_ITEMS_MAX + 1 }, (_, i) => MESSAGE_ITEMS_MAX + 1 + i));
  });

  test('when a part of them is not taken, although others were', async () => {
    const { box, sent, undelivered, state } = outbox();
    state.takes = 2;
    box.request('a', large(1, 2_000_000));
    box.request('b', request(2));
    await settled();
    expect(sent).toHaveLength(2);
    expect(undelivered).toEqual([1, 2]);
  });

  test('when the transport says that nobody was there for their message', async () => {
    const { box, sent, undelivered } = outbox();
    box.request('a', request(1));
    box.request('b', request(2));
    box.request('b', request(3));
    await settled();
    box.unreachable('a', sent[1].number);
    box.unreachable('b', 77);
    expect(undelivered).toEqual([]);
    box.unreachable('b', sent[1].number);
    box.unreachable('b', sent[1].number);
    expect(undelivered).toEqual([2, 3]);
  });

  test('only for a while', async () => {
    const { box, sent, undelivered, time } = outbox();
    for (const number of [1, 2]) {
      box.request('a', request(number));
      await settled();
    }
    await time.advance(REMEMBERED_MS);
    box.unreachable('a', sent[0].number);
    expect(undelivered).toEqual([1]);
    await time.advance(REMEMBERED_MS);
    box.unreachable('a', sent[1].number);
    expect(undelivered).toEqual([1]);
  });

  test('only of so many messages', async () => {
    const { box, sent, undelivered } = outbox();
    for (let number = 1; number <= 2 * REMEMBERED_MAX + 1; number++) box.request(`peer ${number}`, request(number));
    await settled();
    for (const { to, number } of sent.slice(0, REMEMBERED_MAX + 2)) box.unreachable(to, number);
    expect(undelivered).toEqual([REMEMBERED_MAX + 1, REMEMBERED_MAX + 2]);
  });

  test('and one that is written meanwhile goes with the next message', async () => {
    const { box, sent, undelivered, state, letters } = outbox();
    state.takes = 0;
    undelivered.push = (...numbers) => {
      state.takes = 1;
      for (const number of numbers) box.request('b', request(number + 100));
      return 0;
    };
    box.request('a', request(1));
    await settled();
    await settled();
    expect(sent).toHaveLength(1);
    expect(letters('b').flatMap(numbersIn)).toEqual([101]);
  });
});
