import Type, { type TSchema } from 'typebox';
import { CATALOGUE, type ErrorCode } from '../errors.ts';
import { PROBLEM_TYPE } from './problem.ts';

/** The largest amount of money, in minor units, that a price may have: it fits 32 bits. */
export const AMOUNT_MAX = 4_000_000_000;
export const LIMIT_DEFAULT = 30;
export const LIMIT_MAX = 100;
/** Beyond this a client should filter, not page. */
export const OFFSET_MAX = 100_000;

/** An object that refuses members it does not know. For requests. */
export function strict<P extends Record<string, TSchema>>(properties: P) {
  return Type.Object(properties, { additionalProperties: false });
}

/** Text on one line, without control characters and halves of characters (PostgreSQL cannot store either). */
export function line(minLength: number, maxLength: number, description?: string) {
  const options = { minLength, maxLength, pattern: '^[^\\u0000-\\u001f\\u007f\\ud800-\\udfff]*$' };
  return Type.String(description === undefined ? options : { ...options, description });
}

/** Text of several lines. */
export function prose(maxLength: number) {
  return Type.String({
    maxLength,
    pattern: '^[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f\\ud800-\\udfff]*$',
  });
}

/** Of a list that {@link eachOnce} made. `/openapi.json` says `uniqueItems` for it. */
export const EACH_ONCE = 'x-each-once';

/**
 * A list of texts without repeats. With `uniqueItems` TypeBox would take quadratic time to name what is repeated, also in a
 * list that is far too long: 64 KB of `1,1,1,…` for a quarter of a minute. `validatorCompiler` refuses that keyword.
 */
export function eachOnce<T extends TSchema>(
  items: T,
  limits: { readonly minItems?: number; readonly maxItems: number },
) {
  const list = Type.Array(items, { ...limits, [EACH_ONCE]: true });
  return Type.Refine(
    list,
    (value) => new Set<unknown>(value).size === value.length,
    () => 'must have each only once',
  );
}

/** RFC 3339, as requests write it: any offset. */
export const Time = Type.String({ format: 'date-time', maxLength: 40 });
/** RFC 3339 in UTC, as answers write it. */
export const TimeOut = Type.String({ format: 'date-time' });
export const Currency = Type.String({ pattern: '^[A-Z]{3}$', description: 'ISO 4217, such as EUR' });
export const Amount = Type.Integer({ minimum: 0, maximum: AMOUNT_MAX, description: 'Minor units, such as cents' });
export const MoneySchema = Type.Object({ amount: Type.Integer(), currency: Type.String() });
/** Any text that can stand for an id in a path: what is not one of ours is simply not found. */
export const PathId = strict({ id: Type.String({ maxLength: 200 }) });

export const Page = {
  offset: Type.Optional(Type.Integer({ minimum: 0, maximum: OFFSET_MAX, default: 0 })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIMIT_MAX, default: LIMIT_DEFAULT })),
};

/** The answer of every list. */
export function listOf<T extends TSchema>(item: T) {
  return Type.Object({ items: Type.Array(item), total: Type.Integer(), offset: Type.Integer(), limit: Type.Integer() });
}

export const FaultSchema = Type.Object({
  pointer: Type.String({
    description: 'A JSON Pointer into the body; `#/query/…`, `#/params/…` or `#/headers/…` for the rest',
  }),
  detail: Type.String(),
});

export const ProblemSchema = Type.Object(
  {
    type: Type.String({ format: 'uri-reference' }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    code: Type.String(),
    requestId: Type.String(),
    errors: Type.Optional(Type.Array(FaultSchema)),
  },
  { additionalProperties: true, title: 'Problem', description: 'RFC 9457' },
);

interface ProblemResponse {
  readonly description: string;
  readonly content: Record<string, { readonly schema: typeof ProblemSchema }>;
}

/** The `response` entries for the codes that a route answers with, one a status; `default` stands for all others. */
export function problems(...codes: readonly ErrorCode[]): Record<string, ProblemResponse> {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codes) {
    const status = CATALOGUE[code][0];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const content = { [PROBLEM_TYPE]: { schema: ProblemSchema } };
  const responses: Record<string, ProblemResponse> = {
    default: { description: 'Any other problem, such as BODY_INVALID, OVERLOADED or INTERNAL', content },
  };
  for (const [status, list] of byStatus) responses[status] = { description: list.join(', '), content };
  return responses;
}

/** The `security` of routes that need a token. */
export const BEARER = [{ bearer: [] }];
/** Of routes that answer without one too. */
export const OPTIONAL_BEARER = [{ bearer: [] }, {}];
