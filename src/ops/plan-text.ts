import type { PlanMoveStatus, PlanStatus } from '../cluster/plans/cluster-ops.ts';
import { decimal } from './status-text.ts';
import { type Column, printable, table } from './table.ts';

const MOVE_COLUMNS: readonly Column<PlanMoveStatus>[] = [
  { title: 'SHARD', of: ({ shard }) => String(shard), right: true },
  { title: 'FROM', of: ({ from }) => from ?? '-' },
  { title: 'TO', of: ({ to }) => to },
  { title: 'LOAD/S', of: ({ perSecond }) => decimal(perSecond), right: true },
  { title: 'WHY', of: ({ why }) => why },
];

const LOAD_COLUMNS: readonly Column<PlanStatus['load'][number]>[] = [
  { title: 'NODE', of: ({ node }) => node },
  { title: 'SHARDS', of: ({ shardsBefore }) => String(shardsBefore), right: true },
  { title: 'AFTER', of: ({ shardsAfter }) => String(shardsAfter), right: true },
  { title: 'LOAD/S', of: ({ perSecondBefore }) => decimal(perSecondBefore), right: true },
  { title: 'AFTER', of: ({ perSecondAfter }) => decimal(perSecondAfter), right: true },
];

/** Whether the plan would do anything at all. */
export function isIdle({ moves, changes: { pins, drain, undrain } }: PlanStatus): boolean {
  return moves.length === 0 && pins.length === 0 && drain === null && undrain === null;
}

/** A plan for a person to decide on: what it sets, what moves and why, the load it leads to, and how to apply it. */
export function planText(plan: PlanStatus): string {
  const parts: string[] = plan.notes.map(printable);
  const changes = changesText(plan.changes);
  if (changes.length > 0) parts.push(changes.join('\n'));
  if (plan.moves.length > 0) parts.push(table(MOVE_COLUMNS, plan.moves));
  parts.push(table(LOAD_COLUMNS, plan.load));
  const count = plan.moves.length === 1 ? '1 shard moves' : `${plan.moves.length} shards move`;
  parts.push(
    isIdle(plan)
      ? `${plan.id}: there is nothing to apply.`
      : `${plan.id}: ${count}. Apply it with: ${applyCommand(plan.id)}`,
  );
  return parts.join('\n\n');
}

export function applyCommand(id: string): string {
  return `usher rebalance --apply ${id}`;
}

function changesText({ pins, drain, undrain }: PlanStatus['changes']): string[] {
  const lines = pins.map((pin) =>
    pin.node === null
      ? `unpin shard ${pin.shard}`
      : `pin shard ${pin.shard} to ${pin.node}${pin.exclusive ? ', for itself' : ''}`,
  );
  if (drain !== null) lines.push(`drain ${drain}`);
  if (undrain !== null) lines.push(`undrain ${undrain}`);
  return lines.map(printable);
}
