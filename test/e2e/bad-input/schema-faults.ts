/*
 * Reads the JSON schemas that the server publishes, and makes values that they do not admit. The reader is written here
 * rather than borrowed from the server's validator, so that a fault of one is not a fault of both.
 */

export interface Schema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean;
  readonly maxProperties?: number;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
}

type Members = Readonly<Record<string, unknown>>;

const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i;

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a schema admits a value. When unsure it says yes, so that nothing good is ever taken for a fault. */
export function admits(schema: Schema, value: unknown): boolean {
  if (schema.anyOf !== undefined) return schema.anyOf.some((branch) => admits(branch, value));
  if (schema.enum !== undefined) return schema.enum.includes(value);
  if (schema.const !== undefined) return schema.const === value;
  switch (schema.type) {
    case 'null':
      return value === null;
    case 'boolean':
      return typeof value === 'boolean';
    case 'integer':
    case 'number':
      return admitsNumber(schema, value);
    case 'string':
      return typeof value === 'string' && admitsText(schema, value);
    case 'array':
      return Array.isArray(value) && admitsItems(schema, value);
    case 'object':
      return isMembers(value) && admitsMembers(schema, value);
    default:
      return true;
  }
}

function admitsNumber(schema: Schema, value: unknown): boolean {
  if (typeof value !== 'number' || !Number.isFinite(value)) return false;
  if (schema.type === 'integer' && !Number.isInteger(value)) return false;
  return value >= (schema.minimum ?? -Infinity) && value <= (schema.maximum ?? Infinity);
}

function admitsText(schema: Schema, value: string): boolean {
  // Lengths are of characters; whether those are code units or code points is not ours to settle here.
  if ([...value].length > (schema.maxLength ?? Infinity) || value.length < (schema.minLength ?? 0)) return false;
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, 'u').test(value)) return false;
  return schema.format !== 'date-time' || DATE_TIME.test(value);
}

function admitsItems(schema: Schema, value: readonly unknown[]): boolean {
  if (value.length < (schema.minItems ?? 0) || value.length > (schema.maxItems ?? Infinity)) return false;
  if (schema.uniqueItems && new Set(value.map((item) => JSON.stringify(item))).size < value.length) return false;
  const { items } = schema;
  return items === undefined || value.every((item) => admits(items, item));
}

function admitsMembers(schema: Schema, value: Members): boolean {
  const names = Object.keys(value);
  if (names.length > (schema.maxProperties ?? Infinity)) return false;
  if ((schema.required ?? []).some((name) => !Object.hasOwn(value, name))) return false;
  return names.every((name) => {
    const known = Object.hasOwn(schema.properties ?? {}, name) ? schema.properties?.[name] : undefined;
    if (known !== undefined) return admits(known, value[name]);
    const patterned = Object.values(schema.patternProperties ?? {});
    if (patterned.length > 0) return patterned.some((member) => admits(member, value[name]));
    return schema.additionalProperties !== false;
  });
}

/** A place in a good body, the schema of what stands there, and the body with something else there. */
export interface Place {
  /** A JSON pointer. */
  readonly pointer: string;
  readonly schema: Schema;
  with(value: unknown): unknown;
}

/** Every place in a good body that the schema says something about. Members that are absent have a place too. */
export function placesIn(schema: Schema, body: unknown): Place[] {
  const found: Place[] = [];
  const walk = (node: Schema, value: unknown, pointer: string, put: (value: unknown) => unknown): void => {
    found.push({ pointer, schema: node, with: put });
    const inner = node.anyOf?.find((branch) => branch.type === 'object') ?? node;
    if (inner.items !== undefined && Array.isArray(value) && value.length > 0) {
      walk(inner.items, value[0], `${pointer}/0`, (item) => put([item, ...value.slice(1)]));
    }
    if (!isMembers(value)) return;
    for (const [name, member] of Object.entries(inner.properties ?? {})) {
      walk(member, value[name], `${pointer}/${name}`, (item) => put({ ...value, [name]: item }));
    }
    const [patterned] = Object.values(inner.patternProperties ?? {});
    const [first] = Object.keys(value);
    if (patterned !== undefined && first !== undefined) {
      walk(patterned, value[first], `${pointer}/${first}`, (item) => put({ ...value, [first]: item }));
    }
  };
  walk(schema, body, '', (value) => value);
  return found;
}

function nested(depth: number): unknown {
  let value: unknown = 'deep';
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value };
  return value;
}

/** All kinds of values; most are wrong anywhere. */
const ODDITIES: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  2 ** 31,
  2 ** 53,
  -(2 ** 63),
  1e300,
  '',
  ' ',
  '0',
  '1e3',
  'NaN',
  'null',
  '[object Object]',
  'nul\u0000inside',
  'line\nbreak\u001b[31m',
  "'; drop table usher_user; --",
  '2026-13-45T99:99:99Z',
  'x'.repeat(30_000),
  '🎭'.repeat(5_000),
  [],
  [null],
  [[]],
  {},
  { length: 1 },
  new Array(20_000).fill(0),
  nested(2_000),
];

/** Values that stand at the edges of what a schema admits, on both sides. */
function edges(schema: Schema): unknown[] {
  const values: unknown[] = [];
  if (schema.maximum !== undefined) values.push(schema.maximum + 1);
  if (schema.minimum !== undefined) values.push(schema.minimum - 1);
  if (schema.maxLength !== undefined && schema.maxLength < 50_000) values.push('x'.repeat(schema.maxLength + 1));
  if (schema.minLength !== undefined && schema.minLength > 0) values.push('x'.repeat(schema.minLength - 1));
  if (schema.maxItems !== undefined) {
    values.push(Array.from({ length: schema.maxItems + 1 }, (_, i) => `item ${i}`));
  }
  return values;
}

/** Values that the schema does not admit. */
export function wrongValues(schema: Schema): unknown[] {
  return [...ODDITIES, ...edges(schema)].filter((value) => !admits(schema, value));
}

/** Good bodies with one required member taken away each. */
export function withoutEach(schema: Schema, body: unknown): { pointer: string; body: unknown }[] {
  return placesIn(schema, body).flatMap((place) => {
    const value = valueAt(body, place.pointer);
    if (!isMembers(value)) return [];
    return (place.schema.required ?? []).map((name) => {
      const { [name]: _taken, ...rest } = value;
      return { pointer: `${place.pointer}/${name}`, body: place.with(rest) };
    });
  });
}

/** Good bodies with a member added to each closed object. */
export function withOneMore(schema: Schema, body: unknown): { pointer: string; body: unknown }[] {
  const names = ['unexpected', 'id', 'toString', 'a/b~c'];
  return placesIn(schema, body).flatMap((place) => {
    const value = valueAt(body, place.pointer);
    if (!isMembers(value) || place.schema.additionalProperties !== false) return [];
    return names.map((name) => ({
      pointer: `${place.pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`,
      body: place.with({ ...value, [name]: 1 }),
    }));
  });
}

function valueAt(body: unknown, pointer: string): unknown {
  let value = body;
  for (const name of pointer.split('/').slice(1)) value = (value as Members | undefined)?.[name];
  return value;
}
