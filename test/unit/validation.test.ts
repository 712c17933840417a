import Type from 'typebox';
import { describe, expect, test } from 'vitest';
import { RefusedError } from '../../src/errors.ts';
import { eachOnce, line, strict } from '../../src/http/schemas.ts';
import { validatorCompiler } from '../../src/http/validation.ts';

/** Quadratic time would be a hundred times as long. */
const HANG_MS = 20_000;

/** What a body of this form is refused with; null if it is taken. */
function faultsIn(schema: Type.TSchema): (body: unknown) => readonly unknown[] | null {
  const validate = validatorCompiler({ schema, httpPart: 'body' } as Parameters<typeof validatorCompiler>[0]);
  return (body) => {
    const answer: unknown = validate(body);
    if (answer === true) return null;
    const { error } = answer as { error: unknown };
    if (!(error instanceof RefusedError)) throw error;
    return error.refusal.errors ?? [];
  };
}

describe('a list without repeats', () => {
  const faults = faultsIn(strict({ ids: eachOnce(line(1, 9), { minItems: 1, maxItems: 3 }) }));

  test('is taken with each only once, and refused with the same twice, where it stands', () => {
    expect(faults({ ids: ['a', 'b', 'c'] })).toBeNull();
    expect(faults({ ids: ['a', 'b', 'a'] })).toEqual([{ pointer: '/ids', detail: 'must have each only once' }]);
    expect(faults({ ids: [] })).toHaveLength(1);
    expect(faults({ ids: 'aa' })).toHaveLength(1);
  });

  test('is refused at once however long it is', { timeout: HANG_MS }, () => {
    expect(faults({ ids: new Array(100_000).fill('a') })).toEqual([
      { pointer: '/ids', detail: 'must not have more than 3 items' },
    ]);
    for (const item of [1, null, {}]) expect(faults({ ids: new Array(100_000).fill(item) })).not.toEqual([]);
  });

  test('is not to be described in the words that take quadratic time', () => {
    expect(() => faultsIn(Type.Array(Type.String(), { uniqueItems: true }))).toThrow('eachOnce');
  });
});
