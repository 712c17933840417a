import type { Pin } from '../view.ts';

/** A pin to set, or, with `node: null`, to take away. */
export type PinChange = Pin | { readonly shard: number; readonly node: null };

/** The pins once the changes are made; a shard has at most one. */
export function withChanges(pins: readonly Pin[], changes: readonly PinChange[]): Pin[] {
  const changed = new Set(changes.map(({ shard }) => shard));
  return [...pins.filter(({ shard }) => !changed.has(shard)), ...changes.filter((change) => change.node !== null)];
}
