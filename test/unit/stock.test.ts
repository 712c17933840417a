import { beforeEach, describe, expect, test } from 'vitest';
import { answerOfEvent, answerQuestion } from '../../src/actors/answers.ts';
import { PublishedSeats } from '../../src/actors/published-seats.ts';
import { SEAT_LETTERS } from '../../src/actors/seat-map.ts';
import type { Answer, HoldView, InventoryView, OrderView } from '../../src/actors/shows.ts';
import type { Command, StockCommand } from '../../src/allocator/commands.ts';
import { decide } from '../../src/allocator/decide.ts';
import type { ShowEvent, StockChanged } from '../../src/allocator/events.ts';
import { assertWhole } from '../../src/allocator/invariants.ts';
import { decodeShow, encodeShow } from '../../src/allocator/snapshot.ts';
import { PRICE_LISTS_MAX } from '../../src/allocator/stock.ts';
import { hallOf, line, planOf, row, zone } from '../support/plan-fixtures.ts';
import { ON_SALE_AT, onceOf, PlayedShow, SHOW_ID, termsOf, userOf } from '../support/small-show.ts';

type Change = Omit<StockCommand, 'type' | 'once'>;

/** A row of ten seats of "A" at 4,550, one of five of "Box" without a price, a floor of 20 at the price of "A". */
const HALL = hallOf({
  ...planOf(
    zone(
      'Stalls',
      row('S', 'A', line(0, 0, 10, 20, 30, 40, 50, 60, 70, 80, 90)),
      row('S', 'B', line(10, 0, 10, 20, 30, 40), 'Box'),
    ),
  ),
  categories: [{ name: 'A' }, { name: 'Box' }],
  usher: { focal: { x: 45, y: 0 }, areas: [{ id: 'floor', name: 'Floor', category: 'A', capacity: 20 }] },
});

let played: PlayedShow;
let keys: number;

beforeEach(() => {
  played = new PlayedShow(HALL, termsOf({ perBuyer: 20 }));
  keys = 1_000;
});

function commandOf(change: Change): StockCommand {
  return { type: 'stock', once: onceOf(keys++), ...change };
}

/** The event of the change, or the code of the refusal. */
function change(asked: Change): StockChanged | string {
  const event = played.do(commandOf(asked));
  assertWhole(played.show);
  return typeof event === 'string' ? event : (event as StockChanged);
}

function refusalOf(asked: Change): { code: string; extra?: unknown; errors?: unknown } {
  const decision = decide(played.show, commandOf(asked), played.at);
  if (decision.kind !== 'refused') throw new Error('not refused');
  const { code, extra, errors } = decision.refusal;
  return { code, ...(extra === undefined ? {} : { extra }), ...(errors === undefined ? {} : { errors }) };
}

function inventory(): InventoryView {
  const answer = answerQuestion(played.show, { type: 'get-inventory' }, played.at) as Answer<InventoryView>;
  if (!answer.ok) throw new Error(answer.refusal.code);
  return answer.value;
}

function hold(n: number, wish: Partial<Extract<Command, { type: 'hold' }>>): ShowEvent | string | null {
  return played.do({ type: 'hold', once: onceOf(n), buyer: userOf(n), ...wish });
}

function order(n: number, number: number): OrderView {
  const event = played.do({ type: 'order', once: onceOf(100 + n), buyer: userOf(n), hold: number, at: ON_SALE_AT });
  const answer = answerOfEvent(played.show, event as ShowEvent, played.at) as Answer<OrderView>;
  if (!answer.ok) throw new Error(answer.refusal.code);
  return answer.value;
}

/** What the seat map shows of a seat. */
function shown(id: string): string {
  const letters = new PublishedSeats(played.show).letters;
  const letter = letters[HALL.documentOrder[HALL.seatIndex(id)]];
  return Object.entries(SEAT_LETTERS).find(([, code]) => code === letter)?.[0] ?? '';
}

describe('a change of the stock', () => {
  test('takes seats off sale, keeps them back and releases them; buyers see both as blocked', () => {
    change({ remove: ['S-A-1'], block: ['S-A-2', { area: 'floor', count: 5 }] });
    expect([shown('S-A-1'), shown('S-A-2'), shown('S-A-3')]).toEqual(['blocked', 'blocked', 'available']);
    expect(hold(1, { seats: ['S-A-1'] })).toBe('SEATS_TAKEN');
    expect(hold(2, { areas: [{ id: 'floor', quantity: 10 }] })).toMatchObject({ type: 'held' });
    expect(hold(3, { areas: [{ id: 'floor', quantity: 6 }] })).toBe('NOT_ENOUGH_SEATS');
    expect(inventory()).toMatchObject({
      capacity: 35,
      available: 13,
      categories: [
        { category: 'A', price: { amount: 4_550 }, free: 8, blocked: 1, removed: 1 },
        { category: 'Box', price: null, free: 0, blocked: 0, removed: 5 },
      ],
      areas: [{ id: 'floor', capacity: 20, free: 5, held: 10, blocked: 5, removed: 0 }],
    });
    change({ unblock: ['S-A-2', { area: 'floor', count: 2 }], add: [{ seat: 'S-A-1', category: 'A', price: 4_550 }] });
    expect(inventory()).toMatchObject({ available: 17, areas: [{ free: 7, blocked: 3 }] });
    expect(shown('S-A-1')).toBe('available');
  });

  test('puts a category on sale that had no price, and makes an area larger than the plan has it', () => {
    const seats = ['S-B-1', 'S-B-2'];
    change({
      add: [
        ...seats.map((seat) => ({ seat, category: 'Box', price: 9_000 })),
        { area: 'floor', count: 30, category: 'A', price: 4_550 },
      ],
    });
    const published = new PublishedSeats(played.show);
    expect(published).toMatchObject({
      capacity: 65,
      available: 62,
      areas: [{ id: 'floor', capacity: 50, available: 50 }],
    });
    expect(published.prices).toEqual({ A: 4_550, Box: 9_000 });
    expect(published.figures().prices).toEqual(published.prices);
    expect(hold(1, { best: { quantity: 2, category: 'Box' } })).toMatchObject({ type: 'held' });
    expect(hold(2, { best: { quantity: 1, category: 'Box' } })).toBe('NOT_ENOUGH_SEATS');
  });

  test('gives places back that were taken off sale before it makes an area larger', () => {
    change({ remove: [{ area: 'floor', count: 8 }] });
    change({ add: [{ area: 'floor', count: 10, category: 'A', price: 4_550 }] });
    expect(inventory().areas).toMatchObject([{ capacity: 22, free: 22, removed: 0 }]);
  });

  test('leaves a place as it is that is already what it is to become', () => {
    const event = change({
      unblock: ['S-A-1'],
      remove: ['S-B-1'],
      add: [{ seat: 'S-A-2', category: 'A', price: 4_550 }],
    });
    expect(event).toEqual({ type: 'stock-changed', once: expect.anything(), stock: expect.anything() });
  });

  test('happens once, and its answer is told again as it was', () => {
    const command = commandOf({ block: ['S-A-5'] });
    const event = played.do(command) as ShowEvent;
    const first = answerOfEvent(played.show, event, played.at);
    change({ unblock: ['S-A-5'], block: ['S-A-6'], reprice: { A: 1 } });
    expect(played.do(command)).toBe('replay');
    expect(answerOfEvent(played.show, JSON.parse(JSON.stringify(event)), played.at)).toEqual(first);
    expect(first).toMatchObject({ ok: true, value: { categories: [{ blocked: 1 }, {}] } });
  });
});

describe('a change of the stock is refused as a whole', () => {
  test('with the names of what others have', () => {
    hold(1, { seats: ['S-A-1', 'S-A-2'], areas: [{ id: 'floor', quantity: 8 }] });
    const before = encodeShow(played.show);
    expect(refusalOf({ remove: ['S-A-2', 'S-A-5'], block: ['S-A-1', { area: 'floor', count: 13 }] })).toEqual({
      code: 'SEAT_IN_USE',
      extra: { inUse: ['S-A-2', 'S-A-1', 'floor'] },
    });
    expect(Buffer.compare(encodeShow(played.show), before)).toBe(0);
  });

  test('for seats and areas that the plan does not have', () => {
    expect(refusalOf({ remove: ['S-A-1', 'S-Z-1'], block: [{ area: 'roof', count: 1 }] })).toEqual({
      code: 'UNKNOWN_SEAT',
      extra: { unknown: ['S-Z-1', 'roof'] },
    });
  });

  test.each<[string, Change, string]>([
    ['a seat in two lists', { block: ['S-A-1'], remove: ['S-A-1'] }, '/block/0'],
    ['an area twice', { block: ['S-A-1', { area: 'floor', count: 1 }, { area: 'floor', count: 1 }] }, '/block/2'],
    ['a seat that is not for sale, to be kept back', { block: ['S-B-1'] }, '/block/0'],
    ['more places than are kept back', { unblock: [{ area: 'floor', count: 1 }] }, '/unblock/0/count'],
    ['another category than the plan has', { add: [{ seat: 'S-B-1', category: 'A', price: 1 }] }, '/add/0/category'],
    ['a price that is not the category’s', { add: [{ seat: 'S-A-1', category: 'A', price: 1 }] }, '/add/0/price'],
    ['a new price of what has none', { reprice: { Box: 1 } }, '/reprice/Box'],
    ['an unknown category', { reprice: { 'a/b~c': 1 } }, '/reprice/a~1b~0c'],
    [
      'an area beyond all bounds',
      { add: [{ area: 'floor', count: 1_000_000, category: 'A', price: 4_550 }] },
      '/add/0/count',
    ],
  ])('for %s, with a pointer', (_, asked, pointer) => {
    expect(refusalOf(asked)).toMatchObject({ code: 'STOCK_INVALID', errors: [{ pointer }] });
  });

  test('for a seat that is kept back and to be added, since it is for sale already', () => {
    change({ block: ['S-A-1'] });
    expect(change({ add: [{ seat: 'S-A-1', category: 'A', price: 4_550 }] })).toBe('STOCK_INVALID');
    expect(change({ remove: ['S-A-1'] })).toMatchObject({ removed: { seats: [0] } });
  });

  test('once the show is cancelled', () => {
    played.do({ type: 'cancel-show', reason: 'rain' });
    expect(change({ block: ['S-A-1'] })).toBe('NOT_ON_SALE');
  });
});

describe('a new price', () => {
  test('is that of holds to come; a hold made before is ordered at the prices that it was told', () => {
    hold(1, { seats: ['S-A-1', 'S-A-2'] });
    change({ reprice: { A: 6_000 } });
    hold(2, { seats: ['S-A-3', 'S-A-4'] });
    change({ reprice: { A: 100 } });
    const question = { type: 'get-hold', buyer: userOf(1), hold: 1, at: ON_SALE_AT } as const;
    const told = answerQuestion(played.show, question, played.at) as Answer<HoldView>;
    expect(told).toMatchObject({ ok: true, value: { total: { amount: 9_100 } } });
    expect(order(1, 1)).toMatchObject({ total: { amount: 9_100 }, lines: [{ price: { amount: 4_550 } }, {}] });
    expect(order(2, 2).total.amount).toBe(12_000);
    expect(new PublishedSeats(played.show).fromPrice).toBe(100);
    expect(inventory().categories[0].price?.amount).toBe(100);
  });

  test('does not change the first answer to a hold, nor what was sold, also after a snapshot', () => {
    const held = hold(1, { seats: ['S-A-1', 'S-A-2'] }) as ShowEvent;
    const first = answerOfEvent(played.show, held, played.at);
    const { total } = order(1, 1);
    change({ reprice: { A: 6_000 }, add: [{ seat: 'S-B-1', category: 'Box', price: 1 }] });
    const again = decodeShow(encodeShow(played.show), SHOW_ID, HALL);
    assertWhole(again);
    expect(Buffer.compare(encodeShow(again), encodeShow(played.show))).toBe(0);
    expect(answerOfEvent(again, held, played.at)).toEqual(first);
    played.show = again;
    expect(played.do({ type: 'commit', order: 1, ...total })).toMatchObject({ type: 'committed' });
    expect(again.prices).toEqual(Float64Array.of(6_000, 1));
  });

  test('is what best available goes by when there is a most that may be paid', () => {
    change({ reprice: { A: 6_000 } });
    expect(hold(1, { best: { quantity: 1, maxPrice: 5_000 } })).toBe('NOT_ENOUGH_SEATS');
    expect(hold(2, { best: { quantity: 1, maxPrice: 6_000 } })).toMatchObject({ type: 'held' });
  });

  test('needs no former list while nobody was told the present one; lists go when nobody can ask for them', () => {
    change({ reprice: { A: 1 } });
    expect(played.show.stock?.formerPrices).toHaveLength(0);
    for (let n = 1; n <= 3; n++) {
      hold(n, { areas: [{ id: 'floor', quantity: 1 }] });
      change({ reprice: { A: 1 + n } });
      change({ reprice: { A: 100 + n } });
    }
    expect(played.show.stock?.formerPrices.map(({ before, prices }) => [before, prices[0]])).toEqual([
      [2, 1],
      [3, 101],
      [4, 102],
    ]);
    played.at += 26 * 3_600_000;
    played.show.holds.oldest = 3;
    change({ reprice: { A: 7 } });
    expect(played.show.stock?.formerPrices.map(({ before }) => before)).toEqual([4]);
  });

  test('is refused when more former lists would have to be kept than there may be', () => {
    hold(1, { seats: ['S-A-1'] });
    change({ reprice: { A: 1 } });
    const { stock, seq } = played.show;
    if (stock === null) throw new Error('no stock');
    const prices = [1, -1];
    stock.formerPrices = Array.from({ length: PRICE_LISTS_MAX }, (_, i) => ({ before: 2 + i, seq, prices }));
    expect(change({ reprice: { A: 2 } })).toBe('STOCK_INVALID');
    expect(change({ block: ['S-A-5'] })).toMatchObject({ type: 'stock-changed' });
  });
});

test('an order that is paid too late does not get seats that were taken off sale meanwhile', () => {
  hold(1, { seats: ['S-A-1', 'S-A-2'] });
  order(1, 1);
  played.at += 700_000;
  played.do({ type: 'expire' });
  change({ block: ['S-A-1'] });
  const event = played.do({ type: 'commit', order: 1, amount: 9_100, currency: 'EUR', late: true });
  expect(event).toMatchObject({ type: 'declined', reason: expect.stringContaining('taken off sale') });
});

test('a pick may not leave a single seat beside one that is kept back, but a change of the stock may', () => {
  change({ block: ['S-A-4'] });
  expect(hold(1, { seats: ['S-A-6', 'S-A-7'] })).toBe('ORPHAN_SEAT');
  hold(2, { seats: ['S-A-1'] });
  expect(change({ block: ['S-A-3'] })).toMatchObject({ type: 'stock-changed' });
});
