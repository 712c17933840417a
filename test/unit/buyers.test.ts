import { expect, test } from 'vitest';
import { Buyers } from '../../src/allocator/buyers.ts';
import { newId } from '../../src/ids.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { userOf } from '../support/small-show.ts';

const random = seededRandom(3);

test.each([
  ['random ids', (_: number) => newId('usr', random)],
  ['ids that follow one another', userOf],
])('buyers are found again, each under the number of first sight: %s', (_, idOf) => {
  const buyers = new Buyers();
  const ids = Array.from({ length: 5_000 }, (_, n) => idOf(n));
  expect(buyers.find(ids[0])).toBe(-1);
  for (const [n, id] of ids.entries()) {
    expect(buyers.meet(id)).toBe(n);
    expect(buyers.meet(id)).toBe(n);
  }
  expect(buyers.count).toBe(ids.length);
  for (const [n, id] of ids.entries()) {
    expect(buyers.find(id)).toBe(n);
    expect(buyers.userId(n)).toBe(id);
  }
  expect(buyers.find(newId('usr', random))).toBe(-1);
});

test('columns of new buyers are zero, also after the table grew', () => {
  const buyers = new Buyers();
  for (let n = 0; n < 100; n++) {
    const buyer = buyers.meet(userOf(n));
    expect([buyers.liveHold[buyer], buyers.places[buyer], buyers.newestOrder[buyer]]).toEqual([0, 0, 0]);
    buyers.places[buyer] = n;
  }
  for (let n = 0; n < 100; n++) expect(buyers.places[n]).toBe(n);
});

test('restored buyers are found and others can be met', () => {
  const buyers = new Buyers();
  for (let n = 0; n < 40; n++) {
    const buyer = buyers.meet(userOf(n));
    buyers.places[buyer] = n;
  }
  const again = new Buyers();
  again.restore(
    40,
    buyers.words.slice(0, 160),
    buyers.liveHold.slice(0, 40),
    buyers.places.slice(0, 40),
    buyers.newestOrder.slice(0, 40),
  );
  for (let n = 0; n < 40; n++) expect(again.places[again.find(userOf(n))]).toBe(n);
  expect(again.meet(userOf(40))).toBe(40);
  expect(again.userId(40)).toBe(userOf(40));
});
