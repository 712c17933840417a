import type { Command } from 'commander';
import type { OpsRequest, PlanStatus } from '../cluster/plans/cluster-ops.ts';
import type { ClusterStatus } from '../cluster/plans/cluster-status.ts';
import { systemClock } from '../system/clock.ts';
import { pause } from '../system/pause.ts';
import { type AdminClient, AdminRefusal } from './admin-client.ts';
import { type ClusterOptions, clientOf, clusterCommand } from './cluster-options.ts';
import { CommandError, EXIT } from './exit-codes.ts';
import { applyAndFollow, moveText, type Summary, summaryOf, summaryText, type Teller } from './plan-progress.ts';
import { isIdle, planText } from './plan-text.ts';
import { printable } from './table.ts';

/** A plan that nobody has looked at yet is made anew so many times when the cluster changes before it is applied. */
const REPLANS_MAX = 5;
const REPLAN_MS = 300;
/** How often it is looked whether a drained node owns nothing. */
const EMPTY_POLL_MS = 200;
/** How long a drained node may still own something after the plan's last move. */
const EMPTY_LIMIT_MS = 15_000;

const NAMES = 'ids of shows, or numbers of shards; a show brings the others of its shard along';

interface ActionOptions extends ClusterOptions {
  readonly dryRun?: boolean;
}

/** The commands that move shards. */
export function moveCommands(program: Command): void {
  actionCommand(program, 'move', 'Move shows to a node')
    .argument('<names...>', NAMES)
    .requiredOption('--to <node>', 'the node')
    .action((names: string[], options: ActionOptions & { to: string }) =>
      run(options, { kind: 'move', to: options.to, ...named(names) }),
    );

  actionCommand(program, 'pin', 'Keep shows on a node, or no longer')
    .argument('<names...>', NAMES)
    .option('--to <node>', 'the node')
    .option('--exclusive', 'the node is for pinned shards only')
    .option('--none', 'take the pins away')
    .action((names: string[], options: ActionOptions & { to?: string; exclusive?: boolean; none?: boolean }) => {
      const { to, exclusive = false, none = false } = options;
      if ((to !== undefined) === none || (none && exclusive)) {
        throw new CommandError(EXIT.usage, 'Say either --to NODE (perhaps with --exclusive) or --none.');
      }
      return run(
        options,
        to === undefined ? { kind: 'unpin', ...named(names) } : { kind: 'pin', to, exclusive, ...named(names) },
      );
    });

  actionCommand(program, 'drain', 'Move everything off a node, and keep it empty')
    .argument('<node>')
    .option('--no-wait', 'do not wait until it owns nothing')
    .action(drain);

  actionCommand(program, 'undrain', 'Let a drained node take shards again')
    .argument('<node>')
    .action((node: string, options: ActionOptions) => run(options, { kind: 'undrain', node }));

  clusterCommand(program, 'rebalance', 'Plan how to even the load out, and apply a plan')
    .option('--dry-run', 'make a plan and print it; nothing changes')
    .option('--apply <plan>', 'apply this plan and nothing else, or resume it; Ctrl-C stops it between two steps')
    .action(async (options: ActionOptions & { apply?: string }) => {
      if ((options.dryRun === true) === (options.apply !== undefined)) {
        throw new CommandError(EXIT.usage, 'Say either --dry-run or --apply PLAN.');
      }
      const client = clientOf(options);
      if (options.apply === undefined) printPlan(await propose(client, { kind: 'rebalance' }), options);
      else printSummary(await followed(client, options.apply, options), options);
    });
}

function actionCommand(program: Command, name: string, description: string): Command {
  return clusterCommand(program, name, description).option('--dry-run', 'make a plan and print it; nothing changes');
}

/** Names of digits only are shards: no show has such an id. */
function named(names: readonly string[]): { shows?: string[]; shards?: number[] } {
  const shards = names.filter((name) => /^\d+$/.test(name)).map(Number);
  const shows = names.filter((name) => !/^\d+$/.test(name));
  return { ...(shows.length === 0 ? undefined : { shows }), ...(shards.length === 0 ? undefined : { shards }) };
}

function propose(client: AdminClient, request: OpsRequest): Promise<PlanStatus> {
  return client.post<PlanStatus>('/cluster/plans', request);
}

async function run(options: ActionOptions, request: OpsRequest): Promise<void> {
  const client = clientOf(options);
  if (options.dryRun) return printPlan(await propose(client, request), options);
  const summary = await atOnce(client, request, (id) => followed(client, id, options));
  if (summary !== null) printSummary(summary, options);
  else if (options.json) console.log(JSON.stringify({ moves: 0 }));
}

async function drain(node: string, options: ActionOptions & { wait: boolean }): Promise<void> {
  const client = clientOf(options);
  const request: OpsRequest = { kind: 'drain', node };
  if (options.dryRun) return printPlan(await propose(client, request), options);
  const clock = systemClock();
  const startedAt = clock.now();
  if (!options.wait) {
    const plan = await atOnce(client, request, (id) => client.post<PlanStatus>(`/cluster/plans/${id}/apply`));
    if (options.json) console.log(JSON.stringify({ node, plan: plan?.id ?? null, moves: plan?.progress.total ?? 0 }));
    else if (plan !== null) console.log(printable(`${node} drains: ${plan.progress.total} shards are to move.`));
    return;
  }
  const summary = await atOnce(client, request, (id) => followed(client, id, options, null));
  await untilEmpty(client, node);
  const seconds = Math.round((clock.now() - startedAt) / 100) / 10;
  if (options.json) console.log(JSON.stringify({ node, moves: 0, ...summary, seconds }));
  else {
    if (summary !== null) console.log(summaryText(summary));
    console.log(printable(`${node} owns nothing, after ${seconds} s.`));
  }
}

/** The node may have been given something between the plan and the drain. One that has ended owns nothing either. */
async function untilEmpty(client: AdminClient, node: string): Promise<void> {
  const clock = systemClock();
  const startedAt = clock.now();
  for (;;) {
    const { nodes } = await client.get<ClusterStatus>('/cluster');
    const shards = nodes.find(({ id }) => id === node)?.shards ?? 0;
    if (shards === 0) return;
    if (clock.now() - startedAt > EMPTY_LIMIT_MS) {
      throw new CommandError(EXIT.failed, `${node} still owns ${shards} shards. Look at: usher status --watch`);
    }
    await pause(EMPTY_POLL_MS);
  }
}

/**
 * Plans and applies in one go. The operator has seen no plan, so when the cluster changes in between, a new one serves
 * as well. @returns null when there is nothing to do, after saying why.
 */
async function atOnce<T>(
  client: AdminClient,
  request: OpsRequest,
  apply: (id: string) => Promise<T>,
): Promise<T | null> {
  for (let replans = 0; ; replans++) {
    const plan = await propose(client, request);
    for (const note of plan.notes) console.error(printable(note));
    if (isIdle(plan)) return null;
    try {
      return await apply(plan.id);
    } catch (error) {
      const hasChanged = error instanceof AdminRefusal && error.code === 'CLUSTER_CHANGED';
      if (!hasChanged || replans === REPLANS_MAX) throw error;
      await pause(REPLAN_MS);
    }
  }
}

async function followed(
  client: AdminClient,
  id: string,
  { json }: ClusterOptions,
  onInterrupt: Teller['onInterrupt'] = 'stop',
): Promise<Summary> {
  return summaryOf(
    await applyAndFollow(client, id, {
      moved: (move) => {
        if (json)
          console.log(JSON.stringify({ shard: move.shard, from: move.from, to: move.to, pauseMs: move.pauseMs }));
        else console.log(moveText(move));
      },
      onInterrupt,
    }),
  );
}

function printPlan(plan: PlanStatus, { json }: ClusterOptions): void {
  console.log(json ? JSON.stringify(plan) : planText(plan));
}

function printSummary(summary: Summary, { json }: ClusterOptions): void {
  console.log(json ? JSON.stringify(summary) : summaryText(summary));
}
