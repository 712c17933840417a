import { backoffMs } from '../backoff.ts';
import type { Refusal } from '../errors.ts';
import type { Clock, Random, Timers } from '../ports.ts';

export const QUEUE_LIMITS = {
  /** Orders that wait for settlement in the background; further ones are left to the next wake of their show. */
  pending: 262_144,
  /** Orders settled at a time in the background. */
  concurrency: 64,
  /** Wait before the first repeat; doubled each time, and shortened at random by up to half. */
  retryBaseMs: 250,
  retryMaxMs: 15_000,
  /** An order that has waited so long is named in the log, once and then again at these intervals: people look for it. */
  namedAfterMs: 60_000,
  namedEveryMs: 600_000,
} as const;

export interface OrderRef {
  readonly showId: string;
  readonly order: number;
}

/** Orders that are settled in the background, a bounded number at a time, and again until nothing more can be done. */
interface SettlementQueue {
  /** An order that waits already is not added twice. */
  add(ref: OrderRef): void;
  /** The same for several; none is begun before the caller's turn is over. */
  addAll(showId: string, orders: readonly number[]): void;
  /** Orders that wait or are at work. */
  readonly pending: number;
  /** How long the first of them has been here, ms; 0 without one. */
  readonly oldestMs: number;
  /** Starts nothing new and waits for what is at work. */
  close(): Promise<void>;
}

export function createSettlementQueue(deps: {
  /** Does all that can be done for an order now. The refusal if that is to be repeated, else null; never rejects. */
  attempt(ref: OrderRef): Promise<Refusal | null>;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: { warn(details: object, message: string): void };
}): SettlementQueue {
  const { clock, timers, random, log } = deps;

  interface Waiting extends OrderRef {
    readonly key: string;
    /** When it came, ms since the epoch. */
    since: number;
    /** Repeats so far. */
    attempt: number;
    /** How long it waits before it is named in the log again, ms from `since`. */
    namedAtMs: number;
    atWork: boolean;
    /** Announced again while at work: what was read may be older than the news. */
    again: boolean;
  }
  /** Everything in the background by key, in the order in which it came: ready, at work or waiting for its repeat. */
  const waiting = new Map<string, Waiting>();
  /** Those that had to be repeated. */
  const repeating = new Set<Waiting>();
  let ready: Waiting[] = [];
  let taken = 0;
  const working = new Set<Promise<void>>();
  let closed = false;
  let overflowing = false;

  function enqueue(ref: OrderRef): void {
    const key = `${ref.showId}/${ref.order}`;
    if (closed) return;
    const known = waiting.get(key);
    if (known !== undefined) {
      known.again = known.atWork;
      return;
    }
    if (waiting.size >= QUEUE_LIMITS.pending) {
      if (!overflowing)
        log.warn({ pending: waiting.size }, 'too many orders wait for settlement; the rest waits for its shows');
      overflowing = true;
      return;
    }
    overflowing = false;
    const entry: Waiting = {
      ...ref,
      key,
      since: clock.now(),
      attempt: 0,
      namedAtMs: QUEUE_LIMITS.namedAfterMs,
      atWork: false,
      again: false,
    };
    waiting.set(key, entry);
    ready.push(entry);
  }

  function pump(): void {
    while (!closed && working.size < QUEUE_LIMITS.concurrency && taken < ready.length) {
      const entry = ready[taken];
      taken++;
      // Keeps the taken part short without shifting the array at each step.
      if (taken === ready.length || taken >= 1_024) {
        ready = ready.slice(taken);
        taken = 0;
      }
      const job = work(entry).finally(() => {
        working.delete(job);
        pump();
      });
      working.add(job);
    }
  }

  async function work(entry: Waiting): Promise<void> {
    entry.atWork = true;
    entry.again = false;
    const refusal = await deps.attempt({ showId: entry.showId, order: entry.order });
    entry.atWork = false;
    repeating.delete(entry);
    if (refusal === null) {
      waiting.delete(entry.key);
      if (entry.again) {
        // As if it had come now: what it came for before is done.
        entry.since = clock.now();
        entry.namedAtMs = QUEUE_LIMITS.namedAfterMs;
        waiting.set(entry.key, entry);
        ready.push(entry);
      }
      return;
    }
    // One line for all that wait at a time: after an outage it may be every order of a sale.
    if (repeating.size === 0) {
      log.warn({ showId: entry.showId, order: entry.order, refusal }, 'settlement waits for repeats');
    }
    repeating.add(entry);
    nameIfStuck(entry, refusal);
    const { retryBaseMs, retryMaxMs } = QUEUE_LIMITS;
    timers.after(backoffMs(random, retryBaseMs, retryMaxMs, entry.attempt), () => {
      ready.push(entry);
      pump();
    });
    entry.attempt++;
  }

  function nameIfStuck(entry: Waiting, refusal: Refusal): void {
    const { showId, order, attempt } = entry;
    const waitedMs = clock.now() - entry.since;
    if (waitedMs < entry.namedAtMs) return;
    entry.namedAtMs = waitedMs + QUEUE_LIMITS.namedEveryMs;
    log.warn({ showId, order, waitedMs, repeats: attempt, refusal }, 'an order still waits for its settlement');
  }

  return {
    add(ref) {
      enqueue(ref);
      pump();
    },

    addAll(showId, orders) {
      for (const order of orders) enqueue({ showId, order });
      // Not in the caller's turn: an actor that recovers must first be able to answer.
      timers.after(0, pump);
    },

    get pending() {
      return waiting.size;
    },

    get oldestMs() {
      for (const { since } of waiting.values()) return clock.now() - since;
      return 0;
    },

    async close() {
      closed = true;
      await Promise.allSettled(working);
    },
  };
}
