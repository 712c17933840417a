import type { Pool } from 'pg';
import type { Clock, Timers } from '../../ports.ts';
import { type BatchLimits, StatementBatcher } from '../statement-batcher.ts';
import type { WebhookEvent } from './webhook-events.ts';

export const INBOX_LIMITS = {
  /** How long an event belongs to the node that stored or claimed it; then any node may claim it. */
  leaseMs: 60_000,
  /** Processed events are kept so long: longer than the provider repeats one (3 days), and as long as it lists them. */
  keptMs: 30 * 86_400_000,
  /** Events deleted by one statement. */
  deletedAtOnce: 5_000,
} as const;

const BATCHES: BatchLimits = { perStatement: 256, waiting: 8_192, deadlineMs: 5_000 };

/** `ignored`: it is about nothing of ours. `given_up`: it failed too often. */
export type Outcome = 'done' | 'ignored' | 'given_up';

/** An event that this node alone is to process until its lease is over. */
export interface ClaimedEvent extends WebhookEvent {
  readonly about: 'payment' | 'dispute';
  /** Times it was claimed, this one included. */
  readonly attempts: number;
  /** Ms since the epoch. */
  readonly leaseUntil: number;
}

/** The table of events. Rejects as {@link StatementBatcher} does; the sweeping calls with the database's errors. */
export interface WebhookInbox {
  /** Resolves when the event is durable; `duplicate` if it was before, else the claim of this node, or null if there is nothing to do. */
  store(event: WebhookEvent): Promise<ClaimedEvent | null | 'duplicate'>;
  /** Claims events that are due, the longest due first. */
  claim(most: number): Promise<ClaimedEvent[]>;
  end(id: string, outcome: Outcome): Promise<void>;
  /** Lets any node claim the event from this time on. */
  postpone(id: string, until: number): Promise<void>;
  /** How long the oldest event has waited that is not processed yet, ms; 0 if there is none. */
  backlogMs(): Promise<number>;
  /** Deletes some of the events that were processed long ago. @returns whether there may be more */
  prune(): Promise<boolean>;
}

const STORE = `
insert into webhook_event (
  id, type, about, object_id, intent_id, payment_id, received_at, next_at, attempts, processed_at, outcome
)
select id, type, about, object_id, intent_id, payment_id, $7::bigint, $8::bigint, 1,
  case when about is null then $7::bigint end, case when about is null then 'ignored' end
from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
  as input (id, type, about, object_id, intent_id, payment_id)
order by id collate "C"
on conflict (id) do nothing
returning id`;

const CLAIM = `
with due as materialized (
  select id from webhook_event where processed_at is null and next_at <= $1::bigint
  order by next_at limit $2 for update skip locked
)
update webhook_event as e set next_at = $3::bigint, attempts = e.attempts + 1
from due where e.id = due.id
returning e.id, e.type, e.about, e.object_id as "objectId", e.intent_id as "intentId", e.payment_id as "paymentId",
  e.attempts, e.next_at as "leaseUntil"`;

const MARK = `
with mine as materialized (
  select e.id, input.outcome, input.next_at
  from unnest($1::text[], $2::text[], $3::bigint[]) as input (id, outcome, next_at)
  join webhook_event as e on e.id = input.id
  order by e.id collate "C" for update of e
)
update webhook_event as e set
  next_at = coalesce(mine.next_at, e.next_at),
  outcome = mine.outcome,
  processed_at = case when mine.outcome is not null then $4::bigint end
from mine where e.id = mine.id and e.processed_at is null
returning e.id`;

const OLDEST = 'select min(received_at) as "at" from webhook_event where processed_at is null';

const PRUNE = `
delete from webhook_event where id in (
  select id from webhook_event where processed_at < $1::bigint order by processed_at limit $2 for update skip locked
)`;

interface Mark {
  readonly id: string;
  readonly outcome: Outcome | null;
  readonly nextAt: number | null;
}

/** @param deps.pool reads bigint as number, as `openDatabase` has it */
export function createWebhookInbox(deps: {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly timers: Timers;
}): WebhookInbox {
  const { pool, clock, timers } = deps;
  const rowKeyOf = (row: { readonly id: string }): string => row.id;
  const keyOf = rowKeyOf;
  const stores = new StatementBatcher<WebhookEvent & { readonly leaseUntil: number }, { readonly id: string }>(
    pool,
    timers,
    {
      name: 'webhook-store',
      text: STORE,
      values: (items) => [
        items.map((item) => item.id),
        items.map((item) => item.type),
        items.map((item) => item.about),
        items.map((item) => item.objectId),
        items.map((item) => item.intentId),
        items.map((item) => item.paymentId),
        clock.now(),
        Math.max(...items.map((item) => item.leaseUntil)),
      ],
      keyOf,
      rowKeyOf,
    },
    BATCHES,
  );
  const marks = new StatementBatcher<Mark, { readonly id: string }>(
    pool,
    timers,
    {
      name: 'webhook-mark',
      text: MARK,
      values: (items) => [
        items.map((item) => item.id),
        items.map((item) => item.outcome),
        items.map((item) => item.nextAt),
        clock.now(),
      ],
      keyOf,
      rowKeyOf,
    },
    BATCHES,
  );

  return {
    async store(event) {
      const leaseUntil = clock.now() + INBOX_LIMITS.leaseMs;
      const row = await stores.run({ ...event, leaseUntil });
      if (row === null) return 'duplicate';
      return event.about === null ? null : { ...event, about: event.about, attempts: 1, leaseUntil };
    },

    async claim(most) {
      const now = clock.now();
      const values = [now, most, now + INBOX_LIMITS.leaseMs];
      return (await pool.query<ClaimedEvent>({ name: 'webhook-claim', text: CLAIM, values })).rows;
    },

    async end(id, outcome) {
      await marks.run({ id, outcome, nextAt: null });
    },

    async postpone(id, until) {
      await marks.run({ id, outcome: null, nextAt: until });
    },

    async backlogMs() {
      const { rows } = await pool.query<{ at: number | null }>({ name: 'webhook-oldest', text: OLDEST });
      return rows[0].at === null ? 0 : Math.max(0, clock.now() - rows[0].at);
    },

    async prune() {
      const { deletedAtOnce, keptMs } = INBOX_LIMITS;
      const { rowCount } = await pool.query({ text: PRUNE, values: [clock.now() - keptMs, deletedAtOnce] });
      return rowCount === deletedAtOnce;
    },
  };
}
