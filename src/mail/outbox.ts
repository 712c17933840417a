import type { Pool } from 'pg';
import { NOW } from '../database-time.ts';
import type { Notice } from '../journal/journal.ts';

/** Something that whoever has an e-mail address is to hear of. */
export interface AccountNotice {
  readonly id: string;
  /** `password-reset`: a token with which the account's password can be set anew was asked for. */
  readonly kind: 'password-reset';
  readonly email: string;
}

/** A notice that a node has taken on itself to send. */
export type Claim = (Notice | AccountNotice) & Claimed;

interface Claimed {
  /** ms since the epoch. */
  readonly createdAt: number;
  /** This one included. */
  readonly attempts: number;
  /** The database's ms since the epoch. Then others may take it: whoever marks it names this, so that a claim that has lapsed changes nothing. */
  readonly until: number;
}

const IS_OPEN = 'sent_at is null and given_up_at is null';

/** Rows that others are claiming now are passed over, and those that are claimed are not due: nobody waits for anybody. */
const CLAIM = `
  with due as (
    select id from mail
    where ${IS_OPEN} and next_at <= ${NOW} and (claimed_until is null or claimed_until <= ${NOW})
    order by next_at limit $1 for update skip locked
  ),
  claimed as (
    update mail set claimed_until = ${NOW} + $2, attempts = attempts + 1
    from due where mail.id = due.id
    returning mail.id, kind, order_id as "orderId", refund_id as "refundId", email, created_at as "createdAt",
      attempts, claimed_until as until
  )
  select
    coalesce((select json_agg(claimed) from claimed), '[]') as claims,
    coalesce(${NOW} - (select min(created_at) from mail where ${IS_OPEN} and not refused), 0)::float8 as oldest`;

/** What is said of a notice that was sent holds whoever says it: it is in other hands. */
const SENT = `update mail set sent_at = ${NOW}, claimed_until = null, last_error = null where id = $1 and sent_at is null`;
const FAILED = `
  update mail set next_at = ${NOW} + $3, claimed_until = null, last_error = $4, refused = $5
  where id = $1 and claimed_until = $2 and ${IS_OPEN}`;
const GIVEN_UP = `
  update mail set given_up_at = ${NOW}, claimed_until = null, last_error = $3
  where id = $1 and claimed_until = $2 and ${IS_OPEN}`;
const FORGET = `
  delete from mail where id = any(array(
    select id from mail where not (${IS_OPEN}) and coalesce(sent_at, given_up_at) <= ${NOW} - $1::int8
    limit $2 for update skip locked
  ))`;

/** The table of mail. Everything here may reject when the database is out of reach. */
export class MailOutbox {
  readonly #pool: Pick<Pool, 'query'>;

  constructor(pool: Pick<Pool, 'query'>) {
    this.#pool = pool;
  }

  /**
   * Takes up to `count` notices that are due, for `leaseMs`. `oldestMs`: how long the oldest has waited that is neither sent
   * nor refused by the server, whoever has it; 0 without one.
   */
  async claim(
    count: number,
    leaseMs: number,
  ): Promise<{ readonly claims: readonly Claim[]; readonly oldestMs: number }> {
    const { rows } = await this.#pool.query<{ claims: Claim[]; oldest: number }>(CLAIM, [count, leaseMs]);
    return { claims: rows[0].claims, oldestMs: Math.max(0, rows[0].oldest) };
  }

  async sent(id: string): Promise<void> {
    await this.#pool.query(SENT, [id]);
  }

  /** To be tried again in `delayMs`. `isRefused`: the server does not want this one. */
  async failed({ id, until }: Claim, reason: string, delayMs: number, isRefused: boolean): Promise<void> {
    await this.#pool.query(FAILED, [id, until, delayMs, reason, isRefused]);
  }

  async giveUp({ id, until }: Claim, reason: string): Promise<void> {
    await this.#pool.query(GIVEN_UP, [id, until, reason]);
  }

  /** Forgets up to `count` of those that were sent or given up `keepMs` ago or earlier; how many there were. */
  async forget(keepMs: number, count: number): Promise<number> {
    return (await this.#pool.query(FORGET, [keepMs, count])).rowCount ?? 0;
  }
}
