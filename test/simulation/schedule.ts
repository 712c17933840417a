import { Dice } from '../support/dice.ts';
import type { Options } from './options.ts';

/** What strikes. */
export const FAULTS = [
  'crash',
  'pause',
  'node isolated',
  'one way cut',
  'nodes split',
  'link lost',
  'way clogged',
  'database cut off',
  'database deaf',
  'database mute',
  'database restarted',
  'database frozen',
  'provider away',
  'clock stepped',
  'stop in order',
  'version changed',
  'drain',
  'undrain',
  'move',
  'pin',
  'unpin',
  'rebalance',
] as const;
export type FaultKind = (typeof FAULTS)[number];

/** One fault of a schedule. `who` and `other` choose among what there is when it strikes. */
export interface PlannedFault {
  /** ms from the opening of the sale. */
  readonly at: number;
  readonly kind: FaultKind;
  readonly who: number;
  readonly other: number;
  /** ms, for what lasts. */
  readonly lasts: number;
}

/** How long each kind lasts, ms: short ones are frequent, and some outlast a lease. */
const LASTS: Partial<Record<FaultKind, readonly number[]>> = {
  crash: [50, 500, 3_000, 15_000],
  pause: [100, 1_000, 3_500, 30_000],
  'database restarted': [100, 1_000, 4_000],
  'database frozen': [300, 1_500, 6_000],
  'provider away': [1_000, 10_000, 60_000],
};
const USUALLY = [200, 1_500, 4_000, 12_000];
/** A world suffers so many faults at most. */
const FAULTS_MAX = 60;

/** Drawn apart from everything else, so that leaving some out changes nothing of the others. */
export function drawSchedule({ seed, faults, dangerMs, faultEveryMs }: Options): PlannedFault[] {
  const dice = new Dice(Math.imul(seed, 0x85ebca6b) ^ 0x5eed);
  const planned: PlannedFault[] = [];
  if (faults.length === 0) return planned;
  for (let at = dice.roll() * faultEveryMs; at < dangerMs && planned.length < FAULTS_MAX; ) {
    const kind = dice.one(faults);
    const most = dice.one(LASTS[kind] ?? USUALLY);
    planned.push({
      at: Math.round(at),
      kind,
      who: dice.between(0, 999),
      other: dice.between(0, 999),
      lasts: Math.round(most * (0.3 + 0.7 * dice.roll())),
    });
    at -= Math.log(1 - dice.roll()) * faultEveryMs;
  }
  return planned;
}
