import { beforeEach, describe, expect, test } from 'vitest';
import { assertWhole } from '../../src/allocator/invariants.ts';
import { HOLD_GRACE_MS, PAYMENT_WINDOW_MS, PENDING_WINDOW_MS, SEAT } from '../../src/allocator/show.ts';
import { ON_SALE_AT, onceOf, PlayedShow, rowsOfTen, termsOf, userOf } from '../support/small-show.ts';

const OVER_MS = PAYMENT_WINDOW_MS + HOLD_GRACE_MS;
const LATE = { type: 'commit', order: 1, amount: 2 * 4_550, currency: 'EUR', late: true } as const;
const IN_TIME = { type: 'commit', order: 1, amount: 2 * 4_550, currency: 'EUR' } as const;

let played: PlayedShow;

/** Buyer `n` holds these and orders them: order `order`. */
function order(n: number, wanted: { seats?: string[]; areas?: { id: string; quantity: number }[] }): void {
  const held = played.do({ type: 'hold', once: onceOf(n), buyer: userOf(n), ...wanted });
  if (held === null || typeof held === 'string' || held.type !== 'held') throw new Error(`no hold: ${held}`);
  played.do({ type: 'order', once: onceOf(100 + n), buyer: userOf(n), hold: held.hold, at: played.at });
}

function expire(): void {
  played.at += OVER_MS;
  expect(played.do({ type: 'expire' })).toMatchObject({ type: 'expired' });
}

function declined(reason: RegExp): object {
  return { type: 'declined', order: 1, reason: expect.stringMatching(reason) };
}

/** The order is final without a sale: nothing changes that, and its seats are those of others. */
function expectDeclinedForGood(): void {
  expect(played.do(LATE)).toBeNull();
  expect(played.do(IN_TIME)).toBe('ORDER_NOT_PAYABLE');
  expect(played.do({ type: 'captured', order: 1 })).toBe('ORDER_NOT_PAYABLE');
  expect(played.do({ type: 'pending', order: 1 })).toBe('ORDER_NOT_PAYABLE');
  expect(played.show.unsettledOrders).toBeGreaterThan(0);
  assertWhole(played.show);
}

beforeEach(() => {
  played = new PlayedShow(rowsOfTen(1), termsOf({ perBuyer: 3 }));
  order(1, { seats: ['S-A-1', 'S-A-2'] });
});

describe('a payment for an order that has expired', () => {
  test('takes the same seats again when they are free, and is a sale like any other', () => {
    expire();
    expect(played.do(LATE)).toEqual({ type: 'committed', order: 1, late: true });
    expect([played.do(LATE), played.do(IN_TIME)]).toEqual([null, null]);
    expect(played.do({ type: 'captured', order: 1 })).toEqual({ type: 'captured', order: 1 });
    expect(played.show.status[0]).toBe(SEAT.sold);
    expect(played.do({ type: 'hold', once: onceOf(2), buyer: userOf(2), seats: ['S-A-1'] })).toBe('SEATS_TAKEN');
    assertWhole(played.show);
  });

  test('takes its places in an area again', () => {
    order(2, { areas: [{ id: 'floor', quantity: 3 }] });
    expire();
    expect(played.do({ ...LATE, order: 2, amount: 3 * 4_550 })).toMatchObject({ type: 'committed', late: true });
    expect(played.show.total(SEAT.sold)).toBe(3);
    assertWhole(played.show);
  });

  test('counts against the limit of its buyer, and is given back to the house when it cannot be captured', () => {
    expire();
    played.do(LATE);
    const more = { type: 'hold', buyer: userOf(1), best: { quantity: 2 } } as const;
    expect(played.do({ ...more, once: onceOf(3) })).toBe('BUYER_LIMIT');
    expect(played.do({ type: 'void', order: 1, reason: 'the card' })).toMatchObject({ type: 'voided' });
    expect(played.do({ ...more, once: onceOf(4) })).toMatchObject({ type: 'held' });
    assertWhole(played.show);
  });

  test('is not taken from whoever asks as for one in time', () => {
    expire();
    expect(played.do(IN_TIME)).toBe('ORDER_NOT_PAYABLE');
    expect(played.do({ ...LATE, order: 2 })).toBe('NOT_FOUND');
  });

  test.each([{ amount: 4_550 }, { currency: 'USD' }])('of %o is declined for good, so that it is let go', (other) => {
    expire();
    expect(played.do({ ...LATE, ...other })).toEqual(declined(/amount/));
    expectDeclinedForGood();
  });

  test('that the buyer gave up, or the gateway refused, is never a sale', () => {
    played.do({ type: 'cancel', buyer: userOf(1), order: 1, at: ON_SALE_AT });
    order(2, { seats: ['S-A-3'] });
    played.do({ type: 'reject', order: 2, reason: 'no' });
    expect(played.do(LATE)).toBe('ORDER_NOT_PAYABLE');
    expect(played.do({ ...LATE, order: 2, amount: 4_550 })).toBe('ORDER_NOT_PAYABLE');
  });

  test('is no sale once the gateway is known to hold no money for it: nobody would look after it', () => {
    expire();
    played.do({ type: 'settled', order: 1 });
    expect(played.do(LATE)).toBe('ORDER_NOT_PAYABLE');
    expect(played.show.wakeAt()).toBeNull();
  });

  test('while it is still in time is a sale in time, whatever the sender believes', () => {
    expect(played.do(LATE)).toEqual({ type: 'committed', order: 1 });
  });
});

describe('a payment that came too late is declined for good', () => {
  test('when one of the seats is somebody else’s, if only held', () => {
    expire();
    played.do({ type: 'hold', once: onceOf(2), buyer: userOf(2), seats: ['S-A-2', 'S-A-3'] });
    expect(played.do(LATE)).toEqual(declined(/seats/));
    played.do({ type: 'release', buyer: userOf(2), hold: 2, at: played.at });
    expectDeclinedForGood();
    expect(played.do({ type: 'settled', order: 1, reason: 'given back' })).toMatchObject({ reason: 'given back' });
    expect(played.do({ type: 'reject', order: 1, reason: 'x' })).toBeNull();
    expect(played.show.orders.reasons.get(1)).toBe('given back');
  });

  test('when the area is too full', () => {
    played = new PlayedShow(rowsOfTen(1), termsOf({ perHold: 19, perBuyer: 19 }));
    order(1, { areas: [{ id: 'floor', quantity: 2 }] });
    expire();
    order(2, { areas: [{ id: 'floor', quantity: 19 }] });
    expect(played.do(LATE)).toEqual(declined(/places/));
    expectDeclinedForGood();
  });

  test('when the sale has closed', () => {
    expire();
    played.at = played.show.terms.offSaleAt;
    expect(played.do(LATE)).toEqual(declined(/closed/));
    expectDeclinedForGood();
  });

  test('when the show was cancelled', () => {
    expire();
    played.do({ type: 'cancel-show', reason: 'rain' });
    expect(played.do(LATE)).toEqual(declined(/cancelled/));
    expectDeclinedForGood();
  });

  test('when the buyer has others by now, and would get too many', () => {
    expire();
    played.do({ type: 'hold', once: onceOf(2), buyer: userOf(1), seats: ['S-A-5', 'S-A-6'] });
    expect(played.do(LATE)).toEqual(declined(/too many/));
    expectDeclinedForGood();
  });
});

test('money that was given back for a late payment and came back is settled anew, and never sold', () => {
  expire();
  played.do({ type: 'hold', once: onceOf(2), buyer: userOf(2), best: { quantity: 10 } });
  for (let n = 3; played.show.seatCounts[SEAT.free] > 0; n++)
    played.do({ type: 'hold', once: onceOf(n), buyer: userOf(n), best: { quantity: 1 } });
  expect(played.do(LATE)).toMatchObject({ type: 'declined' });
  played.do({ type: 'settled', order: 1, reason: 'Given back.' });
  expect(played.do({ type: 'refund-returned', order: 1 })).toEqual({ type: 'refund-returned', order: 1, refunds: [] });
  expect(played.do({ type: 'refund-returned', order: 1 })).toBeNull();
  expect(played.show.unsettledOrders).toBe(1);
  expect(played.do(LATE)).toBeNull();
  expect(played.do({ type: 'settled', order: 1, reason: 'Given back.' })).toMatchObject({ type: 'settled' });
  expect(played.show.unsettledOrders).toBe(0);
});

describe('a payment that takes days', () => {
  test('holds the seats meanwhile, however long ago the order’s own time was over', () => {
    const until = ON_SALE_AT + PENDING_WINDOW_MS;
    expect(played.do({ type: 'pending', order: 1 })).toEqual({ type: 'pending', order: 1, until });
    expect(played.do({ type: 'pending', order: 1 })).toBeNull();
    played.at = until + HOLD_GRACE_MS - 1;
    expect(played.do({ type: 'expire' })).toBeNull();
    expect(played.do(IN_TIME)).toEqual({ type: 'committed', order: 1 });
    expect(played.do({ type: 'pending', order: 1 })).toBeNull();
  });

  test('cannot be given up by the buyer, only by the gateway', () => {
    played.do({ type: 'pending', order: 1 });
    expect(played.do({ type: 'cancel', buyer: userOf(1), order: 1, at: ON_SALE_AT })).toBe('ORDER_NOT_CANCELLABLE');
    expect(played.do({ type: 'settled', order: 1 })).toBe('ORDER_NOT_PAYABLE');
    expect(played.do({ type: 'reject', order: 1, reason: 'no cover' })).toMatchObject({ type: 'rejected' });
    expect(played.show.seatCounts[SEAT.free]).toBe(10);
    assertWhole(played.show);
  });

  test('is waited for within bounds', () => {
    played.do({ type: 'pending', order: 1 });
    played.at = ON_SALE_AT + PENDING_WINDOW_MS + HOLD_GRACE_MS;
    expect(played.do({ type: 'expire' })).toEqual({ type: 'expired', holds: [1] });
    expect(played.do({ type: 'pending', order: 1 })).toBe('ORDER_NOT_PAYABLE');
    expect(played.do({ type: 'pending', order: 2 })).toBe('NOT_FOUND');
  });
});
