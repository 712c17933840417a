import { createHmac } from 'node:crypto';
import type { Account, EventRecord } from './account.ts';

export interface WebhookEndpoint {
  readonly url: string;
  readonly secret: string;
  /** The types of events it wants; all if absent. */
  readonly types?: readonly string[];
}

/** Brings a signed event to its endpoint. False: it got no 2xx, or none within `timeoutMs`. */
export type Post = (
  endpoint: WebhookEndpoint,
  body: string,
  headers: Readonly<Record<string, string>>,
  timeoutMs: number,
) => Promise<boolean>;

export interface WebhookSettings {
  /** Deliveries under way at a time. */
  readonly concurrency: number;
  /** Without an answer for so long a delivery has failed. */
  readonly timeoutMs: number;
  /** Waits before the repeats, on the stand-in's clock; the last one again and again. */
  readonly backoffMs: readonly number[];
  /** Nothing is repeated when an event is older than this. */
  readonly giveUpMs: number;
  /** Deliveries that wait to be sent; of more the oldest are given up. */
  readonly waiting: number;
}

const HOUR_MS = 3_600_000;

// docs.stripe.com/webhooks: «up to three days with an exponential back off». The steps are not published: these are ours.
export const WEBHOOK_DEFAULTS: WebhookSettings = {
  concurrency: 16,
  timeoutMs: 10_000,
  backoffMs: [5 * 60_000, 30 * 60_000, 2 * HOUR_MS, 5 * HOUR_MS, 10 * HOUR_MS, 12 * HOUR_MS],
  giveUpMs: 72 * HOUR_MS,
  waiting: 100_000,
};

export interface WebhookMatch {
  readonly type?: string;
  /** Id of the object that the event tells of. */
  readonly about?: string;
}

export type WebhookFault =
  | { readonly kind: 'never' }
  /** Sent that many times more. */
  | { readonly kind: 'duplicate'; readonly copies?: number }
  /** Sent only after this time of the stand-in's clock. */
  | { readonly kind: 'late'; readonly ms: number };

interface Delivery {
  readonly endpoint: WebhookEndpoint;
  readonly event: EventRecord;
  readonly since: number;
  attempts: number;
}

/** Sends signed events to endpoints, at least once unless told otherwise, in no promised order. */
export class Webhooks {
  /** Deliveries that got a 2xx, that failed, and that were given up for age or number. */
  readonly counts = { delivered: 0, failed: 0, givenUp: 0 };
  readonly #account: Account;
  readonly #settings: WebhookSettings;
  readonly #isCutOff: () => boolean;
  readonly #endpoints: WebhookEndpoint[];
  readonly #post: Post;
  #rules: { readonly match: WebhookMatch; readonly fault: WebhookFault; left: number }[] = [];
  #queue: Delivery[] = [];
  /** Where the queue begins: taken from the front without moving the rest. */
  #head = 0;
  #held: EventRecord[] | null = null;
  /** Deliveries that are being sent or answered. */
  #underWay = 0;
  #isClosed = false;
  #waiters: (() => void)[] = [];

  /** @param isCutOff while it says so, nothing is sent */
  constructor(
    account: Account,
    endpoints: readonly WebhookEndpoint[],
    settings: Partial<WebhookSettings>,
    isCutOff: () => boolean,
    post: Post,
  ) {
    this.#account = account;
    this.#endpoints = [...endpoints];
    this.#settings = { ...WEBHOOK_DEFAULTS, ...settings };
    this.#isCutOff = isCutOff;
    this.#post = post;
    account.onEvent = (event) => this.#take(event);
  }

  addEndpoint(endpoint: WebhookEndpoint): void {
    this.#endpoints.push(endpoint);
  }

  /** The next `times` matching events suffer it. */
  addFault(match: WebhookMatch, fault: WebhookFault, times = 1): void {
    this.#rules.push({ match, fault, left: times });
  }

  /** From now on events are kept back. */
  hold(): void {
    this.#held ??= [];
  }

  /** What is kept back, in the order in which it happened. */
  get held(): readonly EventRecord[] {
    return this.#held ?? [];
  }

  /**
   * Sends what is kept back, one after another in the order that `arrange` gives (leaving some out or repeating some if
   * it likes), then stops keeping back. Resolves when each was sent once.
   */
  async release(arrange: (held: readonly EventRecord[]) => readonly EventRecord[] = (held) => held): Promise<void> {
    const events = arrange(this.held);
    this.#held = null;
    for (const event of events) {
      for (const delivery of this.#deliveries(event)) {
        this.#underWay++;
        await this.#attempt(delivery);
      }
    }
  }

  /** Sends what waits, now that the time or the outage is over. */
  pump(): void {
    while (!this.#isClosed && !this.#isCutOff() && this.#underWay < this.#settings.concurrency) {
      const delivery = this.#queue[this.#head];
      if (delivery === undefined) break;
      this.#head++;
      if (this.#head * 2 > this.#queue.length) {
        this.#queue = this.#queue.slice(this.#head);
        this.#head = 0;
      }
      this.#underWay++;
      void this.#attempt(delivery);
    }
  }

  /** Resolves when nothing is under way or waits to be sent at once; repeats that wait for their time do not count. */
  async idle(): Promise<void> {
    while (this.#underWay > 0 || (this.#queue.length > this.#head && !this.#isCutOff())) {
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#queue = [];
    this.#head = 0;
    this.#wake();
  }

  #take(event: EventRecord): void {
    if (this.#endpoints.length === 0) return;
    const rule = this.#rules.find(
      ({ match }) => (match.type ?? event.type) === event.type && (match.about ?? event.about) === event.about,
    );
    if (rule !== undefined && --rule.left === 0) this.#rules = this.#rules.filter((other) => other !== rule);
    const fault = rule?.fault;
    if (fault?.kind === 'never') return;
    const copies = fault?.kind === 'duplicate' ? 1 + (fault.copies ?? 1) : 1;
    for (let i = 0; i < copies; i++) {
      if (fault?.kind === 'late') this.#account.agenda.add(this.#account.now() + fault.ms, () => this.#send(event));
      else this.#send(event);
    }
  }

  #send(event: EventRecord): void {
    if (this.#held !== null) this.#held.push(event);
    else for (const delivery of this.#deliveries(event)) this.#enqueue(delivery);
  }

  #deliveries(event: EventRecord): Delivery[] {
    return this.#endpoints
      .filter(({ types }) => types === undefined || types.includes(event.type))
      .map((endpoint) => ({ endpoint, event, since: this.#account.now(), attempts: 0 }));
  }

  #enqueue(delivery: Delivery): void {
    if (this.#isClosed) return;
    if (this.#queue.length - this.#head >= this.#settings.waiting) {
      this.#head++;
      this.counts.givenUp++;
    }
    this.#queue.push(delivery);
    this.pump();
  }

  async #attempt(delivery: Delivery): Promise<void> {
    const isDelivered = await this.#deliver(delivery);
    this.#underWay--;
    if (isDelivered) this.counts.delivered++;
    else this.#retry(delivery);
    this.pump();
    this.#wake();
  }

  #retry(delivery: Delivery): void {
    this.counts.failed++;
    const { backoffMs, giveUpMs } = this.#settings;
    const wait = backoffMs[Math.min(delivery.attempts, backoffMs.length - 1)];
    delivery.attempts++;
    const at = this.#account.now() + wait;
    if (at > delivery.since + giveUpMs) this.counts.givenUp++;
    else this.#account.agenda.add(at, () => this.#enqueue(delivery));
  }

  /** Signed anew at each attempt, as docs.stripe.com/webhooks/signature says. */
  #deliver({ endpoint, event }: Delivery): Promise<boolean> {
    const at = this.#account.seconds();
    const signature = createHmac('sha256', endpoint.secret).update(`${at}.${event.json}`).digest('hex');
    const headers = {
      'content-type': 'application/json; charset=utf-8',
      'user-agent': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)',
      'stripe-signature': `t=${at},v1=${signature}`,
    };
    return this.#post(endpoint, event.json, headers, this.#settings.timeoutMs);
  }

  #wake(): void {
    for (const waiter of this.#waiters.splice(0)) waiter();
  }
}
