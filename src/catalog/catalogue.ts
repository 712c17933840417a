import type { Kysely } from 'kysely';
import type { Clock, Random } from '../ports.ts';
import { Halls } from './halls.ts';
import { Performers } from './performers.ts';
import { Plans } from './plans.ts';
import type { PayableAmounts } from './show-rules.ts';
import { ShowRecords } from './shows.ts';
import type { CatalogueTables } from './tables.ts';
import { Venues } from './venues.ts';

/** What can be sold, where, and by whom. */
export interface Catalogue {
  readonly venues: Venues;
  readonly plans: Plans;
  readonly performers: Performers;
  readonly shows: ShowRecords;
  readonly halls: Halls;
}

export interface CatalogueParts {
  readonly db: Kysely<CatalogueTables>;
  readonly clock: Clock;
  readonly random: Random;
  /** The shard that a show belongs to. */
  readonly shardOf: (showId: string) => number;
  /** What prices can be paid. */
  readonly amounts: PayableAmounts;
  /** Called after each change of a show. */
  readonly onChange?: () => Promise<void>;
}

export function createCatalogue({
  db,
  clock,
  random,
  shardOf,
  amounts,
  onChange = async () => {},
}: CatalogueParts): Catalogue {
  const plans = new Plans(db, clock, random);
  return {
    venues: new Venues(db, clock, random),
    plans,
    performers: new Performers(db, clock, random),
    shows: new ShowRecords(db, clock, random, shardOf, amounts, onChange),
    halls: new Halls(plans),
  };
}
