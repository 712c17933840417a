import { beforeEach, describe, expect, test } from 'vitest';
import { answerOfEvent, answerQuestion } from '../../src/actors/answers.ts';
import type { Answer, HoldView, OrderView, TicketView } from '../../src/actors/shows.ts';
import type { Question } from '../../src/allocator/commands.ts';
import type { ShowEvent } from '../../src/allocator/events.ts';
import { parseScopedId } from '../../src/ids.ts';
import { ON_SALE_AT, onceOf, PlayedShow, rowsOfTen, SHOW_ID, termsOf, userOf } from '../support/small-show.ts';

const BUYER = { user: userOf(1), all: false };
const STRANGER = { user: userOf(2), all: false };
const ORGANISER = { user: userOf(3), all: true };
let played: PlayedShow;

beforeEach(() => {
  played = new PlayedShow(rowsOfTen(2));
});

/** The first answer that the newest event of this type gave, from the journal's text. */
function firstAnswer<T>(type: ShowEvent['type'], at = ON_SALE_AT): T {
  const event = played.events.findLast((one) => one.type === type);
  const answer = answerOfEvent(played.show, JSON.parse(JSON.stringify(event)), at) as Answer<T>;
  if (!answer.ok) throw new Error(answer.refusal.code);
  return answer.value;
}

function ask<T>(question: Question): T | string {
  const answer = answerQuestion(played.show, question, played.at) as Answer<T>;
  return answer.ok ? answer.value : answer.refusal.code;
}

function order(n: number, hold: number): void {
  played.do({ type: 'order', once: onceOf(100 + n), buyer: userOf(n), hold, at: ON_SALE_AT });
}

function pay(number: number): void {
  played.do({ type: 'commit', order: number, amount: played.show.orders.total[number], currency: 'EUR' });
  played.do({ type: 'captured', order: number });
}

describe('the answer to a hold', () => {
  test('says what it has, what it costs and when it ends', () => {
    played.do({
      type: 'hold',
      once: onceOf(1),
      buyer: userOf(1),
      seats: ['S-A-2', 'S-A-1'],
      areas: [{ id: 'floor', quantity: 3 }],
    });
    const price = { amount: 4_550, currency: 'EUR' };
    expect(firstAnswer<HoldView>('held')).toEqual({
      id: expect.stringMatching(/^hld_/),
      showId: SHOW_ID,
      seats: [
        { id: 'S-A-2', category: 'A', price },
        { id: 'S-A-1', category: 'A', price },
      ],
      areas: [{ id: 'floor', category: 'A', quantity: 3, price }],
      total: { amount: 22_750, currency: 'EUR' },
      status: 'active',
      expiresAt: '2026-09-21T14:23:20.000Z',
      serverTime: '2026-09-21T14:13:20.000Z',
    });
  });

  test('is what asking for it says at the same time', () => {
    const hold = played.hold(1, 3);
    const question = { type: 'get-hold', buyer: userOf(1), hold, at: ON_SALE_AT } as const;
    expect(ask(question)).toEqual(firstAnswer<HoldView>('held'));
    expect(ask({ ...question, buyer: userOf(2) })).toBe('NOT_FOUND');
    expect(ask({ ...question, buyer: userOf(2), all: true })).toEqual(firstAnswer<HoldView>('held'));
    expect(ask({ ...question, at: ON_SALE_AT + 1 })).toBe('NOT_FOUND');
    expect(ask({ ...question, all: true, at: ON_SALE_AT + 1 })).toBe('NOT_FOUND');
    expect(ask({ ...question, hold: 2 })).toBe('NOT_FOUND');
    played.at += 600_000;
    expect(ask(question)).toBe('HOLD_EXPIRED');
  });

  test('is told again as it was, whatever became of the hold', () => {
    played.hold(1, 3);
    const first = firstAnswer<HoldView>('held');
    order(1, 1);
    pay(1);
    expect(firstAnswer<HoldView>('held')).toEqual(first);
  });
});

describe('the answer to an order', () => {
  test('is told again as it was; asking says how it is now', () => {
    played.hold(1, 2);
    order(1, 1);
    const first = firstAnswer<OrderView>('ordered');
    expect(first).toMatchObject({ status: 'awaiting_payment', total: { amount: 9_100, currency: 'EUR' } });
    expect(parseScopedId('pay', first.payment?.id ?? '')).toEqual({ at: ON_SALE_AT, showId: SHOW_ID, number: 1 });
    pay(1);
    expect(firstAnswer<OrderView>('ordered')).toEqual(first);
    const question = { type: 'get-order', viewer: BUYER, order: 1, at: ON_SALE_AT } as const;
    expect(ask(question)).toEqual({ ...first, status: 'paid' });
    expect(ask({ ...question, viewer: STRANGER })).toBe('NOT_FOUND');
    expect(ask({ ...question, viewer: ORGANISER })).toEqual({ ...first, status: 'paid' });
  });

  test('names seats and general-admission places as a person reads them', () => {
    played.do({
      type: 'hold',
      once: onceOf(1),
      buyer: userOf(1),
      seats: ['S-B-5'],
      areas: [{ id: 'floor', quantity: 1 }],
    });
    order(1, 1);
    expect(firstAnswer<OrderView>('ordered').lines.map((line) => line.seat)).toEqual([
      { id: 'S-B-5', zone: 'Stalls', row: 'B', number: '5', category: 'A' },
      { area: 'Floor', category: 'A' },
    ]);
  });

  test('of nothing to pay is paid at once, without a payment', () => {
    played = new PlayedShow(rowsOfTen(1), termsOf({ prices: { A: 0 } }));
    played.hold(1, 2);
    order(1, 1);
    expect(firstAnswer<OrderView>('ordered').status).toBe('paid');
    expect(firstAnswer<OrderView>('ordered')).not.toHaveProperty('payment');
    expect(ask({ type: 'list-tickets', viewer: BUYER, offset: 0, limit: 10 })).toMatchObject({ total: 2 });
    expect(played.show.wakeAt()).toBeNull();
  });

  test('tells why it was rejected or voided', () => {
    for (const n of [1, 2]) {
      played.hold(n, 1);
      order(n, n);
    }
    played.do({ type: 'reject', order: 1, reason: 'declined' });
    played.do({ type: 'commit', order: 2, amount: 4_550, currency: 'EUR' });
    played.do({ type: 'void', order: 2, reason: 'capture failed' });
    const question = { type: 'get-order', viewer: ORGANISER, at: ON_SALE_AT } as const;
    expect(ask({ ...question, order: 1 })).toMatchObject({ status: 'cancelled', reason: 'declined' });
    expect(ask({ ...question, order: 2 })).toMatchObject({ status: 'cancelled', reason: 'capture failed' });
  });
});

describe('tickets', () => {
  beforeEach(() => {
    for (const n of [1, 2, 4]) {
      const hold = played.hold(n, 2);
      order(n, hold);
    }
    pay(1);
    pay(2);
  });

  test('are there only once the order is paid, for their buyer and the organiser', () => {
    const question = { type: 'get-ticket', viewer: BUYER, ticket: 1, at: ON_SALE_AT } as const;
    expect(ask<TicketView>(question)).toMatchObject({ status: 'valid', seat: { id: 'S-A-5' } });
    expect(ask({ ...question, viewer: STRANGER })).toBe('NOT_FOUND');
    expect(ask({ ...question, viewer: ORGANISER, ticket: 5 })).toBe('NOT_FOUND');
    expect(ask({ ...question, ticket: 99 })).toBe('NOT_FOUND');
    expect(ask({ ...question, at: ON_SALE_AT + 1 })).toBe('NOT_FOUND');
  });

  test('are listed newest first, a page at a time', () => {
    const numbers = (question: Question): number[] => {
      const page = ask<{ total: number; items: TicketView[] }>(question);
      if (typeof page === 'string') throw new Error(page);
      return [page.total, ...page.items.map((item) => parseScopedId('tkt', item.id)?.number ?? 0)];
    };
    expect(numbers({ type: 'list-tickets', viewer: ORGANISER, offset: 0, limit: 10 })).toEqual([4, 4, 3, 2, 1]);
    expect(numbers({ type: 'list-tickets', viewer: ORGANISER, offset: 1, limit: 2 })).toEqual([4, 3, 2]);
    expect(numbers({ type: 'list-tickets', viewer: ORGANISER, offset: 9, limit: 2 })).toEqual([4]);
    expect(numbers({ type: 'list-tickets', viewer: STRANGER, offset: 0, limit: 10 })).toEqual([2, 3, 4]);
  });
});

test('an event without a command id answers nobody', () => {
  expect(() => answerOfEvent(played.show, { type: 'released', hold: 1 }, ON_SALE_AT)).toThrow(/answers no command id/);
});
