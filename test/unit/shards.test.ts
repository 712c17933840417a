import { describe, expect, test } from 'vitest';
import { SHARDS, shardOf } from '../../src/cluster/shards.ts';
import { newId } from '../../src/ids.ts';

const GOLDEN: readonly (readonly [string, number])[] = [
  ['shw_00000000000000000000000000', 620],
  ['shw_00000000000000000000000001', 480],
  ['shw_7zzzzzzzzzzzzzzzzzzzzzzzzz', 736],
  ['shw_01k9x4t3vmf0q8r2c5ne6w7hjd', 903],
  ['shw_01k9x4t3vmf0q8r2c5ne6w7hje', 793],
  ['shw_01jzzzzzzzzzzzzzzzzzzzzzzz', 154],
  ['shw_01k00000000000000000000000', 371],
  ['shw_0123456789abcdefghjkmnpqrs', 577],
];

/** UUIDv7s of shows that are created one after another, all random bits counted up: the worst case for a weak hash. */
function sequentialIds(count: number): string[] {
  return Array.from({ length: count }, (_, n) => {
    const hex =
      (0x0198_0000_0000n + BigInt(n)).toString(16).padStart(12, '0') +
      '7000' +
      '8000' +
      n.toString(16).padStart(12, '0');
    return newId('shw', { uuidv7: () => hex, bytes: (size) => new Uint8Array(size) });
  });
}

describe('the shard of a show', () => {
  // Changing any of these gives existing shows a second owner.
  test.each(GOLDEN)('of %s is %i for ever', (showId, shard) => {
    expect(shardOf(showId)).toBe(shard);
  });

  test('is one of the shards, and all are used alike', () => {
    const shows = 200_000;
    const counts = new Array<number>(SHARDS).fill(0);
    for (const id of sequentialIds(shows)) counts[shardOf(id)]++;
    expect(counts).toHaveLength(SHARDS);
    const mean = shows / SHARDS;
    // Chance alone spreads a shard's count by √mean ≈ 7 %; of 1,024 shards the fullest lies about 3.2 such steps up.
    expect(Math.max(...counts) / mean).toBeLessThan(1.35);
    expect(Math.min(...counts) / mean).toBeGreaterThan(0.65);
    const chiSquared = counts.reduce((sum, count) => sum + (count - mean) ** 2 / mean, 0);
    // 1,023 degrees of freedom: mean 1,023, standard deviation 45.
    expect(chiSquared).toBeLessThan(1_023 + 5 * 45);
  });
});
