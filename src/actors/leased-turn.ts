import type { ShardLeases } from '../journal/journal.ts';
import type { Clock } from '../ports.ts';
import type { Entry } from './entry.ts';
import type { LoadFigures } from './load-figures.ts';
import { NOT_OURS, sendAway } from './not-begun.ts';
import type { Turns } from './turns.ts';

/** The shard has another epoch than the one that the show recovered under: another node may have had the show meanwhile. */
export class EpochMoved extends Error {
  constructor(showId: string, recoveredUnder: number, now: number) {
    super(`${showId} recovered under epoch ${recoveredUnder} of its shard, which is ${now} now`);
    this.name = 'EpochMoved';
  }
}

export interface LeasedTurnParts {
  readonly leases: ShardLeases;
  readonly clock: Clock;
  readonly load: LoadFigures;
}

/**
 * One turn of a show, if its shard is this node's now. If not, nothing is decided, told or expired from what is in memory;
 * the state stays, since a lease that has lapsed may come back under the same epoch. What was decided before the lease ended
 * and is durable is told all the same.
 * @returns whether more work waits.
 * @throws EpochMoved, and what {@link Turns.run} throws.
 */
export async function runLeasedTurn(
  entry: Entry,
  turns: Turns,
  { leases, clock, load }: LeasedTurnParts,
): Promise<boolean> {
  const epoch = leases.epochOf(entry.shard);
  if (epoch === null) {
    sendAway(entry.inbox, clock.now(), NOT_OURS);
    return false;
  }
  if (epoch !== entry.epoch) throw new EpochMoved(entry.showId, entry.epoch, epoch);
  load.turnBegan(entry, clock.now());
  try {
    await turns.run();
  } finally {
    load.turnEnded(entry);
  }
  if (entry.state === 'gone') return false;
  // It may have changed when something is due: the next sweep looks.
  entry.lookAt = clock.now();
  return turns.isDue();
}
