import { shardOf } from '../../src/cluster/shards.ts';
import type { Load } from '../demand.ts';
import type { HoldLoadReport } from '../hold-load.ts';
import { runLoad } from '../load-process.ts';
import { type RectangularHall, seatCount } from '../rectangular-hall.ts';
import type { BenchNode } from './machines.ts';
import { percentile } from './percentile.ts';
import type { Stage } from './stage.ts';

export interface Throughput {
  /** Holds a second, of each round. */
  readonly perSecond: readonly number[];
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly outcomes: Readonly<Record<string, number>>;
}

export interface Forwarding {
  readonly toOwner: Throughput;
  readonly toAnother: Throughput;
  /** Of the two loads of each round. */
  readonly ratios: readonly number[];
}

const ROUNDS = 5;
const SHOWS = 20;
const CONNECTIONS = 500;
const WARM_UP_SECONDS = 1;
const SEED = 2_015;
/** More than any node answers here in the longest round. */
const HALL: RectangularHall = { name: 'Bench hall of 15,000', rows: 75, blocksPerRow: 8, seatsPerBlock: 25 };
export const BUYERS_OF_A_SHOW = seatCount(HALL);
const ROUND_SECONDS_MAX = 4;

/**
 * The same load of single holds on shows that all belong to one node: sent to that node, and sent to another, in turns.
 * Every load has shows of its own.
 */
export async function measureForwarding(stage: Stage, seconds: number): Promise<Forwarding> {
  const { machines, organiser } = stage;
  const [owner, another] = machines.nodes;
  const shows = await organiser.openShows(HALL, 2 * ROUNDS * SHOWS);
  const shards = [...new Set(shows.map(shardOf))];
  await machines.operate({ kind: 'pin', shards, to: owner.id, exclusive: false });
  await machines.settled();
  const direct: HoldLoadReport[] = [];
  const forwarded: HoldLoadReport[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    // Who comes first changes, so that neither has the better part of what the machine does meanwhile.
    for (const node of round % 2 === 0 ? [owner, another] : [another, owner]) {
      const seen = await drive(stage, node, shows.splice(0, SHOWS), Math.min(seconds / ROUNDS, ROUND_SECONDS_MAX));
      (node === owner ? direct : forwarded).push(seen);
    }
  }
  await machines.operate({ kind: 'unpin', shards });
  const ratios = forwarded.map((seen, round) => rate(seen) / rate(direct[round]));
  return { toOwner: throughputOf(direct), toAnother: throughputOf(forwarded), ratios };
}

async function drive(
  { organiser, tokens }: Stage,
  { port }: BenchNode,
  shows: readonly string[],
  seconds: number,
): Promise<HoldLoadReport> {
  const load: Load = { name: 'spread', hall: HALL, demandPerShow: BUYERS_OF_A_SHOW, shows: shows.length };
  const seen = await runLoad({
    kind: 'holds',
    port,
    load,
    seed: SEED,
    shows,
    tokens,
    connections: CONNECTIONS,
    warmUpSeconds: WARM_UP_SECONDS,
    seconds,
  });
  if (seen.wrong > 0) throw new Error(`there were ${seen.wrong} wrong answers, the first: ${seen.firstWrong}`);
  for (const [i, show] of shows.entries()) {
    const taken = await organiser.takenSeats(show);
    if (taken !== seen.seatsHeld[i]) {
      throw new Error(`${show}: ${seen.seatsHeld[i]} seats were promised, but ${taken} are taken`);
    }
  }
  return seen;
}

const rate = ({ answered, seconds }: HoldLoadReport): number => answered / seconds;

function throughputOf(seen: readonly HoldLoadReport[]): Throughput {
  const outcomes: Record<string, number> = {};
  for (const each of seen) {
    for (const [outcome, count] of Object.entries(each.outcomes)) outcomes[outcome] = (outcomes[outcome] ?? 0) + count;
  }
  return {
    perSecond: seen.map(rate),
    p50Ms: percentile(
      seen.map(({ p50Ms }) => p50Ms),
      0.5,
    ),
    p99Ms: Math.max(...seen.map(({ p99Ms }) => p99Ms)),
    outcomes,
  };
}
