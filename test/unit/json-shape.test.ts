import { describe, expect, test } from 'vitest';
import { excessIn } from '../../src/http/json-shape.ts';
import {
  JSON_CONTAINERS_MAX,
  JSON_DEPTH_MAX,
  JSON_FORMS_MAX,
  JSON_NAMES_MAX,
  JSON_VALUES_MAX,
} from '../../src/http/limits.ts';

const of = (text: string): string | null => excessIn(Buffer.from(text), 0x5eed);
const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;
const named = (names: number): string =>
  `{${Array.from({ length: names }, (_, i) => `"n${i}":[{"again":1}]`).join(', ')}}`;

/** Each with other members than the others: as many as the bits of its number. */
const formed = (forms: number): string =>
  `[${Array.from({ length: forms }, (_, i) => `{${[...Array(11).keys()].filter((bit) => (i >> bit) & 1).map((bit) => `"${bit}":0`)}}`)}]`;
/** Objects of two letters each, told in one order and in the other. */
const ordered = (pairs: number): string =>
  `[${Array.from({ length: pairs }, (_, i) => `{"${i}":0,"x":0},{"x":0,"${i}":0}`)}]`;
/** Names that differ in what is escaped only. */
const escaped = (names: number): string =>
  `{${Array.from({ length: names }, (_, i) => `"${[...Array(14).keys()].map((bit) => ((i >> bit) & 1 ? '\\n' : 'n')).join('')}":0`)}}`;

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
    ['of too many forms of objects', formed(JSON_FORMS_MAX), formed(JSON_FORMS_MAX + 1), /more than 1000 forms/],
    ['of too many orders', ordered(JSON_FORMS_MAX / 2), ordered(JSON_FORMS_MAX / 2 + 1), /more than 1000 forms/],
    ['of too many escaped names', escaped(JSON_NAMES_MAX), escaped(JSON_NAMES_MAX + 1), /different names/],
    ['of too many names', named(JSON_NAMES_MAX - 1), named(JSON_NAMES_MAX), /10000 different names/],
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
