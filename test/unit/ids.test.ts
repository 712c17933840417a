import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { idFromWords, idWords, isId, newId, parseScopedId, scopedId } from '../../src/ids.ts';
import { seededRandom } from '../support/seeded-random.ts';

const words = fc.tuple(...Array.from({ length: 4 }, () => fc.integer({ min: 0, max: 0xffffffff })));
const SHOW = 'shw_01k9zxh3m4q8r2v6w7y0t5b1cd';

describe('the words of an id', () => {
  test('round trip from words to id and back', () => {
    fc.assert(
      fc.property(words, (parts) => {
        const id = idFromWords('usr', Uint32Array.from(parts), 0);
        const back = new Uint32Array(6);
        idWords(id, back, 1);
        expect(isId('usr', id)).toBe(true);
        expect([...back]).toEqual([0, ...parts, 0]);
      }),
    );
  });

  test('round trip from a new id to words and back', () => {
    const random = seededRandom(7);
    const buffer = new Uint32Array(4);
    for (let i = 0; i < 200; i++) {
      const id = newId('usr', random);
      idWords(id, buffer, 0);
      expect(idFromWords('usr', buffer, 0)).toBe(id);
    }
  });

  test('are the 128 bits of the UUID, the first bits first', () => {
    const uuid = '0199c0de-1234-7abc-8def-0123456789ab';
    const id = newId('usr', { uuidv7: () => uuid, bytes: () => new Uint8Array() });
    const buffer = new Uint32Array(4);
    idWords(id, buffer, 0);
    expect([...buffer].map((word) => word.toString(16).padStart(8, '0')).join('')).toBe(uuid.replaceAll('-', ''));
  });
});

describe('a free-standing id', () => {
  test('is of its kind only', () => {
    expect(isId('shw', SHOW)).toBe(true);
    expect(isId('usr', SHOW)).toBe(false);
    expect(isId('shw', `${SHOW}0`)).toBe(false);
    expect(isId('shw', 'shw_81k9zxh3m4q8r2v6w7y0t5b1cd')).toBe(false);
    expect(isId('shw', 'shw_01k9zxh3m4q8r2v6w7y0t5b1cu')).toBe(false);
    expect(isId('shw', 'shw_01K9ZXH3M4Q8R2V6W7Y0T5B1CD')).toBe(false);
  });

  test('sorts as its UUID does', () => {
    fc.assert(
      fc.property(words, words, (a, b) => {
        const hex = (parts: number[]): string => parts.map((part) => part.toString(16).padStart(8, '0')).join('');
        const id = (parts: number[]): string => idFromWords('shw', Uint32Array.from(parts), 0);
        expect(id(a) < id(b)).toBe(hex(a) < hex(b));
      }),
    );
  });
});

describe('an id inside a show', () => {
  const at = fc.integer({ min: 0, max: 2 ** 45 });
  const number = fc.integer({ min: 1, max: 2 ** 35 - 1 });

  test('says its time, show and number', () => {
    fc.assert(
      fc.property(at, number, (time, n) => {
        expect(parseScopedId('tkt', scopedId('tkt', time, SHOW, n))).toEqual({ at: time, showId: SHOW, number: n });
      }),
    );
  });

  test('sorts by time, then by number', () => {
    fc.assert(
      fc.property(at, number, at, number, (timeA, a, timeB, b) => {
        const isBefore = timeA < timeB || (timeA === timeB && a < b);
        expect(scopedId('hld', timeA, SHOW, a) < scopedId('hld', timeB, SHOW, b)).toBe(isBefore);
      }),
    );
  });

  test('is refused when anything of it is wrong', () => {
    const id = scopedId('ord', 1_790_000_000_000, SHOW, 12);
    expect(parseScopedId('hld', id)).toBeNull();
    expect(parseScopedId('ord', id.slice(0, -1))).toBeNull();
    expect(parseScopedId('ord', `${id}0`)).toBeNull();
    expect(parseScopedId('ord', id.replace(/.$/, 'u'))).toBeNull();
    expect(parseScopedId('ord', id.replace(/.$/, 'é'))).toBeNull();
    expect(parseScopedId('ord', id.replace(SHOW.slice(4), `z${SHOW.slice(5)}`))).toBeNull();
  });
});
