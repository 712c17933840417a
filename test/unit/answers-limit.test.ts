import { beforeAll, expect, test } from 'vitest';
import { ANSWERS_KEPT_MS, MAX_ANSWERS, MAX_ANSWERS_WITH_REFUSALS } from '../../src/allocator/answered.ts';
import type { Command } from '../../src/allocator/commands.ts';
import { ON_SALE_AT, onceOf, PlayedShow, rowsOfTen, termsOf, userOf } from '../support/small-show.ts';

const LONG_TERMS = termsOf({ holdSeconds: 86_400 });
const pick = (n: number, seat: string): Command => ({
  type: 'hold',
  once: onceOf(n),
  buyer: userOf(n),
  seats: [seat],
});
const order = (n: number, hold: number): Command => ({
  type: 'order',
  once: onceOf(n + 1_000),
  buyer: userOf(n),
  hold,
  at: ON_SALE_AT,
});

let played: PlayedShow;
let filled = 0;

/** Lets the show have answered so many commands, at the time it is. */
function fillTo(count: number): void {
  const { answered } = played.show;
  const bytes = Buffer.alloc(16);
  bytes[15] = 1;
  while (answered.count < count) {
    bytes.writeUInt32BE(Math.imul(++filled, 0x9e3779b1) >>> 0, 0);
    answered.add({ id: bytes.toString('base64url'), fingerprint: 0 }, 1, 0, played.at);
  }
}

beforeAll(() => {
  played = new PlayedShow(rowsOfTen(2), LONG_TERMS);
  for (let n = 1; n <= 3; n++) played.do(pick(n, `S-A-${n}`));
});

test('a show that was asked very much keeps what it gives, not what it refuses, and lets orders pass to the last', () => {
  fillTo(MAX_ANSWERS_WITH_REFUSALS - 1);
  expect(played.do(pick(10, 'S-A-1'))).toBe('SEATS_TAKEN');
  expect(played.do(pick(10, 'S-A-1'))).toBe('replay');

  // From here on a refusal is not told, since it could not be kept; what succeeds is.
  const { count } = played.show.answered;
  expect(played.do(pick(11, 'S-A-1'))).toBe('OVERLOADED');
  expect(played.do(order(1, 99))).toBe('OVERLOADED');
  expect(played.show.answered.count).toBe(count);
  expect(played.do({ type: 'release', buyer: userOf(1), hold: 1, at: ON_SALE_AT })).toMatchObject({ type: 'released' });
  expect(played.do(pick(11, 'S-A-1'))).toMatchObject({ type: 'held' });
  expect(played.do(pick(11, 'S-A-1'))).toBe('replay');

  fillTo(MAX_ANSWERS);
  expect(played.do(pick(12, 'S-B-5'))).toBe('OVERLOADED');
  expect(played.do(order(2, 2))).toMatchObject({ type: 'ordered' });
  expect(played.do(order(2, 2))).toBe('replay');

  // When the answers of the first day leave, all is as before.
  played.at += ANSWERS_KEPT_MS + 60_000;
  expect(played.do(pick(13, 'S-B-5'))).toMatchObject({ type: 'held' });
  expect(played.do(pick(14, 'S-B-5'))).toBe('SEATS_TAKEN');
});
