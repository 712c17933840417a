import { hash } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import { NOW as DATABASE_NOW } from '../database-time.ts';
import { RefusedError } from '../errors.ts';
import type { AccountsTables } from './tables.ts';

/**
 * What slows guessing down. Failures count for the e-mail that was tried, whether or not anybody has it, and for the address
 * that tried it, on all nodes together. After the free ones each locks that e-mail (or address) for twice as long as the one
 * before, and never for longer than `maxMs`: a stranger can slow somebody's log-in down, not shut it for good.
 */
export interface LockoutLimits {
  /** Failures before the first lock: of one e-mail, of one address. */
  readonly free: { readonly account: number; readonly address: number };
  readonly firstMs: number;
  readonly maxMs: number;
  /** One failure is forgotten in each span of so long: behind one address many people live, and some mistype. */
  readonly leakMs: { readonly account: number; readonly address: number };
  /** Without a failure for so long, all are forgotten. */
  readonly forgetMs: number;
}

export const LOCKOUT: LockoutLimits = {
  free: { account: 5, address: 100 },
  firstMs: 2_000,
  maxMs: 900_000,
  leakMs: { account: 720_000, address: 6_000 },
  forgetMs: 3_600_000,
};

/** Doubled more often than this, any first lock is beyond every limit. */
const DOUBLINGS_MAX = 30;

/** The database's: a lock holds alike on nodes whose clocks differ. */
const NOW = sql.raw(DATABASE_NOW);

/** Whom a log-in is for and where it comes from; see {@link Lockout}. */
export interface Try {
  /** As it is stored. */
  readonly email: string;
  /** Where it comes from, or null for one of our own. */
  readonly address: string | null;
}

/** Neither e-mails that strangers tried nor addresses are kept. */
const accountKey = (email: string): string => hash('sha256', `account\n${email}`, 'base64url');
const addressKey = (address: string): string => hash('sha256', `address\n${address}`, 'base64url');

function locked(ms: number): RefusedError {
  return new RefusedError({
    code: 'TOO_MANY_REQUESTS',
    detail:
      'Too many log-ins with this e-mail, or from where you are, have failed. Wait, or set a new password by mail.',
    retryAfter: Math.max(1, Math.ceil(ms / 1_000)),
  });
}

export class Lockout {
  readonly #db: Kysely<AccountsTables>;
  readonly #limits: LockoutLimits;

  constructor(db: Kysely<AccountsTables>, limits: LockoutLimits = LOCKOUT) {
    this.#db = db;
    this.#limits = limits;
  }

  /** To be asked before a password is looked at. @throws RefusedError `TOO_MANY_REQUESTS` while it is locked */
  async requireOpen({ email, address }: Try): Promise<void> {
    const keys = [accountKey(email), ...(address === null ? [] : [addressKey(address)])];
    const { rows } = await sql<{ ms: number | null }>`
      select (max(locked_until) - ${NOW})::float8 as ms from log_in_failure where key = any(${keys})
    `.execute(this.#db);
    const { ms } = rows[0];
    if (ms !== null && ms > 0) throw locked(ms);
  }

  /** The password was wrong, or nobody has that e-mail. */
  async failed({ email, address }: Try): Promise<void> {
    const { free, firstMs, maxMs, leakMs, forgetMs } = this.#limits;
    const keys = [accountKey(email), ...(address === null ? [] : [addressKey(address)])];
    const of = ({ account, address }: { account: number; address: number }) =>
      sql`case f.kind when 'account' then ${account}::float8 else ${address}::float8 end`;
    const left = sql`greatest(0, f.failures - (${NOW} - f.last_at) / (${of(leakMs)}))`;
    const failures = sql`(case when f.last_at <= ${NOW} - ${forgetMs}::int8 then 0 else ${left} end + 1)`;
    const beyond = sql`ceil(${failures} - (${of(free)}))`;
    const lockMs = sql`least(${maxMs}::float8, ${firstMs}::float8 * 2.0 ^ least(${beyond} - 1, ${DOUBLINGS_MAX}))::int8`;
    // The account's row first, in every statement: two never wait for each other in a ring.
    await sql`
      insert into log_in_failure as f (key, kind, failures, last_at, locked_until)
      select key, case place when 1 then 'account' else 'address' end, 1, ${NOW}, 0
      from unnest(${keys}::text[]) with ordinality as tried (key, place)
      order by place
      on conflict (key) do update set
        failures = ${failures},
        last_at = ${NOW},
        locked_until = case when ${beyond} > 0 then ${NOW} + ${lockMs} else 0 end
    `.execute(this.#db);
  }

  /**
   * The password was right: the e-mail's failures are forgotten. Unless others have locked it while this one was looked at,
   * of which some may be the same guesser's.
   * @throws RefusedError `TOO_MANY_REQUESTS`
   */
  async passed({ email }: Try): Promise<void> {
    const key = accountKey(email);
    const { rows } = await sql<{ ms: number }>`
      with cleared as (delete from log_in_failure where key = ${key} and locked_until <= ${NOW})
      select (locked_until - ${NOW})::float8 as ms from log_in_failure where key = ${key} and locked_until > ${NOW}
    `.execute(this.#db);
    if (rows.length > 0) throw locked(rows[0].ms);
  }

  /** Opens an e-mail again, for whoever has shown to have its mailbox. */
  async open(db: Kysely<AccountsTables>, email: string): Promise<void> {
    await sql`delete from log_in_failure where key = ${accountKey(email)}`.execute(db);
  }

  /** Removes up to `rows` that count no more; how many there were. */
  async forget(rows: number): Promise<number> {
    const { numAffectedRows = 0n } = await sql`
      delete from log_in_failure where key = any(array(
        select key from log_in_failure
        where last_at <= ${NOW} - ${this.#limits.forgetMs}::int8 and locked_until <= ${NOW}
        limit ${rows} for update skip locked
      ))
    `.execute(this.#db);
    return Number(numAffectedRows);
  }
}
