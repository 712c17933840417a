import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { FIRST_PREV_HASH, type HashedRow, rowHash } from '../../src/journal/row-hash.ts';

const ROW: HashedRow = {
  showId: 'shw_01k9x4t3vmf0q8r2c5ne6w7hjd',
  seq: 12,
  epoch: 3,
  at: 1_790_000_000_000,
  wakeAt: 1_790_000_660_000,
  events: '[{"type":"released","hold":1}]',
  prevHash: FIRST_PREV_HASH,
};

describe('the hash of a row', () => {
  test('is the SHA-256 of its fields, a line each', () => {
    const text = `usher 1\n${FIRST_PREV_HASH}\n${ROW.showId}\n12\n3\n1790000000000\n1790000660000\n${ROW.events}`;
    expect(rowHash(ROW)).toBe(createHash('sha256').update(text, 'utf8').digest('hex'));
  });

  test.each([
    { showId: 'shw_01k9x4t3vmf0q8r2c5ne6w7hje' },
    { seq: 123 },
    { epoch: 31 },
    { at: 1_790_000_000_001 },
    { wakeAt: null },
    { wakeAt: 0 },
    { events: '[{"type":"released","hold":2}]' },
    { events: '[{"type":"released", "hold":1}]' },
    { prevHash: `${'0'.repeat(63)}1` },
  ] satisfies Partial<HashedRow>[])('changes with %o', (change) => {
    expect(rowHash({ ...ROW, ...change })).not.toBe(rowHash(ROW));
  });

  test('does not confuse neighbouring fields', () => {
    expect(rowHash({ ...ROW, seq: 1, epoch: 23 })).not.toBe(rowHash({ ...ROW, seq: 12, epoch: 3 }));
    expect(rowHash({ ...ROW, wakeAt: null, events: '-' })).not.toBe(rowHash({ ...ROW, wakeAt: null, events: '' }));
  });
});
