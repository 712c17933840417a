import type { MadeShow } from '../../src/actors/shows.ts';
import type { ShowTerms } from '../../src/allocator/events.ts';
import type { Hall } from '../../src/allocator/hall.ts';
import { extendHall } from '../../src/allocator/hall-extend.ts';
import { termsOf } from './small-show.ts';

/** SHA-256 (hex) of the document of a plan that has none. */
export function hashOf(planId: string): string {
  return Buffer.from(planId).toString('hex').padEnd(64, '0').slice(0, 64);
}

/** The hall once these plans have replaced its first. */
export function laterHall(hall: Hall, plans: readonly (readonly [id: string, plan: Hall])[]): Hall {
  return plans.reduce((before, [id, plan]) => extendHall(before, plan, { id, hash: hashOf(id) }), hall);
}

/** What a show is made of, and the plans that may replace its first. */
export function madeOf(hall: Hall, terms: ShowTerms = termsOf(), plans: Readonly<Record<string, Hall>> = {}): MadeShow {
  return {
    hall,
    terms,
    laterHall: async (ids) => {
      if (!ids.every((id) => Object.hasOwn(plans, id))) return null;
      return laterHall(
        hall,
        ids.map((id) => [id, plans[id]] as const),
      );
    },
  };
}
