import fc from 'fast-check';
import { oddText, oddValue } from './odd-values.ts';

const KINDS = ['drop', 'repeat', 'swap', 'graft', 'replace', 'retype', 'edge', 'nest', 'rename', 'add'] as const;

/** One change of a document. Numbers choose a place among those that there are, whatever the document has become by then. */
export interface JsonMutation {
  readonly kind: (typeof KINDS)[number];
  readonly where: number;
  readonly other: number;
  /** Shared by many: it is copied into the document. */
  readonly value: unknown;
  readonly name: string;
}

type Owner = Record<string, unknown> | unknown[];
type Place = readonly [owner: Owner, key: string];

/** Changes that most often leave a document readable, so that what is behind the first check is reached as well. */
export function jsonMutations(
  most: number,
  kinds: readonly JsonMutation['kind'][] = KINDS,
): fc.Arbitrary<JsonMutation[]> {
  const one = fc.record({
    kind: fc.constantFrom(...kinds),
    where: fc.nat(),
    other: fc.nat(),
    value: oddValue,
    name: oddText,
  });
  return fc.array(one, { minLength: 1, maxLength: most });
}

/**
 * A copy of a JSON document with these changes, one after the other.
 * @param names of the members that are changed; any if absent
 */
export function mutated(
  document: unknown,
  mutations: readonly JsonMutation[],
  names: ReadonlySet<string> | null = null,
): unknown {
  const box = { document: structuredClone(document) };
  for (const mutation of mutations) {
    const all = placesIn(box);
    const places = names === null ? all : all.filter(([, key]) => names.has(key));
    if (places.length === 0) break;
    const place = places[mutation.where % places.length];
    mutate(place, places[mutation.other % places.length], mutation);
  }
  return box.document;
}

/** Every place below the box, as what it is in and its key; deepest nesting is passed over. */
function placesIn(box: Owner): Place[] {
  const places: Place[] = [];
  const open: { owner: Owner; depth: number }[] = [{ owner: box, depth: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { owner, depth } = next;
    for (const key of Object.keys(owner)) {
      places.push([owner, key]);
      const value = (owner as Record<string, unknown>)[key];
      if (typeof value === 'object' && value !== null && depth < 40)
        open.push({ owner: value as Owner, depth: depth + 1 });
    }
  }
  return places;
}

function mutate([owner, key]: Place, [otherOwner, otherKey]: Place, { kind, value, name, other }: JsonMutation): void {
  const at = owner as Record<string, unknown>;
  const there = otherOwner as Record<string, unknown>;
  switch (kind) {
    case 'drop':
      if (Array.isArray(owner)) owner.splice(Number(key), 1);
      else delete at[key];
      return;
    case 'repeat':
      if (Array.isArray(owner)) owner.splice(Number(key), 0, structuredClone(owner[Number(key)]));
      else set(at, `${key}${key}`, structuredClone(at[key]));
      return;
    case 'swap': {
      // What is within the other would be within itself.
      const [mine, theirs] = [structuredClone(at[key]), structuredClone(there[otherKey])];
      at[key] = theirs;
      there[otherKey] = mine;
      return;
    }
    case 'graft':
      at[key] = structuredClone(there[otherKey]);
      return;
    case 'replace':
      at[key] = structuredClone(value);
      return;
    case 'retype':
      at[key] = retyped(at[key], other);
      return;
    case 'edge':
      at[key] = atEdge(at[key], other);
      return;
    case 'nest':
      at[key] = other % 2 === 0 ? [at[key]] : { [key]: at[key] };
      return;
    case 'rename':
      if (Array.isArray(owner)) return;
      set(at, name, at[key]);
      if (name !== key) delete at[key];
      return;
    case 'add':
      if (Array.isArray(owner)) owner.push(structuredClone(value));
      else set(at, name, structuredClone(value));
  }
}

/** Also of members that an assignment would take for the prototype. */
function set(owner: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(owner, name, { value, enumerable: true, configurable: true, writable: true });
}

/** The same said in another type. */
function retyped(value: unknown, choice: number): unknown {
  if (typeof value === 'number') return choice % 2 === 0 ? String(value) : value !== 0;
  if (typeof value === 'string') return choice % 2 === 0 ? Number(value) : [...value];
  if (typeof value === 'boolean') return choice % 2 === 0 ? Number(value) : String(value);
  if (Array.isArray(value)) return choice % 2 === 0 ? { ...value } : value[0];
  if (value === null) return choice % 2 === 0 ? 'null' : 0;
  return choice % 2 === 0 ? Object.entries(value as object) : JSON.stringify(value);
}

/** A value of the same type, a little or far beyond. */
function atEdge(value: unknown, choice: number): unknown {
  if (typeof value === 'number') {
    const edges = [value + 1, value - 1, -value, value * 2, value + 0.5, value * 1e15, 0, 2 ** 31, 2 ** 53];
    return edges[choice % edges.length];
  }
  if (typeof value === 'string') {
    const last = value.slice(0, -1);
    const edges = ['', `${value}${value}`, `${value} `, `${value}\u0000`, `${value}\ud800`, last, value.toUpperCase()];
    return [...edges, `${last}0`, value.padEnd(5_000, 'x'), [...value].reverse().join('')][choice % (edges.length + 3)];
  }
  if (Array.isArray(value)) {
    if (choice % 3 === 0) return [];
    if (choice % 3 === 1) return [...value].reverse();
    return value.length === 0 ? [] : Array.from({ length: 300 }, (_, i) => structuredClone(value[i % value.length]));
  }
  if (typeof value === 'boolean') return !value;
  return value;
}
