import type { Kysely } from 'kysely';

/** Of a buyer's shows, the newest so many are looked through for orders and tickets. */
const SHOWS_OF_BUYER_MAX = 1_000;

/** Written by the journal with a buyer's first order in a show, in the same statement. */
export interface BuyerShowTables {
  buyer_show: { buyer_id: string; show_id: string };
}

/** Where a buyer has orders and tickets. */
export interface BuyerShows {
  /** Show ids, newest show first, at most {@link SHOWS_OF_BUYER_MAX}. */
  showsOf(buyerId: string): Promise<readonly string[]>;
}

export function createBuyerShows(db: Kysely<BuyerShowTables>): BuyerShows {
  return {
    async showsOf(buyerId) {
      const rows = await db
        .selectFrom('buyer_show')
        .select('show_id')
        .where('buyer_id', '=', buyerId)
        .orderBy('show_id', 'desc')
        .limit(SHOWS_OF_BUYER_MAX)
        .execute();
      return rows.map((row) => row.show_id);
    },
  };
}
