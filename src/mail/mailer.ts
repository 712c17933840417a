import { backoffMs } from '../backoff.ts';
import type { Clock, Random, Timer, Timers } from '../ports.ts';
import type { Composer } from './compose.ts';
import { plain } from './letters.ts';
import type { Claim, MailOutbox } from './outbox.ts';
import { MailRefused, type MailTransport, type Parcel } from './transports.ts';

/*
 * A node's worker: takes notices that are due from the table of mail, sends them, and marks them sent. Any node may send
 * any notice. What happens on the way:
 *
 *   a crash before it is marked       the claim lapses, another node sends it: again if it had been sent, with the same Message-ID
 *   the server refuses this one mail  tried again later and later
 *   the server cannot be reached      this node leaves all mail where it is, and tries one from time to time
 *   no answer in time                 the same; the connection is given up
 *
 * Nothing waits for mail: neither turns nor answers, and a stop only for a named time.
 */

export const MAIL_LIMITS = {
  /** One short query each time. */
  pollMs: 1_000,
  /** Mails at work at once. */
  concurrency: 8,
  /** From reading what a mail says until the server has it. */
  sendMs: 60_000,
  /** For how long a notice is this node's: longer than it works at it, so that no other sends it meanwhile. */
  leaseMs: 180_000,
  /** Wait before the first repeat; doubled each time, and shortened at random by up to half. */
  retryBaseMs: 5_000,
  retryMaxMs: 3_600_000,
  /** The same for the server as a whole while it cannot be reached. */
  serverBaseMs: 1_000,
  serverMaxMs: 30_000,
  /** Then a notice is given up. */
  giveUpMs: 7 * 86_400_000,
  /** How long a notice is kept after it was sent or given up. */
  keepMs: 30 * 86_400_000,
  forgetEveryMs: 3_600_000,
  /** Forgotten in one statement. */
  forgetRows: 5_000,
  /** What is at work when the node stops may end in this time; then it is cut off, and has as long to be noted. */
  closeMs: 3_000,
} as const;

export type MailLimits = { readonly [Name in keyof typeof MAIL_LIMITS]: number };

const ERROR_LENGTH = 500;

/** Counted since the start, except `oldestMs`, which is of the last poll. */
export interface MailFigures {
  readonly sent: number;
  /** Attempts that failed, all of them to be repeated. */
  readonly failed: number;
  /** Notices that were never sent and are tried no more. */
  readonly givenUp: number;
  /** How long the oldest notice of the cluster has waited that is neither sent nor refused. */
  readonly oldestMs: number;
}

interface MailLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

export interface MailerDeps {
  readonly outbox: Pick<MailOutbox, 'claim' | 'sent' | 'failed' | 'giveUp' | 'forget'>;
  readonly transport: MailTransport;
  readonly compose: Composer;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: MailLog;
  readonly limits?: MailLimits;
}

export class Mailer {
  readonly #deps: MailerDeps;
  readonly #limits: MailLimits;
  readonly #atWork = new Map<Promise<void>, AbortController>();
  readonly #timers: Timer[] = [];
  #closed: Promise<void> | null = null;
  #isPolling = false;
  #isForgetting = false;
  /** Attempts in a row that found no server, and until when it is left alone. */
  #serverFailures = 0;
  #pausedUntil = 0;
  #counts = { sent: 0, failed: 0, givenUp: 0 };
  #oldestMs = 0;
  #isOutboxLost = false;

  constructor(deps: MailerDeps) {
    this.#deps = deps;
    this.#limits = deps.limits ?? MAIL_LIMITS;
  }

  start(): void {
    const { timers } = this.#deps;
    this.#timers.push(
      timers.every(this.#limits.pollMs, () => void this.#poll()),
      timers.every(this.#limits.forgetEveryMs, () => void this.#forget()),
    );
  }

  figures(): MailFigures {
    return { ...this.#counts, oldestMs: this.#oldestMs };
  }

  /** Takes nothing new, and leaves what is not done in time to other nodes. Never rejects; safe to call twice. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    for (const timer of this.#timers) timer.cancel();
    await this.#workDone();
    for (const abort of this.#atWork.values()) abort.abort(new Error('the node stopped'));
    await this.#workDone();
    this.#deps.transport.close();
  }

  /** Bounded. */
  async #workDone(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const limit = this.#deps.timers.after(this.#limits.closeMs, resolve);
    await Promise.race([Promise.all(this.#atWork.keys()), promise]);
    limit.cancel();
  }

  /** How many more this node takes now. */
  get #room(): number {
    const { concurrency } = this.#limits;
    if (this.#deps.clock.now() < this.#pausedUntil) return 0;
    // Whether the server is back, one mail finds out.
    return this.#serverFailures > 0 ? Math.max(0, 1 - this.#atWork.size) : concurrency - this.#atWork.size;
  }

  async #poll(): Promise<void> {
    if (this.#isPolling || this.#closed !== null) return;
    this.#isPolling = true;
    const room = this.#room;
    let isMore = false;
    try {
      // Also without room: the age of the backlog is to be known.
      const { claims, oldestMs } = await this.#deps.outbox.claim(room, this.#limits.leaseMs);
      this.#oldestMs = oldestMs;
      this.#isOutboxLost = false;
      isMore = room > 0 && claims.length === room;
      for (const claim of claims) this.#begin(claim, isMore);
    } catch (error) {
      // Once, not every second.
      if (!this.#isOutboxLost) this.#deps.log.warn({ err: error }, 'mail: what is due cannot be read');
      this.#isOutboxLost = true;
    } finally {
      this.#isPolling = false;
    }
  }

  #begin(claim: Claim, isMore: boolean): void {
    const abort = new AbortController();
    const work = this.#deliver(claim, abort).finally(() => {
      this.#atWork.delete(work);
      // Half of the places are free: several are claimed in one query.
      if (isMore && this.#room * 2 >= this.#limits.concurrency) void this.#poll();
    });
    this.#atWork.set(work, abort);
  }

  /** Never rejects. */
  async #deliver(claim: Claim, abort: AbortController): Promise<void> {
    const { outbox, compose, transport, timers, log } = this.#deps;
    const { sendMs } = this.#limits;
    const limit = timers.after(sendMs, () => abort.abort(new Error(`it was not sent within ${sendMs} ms`)));
    try {
      const parcel = await this.#orAborted(compose(claim), abort.signal);
      if (typeof parcel === 'string') {
        await outbox.giveUp(claim, parcel);
        this.#counts.givenUp++;
        log.info({ mail: claim.id, why: parcel }, 'mail: there is nothing to send');
        return;
      }
      await this.#send(parcel, abort.signal, transport);
      this.#counts.sent++;
      await outbox.sent(claim.id);
    } catch (error) {
      await this.#failed(claim, error as Error);
    } finally {
      limit.cancel();
    }
  }

  async #send(parcel: Parcel, signal: AbortSignal, transport: MailTransport): Promise<void> {
    try {
      await this.#orAborted(transport.send(parcel, signal), signal);
    } catch (error) {
      if (!(error instanceof MailRefused) && this.#closed === null) this.#serverFailed(error as Error);
      throw error;
    }
    this.#serverFailures = 0;
  }

  #serverFailed(error: Error): void {
    const { serverBaseMs, serverMaxMs } = this.#limits;
    const { random } = this.#deps;
    // What was at work together finds it out together.
    if (this.#deps.clock.now() < this.#pausedUntil) return;
    const pauseMs = backoffMs(random, serverBaseMs, serverMaxMs, this.#serverFailures);
    if (this.#serverFailures === 0) this.#deps.log.warn({ err: error }, 'mail: the mail server takes nothing');
    this.#serverFailures++;
    this.#pausedUntil = this.#deps.clock.now() + pauseMs;
  }

  async #failed(claim: Claim, error: Error): Promise<void> {
    const { outbox, clock, random, log } = this.#deps;
    const { retryBaseMs, retryMaxMs, giveUpMs } = this.#limits;
    const reason = plain(error.message).slice(0, ERROR_LENGTH);
    try {
      if (clock.now() - claim.createdAt >= giveUpMs) {
        await outbox.giveUp(claim, reason);
        this.#counts.givenUp++;
        log.error({ mail: claim.id, attempts: claim.attempts, reason }, 'mail: a notice is given up');
        return;
      }
      this.#counts.failed++;
      const isRefused = error instanceof MailRefused;
      if (isRefused) log.warn({ mail: claim.id, attempts: claim.attempts, reason }, 'mail: a notice was refused');
      await outbox.failed(claim, reason, backoffMs(random, retryBaseMs, retryMaxMs, claim.attempts - 1), isRefused);
    } catch (lost) {
      // The claim lapses by itself.
      log.warn({ mail: claim.id, err: lost }, 'mail: what became of a notice cannot be written down');
    }
  }

  /** What does not heed the signal is waited for no longer either. */
  async #orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>();
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    try {
      return await Promise.race([work, promise]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  async #forget(): Promise<void> {
    if (this.#isForgetting) return;
    this.#isForgetting = true;
    const { keepMs, forgetRows } = this.#limits;
    try {
      while (this.#closed === null && (await this.#deps.outbox.forget(keepMs, forgetRows)) === forgetRows);
    } catch (error) {
      this.#deps.log.warn({ err: error }, 'mail: old notices could not be forgotten');
    } finally {
      this.#isForgetting = false;
    }
  }
}
