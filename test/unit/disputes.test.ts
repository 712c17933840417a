import { beforeEach, describe, expect, test } from 'vitest';
import { answerQuestion } from '../../src/actors/answers.ts';
import type { DisputeStatus } from '../../src/allocator/commands.ts';
import type { ShowEvent } from '../../src/allocator/events.ts';
import { assertWhole } from '../../src/allocator/invariants.ts';
import { SEAT } from '../../src/allocator/show.ts';
import { decodeShow, encodeShow } from '../../src/allocator/snapshot.ts';
import { ON_SALE_AT, onceOf, PlayedShow, rowsOfTen, SHOW_ID, userOf } from '../support/small-show.ts';

let played: PlayedShow;

const dispute = (id: string, status: DisputeStatus, order = 1): ShowEvent | string | null =>
  played.do({ type: 'dispute', order, dispute: id, status });

const refund = (n: number, tickets?: readonly number[]): ShowEvent | string | null =>
  played.do({
    type: 'refund',
    once: onceOf(1_000 + n),
    order: 1,
    at: ON_SALE_AT,
    reason: 'x',
    ...(tickets === undefined ? {} : { tickets }),
  });

/** What the order says of its dispute, and the states of its tickets. */
function seen(): unknown[] {
  const viewer = { user: userOf(1), all: false };
  const order = answerQuestion(played.show, { type: 'get-order', viewer, order: 1, at: ON_SALE_AT }, played.at);
  const tickets = [1, 2].map((ticket) =>
    answerQuestion(played.show, { type: 'get-ticket', viewer, ticket, at: ON_SALE_AT }, played.at),
  );
  const [view, ...statuses] = [order, ...tickets].map((answer) => (answer.ok ? answer.value : null)) as {
    dispute?: unknown;
    status: string;
  }[];
  return [view.dispute, ...statuses.map(({ status }) => status)];
}

beforeEach(() => {
  played = new PlayedShow(rowsOfTen(1));
  played.do({ type: 'hold', once: onceOf(1), buyer: userOf(1), seats: ['S-A-1', 'S-A-2'] });
  played.do({ type: 'order', once: onceOf(2), buyer: userOf(1), hold: 1, at: ON_SALE_AT });
  played.do({ type: 'commit', order: 1, amount: 9_100, currency: 'EUR' });
  played.do({ type: 'captured', order: 1 });
});

describe('a dispute', () => {
  test('suspends the tickets while it is open, and keeps their seats', () => {
    expect(dispute('d1', 'open')).toEqual({ type: 'disputed', order: 1, dispute: 'd1', status: 'open' });
    expect(seen()).toEqual([{ id: 'd1', status: 'open' }, 'suspended', 'suspended']);
    expect(played.show.seatCounts[SEAT.sold]).toBe(2);
    expect(refund(1)).toBe('ORDER_NOT_REFUNDABLE');
    expect(refund(2, [1])).toBe('ORDER_NOT_REFUNDABLE');
  });

  test('that is won makes them valid again', () => {
    dispute('d1', 'open');
    dispute('d1', 'won');
    expect(seen()).toEqual([{ id: 'd1', status: 'won' }, 'valid', 'valid']);
    expect(refund(1)).toMatchObject({ tickets: [1, 2] });
  });

  test('that is lost makes them void, and the seats can be sold again', () => {
    dispute('d1', 'open');
    dispute('d1', 'lost');
    expect(seen()).toEqual([{ id: 'd1', status: 'lost' }, 'void', 'void']);
    expect(played.show.seatCounts[SEAT.free]).toBe(10);
    expect(played.show.buyers.places[0]).toBe(0);
    expect(refund(1)).toBe('ORDER_NOT_REFUNDABLE');
    assertWhole(played.show);
  });

  test('that is lost before anybody heard of it takes the tickets all the same', () => {
    dispute('d1', 'lost');
    expect(seen()).toEqual([{ id: 'd1', status: 'lost' }, 'void', 'void']);
  });

  test('ends once: what is told again, late or otherwise changes nothing', () => {
    dispute('d1', 'open');
    expect(dispute('d1', 'open')).toBeNull();
    dispute('d1', 'won');
    for (const status of ['open', 'won', 'lost'] as const) expect(dispute('d1', status)).toBeNull();
    expect(seen()).toEqual([{ id: 'd1', status: 'won' }, 'valid', 'valid']);
  });

  test('touches no ticket that was given back before', () => {
    refund(1, [1]);
    dispute('d1', 'open');
    expect(seen().slice(1)).toEqual(['refunded', 'suspended']);
    dispute('d1', 'won');
    expect(seen().slice(1)).toEqual(['refunded', 'valid']);
  });

  test('of an order without captured money is refused', () => {
    played.do({ type: 'hold', once: onceOf(3), buyer: userOf(2), best: { quantity: 2 } });
    played.do({ type: 'order', once: onceOf(4), buyer: userOf(2), hold: 2, at: ON_SALE_AT });
    expect(dispute('d1', 'open', 2)).toBe('ORDER_NOT_REFUNDABLE');
    expect(dispute('d1', 'open', 3)).toBe('NOT_FOUND');
  });
});

describe('a second dispute of the same order', () => {
  test('keeps the tickets suspended when the first is won, whatever is told twice', () => {
    dispute('d1', 'open');
    dispute('d2', 'open');
    dispute('d1', 'won');
    expect(dispute('d1', 'won')).toBeNull();
    expect(seen()).toEqual([{ id: 'd2', status: 'open' }, 'suspended', 'suspended']);
    dispute('d2', 'won');
    expect(seen()).toEqual([{ id: 'd2', status: 'won' }, 'valid', 'valid']);
  });

  test('after one that was won suspends them again, and a late word of the first does not help', () => {
    dispute('d1', 'open');
    dispute('d1', 'won');
    dispute('d2', 'open');
    expect(dispute('d1', 'won')).toBeNull();
    expect(seen()).toEqual([{ id: 'd2', status: 'open' }, 'suspended', 'suspended']);
  });

  test('is won in vain when the first was lost', () => {
    dispute('d1', 'open');
    dispute('d2', 'open');
    dispute('d1', 'lost');
    dispute('d2', 'won');
    expect(seen().slice(1)).toEqual(['void', 'void']);
    assertWhole(played.show);
  });
});

test('disputes are in a snapshot as they are in the show', () => {
  dispute('d1', 'open');
  dispute('d2', 'open');
  const again = decodeShow(encodeShow(played.show), SHOW_ID, played.show.hall);
  expect(Buffer.compare(encodeShow(again), encodeShow(played.show))).toBe(0);
  played.show = again;
  dispute('d2', 'won');
  expect(dispute('d2', 'lost')).toBeNull();
  expect(seen().slice(1)).toEqual(['suspended', 'suspended']);
  dispute('d1', 'won');
  expect(seen().slice(1)).toEqual(['valid', 'valid']);
});
