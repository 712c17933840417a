import { PLAN_LIMITS } from './plan.ts';

/** What of the budget for drawings is left; shared by all zones of a plan. */
export interface DrawingBudget {
  nodes: number;
}

/**
 * A copy of a JSON value that only draws (never sold, never decided on), or `undefined` if it is deeper or larger than
 * {@link PLAN_LIMITS} allows. The depth bound keeps whatever serialises the plan later from overflowing its stack.
 */
export function copyDrawing(value: unknown, budget: DrawingBudget, depth = 0): unknown {
  budget.nodes--;
  if (budget.nodes < 0 || depth > PLAN_LIMITS.drawingDepth) return undefined;
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value === 'string') {
    return value.length <= PLAN_LIMITS.drawingText && value.isWellFormed() && !value.includes('\0') ? value : undefined;
  }
  if (Array.isArray(value)) return copyList(value, budget, depth);
  if (typeof value === 'object') return copyRecord(value as Record<string, unknown>, budget, depth);
  return undefined;
}

function copyList(list: readonly unknown[], budget: DrawingBudget, depth: number): unknown[] | undefined {
  const copy: unknown[] = [];
  for (const item of list) {
    const copied = copyDrawing(item, budget, depth + 1);
    if (copied === undefined) return undefined;
    copy.push(copied);
  }
  return copy;
}

function copyRecord(record: Record<string, unknown>, budget: DrawingBudget, depth: number): object | undefined {
  const entries: [string, unknown][] = [];
  for (const key of Object.keys(record)) {
    const copied = copyDrawing(record[key], budget, depth + 1);
    if (copied === undefined || copyDrawing(key, budget, depth) === undefined) return undefined;
    // An own `__proto__` would become a prototype as soon as someone assigns the copy member by member.
    if (key !== '__proto__') entries.push([key, copied]);
  }
  return Object.fromEntries(entries);
}
