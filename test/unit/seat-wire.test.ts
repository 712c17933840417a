import { beforeEach, describe, expect, test } from 'vitest';
import { PublishedSeats } from '../../src/actors/published-seats.ts';
import { SEAT_LETTERS, type SeatMap } from '../../src/actors/seat-map.ts';
import type { Hall } from '../../src/allocator/hall.ts';
import { SeatReplica } from '../../src/cluster/routing/seat-replica.ts';
import {
  type ChangedSeats,
  readSeatsAnswer,
  type SeatsAnswer,
  SeatsAnswerInvalid,
  seatsAnswer,
  WHOLE_FROM_SHARE,
} from '../../src/cluster/routing/seat-wire.ts';
import { ON_SALE_AT, onceOf, PlayedShow, rowsOfTen, SHOW_ID, userOf } from '../support/small-show.ts';

const ME = 'nod_me';
const hall = rowsOfTen(4);

let sale: PlayedShow;
let seats: PublishedSeats;

beforeEach(() => {
  sale = new PlayedShow(hall);
  seats = new PublishedSeats(sale.show);
});

function hold(n: number, quantity: number): number {
  const held = sale.hold(n, quantity);
  seats.publish(sale.show);
  return held;
}

function release(n: number, held: number): void {
  sale.do({ type: 'release', buyer: userOf(n), hold: held, at: ON_SALE_AT });
  seats.publish(sale.show);
}

const told = (since: { version: number; owner: string } | null): SeatsAnswer =>
  JSON.parse(JSON.stringify(seatsAnswer(seats, since, ME)));

const textOf = (map: SeatMap): string => Buffer.from(map.letters).toString('latin1');

describe('what an owner tells of its seats', () => {
  test('names the plan also for who first heard of the seats from an older node, which names none', () => {
    const { planId, ...older } = told(null);
    const replica = SeatReplica.first(SHOW_ID, hall, older);
    expect(replica?.planId).toBeUndefined();
    hold(1, 2);
    expect(replica?.apply(told({ version: older.version, owner: ME }))).toBe(true);
    expect(replica?.planId).toBe(planId);
    const other = SeatReplica.first(SHOW_ID, hall, older);
    other?.adopt(seats);
    expect(other?.planId).toBe(planId);
  });

  test('is a letter a seat for who has nothing', () => {
    hold(1, 2);
    const answer = told(null);
    expect(answer).toEqual({
      version: 2,
      asOf: ON_SALE_AT,
      owner: ME,
      seats: { letters: textOf(seats) },
      areas: [20],
      fromPrice: 4_550,
      available: 58,
      capacity: 60,
      currency: 'EUR',
      planId: sale.show.terms.planId,
    });
    expect(readSeatsAnswer(SHOW_ID, answer, hall)).toEqual(answer);
  });

  test('names the places of areas where there are more than in the hall', () => {
    const add = [{ area: 'floor', count: 30, category: 'A', price: 4_550 }];
    sale.do({ type: 'stock', once: onceOf(1), add });
    seats.publish(sale.show);
    const answer = told(null);
    expect(answer).toMatchObject({ areas: [50], areaCapacities: [50], available: 90, capacity: 90 });
    expect(readSeatsAnswer(SHOW_ID, answer, hall)).toEqual(answer);
    expect(SeatReplica.first(SHOW_ID, hall, answer)?.areas).toEqual(seats.areas);
    const beyond = { ...answer, areaCapacities: [49] };
    expect(() => readSeatsAnswer(SHOW_ID, beyond, hall)).toThrow(SeatsAnswerInvalid);
    expect(() => readSeatsAnswer(SHOW_ID, { ...answer, areaCapacities: 50 }, hall)).toThrow(SeatsAnswerInvalid);
  });

  test('is only what changed since the version that it told before', () => {
    hold(1, 2);
    hold(2, 1);
    const { seats: changes } = told({ version: 2, owner: ME });
    expect(changes).toMatchObject({ since: 2, letters: 'h' });
    const { places } = changes as ChangedSeats;
    expect(places.map((place) => seats.changedAt[place])).toEqual([3]);
    expect(told({ version: 3, owner: ME }).seats).toEqual({ since: 3, places: [], letters: '' });
  });

  test('has a seat that changed and changed back among the changes', () => {
    const held = hold(1, 1);
    release(1, held);
    expect(told({ version: 1, owner: ME }).seats).toMatchObject({ letters: 'a' });
    expect(told({ version: 2, owner: ME }).seats).toMatchObject({ letters: 'a' });
    expect(told({ version: 3, owner: ME }).seats).toMatchObject({ letters: '' });
  });

  test.each([
    ['was told by another incarnation', { version: 1, owner: 'nod_other' }],
    ['is not reached yet', { version: 3, owner: ME }],
    ['is no version', { version: 0, owner: ME }],
  ])('is all when the version that the other has %s', (_, since) => {
    hold(1, 1);
    expect(told(since).seats).toEqual({ letters: textOf(seats) });
  });

  test('is all when as many changed as make the whole map shorter', () => {
    const share = hall.seatCount / WHOLE_FROM_SHARE;
    hold(1, share - 1);
    expect(told({ version: 1, owner: ME }).seats).toHaveProperty('since', 1);
    hold(2, 1);
    expect(told({ version: 1, owner: ME }).seats).toEqual({ letters: textOf(seats) });
    expect(told({ version: 2, owner: ME }).seats).toHaveProperty('since', 2);
  });

  test('of a stadium takes a byte a seat, or a few a change', () => {
    const seatCount = 200_000;
    const stadium: SeatMap = {
      ...seats,
      hall: { seatCount, areas: [], laterPlans: [], formerAreas: new Set() } as unknown as Hall,
      areas: [],
      version: 9,
      letters: new Uint8Array(seatCount).fill(SEAT_LETTERS.sold),
      changedAt: new Uint32Array(seatCount).fill(8, seatCount - 100),
    };
    const bytes = (since: number): number =>
      JSON.stringify(seatsAnswer(stadium, { version: since, owner: ME }, ME)).length;
    expect(bytes(0)).toBeLessThan(seatCount + 300);
    expect(bytes(7)).toBeLessThan(100 * 8 + 300);
  });
});

describe('what another node told', () => {
  const change = (parts: object): unknown => ({ ...told({ version: 1, owner: ME }), ...parts });
  const changes = (parts: object): unknown => change({ seats: { since: 1, places: [3, 7], letters: 'hs', ...parts } });

  test('is taken when it is of the hall', () => {
    hold(1, 1);
    for (const value of [told(null), changes({}), changes({ places: [], letters: '' }), change({ fromPrice: null })]) {
      expect(readSeatsAnswer(SHOW_ID, value, hall)).toBe(value);
    }
  });

  test.each<[string, () => unknown]>([
    ['is nothing', () => null],
    ['is text', () => 'seats'],
    ['is a list', () => []],
    ['has no version', () => change({ version: undefined })],
    ['has a negative version', () => change({ version: -1 })],
    ['has a fractional version', () => change({ version: 1.5 })],
    ['has a version of more than 32 bits', () => change({ version: 2 ** 32 })],
    ['has a version in words', () => change({ version: '2' })],
    ['has no time', () => change({ asOf: null })],
    ['has no owner', () => change({ owner: '' })],
    ['has an endless owner', () => change({ owner: 'x'.repeat(1_000) })],
    ['has no currency', () => change({ currency: 'euro' })],
    ['has more free than there are', () => change({ available: 61 })],
    ['has a negative price', () => change({ fromPrice: -1 })],
    ['has no price at all', () => change({ fromPrice: undefined })],
    ['lacks an area', () => change({ areas: [] })],
    ['has an area too many', () => change({ areas: [20, 20] })],
    ['has more free in an area than there are', () => change({ areas: [21] })],
    ['has no seats', () => change({ seats: undefined })],
    ['has no letters', () => change({ seats: {} })],
    ['has a letter too few', () => change({ seats: { letters: 'a'.repeat(39) } })],
    ['has a letter too many', () => change({ seats: { letters: 'a'.repeat(41) } })],
    ['has a letter that means nothing', () => change({ seats: { letters: `${'a'.repeat(39)}x` } })],
    ['has a letter that a byte cannot hold', () => change({ seats: { letters: `${'a'.repeat(39)}š` } })],
    ['has a line break for a letter', () => change({ seats: { letters: `${'a'.repeat(39)}\n` } })],
    ['has changes since what is yet to come', () => changes({ since: 9 })],
    ['has changes of no seats', () => changes({ places: undefined })],
    ['has fewer letters than changes', () => changes({ letters: 'h' })],
    ['has a change outside the hall', () => changes({ places: [3, 40] })],
    ['has a change before the hall', () => changes({ places: [-1, 7] })],
    ['has a change between two seats', () => changes({ places: [3, 3.5] })],
    ['has a change twice', () => changes({ places: [3, 3] })],
    ['has changes out of order', () => changes({ places: [7, 3] })],
  ])('is refused when it %s', (_, value) => {
    hold(1, 1);
    expect(() => readSeatsAnswer(SHOW_ID, value(), hall)).toThrow(SeatsAnswerInvalid);
  });
});
