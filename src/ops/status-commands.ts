import type { Command } from 'commander';
import type { ShowPlace } from '../cluster/plans/cluster-ops.ts';
import type { ClusterStatus, ShardStatus } from '../cluster/plans/cluster-status.ts';
import { pause } from '../system/pause.ts';
import type { AdminClient } from './admin-client.ts';
import { type ClusterOptions, clientOf, clusterCommand, printJson } from './cluster-options.ts';
import { CommandError, EXIT } from './exit-codes.ts';
import { nodesText, statusText } from './status-text.ts';
import { type Column, printable, table } from './table.ts';

/** How often `--watch` paints anew. */
const WATCH_MS = 1_000;
/** Cursor home, then clear to the end of the screen. */
const REPAINT = '\u001b[H\u001b[J';

const SHARD_COLUMNS: readonly Column<ShardStatus>[] = [
  { title: 'SHARD', of: ({ shard }) => String(shard), right: true },
  { title: 'EPOCH', of: ({ epoch }) => String(epoch), right: true },
  { title: 'OWNER', of: ({ owner }) => owner ?? '-' },
  { title: 'TARGET', of: ({ target }) => target ?? '-' },
  { title: 'PIN', of: ({ pin }) => (pin === null ? '' : `${pin.node}${pin.exclusive ? ' (exclusive)' : ''}`) },
];

/** The commands that only look. */
export function statusCommands(program: Command): void {
  clusterCommand(program, 'status', 'Show nodes, shards, load and moves in progress')
    .option('--watch', 'again every second, until Ctrl-C')
    .action(async (options: ClusterOptions & { watch?: boolean }) => {
      const client = clientOf(options);
      const print = (status: ClusterStatus): void => {
        console.log(options.json ? JSON.stringify(status) : statusText(status));
      };
      if (options.watch) await watch(client, options.json ? print : (status) => repaint(() => print(status)));
      else print(await client.get<ClusterStatus>('/cluster'));
    });

  clusterCommand(program, 'nodes', 'List the nodes and where they are').action(async (options: ClusterOptions) => {
    const { nodes } = await clientOf(options).get<ClusterStatus>('/cluster');
    if (options.json) printJson(nodes);
    else console.log(nodesText(nodes));
  });

  clusterCommand(program, 'shards', 'List the shards: who has them, and who is to have them')
    .option('--node <node>', 'only those that this node has')
    .action(async (options: ClusterOptions & { node?: string }) => {
      const client = clientOf(options);
      const query = options.node === undefined ? '' : `?node=${encodeURIComponent(options.node)}`;
      const { items } = await client.get<{ items: ShardStatus[] }>(`/cluster/shards${query}`);
      if (options.node !== undefined && items.length === 0) await requireNode(client, options.node);
      if (options.json) printJson(items);
      else console.log(table(SHARD_COLUMNS, items));
    });

  clusterCommand(program, 'explain', 'Say where a show is, and why')
    .argument('<show>', 'the id of a show, or the number of a shard')
    .action(async (show: string, options: ClusterOptions) => {
      const place = await clientOf(options).get<ShowPlace>(`/cluster/shows/${encodeURIComponent(show)}`);
      console.log(options.json ? JSON.stringify(place) : placeText(place));
    });
}

function placeText({ showId, shard, epoch, owner, why }: ShowPlace): string {
  const what = showId === null ? `Shard ${shard}` : `Show ${showId} is in shard ${shard}, which`;
  const where = owner === null ? 'has no owner now' : `is on ${owner}`;
  return printable(`${what} ${where} (epoch ${epoch}): ${why}.`);
}

async function requireNode(client: AdminClient, id: string): Promise<void> {
  const { nodes } = await client.get<ClusterStatus>('/cluster');
  if (nodes.some((node) => node.id === id)) return;
  const known = nodes.map((node) => node.id).join(', ');
  throw new CommandError(EXIT.notFound, `No node ${JSON.stringify(id)} is alive. The nodes are ${known}.`);
}

/** Until Ctrl-C. Fails only if the first look does: a node that is away for a while is what one watches for. */
async function watch(client: AdminClient, print: (status: ClusterStatus) => void): Promise<never> {
  process.once('SIGINT', () => process.exit(0));
  print(await client.get<ClusterStatus>('/cluster'));
  for (;;) {
    await pause(WATCH_MS);
    try {
      print(await client.get<ClusterStatus>('/cluster'));
    } catch (error) {
      console.error(`usher: ${(error as Error).message}`);
    }
  }
}

function repaint(print: () => void): void {
  if (process.stdout.isTTY) process.stdout.write(REPAINT);
  print();
  if (!process.stdout.isTTY) console.log();
}
