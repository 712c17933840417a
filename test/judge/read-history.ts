import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type { TSchema } from 'typebox';
import { Compile, type Validator } from 'typebox/compile';
import type { HistoryLine } from './history.ts';
import { HistoryFault, type Judge } from './judge.ts';
import { type CheckedLine, EVENTS, OPERATIONS, OTHERS } from './line-schemas.ts';

/** JSON lines as text: read, checked and added to a judge. */

const compiled = (schemas: Readonly<Record<string, TSchema>>): ReadonlyMap<string, Validator> =>
  new Map(Object.entries(schemas).map(([name, schema]) => [name, Compile(schema)]));

const operations = compiled(OPERATIONS);
const events = compiled(EVENTS);
const others = compiled(OTHERS);

/**
 * One line as an object of a history.
 * @param n its number, from 1.
 * @throws HistoryFault that says what is wrong with it.
 */
export function parseLine(text: string, n: number): HistoryLine {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new HistoryFault(n, `is not JSON: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new HistoryFault(n, 'is not an object');
  if ('op' in value) {
    check(value, validatorOf(operations, 'op', value.op, n), '', n);
  } else {
    const kind = others.keys().find((name) => name in value);
    if (kind === undefined)
      throw new HistoryFault(n, `has none of the fields that tell its kind: op, ${[...others.keys()].join(', ')}`);
    check(value, validatorOf(others, 'kind', kind, n), '', n);
    if (kind === 'row') {
      for (const [i, event] of (value as { events: { event: string }[] }).events.entries())
        check(event, validatorOf(events, 'event', event.event, n), `/events/${i}`, n);
    }
  }
  const line: HistoryLine = value as CheckedLine;
  return line;
}

function validatorOf(validators: ReadonlyMap<string, Validator>, what: string, name: unknown, n: number): Validator {
  const validator = typeof name === 'string' ? validators.get(name) : undefined;
  if (validator !== undefined) return validator;
  throw new HistoryFault(n, `has the ${what} ${JSON.stringify(name)}; there are ${[...validators.keys()].join(', ')}`);
}

function check(value: unknown, validator: Validator, path: string, n: number): void {
  if (validator.Check(value)) return;
  const [fault] = validator.Errors(value);
  const { params } = fault as { params?: { requiredProperties?: string[]; additionalProperties?: string[] } };
  const fields = params?.requiredProperties ?? params?.additionalProperties ?? [];
  throw new HistoryFault(n, `${path}${fault.instancePath} ${fault.message} ${fields.join(', ')}`.trim());
}

/** Adds all lines of a text to the judge. Rejects with a HistoryFault at the first that cannot be judged. */
export async function readHistory(input: Readable, judge: Judge): Promise<void> {
  const decoder = new StringDecoder('utf8');
  const add = (text: string): void => judge.add(parseLine(text, judge.lines + 1));
  let rest = '';
  for await (const chunk of input) {
    const text = rest + (typeof chunk === 'string' ? chunk : decoder.write(chunk as Buffer));
    let begin = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', begin)) {
      add(text.slice(begin, end));
      begin = end + 1;
    }
    rest = text.slice(begin);
  }
  rest += decoder.end();
  if (rest !== '') add(rest);
}
