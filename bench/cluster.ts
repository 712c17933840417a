import { BoxOfficeClient } from './box-office-client.ts';
import { mintTokens, newJwtSecret } from './buyers.ts';
import { BestSeats } from './cluster/best-seats.ts';
import { MANY_SHOWS, measureDrains, SHOWS_WITH_WORK } from './cluster/drain.ts';
import { measureFailovers } from './cluster/failover.ts';
import { BUYERS_OF_A_SHOW, measureForwarding } from './cluster/forwarding.ts';
import { measureJoining } from './cluster/joining.ts';
import { Machines } from './cluster/machines.ts';
import { measureMoves } from './cluster/moves.ts';
import { percentile } from './cluster/percentile.ts';
import { PROBED_HALL, type Stage } from './cluster/stage.ts';
import { seatCount } from './rectangular-hall.ts';
import type { Report, Result, Target } from './report.ts';
import { withTemporaryDirectory } from './temporary-directory.ts';

const NODES = 3;
const KILLS = 20;
const STOPS = 10;
const MOVES = 20;

/** What the cluster must reach. */
const KILL_P50_MS = 1_000;
const KILL_P99_MS = 2_000;
const STOP_P50_MS = 4_000;
const STOP_P99_MS = 5_000;
const MOVE_P99_MS = 150;
const DRAIN_MS = 5_000;
const FORWARDED_SHARE = 0.8;
const MOVED_BY_IDEAL = 1.1;
const MAX_BY_MEAN = 1.15;

/**
 * How long others are without a node's work by their published defaults, ms; of a range the shorter end. The sources are
 * in docs/benchmarks.md.
 */
const PUBLISHED_MS: Readonly<Record<string, number>> = {
  'orleans (15 s)': 15_000,
  'pekko (25 s)': 25_000,
  'cockroachdb (9 s)': 9_000,
  'patroni (20 s)': 20_000,
};

/** Three nodes on this machine, on a real NATS and a real Postgres: what a failure, a move, and a way round cost. */
export async function benchCluster(report: Report, seconds: number): Promise<void> {
  const jwtSecret = newJwtSecret();
  const tokens = await mintTokens(Math.max(seatCount(PROBED_HALL), BUYERS_OF_A_SHOW), jwtSecret);
  await withTemporaryDirectory(async (dataDir) => {
    const machines = new Machines(dataDir, jwtSecret);
    try {
      report.say(`cluster: ${NODES} nodes start …`);
      await machines.start(NODES);
      const organiser = await BoxOfficeClient.signUp(machines.nodes[0].port);
      const stage: Stage = { machines, report, tokens, organiser, seats: new BestSeats(tokens) };
      await failovers(stage);
      await moves(stage);
      await joining(stage);
      await drains(stage);
      await forwarding(stage, seconds);
    } finally {
      await machines.close();
    }
  });
}

async function failovers(stage: Stage): Promise<void> {
  const measure = async (signal: 'SIGKILL' | 'SIGSTOP', times: number, p50: number, p99: number): Promise<void> => {
    stage.report.say(`cluster: ${times} times ${signal} …`);
    const seen = await measureFailovers(stage, signal, times);
    const [p50Ms, p99Ms] = [percentile(seen.times, 0.5), percentile(seen.times, 0.99)];
    add(stage, `${signal} of the owner → next hold`, 'usher', {
      value: times,
      unit: 'times',
      p50Ms,
      p99Ms,
      vs: Object.fromEntries(Object.entries(PUBLISHED_MS).map(([name, ms]) => [name, p50Ms / ms])),
      targets: [atMost('p50', p50Ms, p50, 'ms'), atMost('p99', p99Ms, p99, 'ms')],
      outcomes: seen.outcomes,
    });
  };
  await measure('SIGKILL', KILLS, KILL_P50_MS, KILL_P99_MS);
  await measure('SIGSTOP', STOPS, STOP_P50_MS, STOP_P99_MS);
}

async function moves(stage: Stage): Promise<void> {
  stage.report.say(`cluster: ${MOVES} planned moves …`);
  const { gaps, calmGaps, pauses, failed, outcomes } = await measureMoves(stage, MOVES);
  const spread = (values: readonly number[]) => ({ p50Ms: percentile(values, 0.5), p99Ms: percentile(values, 0.99) });
  const load = 'planned move of a show';
  add(stage, load, 'longest time between two holds', {
    value: MOVES,
    unit: 'moves',
    ...spread(gaps),
    targets: [atMost('p99', percentile(gaps, 0.99), MOVE_P99_MS, 'ms'), none('failed requests', failed)],
    outcomes,
  });
  add(stage, load, 'the same without a move', spread(calmGaps));
  add(stage, load, 'as the plan tells it', spread(pauses));
}

async function joining(stage: Stage): Promise<void> {
  stage.report.say('cluster: one more node joins, and leaves …');
  const seen = await measureJoining(stage);
  const load = `node ${NODES + 1} joins`;
  add(stage, load, 'shards moved ÷ ideal', {
    value: seen.movedByIdeal,
    targets: [atMost('ratio', seen.movedByIdeal, MOVED_BY_IDEAL)],
  });
  add(stage, load, 'max ÷ mean shards of a node', {
    value: seen.maxByMean,
    targets: [atMost('ratio', seen.maxByMean, MAX_BY_MEAN)],
  });
  add(stage, load, 'time until all shards are placed', { value: seen.settledMs, unit: 'ms' });
  add(stage, load, 'failed requests, joining + leaving', {
    value: seen.failed + seen.failedLeaving,
    outcomes: seen.outcomes,
  });
}

async function drains(stage: Stage): Promise<void> {
  stage.report.say(`cluster: ${MANY_SHOWS} shows, each node is drained once …`);
  const { drains: seen, outcomes, latencies } = await measureDrains(stage);
  const load = `drain of a node, ${MANY_SHOWS} shows`;
  const longest = Math.max(...seen.map(({ ms }) => ms));
  const sum = (of: 'failed' | 'failedOnTheWayBack') => seen.reduce((total, each) => total + each[of], 0);
  for (const { ms, shows, awake } of seen) {
    stage.report.say(
      `cluster: a node with ${shows} shows, ${awake} of them awake, was drained in ${Math.round(ms)} ms`,
    );
  }
  add(stage, load, `longest of ${seen.length}`, {
    value: longest,
    unit: 'ms',
    targets: [atMost('longest', longest, DRAIN_MS, 'ms'), none('failed requests', sum('failed'))],
  });
  const awake = seen.map((each) => `${each.awake} of ${each.shows}`).join(', ');
  add(stage, load, 'requests meanwhile', {
    value: latencies.length,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    outcomes,
  });
  add(stage, load, 'failed on the way back', { value: sum('failedOnTheWayBack') });
  stage.report.say(`cluster: awake when it began: ${awake}; ${SHOWS_WITH_WORK} shows had work from before the load`);
}

async function forwarding(stage: Stage, seconds: number): Promise<void> {
  stage.report.say('cluster: holds sent to the owner and to another node …');
  const { toOwner, toAnother, ratios } = await measureForwarding(stage, seconds);
  const load = 'holds on shows of one node';
  const figures = ({ perSecond, p50Ms, p99Ms, outcomes }: typeof toOwner) => ({
    perSecond: percentile(perSecond, 0.5),
    p50Ms,
    p99Ms,
    outcomes,
  });
  add(stage, load, 'sent to the owner', figures(toOwner));
  const ratio = percentile(ratios, 0.5);
  stage.report.say(`cluster: the ratios of the rounds: ${ratios.map((each) => each.toFixed(2)).join(', ')}`);
  add(stage, load, 'sent to a node that owns none', {
    ...figures(toAnother),
    vs: { owner: ratio },
    targets: [{ text: `at least ${FORWARDED_SHARE} x owner`, met: ratio >= FORWARDED_SHARE }],
  });
}

function add(
  { report }: Stage,
  load: string,
  subject: string,
  figures: Omit<Result, 'bench' | 'load' | 'subject' | 'vs'> & Partial<Pick<Result, 'vs'>>,
): void {
  report.add({ bench: 'cluster', load, subject, vs: {}, ...figures });
}

function atMost(what: string, value: number, limit: number, unit = ''): Target {
  return { text: `${what} at most ${limit} ${unit}`.trimEnd(), met: value <= limit };
}

function none(what: string, count: number): Target {
  return { text: `no ${what} (${count})`, met: count === 0 };
}
