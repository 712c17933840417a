import { describe, expect, test } from 'vitest';
import { excessIn } from '../../src/http/json-shape.ts';
import { JSON_CONTAINERS_MAX, JSON_DEPTH_MAX, JSON_NAMES_MAX, JSON_VALUES_MAX } from '../../src/http/limits.ts';

const of = (text: string): string | null => excessIn(Buffer.from(text));
const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;
const named = (names: number): string =>
  `{${Array.from({ length: names }, (_, i) => `"n${i}":[{"again":1}]`).join(', ')}}`;

describe('a large body is refused that is', () => {
  test.each<[string, string, string, RegExp]>([
    ['nested too deeply', nested(JSON_DEPTH_MAX), nested(JSON_DEPTH_MAX + 1), /nested more than 32 levels/],
    [
      'of too many objects and arrays',
      `[${'{},'.repeat(JSON_CONTAINERS_MAX - 2)}[]]`,
      `[${'{},'.repeat(JSON_CONTAINERS_MAX - 1)}[]]`,
      /2000000 objects and arrays/,
    ],
    ['of too many values', `[${'1,'.repeat(JSON_VALUES_MAX)}1]`, `[${'1,'.repeat(JSON_VALUES_MAX + 1)}1]`, /values/],
    ['of too many names', named(JSON_NAMES_MAX - 1), named(JSON_NAMES_MAX), /1000 different names/],
  ])('%s, and taken when it just is not', (_, most, more, message) => {
    expect(of(most)).toBeNull();
    expect(of(more)).toMatch(message);
  });
});

test('what stands in texts is not counted', () => {
  expect(
    of(JSON.stringify({ text: nested(99), '[[[["': '\\', ['\\"'.repeat(40)]: `${':,{'.repeat(2_000)}"\\` })),
  ).toBeNull();
});

test('what is no JSON is left to the parser', () => {
  for (const text of ['', ']]]]', '"', '"\\', '{"a', ':::,,,', '}{']) expect(of(text)).toBeNull();
});
