/** What a form-encoded body or query says, with its brackets read: `a[b]=1&c[]=2` is `{ a: { b: '1' }, c: ['2'] }`. */
export type FormValue = string | FormValue[] | FormObject;
export interface FormObject {
  [name: string]: FormValue;
}

/** Deeper nesting than any parameter of the API has. */
const MAX_DEPTH = 8;

/** Reads a form. `null` where the brackets make no sense: `a=1&a[b]=2`, `a[b`, or nesting without end. */
export function parseForm(text: string): FormObject | null {
  const root: FormObject = Object.create(null);
  for (const [key, value] of new URLSearchParams(text)) {
    const path = pathOf(key);
    if (path === null || !place(root, path, value)) return null;
  }
  return root;
}

/** The same whatever order the parameters came in. */
export function canonicalForm(text: string): string {
  return text.split('&').sort().join('&');
}

function pathOf(key: string): string[] | null {
  const match = /^([^[\]]+)((?:\[[^[\]]*\])*)$/.exec(key);
  if (match === null) return null;
  const inner = match[2] === '' ? [] : match[2].slice(1, -1).split('][');
  return inner.length < MAX_DEPTH ? [match[1], ...inner] : null;
}

function place(root: FormObject, path: string[], value: string): boolean {
  let at: FormValue[] | FormObject = root;
  for (let i = 0; i < path.length; i++) {
    const name = path[i];
    const isLast = i === path.length - 1;
    // Items of lists come as `a[]` or `a[0]`, `a[1]`, in their order.
    if (Array.isArray(at)) {
      if (!/^\d*$/.test(name)) return false;
      if (isLast) {
        at.push(value);
        return true;
      }
      const item: FormObject = Object.create(null);
      at.push(item);
      at = item;
      continue;
    }
    if (isLast) {
      if (name in at) return false;
      at[name] = value;
      return true;
    }
    const isList = /^\d*$/.test(path[i + 1]);
    at[name] ??= isList ? [] : Object.create(null);
    const next: FormValue = at[name];
    if (typeof next === 'string') return false;
    at = next;
  }
  return true;
}
