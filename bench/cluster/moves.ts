import { pause } from '../../src/system/pause.ts';
import { HELD, type Seen } from './best-seats.ts';
import type { BenchNode, Machines } from './machines.ts';
import {
  BACKGROUND_HALL,
  BACKGROUND_SHOWS,
  backgroundLoad,
  checkHolds,
  PROBED_HALL,
  Probe,
  type Stage,
} from './stage.ts';

export interface Moves {
  /** The longest time between two holds in a row, for each move, ms. */
  readonly gaps: readonly number[];
  /** The same in as many seconds without a move: what the machine itself does. */
  readonly calmGaps: readonly number[];
  /** What the table says of each move: from the end of admission here to the first answer there, ms. */
  readonly pauses: readonly number[];
  /** Requests to all shows that failed. */
  readonly failed: number;
  readonly outcomes: Readonly<Record<string, number>>;
}

const CALM_MS = 1_000;
/** How long after its end a move is looked at. */
const AFTER_MS = 200;

/** Moves a show to and fro between two nodes, as often as asked, while it sells through the third. */
export async function measureMoves(stage: Stage, times: number): Promise<Moves> {
  const { machines, organiser, report } = stage;
  const [show] = await organiser.openShows(PROBED_HALL, 1);
  const others = await organiser.openShows(BACKGROUND_HALL, BACKGROUND_SHOWS);
  const here = await machines.ownerOf(show);
  const [there, third] = machines.nodes.filter((node) => node !== here);
  const background = backgroundLoad(stage, others);
  const probe = new Probe(stage, show, [third.port]);
  const [gaps, calmGaps, pauses]: number[][] = [[], [], []];
  try {
    await pause(CALM_MS);
    for (let i = 0; i < times; i++) {
      const calmFrom = performance.now();
      await pause(CALM_MS);
      calmGaps.push(longestGap(probe.seen, calmFrom));
      const from = performance.now();
      pauses.push(await move(machines, show, i % 2 === 0 ? there : here));
      await pause(AFTER_MS);
      gaps.push(longestGap(probe.seen, from));
    }
  } finally {
    await Promise.all([probe.load.stop(), background.stop()]);
  }
  await machines.operate({ kind: 'unpin', shows: [show] });
  await machines.settled();
  for (const load of [probe.load, background]) load.tellFirstFailure(report);
  await checkHolds(stage, [show, ...others]);
  const outcomes = background.seen();
  for (const [outcome, count] of probe.load.outcomes) outcomes[outcome] = (outcomes[outcome] ?? 0) + count;
  report.say(`cluster: ${probe.seen.length} requests to the show that moved`);
  return { gaps, calmGaps, pauses, failed: probe.load.failed + background.failed, outcomes };
}

/** Resolves, when the show answers there, with the pause that the table tells. */
async function move(machines: Machines, show: string, to: BenchNode): Promise<number> {
  const { moves } = await machines.operate({ kind: 'move', shows: [show], to: to.id });
  const [{ pauseMs }] = moves;
  if (pauseMs === null) throw new Error(`the move to ${to.id} ended without a pause`);
  return pauseMs;
}

/** Between two holds in a row of which the later came since `from`, or since the last of them until now. */
function longestGap(seen: readonly Seen[], from: number): number {
  let last = from;
  let longest = 0;
  for (const { outcome, endedAt } of seen) {
    if (outcome !== HELD) continue;
    if (endedAt >= from) longest = Math.max(longest, endedAt - last);
    last = endedAt;
  }
  return Math.max(longest, performance.now() - last);
}
