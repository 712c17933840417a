import { type Kysely, sql } from 'kysely';
import type { Clock, Timer, Timers } from '../ports.ts';
import type { Log } from '../system/log.ts';
import { REVOCATIONS_MAX, type Revocation, type Revocations } from './revocations.ts';
import type { AccountsTables } from './tables.ts';
import { LIFETIME_SECONDS } from './tokens.ts';

/*
 * Revocations stand in a table. The node that writes one heeds it at once, before it answers; every other reads what is new
 * each second, so that no request asks the database. Which rows are new, the ids of their transactions tell: all below
 * `pg_snapshot_xmin` have ended, so whatever commits later is found from there on.
 */

export const FEED_LIMITS = {
  /** A token that was revoked on one node is refused on every other after this and the time of a short query. */
  pollMs: 1_000,
  /** How far the clocks of two nodes may be apart: one that is behind gives tokens that end so much later than it seems. */
  clockSkewMs: 60_000,
} as const;

/** When the last token that a user has by now has expired. */
export function lastExpiry(clock: Clock): number {
  return clock.now() + LIFETIME_SECONDS * 1_000 + FEED_LIMITS.clockSkewMs;
}

/** Writes it down; it holds, here and elsewhere, once that is committed. */
export async function writeRevocation(
  db: Kysely<AccountsTables>,
  { key, generation, expiresAt }: Revocation,
): Promise<void> {
  await sql`
    insert into revocation as r (key, generation, expires_at) values (${key}, ${generation}, ${expiresAt})
    on conflict (key) do update set
      generation = greatest(r.generation, excluded.generation),
      expires_at = greatest(r.expires_at, excluded.expires_at),
      written_by = pg_current_xact_id()
  `.execute(db);
}

export interface RevocationFeedDeps {
  readonly db: Kysely<AccountsTables>;
  readonly revocations: Revocations;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
}

/** Keeps a node's {@link Revocations} up with the table. */
export class RevocationFeed {
  readonly #deps: RevocationFeedDeps;
  #timer: Timer | null = null;
  /** The transactions below it have been read. */
  #from = '0';
  #isReading = false;
  #isLost = false;
  #isClosed = false;

  constructor(deps: RevocationFeedDeps) {
    this.#deps = deps;
  }

  /** Reads all there are; from then on what is new. */
  async start(): Promise<void> {
    await this.read();
    this.#timer = this.#deps.timers.every(FEED_LIMITS.pollMs, () => void this.#poll());
  }

  /** Writes a revocation down, and heeds it. */
  async revoke(revocation: Revocation): Promise<void> {
    await writeRevocation(this.#deps.db, revocation);
    this.#deps.revocations.add(revocation);
  }

  /** Reads what is new. */
  async read(): Promise<void> {
    const { db, revocations, clock } = this.#deps;
    const now = clock.now();
    // More than there is room for come in only if all are new; the latest ends are worth most.
    const { rows } = await sql<{ next: string; found: Revocation[] | null }>`
      select pg_snapshot_xmin(pg_current_snapshot())::text as next, (
        select json_agg(r) from (
          select key, generation, expires_at as "expiresAt" from revocation
          where written_by >= ${this.#from}::xid8 and expires_at > ${now}
          order by expires_at desc limit ${REVOCATIONS_MAX}
        ) r
      ) as found
    `.execute(db);
    const [{ next, found }] = rows;
    for (const revocation of found ?? []) revocations.add(revocation);
    if (found?.length === REVOCATIONS_MAX) revocations.refuseUntil(found[REVOCATIONS_MAX - 1].expiresAt);
    revocations.forget(now);
    this.#from = next;
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  async #poll(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      await this.read();
      this.#isLost = false;
    } catch (error) {
      // Once, not every second. What is known goes on being refused.
      if (!this.#isLost && !this.#isClosed) this.#deps.log.warn({ err: error }, 'revoked tokens cannot be read');
      this.#isLost = true;
    } finally {
      this.#isReading = false;
    }
  }

  /** Removes up to `rows` that no token needs any more; how many there were. */
  async forget(rows: number): Promise<number> {
    const { db, clock } = this.#deps;
    const { numAffectedRows = 0n } = await sql`
      delete from revocation where key = any(array(
        select key from revocation where expires_at <= ${clock.now() - FEED_LIMITS.clockSkewMs}
        limit ${rows} for update skip locked
      ))
    `.execute(db);
    return Number(numAffectedRows);
  }
}
