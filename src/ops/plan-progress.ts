import type { PlanMoveStatus, PlanStatus } from '../cluster/plans/cluster-ops.ts';
import { systemClock } from '../system/clock.ts';
import { pause } from '../system/pause.ts';
import { type AdminClient, AdminRefusal } from './admin-client.ts';
import { CommandError, EXIT } from './exit-codes.ts';
import { applyCommand } from './plan-text.ts';
import { printable } from './table.ts';

/** How often the plan is asked how far it is. */
const POLL_MS = 200;
/** A node that does not answer for so long is not waited for any more. The plan may go on without anybody watching. */
const PATIENCE_MS = 10_000;

export interface Followed {
  readonly plan: PlanStatus;
  /** Since it was begun, or resumed. */
  readonly seconds: number;
}

/** What a command tells of a plan while it runs. */
export interface Teller {
  /** A move is over. */
  moved(move: PlanMoveStatus): void;
  /** What Ctrl-C will do; null: it only ends the waiting. */
  readonly onInterrupt: 'stop' | null;
}

/**
 * Begins a plan, or resumes it, and follows it to its end. Ctrl-C stops it between two steps, where that was wished.
 * Throws CommandError when it fails, is stopped, or cannot be followed any more, saying how to go on.
 */
export async function applyAndFollow(client: AdminClient, id: string, teller: Teller): Promise<Followed> {
  const clock = systemClock();
  const startedAt = clock.now();
  const path = `/cluster/plans/${encodeURIComponent(id)}`;
  const before = await client.get<PlanStatus>(path);
  if (before.state === 'applying' && before.progress.done > 0) {
    console.error(`${before.progress.done} of ${before.progress.total} moves were done before.`);
  }
  const asked = { toStop: false };
  // The second one ends the process.
  const interrupted = (): void => {
    asked.toStop = true;
  };
  process.once('SIGINT', interrupted);
  let plan: PlanStatus;
  try {
    plan = await client.post<PlanStatus>(`${path}/apply`);
    plan = await follow(client, plan, new Set(doneIn(before)), asked, teller);
  } finally {
    process.off('SIGINT', interrupted);
  }
  if (plan.state === 'failed')
    throw new CommandError(EXIT.failed, `${plan.id} failed: ${printable(plan.detail ?? '')}`);
  if (plan.state === 'applying') throw left(plan);
  return { plan, seconds: (clock.now() - startedAt) / 1_000 };
}

function doneIn({ moves }: PlanStatus): number[] {
  return moves.flatMap(({ shard, isDone }) => (isDone ? [shard] : []));
}

/**
 * Until nobody applies the plan any more.
 * @param told shards whose moves need not be told; those that are told are added.
 */
async function follow(
  client: AdminClient,
  begun: PlanStatus,
  told: Set<number>,
  asked: { readonly toStop: boolean },
  teller: Teller,
): Promise<PlanStatus> {
  const clock = systemClock();
  const path = `/cluster/plans/${encodeURIComponent(begun.id)}`;
  let plan = begun;
  let heardAt = clock.now();
  let isStopSent = false;
  for (;;) {
    for (const move of plan.moves) {
      if (!move.isDone || told.has(move.shard)) continue;
      told.add(move.shard);
      teller.moved(move);
    }
    if (plan.state !== 'applying' || plan.applier === null) return plan;
    await pause(POLL_MS);
    if (asked.toStop && teller.onInterrupt === null) throw unwatched(plan);
    try {
      if (asked.toStop && !isStopSent) {
        console.error('Stopping after the step under way; Ctrl-C again to leave at once.');
        await client.post(`${path}/stop`);
        isStopSent = true;
      }
      plan = await client.get<PlanStatus>(path);
      heardAt = clock.now();
    } catch (error) {
      if (error instanceof AdminRefusal && error.exitCode !== EXIT.failed) throw error;
      if (clock.now() - heardAt > PATIENCE_MS) throw lostSight(plan, error as Error);
    }
  }
}

function left({ id, progress, detail }: PlanStatus): CommandError {
  return new CommandError(
    EXIT.failed,
    `${printable(detail ?? 'The node that applied it has ended.')} ${progress.done} of ${progress.total} moves are done. ` +
      `Resume it with: ${applyCommand(id)}`,
  );
}

function lostSight({ id }: PlanStatus, error: Error): CommandError {
  return new CommandError(
    EXIT.failed,
    `${error.message}\nThe plan ${id} may go on; if not, resume it with: ${applyCommand(id)}`,
  );
}

function unwatched({ id, progress }: PlanStatus): CommandError {
  return new CommandError(
    EXIT.failed,
    `It goes on without being watched: ${progress.done} of ${progress.total} moves of ${id} are done.`,
  );
}

/** The summary of a plan that was applied. */
export interface Summary {
  readonly plan: string;
  readonly state: PlanStatus['state'];
  readonly moves: number;
  readonly seconds: number;
  /** Of the moves whose pause is known; null if there is none. */
  readonly longestPauseMs: number | null;
  readonly p99PauseMs: number | null;
}

export function summaryOf({ plan, seconds }: Followed): Summary {
  const pauses = plan.moves.flatMap(({ pauseMs }) => (pauseMs === null ? [] : [pauseMs])).sort((a, b) => a - b);
  return {
    plan: plan.id,
    state: plan.state,
    moves: plan.progress.done,
    seconds: Math.round(seconds * 10) / 10,
    longestPauseMs: pauses.at(-1) ?? null,
    p99PauseMs: pauses[Math.ceil(0.99 * pauses.length) - 1] ?? null,
  };
}

export function summaryText({ plan, moves, seconds, longestPauseMs, p99PauseMs }: Summary): string {
  const pauses = longestPauseMs === null ? '' : `; longest pause ${longestPauseMs} ms, p99 ${p99PauseMs} ms`;
  return `${plan} is applied: ${moves} ${moves === 1 ? 'move' : 'moves'} in ${seconds} s${pauses}.`;
}

export function moveText({ shard, from, to, pauseMs }: PlanMoveStatus): string {
  const pause = pauseMs === null ? 'no pause noted' : `paused for ${pauseMs} ms`;
  return printable(`shard ${shard}: ${from ?? 'nobody'} → ${to}, ${pause}`);
}
