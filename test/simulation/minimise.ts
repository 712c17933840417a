import type { Options } from './options.ts';
import type { PlannedFault } from './schedule.ts';
import { simulate } from './simulation.ts';

/** So many worlds are played to find out what a failure needs. */
const TRIES_MAX = 60;

/**
 * The places of fewer faults with which the same invariant is still broken: leaves out ever smaller parts, as long as it is.
 * (Delta debugging: A. Zeller and R. Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002.)
 */
export async function minimise(
  options: Options,
  schedule: readonly PlannedFault[],
  invariant: string,
): Promise<readonly number[]> {
  let places = schedule.map((_, place) => place);
  let tries = 0;
  const fails = async (kept: readonly number[]): Promise<boolean> => {
    tries++;
    const { violations } = await simulate(
      options,
      kept.map((place) => schedule[place]),
    );
    return violations.some((violation) => violation.invariant === invariant);
  };
  if (await fails([])) return [];
  for (let size = places.length >> 1; size >= 1 && tries < TRIES_MAX; ) {
    let hasShrunk = false;
    for (let from = 0; from < places.length && tries < TRIES_MAX; ) {
      const without = [...places.slice(0, from), ...places.slice(from + size)];
      if (await fails(without)) {
        places = without;
        hasShrunk = true;
      } else from += size;
    }
    if (!hasShrunk || size > places.length) size >>= 1;
  }
  return places;
}
