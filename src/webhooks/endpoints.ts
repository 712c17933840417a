import type { Pool } from 'pg';
import { NOW } from '../database-time.ts';
import { RefusedError } from '../errors.ts';
import { newId } from '../ids.ts';
import type { Random } from '../ports.ts';
import { rfc3339 } from '../rfc3339.ts';
import type { WebhookEvent } from './announcements.ts';
import { newSecret } from './signature.ts';
import { type TargetPolicy, urlFault } from './targets.ts';

/** Endpoints of one organiser. */
export const ENDPOINTS_MAX = 10;
/** Deliveries that one request replays. */
export const REPLAYS_MAX = 10_000;

export interface EndpointView {
  readonly id: string;
  readonly url: string;
  readonly events: readonly WebhookEvent[];
  readonly status: 'enabled' | 'disabled';
  readonly disabledReason?: string;
  /** Since when nothing has arrived. */
  readonly failingSince?: string;
  readonly createdAt: string;
}

export interface DeliveryView {
  readonly id: string;
  readonly endpointId: string;
  /** What receivers know repeats by. */
  readonly messageId: string;
  readonly type: string;
  readonly showId: string;
  readonly status: 'pending' | 'delivered' | 'failed';
  readonly attempts: number;
  readonly createdAt: string;
  readonly nextAttemptAt?: string;
  readonly deliveredAt?: string;
  /** The status of the last answer, and what was wrong with it or why there was none. */
  readonly lastStatus?: number;
  readonly lastError?: string;
}

export interface DeliveryFilter {
  readonly endpointId?: string | undefined;
  readonly status?: DeliveryView['status'] | undefined;
}

const DELIVERY_ID = /^whd_[0-9a-f]{32}$/;

/** Whether a text has the form of a delivery's id; see `outbox.ts`. */
export function isDeliveryId(text: string): boolean {
  return DELIVERY_ID.test(text);
}

interface EndpointRow {
  readonly id: string;
  readonly url: string;
  readonly events: WebhookEvent[];
  readonly created_at: number;
  readonly failing_since: number | null;
  readonly disabled_at: number | null;
  readonly disabled_reason: string | null;
}

interface DeliveryRow {
  readonly id: string;
  readonly endpoint_id: string;
  readonly message_id: string;
  readonly type: string;
  readonly show_id: string;
  readonly created_at: number;
  readonly attempts: number;
  readonly next_at: number;
  readonly delivered_at: number | null;
  readonly given_up_at: number | null;
  readonly last_status: number | null;
  readonly last_error: string | null;
}

/** `$1` null: whoever's. */
const IS_OWN = '($1::text is null or endpoint.organiser_id = $1)';
const ENDPOINT = 'endpoint.id, url, events, endpoint.created_at, failing_since, disabled_at, disabled_reason';

/** One registration of an organiser at a time, so that the limit holds. */
const LOCK = `select pg_advisory_xact_lock(hashtextextended('webhook_endpoint ' || $1, 0))`;
const CREATE = `
  insert into webhook_endpoint as endpoint (id, organiser_id, url, events, secret, created_at)
  select $2, $1, $3, $4, $5, ${NOW}
  where (select count(*) from webhook_endpoint where organiser_id = $1) < ${ENDPOINTS_MAX}
  returning ${ENDPOINT}`;
const LIST = `select ${ENDPOINT} from webhook_endpoint endpoint where organiser_id = $1 order by id`;
const GET = `select ${ENDPOINT} from webhook_endpoint endpoint where ${IS_OWN} and id = $2`;
const REMOVE = `delete from webhook_endpoint endpoint where ${IS_OWN} and id = $2`;
const ENABLE = `
  update webhook_endpoint endpoint set disabled_at = null, disabled_reason = null, failing_since = null
  where ${IS_OWN} and id = $2 returning ${ENDPOINT}`;

const DELIVERY = `d.id, d.endpoint_id, d.message_id, message.type, message.show_id, d.created_at, d.attempts, d.next_at,
  d.delivered_at, d.given_up_at, d.last_status, d.last_error`;
const STATUS = `case when d.delivered_at is not null then 'delivered' when d.given_up_at is not null then 'failed'
  else 'pending' end`;
const FOUND = `
  from webhook_endpoint endpoint
  join webhook_delivery d on d.endpoint_id = endpoint.id
  join webhook_message message on message.id = d.message_id
  where ${IS_OWN}`;
const FILTERED = `${FOUND} and ($2::text is null or endpoint.id = $2) and ($3::text is null or ${STATUS} = $3)`;
const DELIVERIES = `select ${DELIVERY} ${FILTERED} order by d.created_at desc, d.id desc offset $4 limit $5`;
const DELIVERIES_TOTAL = `select count(*)::int4 as total ${FILTERED}`;
const GET_DELIVERY = `select ${DELIVERY}, endpoint.disabled_at ${FOUND} and d.id = $2`;
/** What is on its way is let be. */
const AGAIN = `attempts = 0, next_at = ${NOW}, delivered_at = null, given_up_at = null, last_error = null`;
const REPLAY = `
  update webhook_delivery set ${AGAIN} where id = $1 and (delivered_at is not null or given_up_at is not null)`;
const REPLAY_SINCE = `
  update webhook_delivery set ${AGAIN} where id = any(array(
    select d.id from webhook_delivery d
    where d.endpoint_id = $1 and d.created_at >= $2::int8
      and (d.given_up_at is not null or ($3 and d.delivered_at is not null))
    order by d.created_at, d.id limit ${REPLAYS_MAX} for update skip locked
  ))`;

function disabled(): RefusedError {
  return new RefusedError({
    code: 'WEBHOOK_ENDPOINT_DISABLED',
    detail: 'The endpoint is disabled; enable it first.',
  });
}

/**
 * The endpoints that organisers have registered, and what is sent to them. An owner of null stands for whoever may see all.
 * What is not the owner's is not there.
 */
export class WebhookEndpoints {
  readonly #pool: Pool;
  readonly #random: Random;
  readonly #policy: TargetPolicy;

  constructor(pool: Pool, random: Random, policy: TargetPolicy) {
    this.#pool = pool;
    this.#random = random;
    this.#policy = policy;
  }

  /**
   * Registers an endpoint; only this tells its secret.
   * @throws RefusedError `WEBHOOK_URL_INVALID`, `WEBHOOK_ENDPOINT_LIMIT`
   */
  async create(
    organiserId: string,
    url: string,
    events: readonly WebhookEvent[],
  ): Promise<EndpointView & { readonly secret: string }> {
    const fault = urlFault(url, this.#policy);
    if (fault !== null) {
      const errors = [{ pointer: '/url', detail: fault }];
      throw new RefusedError({ code: 'WEBHOOK_URL_INVALID', detail: `The url ${fault}.`, errors });
    }
    const secret = newSecret(this.#random);
    const rows = await this.#insert([organiserId, newId('whe', this.#random), url, events, secret]);
    if (rows.length === 0) {
      throw new RefusedError({
        code: 'WEBHOOK_ENDPOINT_LIMIT',
        detail: `There are ${ENDPOINTS_MAX} endpoints already; remove one first.`,
      });
    }
    return { ...endpointView(rows[0]), secret };
  }

  async list(organiserId: string): Promise<EndpointView[]> {
    return (await this.#pool.query<EndpointRow>(LIST, [organiserId])).rows.map(endpointView);
  }

  async get(owner: string | null, id: string): Promise<EndpointView | null> {
    return this.#endpoint(GET, owner, id);
  }

  /** Removes it with all that was to be sent to it; `false` if there is none. */
  async remove(owner: string | null, id: string): Promise<boolean> {
    return ((await this.#pool.query(REMOVE, [owner, id])).rowCount ?? 0) > 0;
  }

  async enable(owner: string | null, id: string): Promise<EndpointView | null> {
    return this.#endpoint(ENABLE, owner, id);
  }

  async deliveries(
    owner: string | null,
    { endpointId, status }: DeliveryFilter,
    { offset, limit }: { offset: number; limit: number },
  ): Promise<{ readonly items: DeliveryView[]; readonly total: number }> {
    const filter = [owner, endpointId ?? null, status ?? null];
    const [found, count] = await Promise.all([
      this.#pool.query<DeliveryRow>(DELIVERIES, [...filter, offset, limit]),
      this.#pool.query<{ total: number }>(DELIVERIES_TOTAL, filter),
    ]);
    return { items: found.rows.map(deliveryView), total: count.rows[0].total };
  }

  /** Sends one again, from the first attempt on; null if there is none. @throws RefusedError `WEBHOOK_ENDPOINT_DISABLED` */
  async replay(owner: string | null, id: string): Promise<DeliveryView | null> {
    const find = () => this.#pool.query<DeliveryRow & { disabled_at: number | null }>(GET_DELIVERY, [owner, id]);
    const { rows } = await find();
    if (rows.length === 0) return null;
    if (rows[0].disabled_at !== null) throw disabled();
    await this.#pool.query(REPLAY, [id]);
    const [after] = (await find()).rows;
    return after === undefined ? null : deliveryView(after);
  }

  /**
   * Sends again what was given up since then (ms), and what was delivered too if that is wanted; how many, or null if there
   * is no such endpoint.
   * @throws RefusedError `WEBHOOK_ENDPOINT_DISABLED`
   */
  async replaySince(owner: string | null, id: string, since: number, delivered: boolean): Promise<number | null> {
    const endpoint = await this.get(owner, id);
    if (endpoint === null) return null;
    if (endpoint.status === 'disabled') throw disabled();
    return (await this.#pool.query(REPLAY_SINCE, [id, since, delivered])).rowCount ?? 0;
  }

  /** No row comes back from an organiser who has as many as there may be. */
  async #insert(values: readonly [organiserId: string, ...unknown[]]): Promise<EndpointRow[]> {
    const client = await this.#pool.connect();
    try {
      await client.query('begin');
      await client.query(LOCK, [values[0]]);
      const { rows } = await client.query<EndpointRow>(CREATE, [...values]);
      await client.query('commit');
      client.release();
      return rows;
    } catch (error) {
      // With the connection goes what it has begun.
      client.release(true);
      throw error;
    }
  }

  async #endpoint(text: string, owner: string | null, id: string): Promise<EndpointView | null> {
    const { rows } = await this.#pool.query<EndpointRow>(text, [owner, id]);
    return rows.length === 0 ? null : endpointView(rows[0]);
  }
}

function endpointView(row: EndpointRow): EndpointView {
  return {
    id: row.id,
    url: row.url,
    events: row.events,
    status: row.disabled_at === null ? 'enabled' : 'disabled',
    ...(row.disabled_reason === null ? {} : { disabledReason: row.disabled_reason }),
    ...(row.failing_since === null ? {} : { failingSince: rfc3339(row.failing_since) }),
    createdAt: rfc3339(row.created_at),
  };
}

function deliveryView(row: DeliveryRow): DeliveryView {
  const isOpen = row.delivered_at === null && row.given_up_at === null;
  return {
    id: row.id,
    endpointId: row.endpoint_id,
    messageId: row.message_id,
    type: row.type,
    showId: row.show_id,
    status: isOpen ? 'pending' : row.delivered_at === null ? 'failed' : 'delivered',
    attempts: row.attempts,
    createdAt: rfc3339(row.created_at),
    ...(isOpen ? { nextAttemptAt: rfc3339(row.next_at) } : {}),
    ...(row.delivered_at === null ? {} : { deliveredAt: rfc3339(row.delivered_at) }),
    ...(row.last_status === null ? {} : { lastStatus: row.last_status }),
    ...(row.last_error === null ? {} : { lastError: row.last_error }),
  };
}
