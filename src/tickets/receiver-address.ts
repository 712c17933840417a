import { hash } from 'node:crypto';
import type { Kysely } from 'kysely';

/** Of the shows in which tickets were offered to an address, the newest so many are looked through. */
const SHOWS_OF_ADDRESS_MAX = 1_000;

/** Written by the journal with a turn that offers a ticket, in the same statement. */
export interface OfferedShowTables {
  offered_show: { address: string; show_id: string };
}

/** Where tickets were offered to an address. */
export interface OfferedShows {
  /** Show ids, newest show first, at most {@link SHOWS_OF_ADDRESS_MAX}. */
  showsOf(address: string): Promise<readonly string[]>;
}

/**
 * What stands for an e-mail address in the journal, which keeps all it is told for ever: a digest, by which nobody is found
 * who is not looked for.
 * @param email in its one spelling.
 */
export function addressDigest(email: string): string {
  return hash('sha256', `usher ticket receiver\n${email}`, 'base64url');
}

export function createOfferedShows(db: Kysely<OfferedShowTables>): OfferedShows {
  return {
    async showsOf(address) {
      const rows = await db
        .selectFrom('offered_show')
        .select('show_id')
        .where('address', '=', address)
        .orderBy('show_id', 'desc')
        .limit(SHOWS_OF_ADDRESS_MAX)
        .execute();
      return rows.map((row) => row.show_id);
    },
  };
}
