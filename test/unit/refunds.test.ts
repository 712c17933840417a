import { beforeEach, describe, expect, test } from 'vitest';
import { answerOfEvent, answerQuestion } from '../../src/actors/answers.ts';
import type { ShowEvent } from '../../src/allocator/events.ts';
import { assertWhole } from '../../src/allocator/invariants.ts';
import { SEAT } from '../../src/allocator/show.ts';
import { decodeShow, encodeShow } from '../../src/allocator/snapshot.ts';
import { scopedId } from '../../src/ids.ts';
import { ON_SALE_AT, onceOf, PlayedShow, rowsOfTen, SHOW_ID, termsOf, userOf } from '../support/small-show.ts';

const PRICE = 4_550;
const ticketId = (ticket: number): string => scopedId('tkt', ON_SALE_AT, SHOW_ID, ticket);

let played: PlayedShow;
let keys: number;

/** Buyer `n` buys these seats, and `floor` places: one order more, paid. */
function buy(n: number, seats: readonly string[], floor = 0): void {
  const areas = floor === 0 ? [] : [{ id: 'floor', quantity: floor }];
  played.do({ type: 'hold', once: onceOf(keys++), buyer: userOf(n), seats, areas });
  const hold = played.show.holds.next - 1;
  played.do({ type: 'order', once: onceOf(keys++), buyer: userOf(n), hold, at: played.at });
  const order = played.show.orders.count;
  played.do({ type: 'commit', order, amount: played.show.orders.total[order], currency: 'EUR' });
  played.do({ type: 'captured', order });
}

const refund = (tickets?: readonly number[], parts: { order?: number; at?: number } = {}): ShowEvent | string | null =>
  played.do({
    type: 'refund',
    once: onceOf(keys++),
    order: 1,
    at: ON_SALE_AT,
    reason: 'asked for',
    ...(tickets === undefined ? {} : { tickets }),
    ...parts,
  });

function order(number = 1): object {
  const viewer = { user: userOf(1), all: true };
  const at = played.show.orders.at[number];
  const answer = answerQuestion(played.show, { type: 'get-order', viewer, order: number, at }, played.at);
  if (!answer.ok) throw new Error('no such order');
  return answer.value as object;
}

function ticketStates(): string[] {
  const viewer = { user: userOf(1), all: true };
  const answer = answerQuestion(played.show, { type: 'list-tickets', viewer, offset: 0, limit: 100 }, played.at);
  return (answer.ok ? (answer.value as { items: { status: string }[] }).items : [])
    .map(({ status }) => status)
    .reverse();
}

beforeEach(() => {
  played = new PlayedShow(rowsOfTen(1), termsOf());
  keys = 1;
  buy(1, ['S-A-1', 'S-A-2'], 1);
});

describe('a refund', () => {
  test('of a whole order takes all its tickets back, and their places are free again', () => {
    expect(refund()).toMatchObject({
      type: 'refunding',
      refund: 1,
      order: 1,
      tickets: [1, 2, 3],
      amount: 3 * PRICE,
      partial: false,
      reason: 'asked for',
    });
    expect(ticketStates()).toEqual(['refunded', 'refunded', 'refunded']);
    expect([played.show.total(SEAT.sold), played.show.total(SEAT.free)]).toEqual([0, 30]);
    assertWhole(played.show);
    buy(2, ['S-A-1'], 1);
    expect(ticketStates()).toEqual(['refunded', 'refunded', 'refunded', 'valid', 'valid']);
  });

  test('of single tickets leaves the others valid, until the last is taken back too', () => {
    expect(refund([2])).toMatchObject({ tickets: [2], amount: PRICE, partial: true });
    expect(ticketStates()).toEqual(['valid', 'refunded', 'valid']);
    expect(order()).toMatchObject({ status: 'partially_refunded' });
    expect(refund()).toMatchObject({ tickets: [1, 3], amount: 2 * PRICE, partial: false });
    expect(order()).toMatchObject({
      status: 'refunded',
      refunds: [
        { ticketIds: [ticketId(2)], amount: { amount: PRICE, currency: 'EUR' }, status: 'pending' },
        { ticketIds: [ticketId(1), ticketId(3)], amount: { amount: 2 * PRICE, currency: 'EUR' }, status: 'pending' },
      ],
    });
  });

  test('gives its buyer the places back for another purchase', () => {
    buy(1, ['S-A-3', 'S-A-4', 'S-A-5', 'S-A-6'], 3);
    const more = { type: 'hold', buyer: userOf(1), seats: ['S-A-7', 'S-A-8'] } as const;
    expect(played.do({ ...more, once: onceOf(keys++) })).toBe('BUYER_LIMIT');
    refund([1, 3]);
    expect(played.do({ ...more, once: onceOf(keys++) })).toMatchObject({ type: 'held' });
  });

  test('is answered as it was decided, whatever becomes of it', () => {
    const event = refund([3]) as ShowEvent;
    const first = answerOfEvent(played.show, event, ON_SALE_AT);
    expect(first).toMatchObject({
      value: { status: 'pending', reason: 'asked for', ticketIds: [ticketId(3)], orderStatus: 'partially_refunded' },
    });
    refund();
    played.do({ type: 'refund-failed', refund: 1, reason: 'no such card' });
    played.at += 1_000;
    expect(answerOfEvent(played.show, event, ON_SALE_AT)).toEqual(first);
  });

  test('asked for twice under one key is one refund', () => {
    const command = { type: 'refund', once: onceOf(77), order: 1, at: ON_SALE_AT, reason: 'x' } as const;
    expect(played.do(command)).toMatchObject({ refund: 1 });
    expect(played.do(command)).toBe('replay');
    expect(played.do({ ...command, once: onceOf(77, 1) })).toBe('IDEMPOTENCY_KEY_REUSED');
    expect(played.show.refunds.count).toBe(1);
  });

  test('of nothing that is valid is refused: taken back before, named twice, or no ticket at all', () => {
    refund([1]);
    for (const tickets of [[1], [1, 2], [2, 2], []]) expect(refund(tickets)).toBe('ORDER_NOT_REFUNDABLE');
    expect(ticketStates()).toEqual(['refunded', 'valid', 'valid']);
    refund();
    expect(refund()).toBe('ORDER_NOT_REFUNDABLE');
    expect(played.show.refunds.count).toBe(2);
  });

  test('of tickets of another order, or that there are not, is refused', () => {
    buy(2, ['S-A-5', 'S-A-6']);
    for (const tickets of [[4], [1, 5], [0], [-1], [99]]) expect(refund(tickets)).toBe('NOT_FOUND');
    expect(refund(undefined, { order: 99 })).toBe('NOT_FOUND');
    expect(refund(undefined, { at: ON_SALE_AT + 1 })).toBe('NOT_FOUND');
    expect(played.show.refunds.count).toBe(0);
  });

  test('of an order that is not paid is refused', () => {
    played.do({ type: 'hold', once: onceOf(keys++), buyer: userOf(2), seats: ['S-A-5', 'S-A-6'] });
    played.do({ type: 'order', once: onceOf(keys++), buyer: userOf(2), hold: 2, at: ON_SALE_AT });
    expect(refund(undefined, { order: 2 })).toBe('ORDER_NOT_REFUNDABLE');
    played.do({ type: 'commit', order: 2, amount: 2 * PRICE, currency: 'EUR' });
    expect(refund(undefined, { order: 2 })).toBe('ORDER_NOT_REFUNDABLE');
  });

  test('of an order that was given away owes nothing, and is over at once', () => {
    played.do({ type: 'hold', once: onceOf(keys++), buyer: userOf(2), seats: ['S-A-5', 'S-A-6'] });
    const given = {
      type: 'order',
      once: onceOf(keys++),
      buyer: userOf(2),
      hold: 2,
      at: ON_SALE_AT,
      comp: true,
    } as const;
    expect(played.do(given)).toMatchObject({ total: 0, comp: true, lines: [{ price: 0 }, { price: 0 }] });
    expect(order(2)).toMatchObject({ status: 'paid' });
    const event = refund(undefined, { order: 2 }) as ShowEvent;
    expect(event).toMatchObject({ amount: 0 });
    expect(answerOfEvent(played.show, event, ON_SALE_AT)).toMatchObject({ value: { status: 'succeeded' } });
    expect(played.show.wakeAt()).toBeNull();
    expect(played.do({ type: 'refunded', refund: 1 })).toBeNull();
  });
});

describe('the money of a refund', () => {
  test('keeps the show awake until it is on its way, once', () => {
    refund();
    expect(played.show.wakeAt()).toBe(ON_SALE_AT);
    expect(played.do({ type: 'refunded', refund: 1 })).toEqual({ type: 'refunded', refund: 1 });
    expect(played.show.wakeAt()).toBeNull();
    expect(played.do({ type: 'refunded', refund: 1 })).toBeNull();
    expect(played.do({ type: 'refund-failed', refund: 1, reason: 'x' })).toBe('ORDER_NOT_REFUNDABLE');
    expect(order()).toMatchObject({ refunds: [{ status: 'succeeded', reason: 'asked for' }] });
  });

  test('that the gateway cannot give back is left to people, and the tickets stay taken back', () => {
    refund();
    expect(played.do({ type: 'refund-failed', refund: 1, reason: 'no such card' })).toMatchObject({ refund: 1 });
    expect(played.show.wakeAt()).toBeNull();
    expect(played.do({ type: 'refunded', refund: 1 })).toBe('ORDER_NOT_REFUNDABLE');
    expect(order()).toMatchObject({ status: 'refunded', refunds: [{ status: 'failed', reason: 'no such card' }] });
  });

  test('is due again when it came back from the buyer’s bank, also after a snapshot', () => {
    refund();
    expect(played.do({ type: 'refund-returned', order: 1 })).toBeNull();
    played.do({ type: 'refunded', refund: 1 });
    expect(played.do({ type: 'refund-returned', order: 1 })).toEqual({
      type: 'refund-returned',
      order: 1,
      refunds: [1],
    });
    expect(played.show.wakeAt()).toBe(ON_SALE_AT);
    const restored = decodeShow(encodeShow(played.show), SHOW_ID, played.show.hall);
    expect([restored.refunds.due, restored.wakeAt()]).toEqual([1, ON_SALE_AT]);
    expect(played.do({ type: 'refunded', refund: 1 })).toEqual({ type: 'refunded', refund: 1 });
    expect(played.do({ type: 'refund-returned', order: 99 })).toBe('NOT_FOUND');
  });

  test('of a refund that there is not is not found', () => {
    expect(played.do({ type: 'refunded', refund: 1 })).toBe('NOT_FOUND');
    expect(played.do({ type: 'refund-failed', refund: 0, reason: 'x' })).toBe('NOT_FOUND');
  });
});

test('refunds are in a snapshot as they are in the show', () => {
  refund([2]);
  refund([1]);
  played.do({ type: 'refunded', refund: 1 });
  const again = decodeShow(encodeShow(played.show), SHOW_ID, played.show.hall);
  expect(Buffer.compare(encodeShow(again), encodeShow(played.show))).toBe(0);
  const live = order();
  expect(again.wakeAt()).toBe(ON_SALE_AT);
  played.show = again;
  expect(order()).toEqual(live);
  expect(refund([1])).toBe('ORDER_NOT_REFUNDABLE');
  expect(played.do({ type: 'refunded', refund: 2 })).toMatchObject({ refund: 2 });
  expect(refund()).toMatchObject({ refund: 3, tickets: [3] });
  assertWhole(again);
});
