import fc from 'fast-check';
import { type ByteMutation, byteMutations, mutatedBytes } from './byte-mutations.ts';
import { type JsonMutation, jsonMutations, mutated } from './json-mutations.ts';
import { oddNumber, oddText } from './odd-values.ts';

/** What of a right request is made wrong; nothing where it says `right`. Numbers choose among what there is. */
export interface Distortion {
  readonly body:
    | { readonly kind: 'right' | 'none' }
    | { readonly kind: 'changed'; readonly changes: readonly JsonMutation[] }
    | { readonly kind: 'broken'; readonly bytes: readonly ByteMutation[] }
    | { readonly kind: 'text'; readonly text: string };
  readonly id:
    | { readonly kind: 'right' }
    | { readonly kind: 'other'; readonly which: number }
    | { readonly kind: 'edited'; readonly at: number; readonly by: string }
    | { readonly kind: 'text'; readonly text: string };
  readonly who: { readonly kind: 'right' } | { readonly kind: 'other'; readonly which: number };
  readonly query: readonly (readonly [name: number | string, value: string])[];
  readonly headers: Readonly<Record<string, string>>;
}

const MILD = ['drop', 'swap', 'graft', 'edge'] as const;
/** Nesting that no recursion survives. */
const DEEP = 20_000;
const BODY_TEXTS = [
  '',
  'null',
  '0',
  '"text"',
  '[]',
  '{}',
  '{"a":1e999}',
  '{"__proto__":{"role":"admin"}}',
  '\ufeff{}',
  '['.repeat(DEEP) + ']'.repeat(DEEP),
  `${'{"a":'.repeat(DEEP / 10)}1${'}'.repeat(DEEP / 10)}`,
  `{"reason":"${'x'.repeat(70_000)}"}`,
];
const HEADER_NAMES = [
  ...['content-type', 'accept', 'accept-encoding', 'content-encoding', 'authorization', 'idempotency-key'],
  ...['if-none-match', 'if-modified-since', 'range', 'x-forwarded-for', 'cookie', 'expect', 'te', 'x-odd', 'host'],
];
const HEADER_TEXTS = [
  '',
  '*',
  'application/json; charset=utf-16',
  'application/json;',
  'text/html, */*;q=nonsense',
  'gzip, deflate, br;q=0, identity;q=0',
  'gzip',
  'Bearer',
  'Bearer a.b.c',
  'bearer\tx',
  'W/"1-list", "*", W/',
  'bytes=-1,5-2,9999999999999999999-',
  '100-continue',
  'x'.repeat(3_000),
];

/** Only what a header of HTTP can have; the rest is for those who send bytes. */
const NOT_IN_HEADERS = /[^\t\u0020-\u007e\u0080-\u00ff]/g;

const headerText = fc.oneof(
  fc.constantFrom(...HEADER_TEXTS),
  oddText.map((text) => text.replaceAll(NOT_IN_HEADERS, '?').slice(0, 2_000)),
);
/** Odd in a query or path, and as percent signs that stand for nothing. */
const urlText = fc.oneof(
  { weight: 4, arbitrary: oddText.map((text) => encodeURIComponent(text.toWellFormed().slice(0, 300))) },
  { weight: 2, arbitrary: oddNumber.map(String).map(encodeURIComponent) },
  { weight: 1, arbitrary: fc.constantFrom('%', '%ff', '%zz', '%00', '%c0%ae', '..', '[]', '', '+', 'a=b&c') },
);

const right = fc.constant({ kind: 'right' } as const);

/** A request as it should be. */
export const RIGHT: Distortion = {
  body: { kind: 'right' },
  id: { kind: 'right' },
  who: { kind: 'right' },
  query: [],
  headers: {},
};

/** Each part is right most of the time, so that what is wrong with one is not hidden by what is wrong with another. */
const distorted: fc.Arbitrary<Distortion> = fc.record({
  body: fc.oneof(
    { weight: 6, arbitrary: right },
    { weight: 3, arbitrary: jsonMutations(3).map((changes) => ({ kind: 'changed', changes }) as const) },
    // These leave the form as it is more often, and reach what is behind it.
    { weight: 4, arbitrary: jsonMutations(2, MILD).map((changes) => ({ kind: 'changed', changes }) as const) },
    { weight: 2, arbitrary: byteMutations(3).map((bytes) => ({ kind: 'broken', bytes }) as const) },
    { weight: 1, arbitrary: fc.constantFrom(...BODY_TEXTS).map((text) => ({ kind: 'text', text }) as const) },
    { weight: 1, arbitrary: fc.constant({ kind: 'none' } as const) },
  ),
  id: fc.oneof(
    { weight: 6, arbitrary: right },
    { weight: 1, arbitrary: fc.nat().map((which) => ({ kind: 'other', which }) as const) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('edited' as const),
        at: fc.nat(),
        by: fc.constantFrom('', '0', 'z', 'I', '-'),
      }),
    },
    { weight: 1, arbitrary: urlText.map((text) => ({ kind: 'text', text }) as const) },
  ),
  who: fc.oneof(
    { weight: 8, arbitrary: right },
    { weight: 1, arbitrary: fc.nat().map((which) => ({ kind: 'other', which }) as const) },
  ),
  query: fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(fc.tuple(fc.oneof(fc.nat(), urlText), urlText), { maxLength: 3 }) },
  ),
  headers: fc.oneof(
    { weight: 3, arbitrary: fc.constant({}) },
    {
      weight: 1,
      arbitrary: fc.dictionary(fc.constantFrom(...HEADER_NAMES), headerText, {
        minKeys: 1,
        maxKeys: 3,
        noNullPrototype: true,
      }),
    },
  ),
});

export const distortions: fc.Arbitrary<Distortion> = fc.oneof(
  { weight: 1, arbitrary: fc.constant(RIGHT) },
  { weight: 6, arbitrary: distorted },
);

/** The bytes of a body; undefined for none. */
export function distortedBody(right: unknown, body: Distortion['body']): string | Uint8Array | undefined {
  const text = right === undefined ? '{}' : JSON.stringify(right);
  switch (body.kind) {
    case 'right':
      return right === undefined ? undefined : text;
    case 'none':
      return undefined;
    case 'changed':
      return JSON.stringify(mutated(right ?? {}, body.changes)) ?? '';
    case 'broken':
      return mutatedBytes(Buffer.from(text), body.bytes, Buffer.from(text));
    case 'text':
      return body.text;
  }
}

/** The id as it stands in the path. */
export function distortedId(right: string, all: readonly string[], id: Distortion['id']): string {
  switch (id.kind) {
    case 'right':
      return right;
    case 'other':
      return all[id.which % all.length];
    case 'edited': {
      const at = id.at % right.length;
      return right.slice(0, at) + id.by + right.slice(at + 1);
    }
    case 'text':
      return id.text;
  }
}
