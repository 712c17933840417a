import type { ClusterStatus, MoveInProgress, NodeStatus } from '../cluster/plans/cluster-status.ts';
import { type Column, printable, table } from './table.ts';

const NODE_COLUMNS: readonly Column<NodeStatus>[] = [
  { title: 'NODE', of: ({ id }) => id },
  { title: 'STATE', of: ({ state }) => state },
  { title: 'SHARDS', of: ({ shards }) => String(shards), right: true },
  { title: 'LOAD/S', of: ({ load }) => decimal(load.perSecond), right: true },
  { title: 'INBOX', of: ({ load }) => String(load.inbox), right: true },
  { title: 'AWAKE', of: ({ load }) => String(load.awake), right: true },
  { title: 'LAG MS', of: ({ load }) => decimal(load.lagMs), right: true },
  { title: 'LINKED', of: ({ isLinked }) => (isLinked ? 'yes' : 'NO') },
  { title: 'HEARD MS', of: ({ ageMs }) => decimal(ageMs), right: true },
  { title: '', of: ({ reason }) => reason ?? '' },
];

const ADDRESS_COLUMNS: readonly Column<NodeStatus>[] = [
  { title: 'NODE', of: ({ id }) => id },
  { title: 'STATE', of: ({ state }) => state },
  { title: 'SHARDS', of: ({ shards }) => String(shards), right: true },
  { title: 'WEIGHT', of: ({ weight }) => String(weight), right: true },
  { title: 'PID', of: ({ pid }) => String(pid), right: true },
  { title: 'FORMAT', of: ({ format }) => String(format), right: true },
  { title: 'URL', of: ({ url }) => url ?? '-' },
  { title: 'ADMIN', of: ({ adminUrl }) => adminUrl ?? '-' },
  { title: 'INCARNATION', of: ({ incarnation }) => incarnation },
  { title: 'REASON', of: ({ reason }) => reason ?? '' },
];

const MOVE_COLUMNS: readonly Column<MoveInProgress>[] = [
  { title: 'MOVING', of: ({ shard }) => `shard ${shard}` },
  { title: 'FROM', of: ({ from }) => from ?? '-' },
  { title: 'TO', of: ({ to }) => to },
];

/** The cluster at a glance, for a person. */
export function statusText({ at, format, nodes, shards, pins, moves }: ClusterStatus): string {
  const counts = `${shards.owned} owned, ${shards.unowned} without an owner, ${shards.moving} not where placed`;
  const parts = [
    `${printable(at)}  ${shards.total} shards: ${counts}; ${pins.length} pinned; format ${format}`,
    table(NODE_COLUMNS, nodes),
  ];
  if (moves.length > 0) {
    const unlisted = shards.moving - moves.length;
    parts.push(table(MOVE_COLUMNS, moves) + (unlisted > 0 ? `\n… and ${unlisted} more` : ''));
  }
  return parts.join('\n\n');
}

export function nodesText(nodes: readonly NodeStatus[]): string {
  return table(ADDRESS_COLUMNS, nodes);
}

/** At most one decimal, and none where it is 0. */
export function decimal(value: number): string {
  return String(Math.round(value * 10) / 10);
}
