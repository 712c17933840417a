import type { Clock, Random, Timer, Timers } from '../ports.ts';
import type { ClaimedDelivery, Deliveries } from './deliveries.ts';
import type { WebhookSender } from './sender.ts';
import { signedHeaders } from './signature.ts';

/*
 * A node's worker: takes deliveries that are due, sends them, and writes down what became of them. Any node may send any.
 *
 *   pending ──► delivered      an answer 2xx
 *      │ ▲└───► given up       no attempt is left; or its endpoint was disabled
 *      └─┘ no answer, or another: again later and later, for about three days
 *
 *   a crash before it is marked     the claim lapses, another node sends it again, under the same id
 *   410                             the endpoint wants no more: it is disabled
 *   nothing arrives for days        the same
 *
 * Nothing waits for webhooks. A slow endpoint has its own few places; once it has failed, those that take what they are sent
 * come first, and half of all places are theirs alone.
 */

export const DELIVERY_LIMITS = {
  /** One short query each time. */
  pollMs: 1_000,
  /** Deliveries of this node at work at once: in all, to endpoints that fail, and to one endpoint. */
  concurrency: 32,
  failing: 16,
  perEndpoint: 4,
  /** From the look for the address to the answer. */
  sendMs: 15_000,
  /** For how long a delivery is this node's: longer than it works at it. */
  leaseMs: 60_000,
  /** After the first attempt failed, after the second, …; each longer at random by up to a fifth. After the last it is given up. */
  retryAfterMs: [5_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000, 50_400_000, 72_000_000, 86_400_000],
  /** An endpoint at which nothing has arrived for so long is disabled when a delivery is given up. */
  disableAfterMs: 2 * 86_400_000,
  /** How long a message is kept. */
  keepMs: 30 * 86_400_000,
  forgetEveryMs: 3_600_000,
  /** Forgotten in one statement. */
  forgetRows: 5_000,
} as const;

export type DeliveryLimits = {
  readonly [Name in keyof typeof DELIVERY_LIMITS]: (typeof DELIVERY_LIMITS)[Name] extends number
    ? number
    : readonly number[];
};

const ERROR_LENGTH = 500;
const GONE = 410;

/** Counted since the start, except `oldestMs`, which is of the last poll. */
export interface DeliveryFigures {
  readonly delivered: number;
  readonly failed: number;
  readonly givenUp: number;
  /** Endpoints that were disabled. */
  readonly disabled: number;
  readonly oldestMs: number;
}

interface DelivererLog {
  warn(details: object, message: string): void;
}

export interface DelivererDeps {
  readonly deliveries: Pick<Deliveries, 'claim' | 'delivered' | 'failed' | 'giveUp' | 'disable' | 'forget'>;
  readonly send: WebhookSender;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: DelivererLog;
  readonly limits?: DeliveryLimits;
}

interface AtWork {
  readonly endpointId: string;
  readonly isFailing: boolean;
  readonly abort: AbortController;
}

export class WebhookDeliverer {
  readonly #deps: DelivererDeps;
  readonly #limits: DeliveryLimits;
  readonly #atWork = new Map<Promise<void>, AtWork>();
  readonly #timers: Timer[] = [];
  #polling: Promise<void> | null = null;
  #forgetting: Promise<void> | null = null;
  #isClosed = false;
  #isLost = false;
  #counts = { delivered: 0, failed: 0, givenUp: 0, disabled: 0 };
  #oldestMs = 0;

  constructor(deps: DelivererDeps) {
    this.#deps = deps;
    this.#limits = deps.limits ?? DELIVERY_LIMITS;
  }

  start(): void {
    const { timers } = this.#deps;
    this.#timers.push(
      timers.every(this.#limits.pollMs, () => this.#poll()),
      timers.every(this.#limits.forgetEveryMs, () => this.#forget()),
    );
  }

  figures(): DeliveryFigures {
    return { ...this.#counts, oldestMs: this.#oldestMs };
  }

  /** Takes nothing new and cuts off what is at work: others send it. Never rejects; safe to call twice. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const timer of this.#timers) timer.cancel();
    await this.#polling;
    for (const { abort } of this.#atWork.values()) abort.abort(new Error('the node stopped'));
    await Promise.all([...this.#atWork.keys(), this.#forgetting]);
  }

  #poll(): void {
    if (this.#isClosed) return;
    this.#polling ??= this.#claim().finally(() => {
      this.#polling = null;
    });
  }

  async #claim(): Promise<void> {
    const { concurrency, failing, leaseMs, perEndpoint } = this.#limits;
    const atWork = [...this.#atWork.values()];
    const room = {
      places: concurrency - atWork.length,
      failing: failing - atWork.filter(({ isFailing }) => isFailing).length,
    };
    // An endpoint gets more when it is through with what it has.
    const busy = [...new Set(atWork.map(({ endpointId }) => endpointId))];
    try {
      const { claims, oldestMs } = await this.#deps.deliveries.claim(room, leaseMs, perEndpoint, busy);
      this.#oldestMs = oldestMs;
      this.#isLost = false;
      for (const claim of claims) this.#begin(claim);
    } catch (error) {
      // Once, not every second.
      if (!this.#isLost) this.#deps.log.warn({ err: error }, 'webhooks: what is due cannot be read');
      this.#isLost = true;
    }
  }

  #begin(claim: ClaimedDelivery): void {
    const abort = new AbortController();
    const { endpointId, isFailing } = claim;
    const work = this.#deliver(claim, abort).finally(() => {
      this.#atWork.delete(work);
      const isThrough = [...this.#atWork.values()].every((other) => other.endpointId !== endpointId);
      if (isThrough) this.#poll();
    });
    this.#atWork.set(work, { endpointId, isFailing, abort });
  }

  /** Never rejects. */
  async #deliver(claim: ClaimedDelivery, abort: AbortController): Promise<void> {
    const { deliveries, send, clock, timers, log } = this.#deps;
    const { sendMs } = this.#limits;
    const limit = timers.after(sendMs, () => abort.abort(new Error(`no answer within ${sendMs} ms`)));
    let status: number | null = null;
    let reason = '';
    try {
      const headers = signedHeaders(claim.secret, claim.messageId, clock.now(), claim.body);
      status = await send(claim.url, headers, claim.body, abort.signal);
      reason = `the answer was ${status}`;
    } catch (error) {
      const cause = abort.signal.aborted ? (abort.signal.reason as Error) : (error as Error);
      reason = cause.message.slice(0, ERROR_LENGTH);
    } finally {
      limit.cancel();
    }
    try {
      if (status !== null && status >= 200 && status < 300) {
        await deliveries.delivered(claim.id, status);
        this.#counts.delivered++;
      } else {
        await this.#failed(claim, status, reason);
      }
    } catch (error) {
      // The claim lapses by itself.
      log.warn({ delivery: claim.id, err: error }, 'webhooks: what became of a delivery cannot be written down');
    }
  }

  async #failed(claim: ClaimedDelivery, status: number | null, reason: string): Promise<void> {
    const { deliveries, random } = this.#deps;
    const { retryAfterMs, disableAfterMs } = this.#limits;
    this.#counts.failed++;
    if (status === GONE) {
      await deliveries.giveUp(claim, status, reason);
      this.#counts.givenUp++;
      await this.#disable(claim, 'the endpoint answered 410: it wants no more', 0);
      return;
    }
    const pauseMs = retryAfterMs[claim.attempts - 1];
    if (pauseMs !== undefined) {
      const [dice] = random.bytes(1);
      await deliveries.failed(claim, Math.round(pauseMs * (1 + dice / 1_280)), status, reason);
      return;
    }
    await deliveries.giveUp(claim, status, reason);
    this.#counts.givenUp++;
    await this.#disable(claim, `nothing has arrived for days; at last ${reason}`, disableAfterMs);
  }

  async #disable({ endpointId }: ClaimedDelivery, reason: string, failingMs: number): Promise<void> {
    const { deliveries, log } = this.#deps;
    if (!(await deliveries.disable(endpointId, reason, failingMs))) return;
    this.#counts.disabled++;
    log.warn({ endpoint: endpointId, reason }, 'webhooks: an endpoint was disabled');
  }

  #forget(): void {
    const { keepMs, forgetRows } = this.#limits;
    const forget = async (): Promise<void> => {
      while (!this.#isClosed && (await this.#deps.deliveries.forget(keepMs, forgetRows)) === forgetRows);
    };
    this.#forgetting ??= forget()
      .catch((error: Error) => {
        this.#deps.log.warn({ err: error }, 'webhooks: old messages could not be forgotten');
      })
      .finally(() => {
        this.#forgetting = null;
      });
  }
}
