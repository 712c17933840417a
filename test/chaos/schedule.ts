import { Dice } from '../support/dice.ts';

/*
 * What is to go wrong, when and for how long: drawn from a seed before anything starts, so that the same seed attacks in the
 * same way. What it meets differs from run to run, since real processes have no clock that could be held.
 */

/** Everything beside the kills. `docs/development.md` says what each is. */
export const FAULT_KINDS = [
  'pause',
  'nats-restart',
  'nats-pause',
  'postgres-restart',
  'postgres-crash',
  'disk-full',
  'lost-acknowledgement',
  'postgres-reset',
  'postgres-still',
  'postgres-deaf',
  'postgres-unheard',
  'postgres-mute',
  'lanes-still',
  'nats-reset',
  'nats-still',
  'nats-deaf',
  'nats-unheard',
  'nats-mute',
  'move',
  'pin',
  'drain',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export interface PlannedFault {
  /** ms from the start of the run. */
  readonly at: number;
  readonly kind: FaultKind | 'kill';
  /** Which node it hits, counting from 0; of what hits no node, none. */
  readonly node: number;
  /** How long it lasts, ms; of a kill, the time until the node is started again. */
  readonly forMs: number;
  /** For further choices, such as which shows to move. */
  readonly salt: number;
}

/** Kills are so far apart, ms… */
const KILL_GAP_MS = [2_000, 10_000] as const;
/** …more often nearer the lower end, and never fewer than this a minute. */
const KILLS_A_MINUTE = 10;
const RESTART_MS = [0, 1_500] as const;
/** A round of all kinds in an order of its own takes so long at most: each happens in the shortest run. */
const ROUND_MS = 50_000;
/** How long each kind lasts, ms; drawn so that short and long are equally likely by orders of magnitude. */
const PAUSE_MS = [100, 30_000] as const;
const OUTAGE_MS = [100, 8_000] as const;
const SERVER_AWAY_MS = [10, 5_000] as const;
const DISK_FULL_MS = [1_000, 6_000] as const;

/**
 * @param forMs how long faults are begun
 * @param kinds those that this machine allows
 */
export function drawSchedule(
  seed: number,
  { forMs, nodes, kinds }: { readonly forMs: number; readonly nodes: number; readonly kinds: readonly FaultKind[] },
): PlannedFault[] {
  const dice = new Dice(seed);
  const others = drawRounds(dice, forMs, nodes, kinds);
  return [...drawKills(dice, forMs, nodes), ...others].sort((a, b) => a.at - b.at);
}

function drawKills(dice: Dice, forMs: number, nodes: number): PlannedFault[] {
  const [shortest, longest] = KILL_GAP_MS;
  const fewest = Math.ceil((forMs / 60_000) * KILLS_A_MINUTE);
  for (;;) {
    const kills: PlannedFault[] = [];
    let at = 0;
    for (;;) {
      at += shortest + (longest - shortest) * dice.roll() ** 1.4;
      if (at >= forMs) break;
      const node = dice.between(0, nodes - 1);
      kills.push({ at, kind: 'kill', node, forMs: between(dice, RESTART_MS), salt: salt(dice) });
    }
    if (kills.length >= fewest) return kills;
  }
}

function drawRounds(dice: Dice, forMs: number, nodes: number, kinds: readonly FaultKind[]): PlannedFault[] {
  const faults: PlannedFault[] = [];
  for (let start = 0; start < forMs; start += ROUND_MS) {
    const times = kinds.map(() => start + dice.roll() * ROUND_MS).sort((a, b) => a - b);
    for (const [i, kind] of shuffled(dice, kinds).entries()) {
      const fault = {
        at: times[i],
        kind,
        node: dice.between(0, nodes - 1),
        forMs: lasts(dice, kind),
        salt: salt(dice),
      };
      if (fault.at < forMs) faults.push(fault);
    }
  }
  return faults;
}

function lasts(dice: Dice, kind: FaultKind): number {
  switch (kind) {
    case 'pause':
      return byMagnitude(dice, PAUSE_MS);
    case 'postgres-restart':
    case 'postgres-crash':
    case 'nats-restart':
      return byMagnitude(dice, SERVER_AWAY_MS);
    case 'disk-full':
      return between(dice, DISK_FULL_MS);
    default:
      return byMagnitude(dice, OUTAGE_MS);
  }
}

function between(dice: Dice, [from, to]: readonly [number, number]): number {
  return from + dice.roll() * (to - from);
}

function byMagnitude(dice: Dice, [from, to]: readonly [number, number]): number {
  return from * (to / from) ** dice.roll();
}

function salt(dice: Dice): number {
  return dice.between(0, 0xffff_ffff);
}

function shuffled<T>(dice: Dice, list: readonly T[]): T[] {
  const left = [...list];
  return list.map(() => left.splice(dice.between(0, left.length - 1), 1)[0]);
}
