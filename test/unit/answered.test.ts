import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ANSWERS_KEPT_MS, Answered, MAX_ANSWERS } from '../../src/allocator/answered.ts';
import { onceOf } from '../support/small-show.ts';

const START = 1_790_000_000_000;
const HOUR = 3_600_000;

/** Command ids that begin in one of few slots, so that they stand in each other's way. */
function crowdedId(n: number): string {
  const bytes = Buffer.alloc(16);
  bytes[3] = [0, 1, 2, 31, 63][n % 5];
  bytes.writeUInt32BE(n, 8);
  return bytes.toString('base64url');
}

describe('what was answered', () => {
  test('is found with what was noted of it, and nothing else is', () => {
    const answered = new Answered();
    expect(answered.find(onceOf(0).id)).toBe(-1);
    for (let n = 0; n < 20_000; n++) answered.add(onceOf(n, n * 7), n + 1, n % 256, START + n);
    for (let n = 0; n < 20_000; n++) {
      const place = answered.find(onceOf(n).id);
      expect([answered.fingerprintAt(place), answered.seqAt(place), answered.ordinalAt(place)]).toEqual([
        n * 7,
        n + 1,
        n % 256,
      ]);
    }
    expect(answered.find(onceOf(20_000).id)).toBe(-1);
  });

  test('differs when any of its 128 bits does', () => {
    const answered = new Answered();
    for (let bit = 0; bit < 128; bit++) {
      const bytes = Buffer.alloc(16);
      bytes[bit >> 3] = 1 << (bit & 7);
      answered.add({ id: bytes.toString('base64url'), fingerprint: bit }, bit, 0, START);
    }
    for (let bit = 0; bit < 128; bit++) {
      const bytes = Buffer.alloc(16);
      bytes[bit >> 3] = 1 << (bit & 7);
      expect(answered.seqAt(answered.find(bytes.toString('base64url')))).toBe(bit);
    }
  });

  test('is never answered twice', () => {
    const answered = new Answered();
    answered.add(onceOf(1), 1, 0, START);
    expect(() => answered.add(onceOf(1), 2, 0, START)).toThrow(/answered twice/);
  });

  test('leaves after 25 hours and not before 24', () => {
    const answered = new Answered();
    answered.add(onceOf(1), 1, 0, START);
    answered.add(onceOf(2), 2, 0, START + 24 * HOUR);
    expect(answered.find(onceOf(1).id)).toBeGreaterThanOrEqual(0);
    answered.add(onceOf(3), 3, 0, START + ANSWERS_KEPT_MS + 60_000);
    expect(answered.find(onceOf(1).id)).toBe(-1);
    expect(answered.find(onceOf(2).id)).toBeGreaterThanOrEqual(0);
  });

  test('is what a map with the same rule says, through growth, leaving and restoring', () => {
    const step = fc.record({ id: fc.nat({ max: 80 }), wait: fc.constantFrom(0, 60_000, HOUR, 9 * HOUR, 26 * HOUR) });
    fc.assert(
      fc.property(fc.array(step, { size: 'large', maxLength: 150 }), fc.boolean(), (steps, restores) => {
        let answered = new Answered();
        const map = new Map<string, { seq: number; at: number }>();
        let at = START;
        for (const [i, { id: n, wait }] of steps.entries()) {
          at += wait;
          const id = crowdedId(n);
          if (answered.find(id) < 0) {
            const limit = Math.floor((at - ANSWERS_KEPT_MS) / 60_000);
            for (const [old, { at: then }] of map) if (Math.floor(then / 60_000) < limit) map.delete(old);
            answered.add({ id, fingerprint: i }, i, i % 3, at);
            map.set(id, { seq: i, at });
          }
          for (let other = 0; other <= 80; other++) {
            const place = answered.find(crowdedId(other));
            expect(place < 0 ? undefined : answered.seqAt(place)).toBe(map.get(crowdedId(other))?.seq);
          }
          if (restores && i % 7 === 6) {
            const again = new Answered();
            again.restore(answered.oldest, answered.dump());
            expect(again.dump()).toEqual(answered.dump());
            answered = again;
          }
        }
        expect(answered.count).toBe(map.size);
      }),
      { numRuns: 60 },
    );
  });
});

test('a full table takes new answers again as soon as its oldest are over', () => {
  const answered = new Answered();
  const bytes = Buffer.alloc(16);
  for (let n = 0; n < MAX_ANSWERS; n++) {
    bytes.writeUInt32BE(n, 0);
    answered.add({ id: bytes.toString('base64url'), fingerprint: 0 }, 1, 0, START + (n < 10 ? 0 : HOUR));
  }
  expect(answered.keepsAtLeast(MAX_ANSWERS, START + HOUR)).toBe(true);
  expect(answered.keepsAtLeast(MAX_ANSWERS, START + ANSWERS_KEPT_MS + 60_000)).toBe(false);
  expect(answered.keepsAtLeast(MAX_ANSWERS - 10, START + ANSWERS_KEPT_MS + 60_000)).toBe(true);
  answered.add(onceOf(1), 2, 0, START + ANSWERS_KEPT_MS + 60_000);
  expect(answered.count).toBe(MAX_ANSWERS - 9);
});
