import type { Hall } from '../../src/allocator/hall.ts';
import { Latencies } from '../latencies.ts';
import { newBuyer, newOnce } from './hold-commands.ts';
import { PlayedShow } from './played-show.ts';

const PARTY = 4;
const WARM_UP = 2_000;
const SAMPLES = 10_000;
/** Holds that stand at a time; the oldest is released as a new one is made. */
const STANDING = 25;
const SEED = 80;

/**
 * How long a hold of the best four takes, decided and applied, in a hall of which this share is sold. Holds are released
 * again after 25 more, so the house stays as full as it is and every search meets a somewhat different one.
 */
export function bestOfFour(hall: Hall, soldShare: number): Latencies {
  const played = new PlayedShow(hall, false);
  played.sellTo(soldShare, SEED);
  const latencies = new Latencies();
  const standing: number[] = [];
  for (let i = 0; i < WARM_UP + SAMPLES; i++) {
    const command = { type: 'hold', once: newOnce(), buyer: newBuyer(), best: { quantity: PARTY } } as const;
    const start = performance.now();
    const event = played.command(command);
    const took = performance.now() - start;
    if (i >= WARM_UP) latencies.record(took);
    if (event.type === 'held') standing.push(event.hold);
    if (standing.length > STANDING) played.record({ type: 'released', hold: standing.shift() as number });
  }
  return latencies;
}
