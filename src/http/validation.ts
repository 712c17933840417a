import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import type { TLocalizedValidationError } from 'typebox/error';
import { type Fault, pointerTo, RefusedError } from '../errors.ts';

/** How a pointer begins, by the part of the request it points into. */
const POINTER_ROOT: Readonly<Record<string, string>> = {
  body: '',
  querystring: '#/query',
  params: '#/params',
  headers: '#/headers',
};

const INTEGER = /^-?\d{1,15}$/;

/** Names of the query parameters that are numbers: all a query has is text. */
function integersOf(schema: TSchema): string[] {
  const properties = (schema as { properties?: Record<string, { type?: string }> }).properties ?? {};
  return Object.keys(properties).filter((name) => properties[name].type === 'integer');
}

/** What TypeBox found, as faults: one for each place that must be mended, in words for a person. */
function faultsOf(errors: readonly TLocalizedValidationError[], root: string): Fault[] {
  const faults: Fault[] = [];
  for (const error of errors) {
    const pointer = root + error.instancePath;
    // The branches of a choice are summed up by the fault of the choice itself.
    if (/\/(anyOf|oneOf)\/\d+/.test(error.schemaPath)) continue;
    switch (error.keyword) {
      case 'required':
        for (const name of error.params.requiredProperties) {
          faults.push({ pointer: `${pointer}${pointerTo(name)}`, detail: 'is required' });
        }
        break;
      case 'additionalProperties':
        for (const name of error.params.additionalProperties) {
          faults.push({ pointer: `${pointer}${pointerTo(name)}`, detail: 'is not known here' });
        }
        break;
      case 'boolean':
        // Said by additionalProperties, with the name.
        break;
      case 'enum':
        faults.push({ pointer, detail: `must be one of ${error.params.allowedValues.join(', ')}` });
        break;
      case 'pattern':
        faults.push({ pointer, detail: 'has characters that are not allowed here' });
        break;
      default:
        faults.push({ pointer, detail: error.message });
    }
  }
  // TypeBox stops after a few errors: there may be branches of a choice and nothing else.
  if (faults.length === 0) {
    const places = errors.map((error) => error.instancePath).sort((a, b) => a.length - b.length);
    faults.push({ pointer: root + (places[0] ?? ''), detail: 'has none of the forms that it may have' });
  }
  return faults;
}

/**
 * Compiles request schemas with TypeBox. Bodies are taken as they are; in queries the text of an integer becomes one.
 * A fault leaves as `BODY_INVALID` with a pointer for each place. Takes time in proportion to what was sent.
 */
export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  if (JSON.stringify(schema).includes('"uniqueItems"')) throw new Error('uniqueItems is too slow: see eachOnce');
  const validator = Compile(schema);
  const part = httpPart ?? 'body';
  const root = POINTER_ROOT[part] ?? '';
  const integers = part === 'querystring' ? integersOf(schema) : [];

  const invalid = (value: unknown) => {
    const errors = faultsOf(validator.Errors(value), root);
    return { error: new RefusedError({ code: 'BODY_INVALID', detail: 'Mend what `errors` points at.', errors }) };
  };

  if (integers.length === 0) return (value: unknown) => (validator.Check(value) ? true : invalid(value));
  return (value: unknown) => {
    const query: Record<string, unknown> = { ...(value as Record<string, unknown>) };
    for (const name of integers) {
      const text = query[name];
      if (typeof text === 'string' && INTEGER.test(text)) query[name] = Number(text);
    }
    return validator.Check(query) ? { value: query } : invalid(query);
  };
};
