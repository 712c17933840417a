import { describe, expect, test } from 'vitest';
import type { Command } from '../../src/allocator/commands.ts';
import { assertWhole } from '../../src/allocator/invariants.ts';
import { decodeShow, encodeShow, stateHash } from '../../src/allocator/snapshot.ts';
import { ON_SALE_AT, onceOf, PlayedShow, rowsOfTen, SHOW_ID, termsOf, userOf } from '../support/small-show.ts';

/** A show in which everything that can happen has happened to somebody. */
function eventfulShow(): PlayedShow {
  const played = new PlayedShow(rowsOfTen(4), termsOf({ perHold: 4 }));
  const order = (n: number): void =>
    void played.do({ type: 'order', once: onceOf(100 + n), buyer: userOf(n), hold: n, at: played.at });
  for (let n = 1; n <= 8; n++) played.hold(n, (n % 3) + 1);
  played.do({
    type: 'hold',
    once: onceOf(9),
    buyer: userOf(9),
    areas: [{ id: 'floor', quantity: 3 }],
    best: { quantity: 1 },
  });
  played.do({ type: 'hold', once: onceOf(10), buyer: userOf(1), best: { quantity: 1 } });
  played.do({ type: 'release', buyer: userOf(1), hold: 1, at: played.at });
  for (const n of [2, 3, 4, 5, 6, 9]) order(n);
  for (const n of [1, 2, 3, 6])
    played.do({ type: 'commit', order: n, amount: played.show.orders.total[n], currency: 'EUR' });
  played.do({ type: 'captured', order: 1 });
  played.do({ type: 'void', order: 2, reason: 'the card ünsettled' });
  played.do({ type: 'reject', order: 4, reason: 'declined' });
  played.at += 30_000;
  played.do({ type: 'extend', buyer: userOf(7), hold: 7, at: played.at - 30_000 });
  return played;
}

/** As the header says. */
function formOf(bytes: Uint8Array): number {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  return JSON.parse(Buffer.from(bytes.subarray(8, 8 + length)).toString()).format;
}

describe('a snapshot', () => {
  test('read again is the same show, to the byte', () => {
    const { show } = eventfulShow();
    const again = decodeShow(encodeShow(show), SHOW_ID, show.hall);
    assertWhole(again);
    expect(Buffer.compare(encodeShow(again), encodeShow(show))).toBe(0);
    expect(again.wakeAt()).toBe(show.wakeAt());
    expect(again.orders.reasons.get(2)).toBe('the card ünsettled');
  });

  test('goes on as the show that it was taken of', () => {
    const played = eventfulShow();
    const other = eventfulShow();
    other.show = decodeShow(encodeShow(played.show), SHOW_ID, played.show.hall);
    for (const each of [played, other]) {
      expect(each.do({ type: 'hold', once: onceOf(9), buyer: userOf(9), best: { quantity: 1 } })).toBe('replay');
      each.hold(20, 4);
      each.at += 700_000;
      each.do({ type: 'expire' });
      each.hold(21, 2);
    }
    expect(other.events).toHaveLength(played.events.length);
    expect(Buffer.compare(encodeShow(other.show), encodeShow(played.show))).toBe(0);
  });

  test('of the same history has the same hash, of another history another', () => {
    const hash = (played: PlayedShow): string => stateHash(encodeShow(played.show));
    expect(hash(eventfulShow())).toBe(hash(eventfulShow()));
    const longer = eventfulShow();
    longer.do({ type: 'captured', order: 3 });
    expect(hash(longer)).not.toBe(hash(eventfulShow()));
  });

  test('is read from bytes anywhere in a larger buffer, and shares nothing with them', () => {
    const { show } = eventfulShow();
    const bytes = encodeShow(show);
    for (const offset of [0, 1, 8, 13]) {
      const buffer = Buffer.alloc(bytes.length + 64, 0xff).subarray(offset, offset + bytes.length);
      buffer.set(bytes);
      const again = decodeShow(buffer, SHOW_ID, show.hall);
      buffer.fill(0xee);
      expect(Buffer.compare(encodeShow(again), bytes)).toBe(0);
    }
  });

  test('of a show without refunds, disputes or a cancellation is what the first version wrote, to the byte', () => {
    expect(stateHash(encodeShow(eventfulShow().show))).toBe(
      '3ea8f003a4febd739e3c05372fe069c2d60ed7754e9412edfa418f3c6240a210',
    );
  });

  test.each<[string, Command, number]>([
    ['a refund', { type: 'refund', once: onceOf(500), order: 1, at: ON_SALE_AT, reason: 'ünwell' }, 2],
    ['a dispute', { type: 'dispute', order: 1, dispute: 'dp_1', status: 'open' }, 4],
    ['a cancellation', { type: 'cancel-show', reason: 'rain' }, 2],
  ])('of a show with %s is in a form that an older version refuses by name', (_, command, form) => {
    const played = eventfulShow();
    expect(formOf(encodeShow(played.show))).toBe(1);
    expect(played.do(command)).toMatchObject({});
    const bytes = encodeShow(played.show);
    expect(formOf(bytes)).toBe(form);
    const again = decodeShow(bytes, SHOW_ID, played.show.hall);
    assertWhole(again);
    expect(Buffer.compare(encodeShow(again), bytes)).toBe(0);
    expect([again.wakeAt(), [...again.toRefund]]).toEqual([played.show.wakeAt(), [...played.show.toRefund]]);
  });

  test('of a show with a ticket that moved is in a form of its own', () => {
    const played = eventfulShow();
    const named = { buyer: played.show.buyers.userId(played.show.orders.buyer[1]), ticket: 1, at: ON_SALE_AT };
    expect(played.do({ type: 'transfer', once: onceOf(500), ...named, address: 'digest' })).toMatchObject({});
    const bytes = encodeShow(played.show);
    expect(formOf(bytes)).toBe(4);
    const again = decodeShow(bytes, SHOW_ID, played.show.hall);
    assertWhole(again);
    expect(Buffer.compare(encodeShow(again), bytes)).toBe(0);
  });

  test('of an empty show can be taken before anything was sold', () => {
    const { show } = new PlayedShow(rowsOfTen(1));
    const again = decodeShow(encodeShow(show), SHOW_ID, show.hall);
    expect(Buffer.compare(encodeShow(again), encodeShow(show))).toBe(0);
  });

  test('of another show, hall or format is refused by name', () => {
    const { show } = eventfulShow();
    const bytes = encodeShow(show);
    expect(() => decodeShow(bytes, 'shw_01k9zxh3m4q8r2v6w7y0t5b1ce', show.hall)).toThrow(
      /is of shw_01k9zxh3m4q8r2v6w7y0t5b1cd/,
    );
    expect(() => decodeShow(bytes, SHOW_ID, rowsOfTen(3))).toThrow(/40 seats, not 30/);
    const newer = Buffer.from(bytes);
    newer.write('"format":9', newer.indexOf('"format":1'));
    expect(() => decodeShow(newer, SHOW_ID, show.hall)).toThrow(/format 9 is not known/);
  });
});
