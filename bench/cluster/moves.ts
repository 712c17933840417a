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

/** So many moves a show, before its seats run out. */
const MOVES_OF_A_SHOW = 10;

/** Moves shows to and fro between two nodes, as often as asked in all, while each sells through the third. */
export async function measureMoves(stage: Stage, times: number): Promise<Moves> {
  const { organiser, report } = stage;
  const others = await organiser.openShows(BACKGROUND_HALL, BACKGROUND_SHOWS);
  const background = backgroundLoad(stage, others);
  const measured: Measured = { gaps: [], calmGaps: [], pauses: [], failed: 0, outcomes: new Map() };
  try {
    await pause(CALM_MS);
    for (let left = times; left > 0; left -= MOVES_OF_A_SHOW) {
      await moveToAndFro(stage, Math.min(left, MOVES_OF_A_SHOW), measured);
    }
  } finally {
    await background.stop();
  }
  background.tellFirstFailure(report);
  await checkHolds(stage, others);
  const { gaps, calmGaps, pauses, outcomes } = measured;
  for (const [outcome, count] of background.outcomes) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + count);
  return {
    gaps,
    calmGaps,
    pauses,
    failed: measured.failed + background.failed,
    outcomes: Object.fromEntries(outcomes),
  };
}

/** What is measured, added up over the shows. */
interface Measured {
  readonly gaps: number[];
  readonly calmGaps: number[];
  readonly pauses: number[];
  failed: number;
  readonly outcomes: Map<string, number>;
}

async function moveToAndFro(stage: Stage, times: number, measured: Measured): Promise<void> {
  const { machines, organiser, report } = stage;
  const [show] = await organiser.openShows(PROBED_HALL, 1);
  const here = await machines.ownerOf(show);
  const [there, third] = machines.nodes.filter((node) => node !== here);
  const probe = new Probe(stage, show, [third.port]);
  try {
    for (let i = 0; i < times; i++) {
      const calmFrom = performance.now();
      await pause(CALM_MS);
      measured.calmGaps.push(longestGap(probe.seen, calmFrom));
      const from = performance.now();
      measured.pauses.push(await move(machines, show, i % 2 === 0 ? there : here));
      await pause(AFTER_MS);
      measured.gaps.push(longestGap(probe.seen, from));
    }
  } finally {
    await probe.load.stop();
  }
  await machines.operate({ kind: 'unpin', shows: [show] });
  await machines.settled();
  probe.load.tellFirstFailure(report);
  await checkHolds(stage, [show]);
  measured.failed += probe.load.failed;
  for (const [outcome, count] of probe.load.outcomes) {
    measured.outcomes.set(outcome, (measured.outcomes.get(outcome) ?? 0) + count);
  }
  report.say(`cluster: ${probe.seen.length} requests to the show that moved`);
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
