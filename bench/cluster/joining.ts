import { SHARDS } from '../../src/cluster/shards.ts';
import { pause } from '../../src/system/pause.ts';
import { BACKGROUND_HALL, BACKGROUND_SHOWS, backgroundLoad, checkHolds, type Stage } from './stage.ts';

export interface Joining {
  /** Shards that changed their owner, divided by those that one more node should have of all. */
  readonly movedByIdeal: number;
  /** Shards of the node with most of them, divided by the mean. */
  readonly maxByMean: number;
  /** From when the new node took traffic until every shard was where it belongs, ms. */
  readonly settledMs: number;
  /** Requests that failed while it joined, and while it left in order. */
  readonly failed: number;
  readonly failedLeaving: number;
  readonly outcomes: Readonly<Record<string, number>>;
}

const CALM_MS = 1_000;

/** Starts one more node beside those that run, under load, and ends it again. */
export async function measureJoining(stage: Stage): Promise<Joining> {
  const { machines, organiser } = stage;
  const shows = await organiser.openShows(BACKGROUND_HALL, BACKGROUND_SHOWS);
  const before = await machines.owners();
  const load = backgroundLoad(stage, shows);
  let joined: Omit<Joining, 'outcomes' | 'failedLeaving'>;
  try {
    await pause(CALM_MS);
    const node = await machines.add();
    const begun = performance.now();
    await machines.settled();
    const settledMs = performance.now() - begun;
    const after = await machines.owners();
    const moved = after.filter((owner, shard) => owner !== before[shard]).length;
    const counts = machines.nodes.map(({ id }) => after.filter((owner) => owner === id).length);
    const ideal = SHARDS / machines.nodes.length;
    joined = {
      movedByIdeal: moved / ideal,
      maxByMean: Math.max(...counts) / ideal,
      settledMs,
      failed: load.failed,
    };
    await machines.remove(node);
    await machines.settled();
  } finally {
    await load.stop();
  }
  load.tellFirstFailure(stage.report);
  await checkHolds(stage, shows);
  return { ...joined, failedLeaving: load.failed - joined.failed, outcomes: load.seen() };
}
