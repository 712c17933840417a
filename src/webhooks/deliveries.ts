import type { Pool } from 'pg';
import { NOW } from '../database-time.ts';

/** A delivery that a node has taken on itself. */
export interface ClaimedDelivery {
  readonly id: string;
  readonly endpointId: string;
  readonly url: string;
  readonly secret: string;
  readonly messageId: string;
  readonly body: string;
  /** This one included. */
  readonly attempts: number;
  /** The database's ms since the epoch. Then others may take it: whoever marks it names this. */
  readonly until: number;
  /** Whether the last that was sent to the endpoint did not arrive. */
  readonly isFailing: boolean;
}

const IS_OPEN = 'delivered_at is null and given_up_at is null';

/** Claimed at a time, and how many of those at endpoints that fail. */
export interface ClaimRoom {
  readonly places: number;
  readonly failing: number;
}

/**
 * Hops over the endpoints that have something open, so that a long queue of one costs the others nothing; of each so many
 * that are due at most, and of all the first before the second of any: what waited longest is as a rule of who is slow. Those
 * that fail come last, and have not all places. Rows that others are claiming now are passed over.
 */
const CLAIM = `
  with recursive hop (endpoint_id) as (
    (select endpoint_id from webhook_delivery where ${IS_OPEN} order by endpoint_id limit 1)
    union all
    select (select endpoint_id from webhook_delivery where ${IS_OPEN} and endpoint_id > hop.endpoint_id
      order by endpoint_id limit 1)
    from hop where hop.endpoint_id is not null
  ),
  found as (
    select one.id, one.next_at, one.place, endpoint.failing_since is not null as is_failing
    from hop
    join webhook_endpoint endpoint on endpoint.id = hop.endpoint_id
    cross join lateral (
      select id, next_at, row_number() over (order by next_at, id) as place from (
        select id, next_at from webhook_delivery
        where endpoint_id = hop.endpoint_id and ${IS_OPEN} and next_at <= ${NOW}
        order by next_at limit $3 for update skip locked
      ) first
    ) one
    where hop.endpoint_id <> all($4::text[])
  ),
  due as (
    select id from (
      select *, row_number() over (partition by is_failing order by place, next_at, id) as turn from found
    ) queued
    where not is_failing or turn <= $5
    order by is_failing, turn limit $1
  ),
  claimed as (
    update webhook_delivery d set next_at = ${NOW} + $2, attempts = attempts + 1
    from due, webhook_endpoint endpoint, webhook_message message
    where d.id = due.id and endpoint.id = d.endpoint_id and message.id = d.message_id
    returning d.id, d.endpoint_id as "endpointId", endpoint.url, endpoint.secret, d.message_id as "messageId",
      message.body, d.attempts, d.next_at as until, endpoint.failing_since is not null as "isFailing"
  )
  select
    coalesce((select json_agg(claimed) from claimed), '[]') as claims,
    coalesce(${NOW} - (select min(created_at) from webhook_delivery where ${IS_OPEN}), 0)::float8 as oldest`;

/** What is said of one that was delivered holds whoever says it. */
const DELIVERED = `
  with done as (
    update webhook_delivery set delivered_at = ${NOW}, last_status = $2, last_error = null
    where id = $1 and ${IS_OPEN} returning endpoint_id
  )
  update webhook_endpoint set failing_since = null from done where id = done.endpoint_id and failing_since is not null`;
const FAILED = `
  with failed as (
    update webhook_delivery set next_at = ${NOW} + $3, last_status = $4, last_error = $5
    where id = $1 and next_at = $2 and ${IS_OPEN} returning endpoint_id
  )
  update webhook_endpoint set failing_since = ${NOW} from failed where id = failed.endpoint_id and failing_since is null`;
const GIVE_UP = `
  update webhook_delivery set given_up_at = ${NOW}, last_status = $3, last_error = $4
  where id = $1 and next_at = $2 and ${IS_OPEN}`;
/** What is still open goes with it: it is sent no more, unless it is replayed. */
const DISABLE = `
  with disabled as (
    update webhook_endpoint set disabled_at = ${NOW}, disabled_reason = $2
    where id = $1 and disabled_at is null and ($3::int8 = 0 or failing_since <= ${NOW} - $3::int8) returning id
  ),
  given_up as (
    update webhook_delivery d set given_up_at = ${NOW}, last_error = coalesce(last_error, $2)
    from disabled where d.endpoint_id = disabled.id and ${IS_OPEN}
  )
  select id from disabled`;
const FORGET = `
  delete from webhook_message where id = any(array(
    select id from webhook_message message
    where created_at <= ${NOW} - $1::int8
      and not exists (select from webhook_delivery d where d.message_id = message.id and ${IS_OPEN})
    limit $2 for update skip locked
  ))`;

/** What is on its way to organisers' systems. Everything here may reject when the database is out of reach. */
export class Deliveries {
  readonly #pool: Pick<Pool, 'query'>;

  constructor(pool: Pick<Pool, 'query'>) {
    this.#pool = pool;
  }

  /**
   * Takes what is due and there is room for, for `leaseMs`; of one endpoint `perEndpoint`, and none of those that are `busy`.
   * `oldestMs`: how long the oldest of all has waited.
   */
  async claim(
    room: ClaimRoom,
    leaseMs: number,
    perEndpoint: number,
    busy: readonly string[],
  ): Promise<{ readonly claims: readonly ClaimedDelivery[]; readonly oldestMs: number }> {
    const { rows } = await this.#pool.query<{ claims: ClaimedDelivery[]; oldest: number }>(CLAIM, [
      ...[room.places, leaseMs, perEndpoint, busy, room.failing],
    ]);
    return { claims: rows[0].claims, oldestMs: Math.max(0, rows[0].oldest) };
  }

  async delivered(id: string, status: number): Promise<void> {
    await this.#pool.query(DELIVERED, [id, status]);
  }

  /** To be tried again in `delayMs`. `status`: null without an answer. */
  async failed(claim: ClaimedDelivery, delayMs: number, status: number | null, reason: string): Promise<void> {
    await this.#pool.query(FAILED, [claim.id, claim.until, delayMs, status, reason]);
  }

  async giveUp(claim: ClaimedDelivery, status: number | null, reason: string): Promise<void> {
    await this.#pool.query(GIVE_UP, [claim.id, claim.until, status, reason]);
  }

  /** Whether it was this that disabled the endpoint. @param failingMs only if nothing has arrived for so long; 0 for at once */
  async disable(endpointId: string, reason: string, failingMs: number): Promise<boolean> {
    return ((await this.#pool.query(DISABLE, [endpointId, reason, failingMs])).rowCount ?? 0) > 0;
  }

  /** Forgets up to `count` messages of `keepMs` ago or earlier with their deliveries; how many there were. */
  async forget(keepMs: number, count: number): Promise<number> {
    return (await this.#pool.query(FORGET, [keepMs, count])).rowCount ?? 0;
  }
}
