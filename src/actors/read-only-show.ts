import { type Refusal, RefusedError } from '../errors.ts';
import { Places } from './places.ts';
import { PublishedSeats } from './published-seats.ts';
import { type JournalToRead, recover } from './recovery.ts';
import type { SeatMap } from './seat-map.ts';
import type { ShowSource } from './shows.ts';
import type { Rules } from './turns.ts';

/** So many shows are rebuilt only to be read at once: the shows that this node sells come first. */
const REBUILDS_MAX = 2;
/** So many wait for that; with more, nobody is served so. */
export const WAITING_REBUILDS_MAX = 32;

const TOO_MANY: Refusal = {
  code: 'UNAVAILABLE',
  detail: 'Too many shows without a node are read; try again shortly.',
  retryAfter: 1,
};

export interface ReadOnlyOptions {
  readonly source: Pick<ShowSource, 'load'>;
  readonly journal: JournalToRead;
  readonly rules: Rules;
}

/**
 * Rebuilds the seats of shows that this node does not own, from snapshot and journal, for reading only. What is durable by
 * the time it is asked for is in it. `null` for an unknown show.
 *
 * Rejects with RefusedError when too many are asked for, else with what went wrong.
 */
export function readOnlyShows({
  source,
  journal,
  rules,
}: ReadOnlyOptions): (showId: string) => Promise<SeatMap | null> {
  const places = new Places(REBUILDS_MAX);
  return async (showId) => {
    if (places.waiting >= WAITING_REBUILDS_MAX) throw new RefusedError(TOO_MANY);
    return places.run(async () => {
      const made = await source.load(showId);
      if (made === null) return null;
      const { show } = await recover(showId, made, journal, rules);
      return new PublishedSeats(show);
    });
  };
}
