import fc from 'fast-check';

/** Texts that are mistaken for something else, cut in two, or are more than anybody has room for. */
const ODD_TEXTS: readonly string[] = [
  '',
  ' ',
  '\u0000',
  'nul\u0000inside',
  '\ud800',
  'low\udc00first',
  '\ufeffmark',
  '\u202eright to left',
  'e\u0301\u0301\u0301',
  'İ',
  'line\r\nbreak\u001b[31m',
  '__proto__',
  'constructor',
  'toString',
  'null',
  'NaN',
  '-0',
  '1e999',
  '٣',
  '%00',
  '../../etc/passwd',
  "'; drop table show; --",
  '9'.repeat(30),
  'x'.repeat(300),
  '座'.repeat(3_000),
  '2026-02-30T25:61:61Z',
  '+275760-09-13T00:00:00Z',
];

/** Numbers at the edges of how numbers are kept: 8, 16, 31, 32, 53 and 64 bits, and those that JSON cannot say. */
const ODD_NUMBERS: readonly number[] = [
  0,
  -0,
  -1,
  0.1,
  1.5,
  255,
  256,
  65_535,
  65_536,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  Number.MAX_SAFE_INTEGER,
  2 ** 53,
  -(2 ** 63),
  2 ** 64,
  5e-324,
  1e-7,
  1e21,
  1.7976931348623157e308,
  Number.POSITIVE_INFINITY,
  Number.NaN,
];

/** Lists within lists; written as text, so that nothing here has to walk it. */
function nested(depth: number): unknown {
  return JSON.parse('['.repeat(depth) + ']'.repeat(depth));
}

export const oddText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...ODD_TEXTS),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.string({ unit: 'grapheme', maxLength: 8 }),
);

export const oddNumber: fc.Arbitrary<number> = fc.oneof(
  fc.constantFrom(...ODD_NUMBERS),
  fc.integer(),
  fc.double({ noNaN: true }),
);

/** Any value that JSON can say, and some that it says otherwise; most are wrong wherever they stand. */
export const oddValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: oddText },
  { weight: 4, arbitrary: oddNumber },
  { weight: 2, arbitrary: fc.constantFrom<unknown>(null, true, false, [], {}, [null], [[]], { length: 1 }) },
  { weight: 2, arbitrary: fc.jsonValue({ maxDepth: 2 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('list', 'deep').map((kind) => (kind === 'list' ? new Array(2_000).fill(0) : nested(64))),
  },
);
