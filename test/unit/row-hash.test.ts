import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { FORMAT, FormatUnknown } from '../../src/formats.ts';
import { FIRST_PREV_HASH, type HashedRow, rowHash } from '../../src/journal/row-hash.ts';

const FIRST: HashedRow = {
  format: 1,
  showId: 'shw_01k9x4t3vmf0q8r2c5ne6w7hjd',
  seq: 12,
  epoch: 3,
  at: 1_790_000_000_000,
  wakeAt: 1_790_000_660_000,
  writer: null,
  events: '[{"type":"released","hold":1}]',
  prevHash: FIRST_PREV_HASH,
};
const SECOND: HashedRow = { ...FIRST, format: 2, writer: 'nod_01998f3e-5a3c-7c3d-9b1e-0123456789ab' };

const FIELDS = `${FIRST_PREV_HASH}\n${FIRST.showId}\n12\n3\n1790000000000\n1790000660000`;

describe('the hash of a row', () => {
  test.each([
    ['1', FIRST, `usher 1\n${FIELDS}\n${FIRST.events}`],
    ['2', SECOND, `usher 2\n${FIELDS}\n${SECOND.writer}\n${SECOND.events}`],
  ])('in format %s is the SHA-256 of its fields, a line each', (_, row, text) => {
    expect(rowHash(row)).toBe(createHash('sha256').update(text, 'utf8').digest('hex'));
  });

  // Rows that are in journals hash to this; whatever changes it makes every journal look forged.
  test.each([
    ['1', FIRST, '5047c59c6ccdeac6bfd016c97f4660a5c8aed71336d7cc7ddf48b7da09c35e28'],
    [
      '1, with nothing pending',
      { ...FIRST, wakeAt: null },
      'a2fbcd5fa37dde7e937a7b70ca3ab7c26003b1226febac062b0df1260b89d195',
    ],
    ['2', SECOND, 'e061dd1ccbfd7dd70745b8aeae3688f40b8edad6020f7f1c92cb8f6ba9de5036'],
    [
      '2, with nothing pending',
      { ...SECOND, wakeAt: null },
      '5da24ac42f2c7856ef0aa02373fcd08eef9a6e3227b8624c43a30cdcb9126355',
    ],
  ])('in format %s never changes', (_, row, golden) => {
    expect(rowHash(row)).toBe(golden);
  });

  test.each([0, FORMAT.newest + 1, 9])('is refused by name for format %i, which is not known', (format) => {
    const refusal = `a row of the journal has format ${format}; this version knows formats 1 to ${FORMAT.newest}`;
    expect(() => rowHash({ ...SECOND, format })).toThrow(FormatUnknown);
    expect(() => rowHash({ ...SECOND, format })).toThrow(refusal);
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
    for (const row of [FIRST, SECOND]) expect(rowHash({ ...row, ...change })).not.toBe(rowHash(row));
  });

  test('changes with the form, and in format 2 with the writer', () => {
    expect(rowHash({ ...SECOND, format: 1 })).not.toBe(rowHash(SECOND));
    expect(rowHash({ ...SECOND, writer: 'nod_another' })).not.toBe(rowHash(SECOND));
    expect(rowHash({ ...SECOND, writer: null })).not.toBe(rowHash(SECOND));
  });

  test('does not confuse neighbouring fields', () => {
    expect(rowHash({ ...FIRST, seq: 1, epoch: 23 })).not.toBe(rowHash({ ...FIRST, seq: 12, epoch: 3 }));
    expect(rowHash({ ...FIRST, wakeAt: null, events: '-' })).not.toBe(rowHash({ ...FIRST, wakeAt: null, events: '' }));
  });
});
