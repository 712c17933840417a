import { shardOf } from '../../src/cluster/shards.ts';
import { pause } from '../../src/system/pause.ts';
import { seededRandom } from '../seeded-random.ts';
import { HELD } from './best-seats.ts';
import { type BenchNode, type Machines, waitUntil } from './machines.ts';
import {
  BACKGROUND_HALL,
  BACKGROUND_SHOWS,
  backgroundLoad,
  checkHolds,
  PROBED_HALL,
  Probe,
  type Stage,
} from './stage.ts';

export interface Failovers {
  /** From each signal to the answer of the next hold of a show that the node owned, ms. */
  readonly times: readonly number[];
  /** What came of the requests to other shows meanwhile, through all nodes, the one at fault included. */
  readonly outcomes: Readonly<Record<string, number>>;
}

/** So many shows take turns: enough that each node has some of them, as a rule. */
const SHOWS = 12;
/** Holds that have gone well before each signal. */
const HOLDS_BEFORE = 50;
const HOLDS_BEFORE_LIMIT_MS = 10_000;
/** A show that sells nothing for so long after the signal is lost. */
const FAILOVER_LIMIT_MS = 60_000;
const BACK_LIMIT_MS = 60_000;
/** A signal falls anywhere between two heartbeats. */
const HEARTBEAT_MS = 1_000;
const SEED = 3;

/**
 * Sends the owner of a show a signal, as often as asked, and takes the time until the show sells again, by asking it
 * through the two other nodes all the time. Only what was asked after the signal counts. Then the node comes back.
 */
export async function measureFailovers(stage: Stage, signal: 'SIGKILL' | 'SIGSTOP', times: number): Promise<Failovers> {
  const { organiser, machines } = stage;
  const random = seededRandom(SEED);
  const shows = await organiser.openShows(PROBED_HALL, SHOWS);
  const others = await organiser.openShows(BACKGROUND_HALL, BACKGROUND_SHOWS);
  const background = backgroundLoad(stage, others);
  const taken: number[] = [];
  try {
    for (let i = 0; i < times; i++) {
      const { show, owner } = await nextTurn(machines, shows, i);
      taken.push(await measureFailover(stage, show, owner, () => random() * HEARTBEAT_MS, signal));
      await comeBack(stage, owner, signal);
    }
  } finally {
    await background.stop();
  }
  await checkHolds(stage, [...shows, ...others]);
  return { times: taken, outcomes: background.seen() };
}

/** Nodes take turns, and the shows of each. */
async function nextTurn(machines: Machines, shows: readonly string[], turn: number) {
  const { nodes } = machines;
  const owners = await machines.owners();
  const owned = shows.filter((show) => owners[shardOf(show)] === nodes[turn % nodes.length].id);
  const show = owned.length > 0 ? owned[Math.floor(turn / nodes.length) % owned.length] : shows[turn % shows.length];
  return { show, owner: await machines.ownerOf(show) };
}

async function measureFailover(
  stage: Stage,
  show: string,
  owner: BenchNode,
  delayMs: () => number,
  signal: 'SIGKILL' | 'SIGSTOP',
): Promise<number> {
  const { machines } = stage;
  const survivors = machines.nodes.filter((node) => node !== owner);
  const probe = new Probe(
    stage,
    show,
    survivors.map(({ port }) => port),
  );
  const holdAfter = (at: number) => probe.seen.find(({ outcome, sentAt }) => outcome === HELD && sentAt >= at);
  try {
    await waitUntil('the show sells', HOLDS_BEFORE_LIMIT_MS, async () => probe.seen.length >= HOLDS_BEFORE);
    await pause(delayMs());
    const signalledAt = performance.now();
    machines.signal(owner, signal);
    await waitUntil(`the show sells again after ${signal}`, FAILOVER_LIMIT_MS, async () => {
      return holdAfter(signalledAt) !== undefined;
    });
    if ((await machines.ownerOf(show)) === owner) throw new Error(`${owner.id} sold a seat after its ${signal}`);
    return (holdAfter(signalledAt)?.endedAt ?? Number.NaN) - signalledAt;
  } finally {
    await probe.load.stop();
  }
}

/** Resolves when the node has its shards again. */
async function comeBack({ machines }: Stage, node: BenchNode, signal: 'SIGKILL' | 'SIGSTOP'): Promise<void> {
  if (signal === 'SIGKILL') {
    await machines.restart(node);
  } else {
    machines.signal(node, 'SIGCONT');
    await waitUntil(`${node.id} joins again`, BACK_LIMIT_MS, async () => (await machines.incarnationOf(node)) !== null);
  }
  await machines.settled();
}
