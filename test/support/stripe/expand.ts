import type { Account } from './account.ts';
import { invalid } from './errors.ts';

export type Kind = 'payment_intent' | 'charge' | 'refund' | 'dispute' | 'event';

/** What can be shown instead of an id, and what that is. */
const EXPANDABLE: Readonly<Record<Kind, Readonly<Record<string, Kind>>>> = {
  payment_intent: { latest_charge: 'charge' },
  charge: { payment_intent: 'payment_intent' },
  refund: { charge: 'charge', payment_intent: 'payment_intent' },
  dispute: { charge: 'charge', payment_intent: 'payment_intent' },
  event: {},
};

/** «Expansions have a maximum depth of four levels» (docs.stripe.com/expand). */
const MAX_DEPTH = 4;

/** Refuses what cannot be expanded. */
export function checkExpand(kind: Kind, isList: boolean, paths: readonly string[]): void {
  for (const path of paths) {
    const names = path.split('.');
    const refuse = () => invalid(`This property cannot be expanded (${path}).`, 'expand');
    if (names.length > MAX_DEPTH) throw invalid('You cannot expand more than 4 levels of a property.', 'expand');
    if (isList && names.shift() !== 'data') throw refuse();
    if (names.length === 0) throw refuse();
    let at: Kind | undefined = kind;
    for (const name of names) {
      at = Object.hasOwn(EXPANDABLE[at], name) ? EXPANDABLE[at][name] : undefined;
      if (at === undefined) throw refuse();
    }
  }
}

/** A copy with the objects in place of their ids; the object itself if nothing is to be expanded. */
export function expand(account: Account, kind: Kind, object: object, paths: readonly string[]): object {
  return paths.reduce((shown, path) => expandOne(account, kind, shown, path.split('.')), object);
}

function expandOne(account: Account, kind: Kind, object: object, [name, ...rest]: string[]): object {
  const inner = EXPANDABLE[kind][name];
  const value = (object as Record<string, unknown>)[name];
  const found = typeof value === 'string' ? find(account, inner, value) : value;
  if (typeof found !== 'object' || found === null) return object;
  return { ...object, [name]: rest.length === 0 ? found : expandOne(account, inner, found, rest) };
}

function find(account: Account, kind: Kind, id: string): object | undefined {
  return kind === 'charge' ? account.charges.get(id)?.charge : account.payments.get(id)?.intent;
}
