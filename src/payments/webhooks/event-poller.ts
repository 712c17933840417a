import type { Pool } from 'pg';
import { NOW } from '../../database-time.ts';
import type { Random, Timers } from '../../ports.ts';
import { FINAL_ORDER_TYPES } from './webhook-events.ts';

/*
 * Orders that are not final are settled without any webhook. What happens to a final one afterwards (a dispute, a refund
 * that fails after all) only an event tells, and it may never come: so the provider's own list of events is read too.
 */

export const POLL_LIMITS = {
  /** Ms from the end of one reading to the next. */
  everyMs: 5 * 60_000,
  /** Ms between a node's looks at whether it is time; up to half more, at random. */
  lookMs: 30_000,
  /** So much is read again each time: events are listed late, and the provider's clock is not ours. */
  overlapMs: 10 * 60_000,
  /** How long a reader may take for one page; then another node begins anew from the checkpoint. */
  leaseMs: 120_000,
  /** The provider lists no older events. */
  oldestMs: 30 * 86_400_000,
} as const;

export interface EventFeed {
  /**
   * The gateway's events of these types that were created at `since` (ms since the epoch) or later: all of them, page by
   * page, in any order, in the form in which webhooks bring them. Rejects if they are not to be had now.
   */
  eventsSince(since: number, types: readonly string[]): AsyncIterable<readonly unknown[]>;
}

interface PollerLog {
  warn(details: object, message: string): void;
}

export interface EventPoller {
  /** Reads the events if it is time and no other node does. Never rejects. */
  poll(): Promise<void>;
  start(): void;
  close(): Promise<void>;
}

/** A cluster that has never read has nothing to catch up on. */
const BEGIN = `
insert into webhook_poll (checkpoint, next_at) values (${NOW}, ${NOW}) on conflict (singleton) do nothing`;

const CLAIM = `
update webhook_poll set reader = $1, next_at = ${NOW} + $2 where next_at <= ${NOW}
returning checkpoint, ${NOW} as "startedAt"`;

/** Affects no row when another node has taken over. */
const RENEW = `update webhook_poll set next_at = ${NOW} + $2 where reader = $1`;

const DONE = `
update webhook_poll set reader = null, next_at = ${NOW} + $2, checkpoint = greatest(checkpoint, $3::int8)
where reader = $1`;

/**
 * @param deps.pool reads bigint as number, as `openDatabase` has it
 * @param deps.store puts events into the inbox; resolves when they are durable
 */
export function createEventPoller(deps: {
  readonly pool: Pool;
  readonly feed: EventFeed;
  readonly store: (events: readonly unknown[]) => Promise<void>;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: PollerLog;
}): EventPoller {
  const { pool, feed, store, timers, random, log } = deps;
  const reader = random.uuidv7();
  let begun = false;
  let polling: Promise<void> | null = null;
  let closed = false;
  let timer: { cancel(): void } | null = null;

  async function read(): Promise<void> {
    try {
      if (!begun) await pool.query(BEGIN);
      begun = true;
      const claimed = await pool.query<{ checkpoint: number; startedAt: number }>(CLAIM, [reader, POLL_LIMITS.leaseMs]);
      if (claimed.rows.length === 0) return;
      const { checkpoint, startedAt } = claimed.rows[0];
      const since = Math.max(checkpoint - POLL_LIMITS.overlapMs, startedAt - POLL_LIMITS.oldestMs);
      for await (const page of feed.eventsSince(since, FINAL_ORDER_TYPES)) {
        await store(page);
        if (closed || !(await isStillOurs())) return;
      }
      // Only now that all are durable.
      await pool.query(DONE, [reader, POLL_LIMITS.everyMs, startedAt]);
    } catch (error) {
      log.warn({ err: error }, "the payment provider's events cannot be read now");
    }
  }

  async function isStillOurs(): Promise<boolean> {
    const { rowCount } = await pool.query(RENEW, [reader, POLL_LIMITS.leaseMs]);
    return rowCount === 1;
  }

  function poll(): Promise<void> {
    polling ??= read().finally(() => {
      polling = null;
    });
    return polling;
  }

  function lookLater(): void {
    const wait = POLL_LIMITS.lookMs * (1 + random.bytes(1)[0] / 512);
    timer = timers.after(Math.round(wait), () => {
      void poll().then(() => {
        if (!closed) lookLater();
      });
    });
  }

  return {
    poll,
    start: lookLater,
    async close() {
      closed = true;
      timer?.cancel();
      await polling;
    },
  };
}
