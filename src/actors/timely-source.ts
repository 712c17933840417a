import type { Timers } from '../ports.ts';
import type { ShowSource } from './shows.ts';
import { TimeLimit } from './time-limit.ts';

/**
 * How long the catalogue may take to answer: longer than it takes to give up a hung connection. Then the place is another
 * show's, and this one is tried again.
 */
export const CATALOGUE_LIMIT_MS = 15_000;

/** The same source, which rejects when it does not answer in time; what it still says then is heard by nobody. */
export function timelySource(source: ShowSource, timers: Timers): ShowSource {
  const inTime = async <T>(answer: Promise<T>): Promise<T> => {
    const limit = new TimeLimit(timers, CATALOGUE_LIMIT_MS);
    const isThere = await limit.wait(answer.catch(() => {}));
    limit.cancel();
    if (!isThere) throw new Error(`the catalogue did not answer within ${CATALOGUE_LIMIT_MS} ms`);
    return answer;
  };
  return {
    exists: (showId) => inTime(source.exists(showId)),
    load: async (showId) => {
      const made = await inTime(source.load(showId));
      return made === null ? null : { ...made, laterHall: (planIds) => inTime(made.laterHall(planIds)) };
    },
  };
}
