import { hash } from 'node:crypto';
import type { ClusterView } from '../view.ts';

const PARTS = ['nodes', 'pins', 'owners of shards'] as const;

/**
 * Stands for all of the cluster that a plan depends on: the nodes (incarnation, state, weight), the pins, and the owners
 * of the shards. Not for the load, which is never the same twice.
 */
export function fingerprint(view: ClusterView): string {
  const nodes = view.nodes.map(({ id, incarnation, state, weight }) => [id, incarnation, state, weight]);
  const pins = view.pins.map(({ shard, node, exclusive }) => [shard, node, exclusive]);
  return [sorted(nodes), sorted(pins), view.owners].map(digest).join('.');
}

/** What is no longer as it was when `base` was made; nothing if all is. */
export function changesSince(base: string, view: ClusterView): string[] {
  const then = base.split('.');
  const now = fingerprint(view).split('.');
  return PARTS.filter((_, part) => then[part] !== now[part]);
}

/** The database may give rows in any order. */
function sorted(rows: readonly (readonly unknown[])[]): string[] {
  return rows.map((row) => JSON.stringify(row)).sort();
}

function digest(part: readonly unknown[]): string {
  return hash('sha256', JSON.stringify(part)).slice(0, 16);
}
