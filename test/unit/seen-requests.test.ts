import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SEEN_SENDERS_MAX, SEEN_WINDOW, SeenRequests } from '../../src/cluster/messages/seen-requests.ts';

describe('a request', () => {
  test('is new once, for each sender', () => {
    const seen = new SeenRequests();
    expect([
      seen.isNew('a', 1),
      seen.isNew('a', 1),
      seen.isNew('b', 1),
      seen.isNew('a', 1),
      seen.isNew('b', 1),
    ]).toEqual([true, false, true, false, false]);
  });

  test('may come late and out of order, as far as the window reaches', () => {
    const seen = new SeenRequests();
    const newest = 40 * SEEN_WINDOW;
    expect(seen.isNew('a', newest)).toBe(true);
    expect(seen.isNew('a', newest - SEEN_WINDOW)).toBe(true);
    expect(seen.isNew('a', newest - SEEN_WINDOW)).toBe(false);
    expect(seen.isNew('a', newest)).toBe(false);
  });

  test('counts as heard when it is far behind', () => {
    const seen = new SeenRequests();
    seen.isNew('a', 40 * SEEN_WINDOW);
    expect(seen.isNew('a', 38 * SEEN_WINDOW)).toBe(false);
    expect(seen.isNew('a', 1)).toBe(false);
  });

  test('is told from all others, whatever order they come in', () => {
    // Steps of all sizes, so that the window moves by little, by much and by more than itself.
    const step = fc.oneof(
      fc.nat(40),
      fc.nat(SEEN_WINDOW / 4),
      fc.constant(SEEN_WINDOW - 32),
      fc.constant(SEEN_WINDOW * 3),
    );
    const back = fc.nat(SEEN_WINDOW - 64);
    fc.assert(
      fc.property(fc.array(fc.tuple(step, fc.option(back)), { maxLength: 60 }), (steps) => {
        const seen = new SeenRequests();
        const heard = new Set<number>();
        let newest = 1;
        for (const [forward, behind] of steps) {
          newest += forward;
          for (const number of behind === null ? [newest] : [newest, Math.max(0, newest - behind)]) {
            expect(seen.isNew('a', number)).toBe(!heard.has(number));
            heard.add(number);
          }
        }
      }),
      { numRuns: 100 },
    );
  });
});

test('with more senders than are remembered, the one that was silent longest is forgotten', () => {
  const seen = new SeenRequests();
  for (let sender = 0; sender < SEEN_SENDERS_MAX; sender++) seen.isNew(`nod_${sender}`, 5);
  expect(seen.isNew('nod_0', 6)).toBe(true);
  seen.isNew('another', 1);
  expect(seen.isNew('nod_0', 6)).toBe(false);
  expect(seen.isNew('nod_2', 5)).toBe(false);
  expect(seen.isNew('nod_1', 5)).toBe(true);
});
