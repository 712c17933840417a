import type { Shows } from '../../actors/shows.ts';
import type { DisputeStatus } from '../../allocator/commands.ts';
import { backoffMs } from '../../backoff.ts';
import type { ErrorCode } from '../../errors.ts';
import { parseScopedId } from '../../ids.ts';
import type { Clock, Random, Timers } from '../../ports.ts';
import type { Settlement } from '../settlement.ts';
import type { ClaimedEvent, Outcome, WebhookInbox } from './webhook-inbox.ts';

/*
 * An event is a hint at what to look at, never a fact: the order's payment is settled by what the gateway says of it, and
 * a dispute has the status that the gateway tells. So it does not matter how often, in which order or on which node
 * events are processed:
 *
 *   died before it was stored         the provider got no 2xx and sends it again
 *   stored, not processed             any node's sweep claims it once the lease is over
 *   processed, not marked             the same, and the repeat finds nothing left to do
 */

export const WORKER_LIMITS = {
  /** Events processed at a time. */
  concurrency: 64,
  /** Events of this node that wait; further ones are left to a sweep. */
  waiting: 8_192,
  /** Events that a sweep claims at a time. */
  claimed: 256,
  /** Ms between sweeps. */
  sweepMs: 10_000,
  /** Ms between looks for events that were processed long ago. */
  pruneMs: 3_600_000,
  /** Wait before the first repeat; doubled each time, and shortened at random by up to half. */
  retryBaseMs: 1_000,
  retryMaxMs: 3_600_000,
  /** Then an event is given up; some 15 hours after it came. */
  attempts: 30,
  /** How long one question to a show may take. */
  askMs: 10_000,
} as const;

/** Where the gateway stands. Rejects if that is not to be had now. */
export interface WebhookLookups {
  /** Our id of the payment that the provider knows by this id; null if it is none of ours. */
  paymentOf(intentId: string): Promise<string | null>;
  /** Null if there is no such dispute; `paymentId` is ours, null if the dispute is about none of ours. */
  disputeOf(disputeId: string): Promise<{ readonly paymentId: string | null; readonly status: DisputeStatus } | null>;
}

interface WorkerLog {
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

export interface WorkerCounts {
  /** To an end, whichever. */
  processed: number;
  /** Attempts that are to be repeated. */
  failed: number;
  givenUp: number;
  /** Of the whole cluster, as of this node's last sweep. */
  backlogMs: number;
}

export interface WebhookWorker {
  readonly counts: Readonly<WorkerCounts>;
  /** Processes an event that this node has stored, at once if there is room. */
  take(event: ClaimedEvent): void;
  /** Takes events that are due, whoever stored them. */
  sweep(): Promise<void>;
  /** Resolves when nothing waits here or is at work. */
  idle(): Promise<void>;
  /** Begins sweeping from time to time. */
  start(): void;
  /** Waits for the events at work; what waits is left to other nodes. */
  close(): Promise<void>;
}

/** Refusals after which the same may be had later. */
const PASSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'OVERLOADED',
  'UNAVAILABLE',
  'OUTCOME_UNKNOWN',
  'INTERNAL',
]);

export function createWebhookWorker(deps: {
  readonly inbox: WebhookInbox;
  readonly lookups: WebhookLookups;
  readonly settlement: Pick<Settlement, 'settle'>;
  readonly shows: Pick<Shows, 'ask'>;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: WorkerLog;
}): WebhookWorker {
  const { inbox, lookups, settlement, shows, clock, timers, random, log } = deps;
  const counts: WorkerCounts = { processed: 0, failed: 0, givenUp: 0, backlogMs: 0 };

  // --- one event -----------------------------------------------------------------------------------------------------

  /** Null: to be repeated. */
  async function outcomeOf(event: ClaimedEvent): Promise<Outcome | null> {
    return event.about === 'dispute' ? tellDispute(event) : settlePayment(event);
  }

  async function settlePayment(event: ClaimedEvent): Promise<Outcome | null> {
    const { intentId } = event;
    const paymentId = event.paymentId ?? (intentId === null ? null : await lookups.paymentOf(intentId));
    const payment = paymentId === null ? null : parseScopedId('pay', paymentId);
    if (payment === null) return 'ignored';
    const { showId, number: order } = payment;
    if (event.type === 'refund.failed') {
      // A refund that was done can fail days later, when nobody looks at its order any more: settlement asks again.
      const answer = await shows.ask(showId, { type: 'refund-returned', order }, clock.now() + WORKER_LIMITS.askMs);
      if (!answer.ok && PASSING.has(answer.refusal.code)) return null;
    }
    const result = await settlement.settle({ showId, order });
    if (result.ok) return 'done';
    if (PASSING.has(result.refusal.code)) return null;
    return result.refusal.code === 'NOT_FOUND' ? 'ignored' : 'done';
  }

  async function tellDispute(event: ClaimedEvent): Promise<Outcome | null> {
    const dispute = event.objectId === null ? null : await lookups.disputeOf(event.objectId);
    const payment = typeof dispute?.paymentId === 'string' ? parseScopedId('pay', dispute.paymentId) : null;
    if (event.objectId === null || dispute === null || payment === null) return 'ignored';
    const { showId, number: order } = payment;
    const command = { type: 'dispute', order, dispute: event.objectId, status: dispute.status } as const;
    const tell = () => shows.ask(showId, command, clock.now() + WORKER_LIMITS.askMs);
    let answer = await tell();
    if (!answer.ok && answer.refusal.code === 'ORDER_NOT_REFUNDABLE') {
      // The dispute may be known here before the capture is.
      const result = await settlement.settle({ showId, order });
      if (!result.ok && PASSING.has(result.refusal.code)) return null;
      answer = await tell();
    }
    if (answer.ok) return 'done';
    if (PASSING.has(answer.refusal.code)) return null;
    log.error({ showId, order, dispute: event.objectId, refusal: answer.refusal }, 'a dispute has no sale');
    return 'ignored';
  }

  async function work(event: ClaimedEvent): Promise<void> {
    try {
      // Whoever claims it next gets to work on it.
      if (clock.now() >= event.leaseUntil) return;
      if (event.attempts > WORKER_LIMITS.attempts) return await giveUp(event);
      const outcome = await outcomeOf(event).catch((error: unknown) => {
        log.warn({ event: event.id, type: event.type, err: error }, 'an event of the payment provider failed');
        return null;
      });
      if (outcome === null) return await repeat(event);
      await inbox.end(event.id, outcome);
      counts.processed++;
    } catch (error) {
      // Once more when the lease is over.
      log.warn({ event: event.id, err: error }, 'an event of the payment provider was not marked');
    }
  }

  async function repeat(event: ClaimedEvent): Promise<void> {
    counts.failed++;
    const { attempts, retryBaseMs, retryMaxMs } = WORKER_LIMITS;
    if (event.attempts >= attempts) return giveUp(event);
    const pauseMs = backoffMs(random, retryBaseMs, retryMaxMs, event.attempts - 1);
    await inbox.postpone(event.id, clock.now() + pauseMs);
  }

  async function giveUp(event: ClaimedEvent): Promise<void> {
    counts.givenUp++;
    log.error({ event: event.id, type: event.type }, 'an event of the payment provider is given up: people have to');
    await inbox.end(event.id, 'given_up');
  }

  // --- many ----------------------------------------------------------------------------------------------------------

  let queue: ClaimedEvent[] = [];
  /** Where the queue begins: taken from the front without moving the rest. */
  let head = 0;
  const working = new Set<Promise<void>>();
  let sweeping: Promise<void> | null = null;
  /** The last claim was full: there is more. */
  let hasMore = false;
  let closed = false;
  const waiters: (() => void)[] = [];

  const waiting = (): number => queue.length - head;

  function pump(): void {
    while (!closed && working.size < WORKER_LIMITS.concurrency && waiting() > 0) {
      const event = queue[head++];
      if (head * 2 > queue.length) {
        queue = queue.slice(head);
        head = 0;
      }
      const job = work(event).finally(() => {
        working.delete(job);
        pump();
      });
      working.add(job);
    }
    if (hasMore && !closed && waiting() === 0) void sweep();
    if (working.size === 0 && (closed || (waiting() === 0 && sweeping === null))) {
      for (const waiter of waiters.splice(0)) waiter();
    }
  }

  function sweep(): Promise<void> {
    if (closed) return Promise.resolve();
    sweeping ??= claimDue().finally(() => {
      sweeping = null;
      pump();
    });
    return sweeping;
  }

  async function claimDue(): Promise<void> {
    hasMore = false;
    try {
      const room = Math.min(WORKER_LIMITS.claimed, WORKER_LIMITS.waiting - waiting());
      if (room > 0) {
        const events = await inbox.claim(room);
        hasMore = events.length === room;
        for (const event of events) queue.push(event);
      }
      counts.backlogMs = await inbox.backlogMs();
    } catch (error) {
      log.warn({ err: error }, 'the events of the payment provider cannot be read now');
    }
  }

  let pruning = false;
  async function prune(): Promise<void> {
    if (pruning) return;
    pruning = true;
    try {
      while (!closed && (await inbox.prune()));
    } catch (error) {
      log.warn({ err: error }, 'old events of the payment provider cannot be deleted now');
    } finally {
      pruning = false;
    }
  }

  const idle = (): Promise<void> =>
    new Promise((resolve) => {
      waiters.push(resolve);
      pump();
    });
  let repeating: { cancel(): void }[] = [];

  return {
    counts,
    take(event) {
      if (closed || waiting() >= WORKER_LIMITS.waiting) return;
      queue.push(event);
      pump();
    },
    sweep,
    idle,
    start() {
      repeating = [
        timers.every(WORKER_LIMITS.sweepMs, () => void sweep()),
        timers.every(WORKER_LIMITS.pruneMs, () => void prune()),
      ];
    },
    async close() {
      closed = true;
      for (const timer of repeating) timer.cancel();
      await sweeping;
      await idle();
    },
  };
}
