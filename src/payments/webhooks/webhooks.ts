import type { Pool } from 'pg';
import type { Shows } from '../../actors/shows.ts';
import { RefusedError } from '../../errors.ts';
import type { Clock, Random, Timers } from '../../ports.ts';
import type { Log } from '../../system/log.ts';
import type { Settlement } from '../settlement.ts';
import { createEventPoller, type EventFeed } from './event-poller.ts';
import { readEvent, type WebhookEvent } from './webhook-events.ts';
import { createWebhookInbox } from './webhook-inbox.ts';
import type { VerifyWebhook } from './webhook-signature.ts';
import { createWebhookWorker, type WebhookLookups, type WorkerCounts } from './webhook-worker.ts';

/** What a payment provider with webhooks has to bring along. */
export interface WebhookParts {
  /** Null where no webhook secret is set: then events are only read from the provider's list. */
  readonly verify: VerifyWebhook | null;
  /** Whether our key is a live one. */
  readonly livemode: boolean;
  readonly lookups: WebhookLookups;
  /** Null: nothing is read but what webhooks bring. */
  readonly feed: EventFeed | null;
}

export interface WebhookFigures extends WorkerCounts {
  /** Events that webhooks brought. */
  readonly stored: number;
  /** Webhooks that brought an event again. */
  readonly duplicates: number;
  /** Events that only the provider's list brought. */
  readonly missed: number;
  /** Webhooks that were not signed by the provider just now, or are no events. */
  readonly refused: number;
}

export interface Webhooks {
  /**
   * Takes a webhook; resolves when its event is durable, now or from before.
   * Rejects with a `RefusedError`: `WEBHOOK_INVALID`, or that it cannot be stored now.
   */
  receive(body: Uint8Array, signature: string): Promise<void>;
  figures(): WebhookFigures;
  /** Processes what is due and reads the provider's list if it is time, now and not only when their time comes. */
  catchUp(): Promise<void>;
  close(): Promise<void>;
}

const INVALID = new RefusedError({
  code: 'WEBHOOK_INVALID',
  detail: 'The webhook is not one that the payment provider has signed with our secret in the last five minutes.',
});

/** The inbox of the payment provider's events and all that empties it; at work until closed. */
export function createWebhooks(
  deps: {
    readonly pool: Pool;
    readonly shows: Pick<Shows, 'ask'>;
    readonly settlement: Pick<Settlement, 'settle'>;
    readonly clock: Clock;
    readonly timers: Timers;
    readonly random: Random;
    readonly log: Pick<Log, 'warn' | 'error'>;
  },
  parts: WebhookParts,
): Webhooks {
  const { clock, log } = deps;
  const { verify, livemode, lookups, feed } = parts;
  const inbox = createWebhookInbox(deps);
  const worker = createWebhookWorker({ ...deps, inbox, lookups });
  const counts = { stored: 0, duplicates: 0, missed: 0, refused: 0 };
  const poller = feed === null ? null : createEventPoller({ ...deps, feed, store: storeListed });

  /** @returns whether it is new */
  async function store(event: WebhookEvent): Promise<boolean> {
    const stored = await inbox.store(event);
    if (stored === 'duplicate') return false;
    if (stored !== null) worker.take(stored);
    return true;
  }

  async function storeListed(values: readonly unknown[]): Promise<void> {
    const events = values.map((value) => readEvent(value, livemode)).filter((event) => event !== null);
    if (events.length < values.length) log.warn({ lost: values.length - events.length }, 'some events cannot be read');
    const isNew = await Promise.all(events.map(store));
    counts.missed += isNew.filter(Boolean).length;
  }

  function verified(body: Uint8Array, signature: string): WebhookEvent {
    let event: WebhookEvent | null = null;
    try {
      event = verify === null ? null : readEvent(verify(body, signature, clock.now()), livemode);
    } catch {
      // Why is nothing that whoever sent it should learn.
    }
    if (event !== null) return event;
    counts.refused++;
    throw INVALID;
  }

  worker.start();
  poller?.start();

  return {
    async receive(body, signature) {
      if (await store(verified(body, signature))) counts.stored++;
      else counts.duplicates++;
    },
    figures: () => ({ ...worker.counts, ...counts }),
    async catchUp() {
      await poller?.poll();
      await worker.sweep();
      await worker.idle();
    },
    async close() {
      await poller?.close();
      await worker.close();
    },
  };
}
