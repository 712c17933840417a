import { beforeEach, describe, expect, test, vi } from 'vitest';
import { answerOfEvent, answerQuestion } from '../../src/actors/answers.ts';
import { PublishedSeats } from '../../src/actors/published-seats.ts';
import { tellsChangesSince } from '../../src/actors/seat-map.ts';
import type { Answer, InventoryView } from '../../src/actors/shows.ts';
import type { Command, StockCommand } from '../../src/allocator/commands.ts';
import { decide } from '../../src/allocator/decide.ts';
import {
  AREAS_EVER_MAX,
  CATEGORIES_EVER_MAX,
  LATER_PLANS_MAX,
  SEATS_EVER_MAX,
} from '../../src/allocator/decide-plan.ts';
import type { ShowEvent } from '../../src/allocator/events.ts';
import { type Hall, isFormerSeat } from '../../src/allocator/hall.ts';
import { extendHall } from '../../src/allocator/hall-extend.ts';
import { assertWhole } from '../../src/allocator/invariants.ts';
import type { PlanArea, PlanRow, SeatingPlan } from '../../src/allocator/plan.ts';
import { SEAT } from '../../src/allocator/show.ts';
import { decodeShow, encodeShow, laterPlansIn } from '../../src/allocator/snapshot.ts';
import { changesBody, SeatBodies } from '../../src/http/seat-bodies.ts';
import { hashOf, laterHall } from '../support/made-show.ts';
import { blocksOf, hallOf, line, planOf, row, zone } from '../support/plan-fixtures.ts';
import { onceOf, PlayedShow, SHOW_ID, termsOf, userOf } from '../support/small-show.ts';

const FLOOR: PlanArea = { id: 'floor', name: 'Floor', category: 'A', capacity: 20 };
/** Two rows of five at 4,550, and a floor of 20. */
const ROWS = [row('S', 'A', line(0, 0, 10, 20, 30, 40)), row('S', 'B', line(10, 0, 10, 20, 30, 40))];
const HALL = hallWith(ROWS, [FLOOR]);

function hallWith(rows: readonly PlanRow[], areas: readonly PlanArea[] = [], categories = ['A', 'Box']): Hall {
  const plan: SeatingPlan = {
    ...planOf(zone('Stalls', ...rows)),
    categories: categories.map((name) => ({ name })),
    usher: { focal: { x: 20, y: 0 }, areas },
  };
  return hallOf(plan);
}

let played: PlayedShow;
let keys: number;
let plans: number;

beforeEach(() => {
  played = new PlayedShow(HALL, termsOf({ perBuyer: 20 }));
  keys = 1_000;
  plans = 0;
});

function commandOf(planId: string, prices?: Record<string, number>): Extract<Command, { type: 'replace-plan' }> {
  return { type: 'replace-plan', once: onceOf(keys++), planId, ...(prices === undefined ? {} : { prices }) };
}

/** Puts the plan in force; the event, or the code of the refusal. */
function replace(plan: Hall, prices?: Record<string, number>): ShowEvent | string | null {
  const planId = `pln_${++plans}`;
  played.show.comingHall = laterHall(played.show.hall, [[planId, plan]]);
  const event = played.do(commandOf(planId, prices));
  played.show.comingHall = null;
  assertWhole(played.show);
  return event;
}

function refusalOf(plan: Hall, prices?: Record<string, number>): unknown {
  played.show.comingHall = laterHall(played.show.hall, [['pln_other', plan]]);
  const decision = decide(played.show, commandOf('pln_other', prices), played.at);
  if (decision.kind !== 'refused') throw new Error('not refused');
  const { code, extra, errors } = decision.refusal;
  return { code, ...(extra === undefined ? {} : { extra }), ...(errors === undefined ? {} : { errors }) };
}

function stock(change: Omit<StockCommand, 'type' | 'once'>): unknown {
  return played.do({ type: 'stock', once: onceOf(keys++), ...change });
}

/** The organiser gives the seats away; the number of the order. */
function sell(seats: readonly string[], areas: readonly { id: string; quantity: number }[] = []): number {
  const n = keys++;
  const held = played.do({ type: 'hold', once: onceOf(n), buyer: userOf(n), seats, areas });
  if (typeof held !== 'object' || held?.type !== 'held') throw new Error(`no hold: ${JSON.stringify(held)}`);
  const at = played.at;
  const ordered = played.do({ type: 'order', once: onceOf(keys++), buyer: userOf(n), hold: held.hold, at, comp: true });
  if (typeof ordered !== 'object' || ordered?.type !== 'ordered') throw new Error(JSON.stringify(ordered));
  return ordered.order;
}

function stateOf(id: string): number {
  const seat = played.show.hall.seatIndex(id);
  return seat < 0 ? -1 : played.show.status[seat];
}

function inventory(): InventoryView {
  const answer = answerQuestion(played.show, { type: 'get-inventory' }, played.at) as Answer<InventoryView>;
  if (!answer.ok) throw new Error(answer.refusal.code);
  return answer.value;
}

describe('a plan that replaces another', () => {
  const larger = hallWith(
    [row('S', 'A', line(0, 0, 10, 20, 30, 40, 50)), ROWS[1], row('S', 'C', line(20, 0, 10), 'Box')],
    [{ ...FLOOR, capacity: 30 }],
  );
  const smaller = hallWith([row('S', 'A', line(0, 0, 10, 20))], []);

  test('keeps what seats are that both have: sold, held, kept back, not for sale', () => {
    sell(['S-A-1', 'S-A-2']);
    played.do({ type: 'hold', once: onceOf(1), buyer: userOf(1), seats: ['S-B-1', 'S-B-2'] });
    stock({ block: ['S-B-4'], remove: ['S-B-5'] });
    const claims = ['S-A-1', 'S-B-1'].map((id) => played.show.claim[HALL.seatIndex(id)]);
    expect(replace(larger)).toMatchObject({ type: 'plan-replaced', planId: 'pln_1', planHash: hashOf('pln_1') });
    expect(['S-A-1', 'S-B-1', 'S-B-4', 'S-B-5', 'S-A-3'].map(stateOf)).toEqual([
      SEAT.sold,
      SEAT.held,
      SEAT.blocked,
      SEAT.blocked,
      SEAT.free,
    ]);
    expect(['S-A-1', 'S-B-1'].map((id) => played.show.claim[HALL.seatIndex(id)])).toEqual(claims);
    const [first] = inventory().categories;
    expect(first).toMatchObject({ category: 'A', sold: 2, held: 2, blocked: 1, removed: 1, free: 5 });
  });

  test('puts new seats on sale where their category has a price, and gives one its first', () => {
    replace(larger);
    expect([stateOf('S-A-6'), stateOf('S-C-1')]).toEqual([SEAT.free, SEAT.blocked]);
    expect(played.do({ type: 'hold', once: onceOf(1), buyer: userOf(1), seats: ['S-A-6'] })).toMatchObject({
      type: 'held',
    });
    played = new PlayedShow(HALL, termsOf());
    replace(larger, { Box: 9_000, A: 4_550 });
    expect(stateOf('S-C-1')).toBe(SEAT.free);
    expect(inventory().categories[1]).toMatchObject({ category: 'Box', price: { amount: 9_000 }, free: 2 });
  });

  test('takes seats away that nobody has: nobody finds them any more', () => {
    stock({ block: ['S-B-1'] });
    replace(smaller);
    expect(stateOf('S-B-1')).toBe(-1);
    expect(played.do({ type: 'hold', once: onceOf(1), buyer: userOf(1), seats: ['S-B-1'] })).toBe('UNKNOWN_SEAT');
    expect(played.do({ type: 'hold', once: onceOf(2), buyer: userOf(2), best: { quantity: 4 } })).toBe(
      'NOT_ENOUGH_SEATS',
    );
    expect(played.do({ type: 'hold', once: onceOf(3), buyer: userOf(3), best: { quantity: 3 } })).toMatchObject({
      type: 'held',
    });
    expect(inventory()).toMatchObject({ capacity: 3, available: 0, areas: [] });
    const answer = answerQuestion(played.show, { type: 'get-summary' }, played.at);
    expect(answer).toMatchObject({ ok: true, value: { capacity: 3, held: 3, blocked: 0 } });
  });

  test('takes a long row away as fast as a short one: its free runs are not counted anew for each seat', () => {
    const update = vi.spyOn(played.show.freeRuns, 'update');
    replace(smaller);
    expect(update).not.toHaveBeenCalled();
    expect(played.show.freeRuns.longestIn(0)).toBe(3);
  });

  test('is refused with the names of seats and areas that it has no room for', () => {
    sell(['S-A-5', 'S-B-2'], [{ id: 'floor', quantity: 3 }]);
    played.do({ type: 'hold', once: onceOf(1), buyer: userOf(1), seats: ['S-B-3', 'S-B-4'] });
    const before = encodeShow(played.show);
    expect(refusalOf(smaller)).toEqual({
      code: 'SEAT_IN_USE',
      extra: { inUse: ['S-A-5', 'S-B-2', 'S-B-3', 'S-B-4', 'floor'] },
    });
    expect(refusalOf(hallWith(ROWS, [{ ...FLOOR, capacity: 2 }]))).toMatchObject({ extra: { inUse: ['floor'] } });
    const rezoned = hallWith([ROWS[0], row('S', 'B', line(10, 0, 10, 20, 30, 40), 'Box')], [FLOOR]);
    expect(refusalOf(rezoned)).toMatchObject({ extra: { inUse: ['S-B-2', 'S-B-3', 'S-B-4'] } });
    expect(encodeShow(played.show)).toEqual(before);
  });

  test('gives areas as many places as it says: what is free goes first, what is kept back last', () => {
    sell([], [{ id: 'floor', quantity: 4 }]);
    stock({ block: [{ area: 'floor', count: 5 }] });
    stock({ remove: [{ area: 'floor', count: 6 }] });
    const floor = (capacity: number) => {
      replace(hallWith(ROWS, [{ ...FLOOR, capacity }]));
      return inventory().areas[0];
    };
    expect(floor(30)).toMatchObject({ capacity: 30, sold: 4, blocked: 5, removed: 6, free: 15 });
    expect(floor(12)).toMatchObject({ capacity: 12, sold: 4, blocked: 5, removed: 3, free: 0 });
    expect(floor(6)).toMatchObject({ capacity: 6, sold: 4, blocked: 2, removed: 0, free: 0 });
    expect(floor(4)).toMatchObject({ capacity: 4, sold: 4, blocked: 0, removed: 0, free: 0 });
  });

  test('seats nobody over a joint of old and new seats, nor over a place that is gone', () => {
    const longer = hallWith([row('S', 'A', line(0, 0, 10, 20, 30, 40, 50, 60)), ROWS[1]]);
    const hall = extendHall(HALL, longer, { id: 'pln_1', hash: '' });
    expect(blocksOf(hall)).toEqual([
      ['S-A-1', 'S-A-2', 'S-A-3', 'S-A-4', 'S-A-5'],
      ['S-B-1', 'S-B-2', 'S-B-3', 'S-B-4', 'S-B-5'],
      ['S-A-6', 'S-A-7'],
    ]);
    const places = row('S', 'A', line(0, 0, 10, 20, 30, 40));
    const without = hallWith([{ ...places, seats: places.seats.filter((_, i) => i !== 2) }]);
    const gap = extendHall(hallWith([ROWS[0]]), without, { id: 'pln_1', hash: '' });
    expect(blocksOf(gap)).toEqual([['S-A-1', 'S-A-2'], ['S-A-3'], ['S-A-4', 'S-A-5']]);
    expect(isFormerSeat(gap, 2)).toBe(true);
  });

  test('may come back: a seat that was gone is a new one', () => {
    replace(smaller);
    replace(HALL);
    expect(stateOf('S-B-1')).toBe(SEAT.free);
    expect(played.show.hall.seatIndex('S-B-1')).toBeGreaterThanOrEqual(10);
    expect(inventory()).toMatchObject({ capacity: 30, available: 30 });
    sell(['S-B-1', 'S-B-2']);
    expect(refusalOf(smaller)).toMatchObject({ extra: { inUse: ['S-B-1', 'S-B-2'] } });
  });

  test('may bring a category back, at its former price or at another', () => {
    const boxed = hallWith([...ROWS, row('S', 'C', line(20, 0, 10), 'Box')], [FLOOR]);
    const priceOfBox = () => inventory().categories.find(({ category }) => category === 'Box')?.price?.amount;
    replace(boxed, { Box: 9_000 });
    const hold = played.do({ type: 'hold', once: onceOf(1), buyer: userOf(1), best: { quantity: 1 } });
    expect(hold).toMatchObject({ type: 'held' });
    replace(hallWith(ROWS, [FLOOR], ['A']));
    expect(priceOfBox()).toBeUndefined();
    expect(played.do({ type: 'stock', once: onceOf(2), reprice: { Box: 1 } })).toBe('STOCK_INVALID');
    replace(boxed);
    expect(priceOfBox()).toBe(9_000);
    replace(hallWith(ROWS, [FLOOR], ['A']));
    replace(boxed, { Box: 7_000 });
    expect(priceOfBox()).toBe(7_000);
    expect(stateOf('S-C-1')).toBe(SEAT.free);
  });

  test('leaves the names on tickets as they were, and each first answer what it was', () => {
    const once = onceOf(1);
    const held = played.do({ type: 'hold', once, buyer: userOf(1), seats: ['S-B-1', 'S-B-2'] }) as ShowEvent;
    const first = answerOfEvent(played.show, held, played.at);
    const renamed = hallWith([ROWS[0], { ...ROWS[1], row_number: 'Z' }], [FLOOR]);
    replace(renamed);
    expect(answerOfEvent(played.show, held, played.at)).toEqual(first);
    const seat = played.show.hall.seatIndex('S-B-1');
    expect(played.show.hall.rows[played.show.hall.rowOf[seat]].row).toBe('B');
  });
});

describe('a replacement', () => {
  test('by the plan that is in force changes nothing', () => {
    replace(HALL);
    const before = inventory();
    const event = played.do(commandOf('pln_1'));
    expect(event).toEqual({ type: 'stock-changed', once: expect.anything(), stock: expect.anything() });
    expect(played.do(commandOf(termsOf().planId))).toBe('UNAVAILABLE');
    expect(inventory()).toEqual(before);
  });

  test('decided on a hall that is not the show’s any more is not begun, and may be asked again', () => {
    const command = commandOf('pln_a');
    played.show.comingHall = laterHall(HALL, [['pln_a', HALL]]);
    replace(HALL);
    played.show.comingHall = laterHall(HALL, [['pln_a', HALL]]);
    expect(decide(played.show, command, played.at)).toMatchObject({
      refusal: { code: 'UNAVAILABLE', retryAfter: 1 },
      event: null,
    });
    played.show.comingHall = laterHall(played.show.hall, [['pln_a', HALL]]);
    expect(played.do(command)).toMatchObject({ type: 'plan-replaced' });
    expect(played.do(command)).toBe('replay');
  });

  test.each([
    ['a category that the plan has not', { Nowhere: 1 }, '/prices/Nowhere'],
    ['another price than the one in force', { A: 1 }, '/prices/A'],
    ['a name with a slash', { 'A/B': 1 }, '/prices/A~1B'],
  ])('is refused with a price of %s', (_, prices, pointer) => {
    expect(refusalOf(HALL, prices)).toEqual({
      code: 'STOCK_INVALID',
      errors: [{ pointer, detail: expect.any(String) }],
    });
  });

  test('is refused for a show that is called off', () => {
    played.do({ type: 'cancel-show', reason: 'Rain' });
    expect(refusalOf(HALL)).toEqual({ code: 'NOT_ON_SALE' });
  });

  test('is limited in number', () => {
    for (let i = 0; i < LATER_PLANS_MAX; i++) expect(replace(HALL)).toMatchObject({ type: 'plan-replaced' });
    expect(played.do(commandOf('pln_one_more'))).toBe('STOCK_INVALID');
    expect(played.do(commandOf(`pln_${LATER_PLANS_MAX}`))).toMatchObject({ type: 'stock-changed' });
  });

  test.each([
    ['seats', { seatCount: SEATS_EVER_MAX + 1 }],
    ['categories', { categories: new Array(CATEGORIES_EVER_MAX + 1).fill('A') }],
    ['areas', { areas: new Array(AREAS_EVER_MAX + 1).fill({ ...FLOOR, category: 0 }) }],
  ])('is limited in %s', (_, much) => {
    played.show.comingHall = { ...laterHall(HALL, [['pln_other', HALL]]), ...much };
    const decision = decide(played.show, commandOf('pln_other'), played.at);
    expect(decision).toMatchObject({ kind: 'refused', refusal: { code: 'STOCK_INVALID' } });
  });
});

describe('a snapshot of a show with another plan', () => {
  test('names its plans, and is read with their hall only', () => {
    sell(['S-A-1', 'S-A-2']);
    replace(hallWith([ROWS[0]], [FLOOR]));
    stock({ block: ['S-A-4'], reprice: { A: 5_000 } });
    const bytes = encodeShow(played.show);
    expect(laterPlansIn(bytes)).toEqual(['pln_1']);
    const again = decodeShow(bytes, SHOW_ID, played.show.hall);
    assertWhole(again);
    expect(Buffer.compare(encodeShow(again), bytes)).toBe(0);
    expect(() => decodeShow(bytes, SHOW_ID, HALL)).toThrow('hall with other plans');
  });

  test('is in the form of before while the first plan is in force', () => {
    expect(laterPlansIn(encodeShow(played.show))).toEqual([]);
    expect(new TextDecoder().decode(encodeShow(played.show))).toContain('"format":1');
  });
});

describe('the seats that everybody sees', () => {
  test('are those of the plan in force, and which changed since an earlier plan is not told', () => {
    const seats = new PublishedSeats(played.show);
    const { version } = seats;
    expect(tellsChangesSince(seats, version)).toBe(true);
    replace(hallWith([ROWS[0]], [{ ...FLOOR, id: 'pit', name: 'Pit', capacity: 7 }], ['A']));
    seats.publish(played.show);
    expect(seats).toMatchObject({ planId: 'pln_1', capacity: 12, available: 12, prices: { A: 4_550 } });
    expect(seats.areas).toEqual([{ id: 'pit', capacity: 7, available: 7 }]);
    expect(tellsChangesSince(seats, version)).toBe(false);
    const list = JSON.parse(new SeatBodies().body(seats, 'list').toString());
    expect(list).toMatchObject({ planId: 'pln_1', areas: [{ id: 'pit' }] });
    expect(list.seats.map(({ id }: { id: string }) => id)).toEqual(ROWS[0].seats.map((seat) => seat.seat_guid));
    const compact = JSON.parse(new SeatBodies().body(seats, 'compact').toString());
    expect(compact.seats.letters).toBe('aaaaa');
    const since = seats.version;
    played.do({ type: 'hold', once: onceOf(1), buyer: userOf(1), seats: ['S-A-1'] });
    seats.publish(played.show);
    expect(tellsChangesSince(seats, since)).toBe(true);
    expect(JSON.parse(changesBody(seats, since)).seats).toEqual([{ id: 'S-A-1', status: 'held' }]);
  });
});
