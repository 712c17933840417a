import { shardOf } from '../../src/cluster/shards.ts';
import { pause } from '../../src/system/pause.ts';
import { type BenchNode, type Machines, waitUntil } from './machines.ts';
import { giveThemWork, openManyShows } from './many-shows.ts';
import { BACKGROUND_CONNECTIONS, backgroundLoad, checkHolds, type Stage } from './stage.ts';

export interface Drain {
  /** From the order until every shard of the node had another owner, ms. */
  readonly ms: number;
  /** Of the node, when it began: shows in all, and awake. */
  readonly shows: number;
  readonly awake: number;
  /** Requests to all shows, from the order to its end, that failed; and on the way back. */
  readonly failed: number;
  readonly failedOnTheWayBack: number;
}

export interface Drains {
  readonly drains: readonly Drain[];
  readonly outcomes: Readonly<Record<string, number>>;
  /** Of the requests, ms. */
  readonly latencies: readonly number[];
}

export const MANY_SHOWS = 10_000;
/** Awake with a live hold before the load begins; a third of them with an order. */
export const SHOWS_WITH_WORK = 600;
const WARM_UP_MS = 2_000;
const DRAIN_LIMIT_MS = 60_000;
/** Shows whose seats are counted afterwards. */
const CHECKED = 200;

/** Drains each node once, and lets it take its shards back, while requests go to all shows through all nodes. */
export async function measureDrains(stage: Stage): Promise<Drains> {
  const { machines, report } = stage;
  const shows = await openManyShows(stage, MANY_SHOWS);
  const withWork = shows.slice(0, SHOWS_WITH_WORK);
  const { orders } = await giveThemWork(stage, withWork);
  report.say(
    `cluster: ${MANY_SHOWS} shows; ${SHOWS_WITH_WORK} with live holds, ${orders} of them with orders; ` +
      `${BACKGROUND_CONNECTIONS} connections ask all of them …`,
  );
  const load = backgroundLoad(stage, shows);
  const drains: Drain[] = [];
  try {
    for (const node of machines.nodes) {
      await pause(WARM_UP_MS);
      const owned = await ownedShows(machines, node, shows);
      const awake = await awakeShows(machines, node);
      const before = load.failed;
      const plan = await machines.propose({ kind: 'drain', node: node.id });
      const [ms] = await Promise.all([untilDrained(machines, node), machines.apply(plan)]);
      const after = load.failed;
      await machines.operate({ kind: 'undrain', node: node.id });
      await machines.settled();
      drains.push({ ms, shows: owned, awake, failed: after - before, failedOnTheWayBack: load.failed - after });
    }
  } finally {
    await load.stop();
  }
  load.tellFirstFailure(report);
  await checkHolds(stage, shows.slice(0, CHECKED));
  return { drains, outcomes: load.seen(), latencies: load.latencies };
}

/** How long it takes from now until all its shards have other owners, ms. */
async function untilDrained(machines: Machines, node: BenchNode): Promise<number> {
  const begun = performance.now();
  await waitUntil(`${node.id} is drained`, DRAIN_LIMIT_MS, async () =>
    (await machines.owners()).every((owner) => owner !== null && owner !== node.id),
  );
  return performance.now() - begun;
}

async function ownedShows(machines: Machines, node: BenchNode, shows: readonly string[]): Promise<number> {
  const owners = await machines.owners();
  return shows.filter((show) => owners[shardOf(show)] === node.id).length;
}

/** As it said with its last heartbeat. */
async function awakeShows(machines: Machines, node: BenchNode): Promise<number> {
  const rows = await machines.query<{ awake: number }>(
    `select (load->>'awake')::int as awake from node where id = $1 and state = 'up'`,
    [node.id],
  );
  return rows[0].awake;
}
