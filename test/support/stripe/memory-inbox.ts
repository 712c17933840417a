import type { WebhookEvent } from '../../../src/payments/webhooks/webhook-events.ts';
import {
  type ClaimedEvent,
  INBOX_LIMITS,
  type Outcome,
  type WebhookInbox,
} from '../../../src/payments/webhooks/webhook-inbox.ts';
import type { Clock } from '../../../src/ports.ts';

interface Row {
  readonly event: WebhookEvent;
  readonly receivedAt: number;
  nextAt: number;
  attempts: number;
  outcome: Outcome | null;
}

/** The table of events in memory; nodes that share it are of one cluster. */
export class MemoryInbox implements WebhookInbox {
  readonly #clock: Clock;
  readonly #rows = new Map<string, Row>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async store(event: WebhookEvent): Promise<ClaimedEvent | null | 'duplicate'> {
    if (this.#rows.has(event.id)) return 'duplicate';
    const now = this.#clock.now();
    const outcome = event.about === null ? 'ignored' : null;
    const row: Row = { event, receivedAt: now, nextAt: now + INBOX_LIMITS.leaseMs, attempts: 1, outcome };
    this.#rows.set(event.id, row);
    return claimed(row);
  }

  async claim(most: number): Promise<ClaimedEvent[]> {
    const now = this.#clock.now();
    const due = [...this.#rows.values()].filter(({ outcome, nextAt }) => outcome === null && nextAt <= now);
    due.sort((a, b) => a.nextAt - b.nextAt).splice(most);
    return due.flatMap((row) => {
      row.nextAt = now + INBOX_LIMITS.leaseMs;
      row.attempts++;
      return claimed(row) ?? [];
    });
  }

  async end(id: string, outcome: Outcome): Promise<void> {
    const row = this.#rows.get(id);
    if (row !== undefined) row.outcome ??= outcome;
  }

  async postpone(id: string, until: number): Promise<void> {
    const row = this.#rows.get(id);
    if (row?.outcome === null) row.nextAt = until;
  }

  async backlogMs(): Promise<number> {
    const open = [...this.#rows.values()].filter(({ outcome }) => outcome === null);
    return open.length === 0 ? 0 : this.#clock.now() - Math.min(...open.map(({ receivedAt }) => receivedAt));
  }

  async prune(): Promise<boolean> {
    return false;
  }
}

function claimed({ event, attempts, nextAt }: Row): ClaimedEvent | null {
  return event.about === null ? null : { ...event, about: event.about, attempts, leaseUntil: nextAt };
}
