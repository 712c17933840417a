import { beforeEach, describe, expect, test } from 'vitest';
import { answerOfCommand, answerQuestion } from '../../src/actors/answers.ts';
import type { CancellationView } from '../../src/actors/shows.ts';
import { REFUNDS_PER_TURN } from '../../src/allocator/decide-refunds.ts';
import type { ShowEvent } from '../../src/allocator/events.ts';
import { assertWhole } from '../../src/allocator/invariants.ts';
import { PENDING_WINDOW_MS, SEAT } from '../../src/allocator/show.ts';
import { decodeShow, encodeShow } from '../../src/allocator/snapshot.ts';
import { rfc3339 } from '../../src/rfc3339.ts';
import { ON_SALE_AT, onceOf, PlayedShow, rowsOfTen, SHOW_ID, userOf } from '../support/small-show.ts';

const PRICE = 4_550;

let played: PlayedShow;

/** Buyer `n` orders one of the best seats; the order's number is `n` when all do. */
function order(n: number): void {
  const hold = played.hold(n, 1);
  played.do({ type: 'order', once: onceOf(10_000 + n), buyer: userOf(n), hold, at: played.at });
}

function commit(n: number): void {
  played.do({ type: 'commit', order: n, amount: PRICE, currency: 'EUR' });
}

function buy(n: number): void {
  order(n);
  commit(n);
  played.do({ type: 'captured', order: n });
}

const cancelShow = (): ShowEvent | string | null => played.do({ type: 'cancel-show', reason: 'rain' });
const refundNext = (): ShowEvent | string | null => played.do({ type: 'refund-next' });
const refund = (n: number): ShowEvent | string | null =>
  played.do({ type: 'refund', once: onceOf(20_000 + n), order: n, at: ON_SALE_AT, reason: 'asked for' });

function progress(): CancellationView {
  const answer = answerQuestion(played.show, { type: 'get-cancellation' }, played.at);
  if (!answer.ok) throw new Error(answer.refusal.code);
  return answer.value as CancellationView;
}

/** The show as the next owner finds it. */
function recovered(): void {
  const again = decodeShow(encodeShow(played.show), SHOW_ID, played.show.hall);
  expect(Buffer.compare(encodeShow(again), encodeShow(played.show))).toBe(0);
  played.show = again;
}

beforeEach(() => {
  played = new PlayedShow(rowsOfTen(2));
});

describe('a show that is cancelled', () => {
  test('ends what is live, orders whose bank takes its time among them, and frees the places', () => {
    played.hold(1, 1);
    order(2);
    order(3);
    played.do({ type: 'pending', order: 2 });
    played.hold(4, 1);
    played.do({ type: 'release', buyer: userOf(4), hold: 4, at: ON_SALE_AT });
    expect(cancelShow()).toEqual({ type: 'show-cancelled', reason: 'rain', holds: [1, 2, 3] });
    expect(played.show.total(SEAT.free)).toBe(40);
    expect(played.show.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
    for (const n of [1, 2]) {
      const viewer = { user: userOf(n + 1), all: false };
      const answer = answerQuestion(played.show, { type: 'get-order', viewer, order: n, at: ON_SALE_AT }, played.at);
      expect(answer).toMatchObject({ value: { status: 'cancelled', reason: 'rain' } });
    }
    assertWhole(played.show);
    played.at += 2 * PENDING_WINDOW_MS;
    expect(played.do({ type: 'expire' })).toBeNull();
  });

  test('sells nothing more, and takes no payment for what has ended', () => {
    order(1);
    cancelShow();
    const hold = { type: 'hold', once: onceOf(5), buyer: userOf(5), best: { quantity: 1 } } as const;
    expect(played.do(hold)).toBe('NOT_ON_SALE');
    expect(played.do({ type: 'order', once: onceOf(6), buyer: userOf(1), hold: 1, at: ON_SALE_AT })).toBe(
      'HOLD_EXPIRED',
    );
    for (const late of [{}, { late: true as const }]) {
      const commitment = { type: 'commit', order: 1, amount: PRICE, currency: 'EUR', ...late } as const;
      expect(played.do(commitment)).toBe('ORDER_NOT_PAYABLE');
    }
    expect(played.do({ type: 'settled', order: 1 })).toMatchObject({ type: 'settled' });
  });

  test('is cancelled once, and says so again', () => {
    cancelShow();
    const command = { type: 'cancel-show', reason: 'snow' } as const;
    expect(played.do(command)).toBeNull();
    expect(answerOfCommand(played.show, command, played.at + 5)).toMatchObject({
      value: { showId: SHOW_ID, reason: 'rain', cancelledAt: rfc3339(ON_SALE_AT), status: 'refunded' },
    });
  });

  test('that is not cancelled has no cancellation to tell of, and refunds nothing by itself', () => {
    buy(1);
    expect(() => progress()).toThrow('NOT_FOUND');
    expect(refundNext()).toBeNull();
  });
});

describe('the refunds of a cancelled show', () => {
  test('begin by themselves, each order’s once, with what it still has', () => {
    for (const n of [1, 2, 3]) buy(n);
    refund(2);
    cancelShow();
    expect(refundNext()).toEqual({ type: 'refunding-all', refund: 2, orders: [1, 3] });
    expect(refundNext()).toBeNull();
    expect(played.show.total(SEAT.sold)).toBe(0);
    assertWhole(played.show);
  });

  test('include orders that were committed, once their money is there', () => {
    order(1);
    commit(1);
    order(2);
    commit(2);
    cancelShow();
    expect(refundNext()).toBeNull();
    expect(progress()).toMatchObject({ status: 'refunding', refunds: { waiting: 2 } });
    played.do({ type: 'captured', order: 1 });
    played.do({ type: 'void', order: 2, reason: 'the card' });
    expect(refundNext()).toEqual({ type: 'refunding-all', refund: 1, orders: [1] });
  });

  test('leave an order out that was given back by hand meanwhile', () => {
    order(1);
    commit(1);
    cancelShow();
    played.do({ type: 'captured', order: 1 });
    expect(refund(1)).toMatchObject({ refund: 1, amount: PRICE });
    expect(refundNext()).toBeNull();
    expect(progress().refunds).toEqual({ waiting: 0, pending: 1, succeeded: 0, failed: 0 });
    recovered();
    expect(refundNext()).toBeNull();
  });

  test('wait for a dispute: what is won is given back, what is lost has been', () => {
    for (const n of [1, 2, 3]) buy(n);
    for (const n of [1, 2]) played.do({ type: 'dispute', order: n, dispute: `d${n}`, status: 'open' });
    cancelShow();
    expect(refundNext()).toMatchObject({ orders: [3] });
    recovered();
    expect(refundNext()).toBeNull();
    played.do({ type: 'dispute', order: 1, dispute: 'd1', status: 'won' });
    played.do({ type: 'dispute', order: 2, dispute: 'd2', status: 'lost' });
    expect(refundNext()).toEqual({ type: 'refunding-all', refund: 2, orders: [1] });
  });

  test('begin in batches; an owner that comes between goes on where the last one stopped', () => {
    const orders = 2 * REFUNDS_PER_TURN + 3;
    played = new PlayedShow(rowsOfTen(Math.ceil(orders / 10)));
    for (let n = 1; n <= orders; n++) buy(n);
    cancelShow();
    const begun: number[] = [];
    for (let batch = 0; batch < 3; batch++) {
      const event = refundNext();
      if (event === null || typeof event === 'string' || event.type !== 'refunding-all') throw new Error(`${event}`);
      expect(event.refund).toBe(begun.length + 1);
      begun.push(...event.orders);
      recovered();
      expect(progress().refunds).toMatchObject({ waiting: orders - begun.length, pending: begun.length });
    }
    expect(begun).toEqual(Array.from({ length: orders }, (_, i) => i + 1));
    expect(refundNext()).toBeNull();
  });

  test('are told of until the last has ended, with what was given back so far', () => {
    for (const n of [1, 2, 3]) buy(n);
    cancelShow();
    expect(progress().refunds).toEqual({ waiting: 3, pending: 0, succeeded: 0, failed: 0 });
    refundNext();
    played.do({ type: 'refunded', refund: 1 });
    played.do({ type: 'refund-failed', refund: 3, reason: 'no such card' });
    expect(progress()).toEqual({
      showId: SHOW_ID,
      status: 'refunding',
      reason: 'rain',
      cancelledAt: rfc3339(ON_SALE_AT),
      refunds: { waiting: 0, pending: 1, succeeded: 1, failed: 1 },
      refunded: { amount: PRICE, currency: 'EUR' },
    });
    played.do({ type: 'refunded', refund: 2 });
    expect(progress()).toMatchObject({ status: 'refunded', refunded: { amount: 2 * PRICE } });
    expect(played.show.wakeAt()).toBeNull();
  });
});
