import { beforeEach, describe, expect, test } from 'vitest';
import type { ShowEvent } from '../../src/allocator/events.ts';
import { SoldSeats } from '../../src/journal/sold-seats.ts';
import { onceOf } from '../support/small-show.ts';

let book: SoldSeats;

/** An order of these seats, at 10 each unless they are for nothing. */
function ordered(order: number, seats: readonly number[], price = 10): ShowEvent {
  const lines = seats.map((seat) => ({ seat, price }));
  const total = price * seats.length;
  return { type: 'ordered', once: onceOf(order), order, hold: order, lines, total, until: 1 };
}

function refunding(order: number, tickets: readonly number[]): ShowEvent {
  const amount = 10 * tickets.length;
  return { type: 'refunding', once: onceOf(9), refund: 1, order, tickets, amount, partial: true, reason: 'x' };
}

/** What is wrong with each of these events. */
function faults(...events: readonly ShowEvent[]): (string | null)[] {
  return events.map((event) => book.note(event));
}

const committed = (order: number): ShowEvent => ({ type: 'committed', order });
const late = (order: number): ShowEvent => ({ type: 'committed', order, late: true });
const disputed = (order: number, status: 'open' | 'won' | 'lost'): ShowEvent => ({
  type: 'disputed',
  order,
  dispute: 'd',
  status,
});
const TWICE = 'seat 5 is sold twice: to order 1 and to order 2';

beforeEach(() => {
  book = new SoldSeats();
  faults(ordered(1, [4, 5, -1]), ordered(2, [5, 6]));
});

test('a seat that is sold is not taken off sale', () => {
  const stock = { prices: [], categories: [], areas: [] };
  const off = (seat: number): ShowEvent => ({
    type: 'stock-changed',
    once: onceOf(8),
    removed: { seats: [7], areas: [[0, 1]] },
    blocked: { seats: [seat], areas: [] },
    stock,
  });
  expect(faults(off(5), committed(1), off(6), off(5), refunding(1, [2]), off(5))).toEqual([
    null,
    null,
    null,
    "seat 5 is taken off sale, but is order 1's",
    null,
    null,
  ]);
});

describe('a seat that is sold again', () => {
  test.each<[string, ShowEvent]>([
    ['its ticket was given back', refunding(1, [2])],
    ['the whole order was given back', refunding(1, [1, 2, 3])],
    ['the show gave everything back', { type: 'refunding-all', refund: 1, orders: [1] }],
    ['the sale was void', { type: 'voided', order: 1, reason: 'x' }],
    ['the bank took the money back', disputed(1, 'lost')],
  ])('is no fault after %s', (_, event) => {
    expect(faults(committed(1), event, committed(2))).toEqual([null, null, null]);
    expect(book.twice).toBe(0);
  });

  test.each<[string, ShowEvent]>([
    ['another ticket was given back', refunding(1, [1])],
    ['a ticket was given back that is not there', refunding(1, [4])],
    ['the bank only claims the money', disputed(1, 'open')],
    ['the bank claimed the money in vain', disputed(1, 'won')],
    ['the refund was paid', { type: 'refunded', refund: 1 }],
    ['the order was settled', { type: 'settled', order: 1 }],
  ])('is a fault after %s', (_, event) => {
    expect(faults(committed(1), event, committed(2))).toEqual([null, null, TWICE]);
    expect(book.twice).toBe(1);
  });

  test('is a fault when its first sale is given back only then', () => {
    expect(faults(committed(1), committed(2), refunding(1, [2]))).toEqual([null, TWICE, null]);
  });
});

describe('an order that is paid late', () => {
  test('is a sale like any other', () => {
    expect(faults({ type: 'expired', holds: [1] }, late(1), committed(2))).toEqual([null, null, TWICE]);
  });

  test('is a fault when somebody else has bought the seat', () => {
    expect(faults({ type: 'expired', holds: [1] }, committed(2), late(1))[2]).toMatch(/seat 5 is sold twice/);
  });

  test('is a fault when it was declined, or had ended before', () => {
    expect(faults({ type: 'declined', order: 1, reason: 'x' }, late(1))[1]).toMatch(/order 1 is sold, but is not open/);
    expect(faults({ type: 'cancelled', order: 2 }, late(2))[1]).toMatch(/order 2 is sold, but is not open/);
  });

  test('may be given back as any other', () => {
    expect(faults(late(1), refunding(1, [2]), committed(2))).toEqual([null, null, null]);
  });
});

test('what is given away is sold at once, and can be given back', () => {
  expect(faults(ordered(3, [5], 0), committed(1))[1]).toMatch(/seat 5 is sold twice/);
  expect(faults(ordered(4, [7], 0), refunding(4, [7]), ordered(5, [7], 0))).toEqual([null, null, null]);
});

test('a seat that was given back and sold to somebody else is not taken from them by what comes late', () => {
  expect(faults(committed(1), refunding(1, [2]), committed(2), disputed(1, 'lost'))).toEqual([null, null, null, null]);
  expect(faults(ordered(3, [5], 0))[0]).toMatch(/seat 5 is sold twice: to order 2/);
});
