import type { BoxOfficeClient } from '../box-office-client.ts';
import type { RectangularHall } from '../rectangular-hall.ts';
import type { Report } from '../report.ts';
import type { BestSeats, Seen } from './best-seats.ts';
import type { Machines } from './machines.ts';
import { SteadyLoad } from './steady-load.ts';

/** What every measurement of the cluster stands on. */
export interface Stage {
  readonly machines: Machines;
  readonly report: Report;
  /** One a buyer. */
  readonly tokens: readonly string[];
  /** At the first node. */
  readonly organiser: BoxOfficeClient;
  readonly seats: BestSeats;
}

/** Of shows that go on selling while something else is measured. */
export const BACKGROUND_HALL: RectangularHall = {
  name: 'Bench hall of 4,000',
  rows: 40,
  blocksPerRow: 4,
  seatsPerBlock: 25,
};
export const BACKGROUND_SHOWS = 30;
/** Over all nodes. While one of three is away, fifty are left. */
export const BACKGROUND_CONNECTIONS = 75;
const BACKGROUND_PAUSE_MS = 80;

/** Of the show on which something is measured. */
export const PROBED_HALL: RectangularHall = {
  name: 'Bench hall of 20,000',
  rows: 100,
  blocksPerRow: 8,
  seatsPerBlock: 25,
};
const PROBE_CONNECTIONS = 8;
const PROBE_PAUSE_MS = 5;

/** An even load through all nodes, about nine hundred requests a second where they are answered at once. */
export function backgroundLoad({ machines, seats }: Stage, shows: readonly string[]): SteadyLoad {
  const ports = machines.nodes.map(({ port }) => port);
  return new SteadyLoad({ ports, shows, seats, connections: BACKGROUND_CONNECTIONS, pauseMs: BACKGROUND_PAUSE_MS });
}

/** Asks one show for a seat about every millisecond, through some of the nodes, and keeps what it saw. */
export class Probe {
  readonly seen: Seen[] = [];
  readonly load: SteadyLoad;

  constructor({ seats }: Stage, show: string, ports: readonly number[]) {
    this.load = new SteadyLoad({
      ports,
      shows: [show],
      seats,
      connections: PROBE_CONNECTIONS,
      pauseMs: PROBE_PAUSE_MS,
      onSeen: (seen) => this.seen.push(seen),
    });
  }
}

/** Counts the seats of these shows: what was promised must be held, and nothing else. */
export async function checkHolds({ organiser, seats }: Stage, shows: readonly string[]): Promise<void> {
  for (const show of shows) seats.check(show, await organiser.takenSeats(show));
}
