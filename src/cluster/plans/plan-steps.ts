import type { PinChange } from './pin-changes.ts';
import type { Plan } from './plans.ts';

/** Pins that a step changes at most: few enough that a plan can be stopped soon, and that none of its moves waits long. */
export const PINS_PER_STEP = 32;

/** What is written into the tables at once, and the shards that must have arrived before the next step. */
export interface PlanStep {
  /** A node's id. */
  readonly undrain: string | null;
  readonly pins: readonly PinChange[];
  /** A node's id. */
  readonly drain: string | null;
  readonly shards: readonly number[];
}

/**
 * The steps of a plan, in order. A node is undrained before shards are pinned to it and drained after shards of it are
 * pinned elsewhere, since pins to a node that drains do not count. Moves that follow from placement and have no pin of
 * their own belong to the last step: they are certain only once all changes are made. So a drain is one step; the nodes
 * themselves hand over a few shards at a time. Between two steps placement may displace a shard for a while, since nodes
 * have bounds; a plan of a single step never does.
 */
export function stepsOf({ changes: { pins, drain, undrain }, moves }: Plan): PlanStep[] {
  const moved = new Set(moves.map(({ shard }) => shard));
  const pinned = new Set(pins.map(({ shard }) => shard));
  const nothing: PlanStep = { undrain: null, pins: [], drain: null, shards: [] };
  const steps: PlanStep[] = [];
  if (undrain !== null) steps.push({ ...nothing, undrain });
  for (let from = 0; from < pins.length; from += PINS_PER_STEP) {
    const some = pins.slice(from, from + PINS_PER_STEP);
    steps.push({ ...nothing, pins: some, shards: some.flatMap(({ shard }) => (moved.has(shard) ? [shard] : [])) });
  }
  const rest = moves.flatMap(({ shard }) => (pinned.has(shard) ? [] : [shard]));
  if (drain !== null || rest.length > 0) steps.push({ ...nothing, drain, shards: rest });
  return steps;
}
