import type { ErrorCode, Refusal } from '../../errors.ts';
import type { Clock, Timer, Timers } from '../../ports.ts';
import type { LetterAnswer, LetterRequest, Wanted } from '../messages/letter.ts';
import { type Errand, isRepeatable, type Outcome, onlyReads } from './errand.ts';
import { Routes } from './routes.ts';
import { type LocalNode, serve } from './serving.ts';

/** Requests for one shard that wait for an owner; with more, further ones are refused. */
export const PARKED_MAX = 256;
/** How long a request waits for an owner before it is refused. */
export const PARKED_MS = 2_000;
/** Requests of this node that other nodes have, at most. */
export const SENT_MAX = 65_536;
/** A request that may be begun twice and had no answer for so long is asked again. */
const REPLY_MS = 3_000;
/** Pause before a request that was turned back is tried again, if nothing is heard before. */
const TURNED_BACK_MS = 20;
const UNREACHED_MS = 100;
/** How often what waits is looked over. */
const SWEEP_MS = 25;

const NO_OWNER: Refusal = {
  code: 'UNAVAILABLE',
  detail: 'No node could take this request for the show in time; it was not begun. Try again.',
  retryAfter: 1,
};
const TOO_MANY_PARKED: Refusal = {
  code: 'OVERLOADED',
  detail: 'Too many requests wait for this show; try again shortly.',
  retryAfter: 1,
};
const TOO_LATE: Refusal = {
  code: 'OVERLOADED',
  detail: 'The show could not be reached in time; this request was not begun.',
  retryAfter: 1,
};
const NOT_READ: Refusal = { code: 'UNAVAILABLE', detail: 'The show did not answer in time; try again.', retryAfter: 1 };
const UNKNOWN: Refusal = {
  code: 'OUTCOME_UNKNOWN',
  detail: 'Whether this was done is not known; retry with the same key to learn it.',
  retryAfter: 1,
};

/** Refusals of requests that were not begun, and may be asked again. */
const NOT_NOW: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['OVERLOADED', 'UNAVAILABLE']);

/** The way to other nodes. */
export interface Post {
  /** False when it certainly was not sent. */
  request(to: string, request: LetterRequest): boolean;
}

export interface CarrierOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  /** The database's clock minus this node's, ms. */
  readonly clockOffset: () => number;
  /** Asks for the newest view of the cluster; calls in quick succession are one. */
  readonly refresh: () => void;
}

export interface CarrierCounts {
  forwarded: number;
  parkedRefused: number;
  unreachable: number;
}

/**
 * Carries requests to whoever owns their shows: here, or on another node. While nobody who does can be reached they wait,
 * bounded in number and time, and go on by themselves. Every one of them has its outcome by its deadline.
 */
export class Carrier {
  readonly counts: CarrierCounts = { forwarded: 0, parkedRefused: 0, unreachable: 0 };
  readonly routes = new Routes();
  readonly #options: CarrierOptions;
  readonly #parked = new Map<number, Errand[]>();
  readonly #sent = new Map<number, Errand>();
  #local: LocalNode | null = null;
  #post: Post | null = null;
  #number = 0;
  #sweep: Timer | null = null;
  /** Set once no owner will ever be found any more. */
  #closedWith: Refusal | null = null;

  constructor(options: CarrierOptions) {
    this.#options = options;
  }

  /** From now on this incarnation is this node's own; null while it has none. */
  attach(local: LocalNode | null, post: Post | null): void {
    this.#local = local;
    this.#post = post;
    // What was sent in another's name is answered to nobody.
    if (post !== null) this.linkIsBack();
  }

  get local(): LocalNode | null {
    return this.#local;
  }

  /** Requests that wait for an owner. */
  get parked(): number {
    let parked = 0;
    for (const errands of this.#parked.values()) parked += errands.length;
    return parked;
  }

  carry(showId: string, shard: number, wanted: Wanted, deadline: number): Promise<Outcome> {
    return new Promise((resolve) => {
      this.#dispatch({
        showId,
        shard,
        wanted,
        deadline,
        resolve,
        number: 0,
        sentTo: null,
        sentAt: 0,
        parkedAt: 0,
        notBefore: 0,
        mayHaveBegun: false,
      });
    });
  }

  // --- news ----------------------------------------------------------------------------------------------------------

  /** Who owns shards was learnt from a table or an announcement. `drive` has to follow. */
  learn(news: Iterable<{ readonly shard: number; readonly owner: string | null; readonly epoch: number }>): void {
    const changed = new Set<number>();
    for (const { shard, owner, epoch } of news) {
      // While the shard is nobody's, who gave it up still answers what it had begun.
      if (this.routes.learn(shard, owner, epoch) && owner !== null) changed.add(shard);
    }
    if (changed.size === 0) return;
    for (const errand of [...this.#sent.values()]) {
      // What may be begun twice need not wait for an answer of the owner before.
      if (!changed.has(errand.shard) || errand.sentTo === this.routes.of(errand.shard).owner) continue;
      if (isRepeatable(errand.wanted)) this.#takeBack(errand, true);
    }
  }

  /** Tries again what waits, after something has changed. Without shards: everything. */
  drive(shards: Iterable<number> = [...this.#parked.keys()]): void {
    for (const shard of shards) {
      const errands = this.#parked.get(shard);
      if (errands === undefined) continue;
      this.#parked.delete(shard);
      for (const errand of errands) this.#dispatch(errand);
    }
  }

  /** These incarnations will never answer any more. */
  gone(incarnations: ReadonlySet<string>): void {
    if (incarnations.size === 0) return;
    for (const errand of [...this.#sent.values()]) {
      if (errand.sentTo === null || !incarnations.has(errand.sentTo)) continue;
      this.#takeBack(errand, true);
      if (!isRepeatable(errand.wanted)) this.#settle(errand, refused(UNKNOWN));
    }
  }

  /** The link was away: answers may be lost. What may be begun twice is asked again. */
  linkIsBack(): void {
    for (const errand of [...this.#sent.values()]) if (isRepeatable(errand.wanted)) this.#takeBack(errand, true);
    this.drive();
  }

  /** These requests were certainly not delivered. */
  undelivered(numbers: readonly number[]): void {
    const notBefore = this.#options.clock.now() + UNREACHED_MS;
    for (const number of numbers) {
      const errand = this.#sent.get(number);
      if (errand === undefined) continue;
      this.counts.unreachable++;
      errand.notBefore = notBefore;
      this.#takeBack(errand, false);
    }
    this.#options.refresh();
  }

  /** An answer of another node. */
  answered(from: string, answer: LetterAnswer): void {
    const errand = this.#sent.get(answer.number);
    if (errand === undefined || errand.sentTo !== from) return;
    if ('moved' in answer) {
      const now = this.#options.clock.now();
      errand.notBefore = now + TURNED_BACK_MS;
      // It did not wait for an owner while somebody had it.
      if (errand.parkedAt > 0) errand.parkedAt += now - errand.sentAt;
      // Who has it under that epoch is still to be heard; under those before, nobody has.
      if (answer.epoch > this.routes.of(errand.shard).epoch) this.routes.learn(errand.shard, null, answer.epoch - 1);
      this.#takeBack(errand, false);
      this.#options.refresh();
      return;
    }
    this.#sent.delete(answer.number);
    this.#settle(
      errand,
      'refusal' in answer
        ? { ok: false, refusal: answer.refusal, replayed: answer.replayed }
        : { ok: true, value: answer.value, replayed: answer.replayed },
    );
  }

  /** Nothing waits for an owner any more: what does, and will, is refused with this. */
  close(refusal: Refusal): void {
    this.#closedWith = refusal;
    for (const errands of [...this.#parked.values()])
      for (const errand of errands) this.#settle(errand, refused(refusal));
    this.#parked.clear();
  }

  // --- errands -------------------------------------------------------------------------------------------------------

  #dispatch(errand: Errand): void {
    const now = this.#options.clock.now();
    const local = this.#local;
    if (errand.deadline < now) this.#overdue(errand);
    else if (errand.notBefore > now) this.#park(errand, now);
    else if (local !== null && local.leases.epochOf(errand.shard) !== null) this.#askHere(local, errand);
    else if (!this.#send(errand, now)) this.#park(errand, now);
  }

  /** False when there is nobody to send it to, or no way. */
  #send(errand: Errand, now: number): boolean {
    const { owner, epoch } = this.routes.of(errand.shard);
    if (owner === null || owner === this.#local?.incarnation || this.#post === null) return false;
    if (this.#sent.size >= SENT_MAX) return false;
    const number = ++this.#number;
    const { showId, shard, wanted } = errand;
    const deadline = errand.deadline + this.#options.clockOffset();
    if (!this.#post.request(owner, { number, showId, shard, epoch, deadline, wanted })) return false;
    errand.number = number;
    errand.sentTo = owner;
    errand.sentAt = now;
    this.counts.forwarded++;
    this.#sent.set(number, errand);
    this.#watch();
    return true;
  }

  #askHere(local: LocalNode, errand: Errand): void {
    const { showId, wanted, deadline, shard } = errand;
    const askedAt = this.#options.clock.now();
    void serve(local, shard, showId, wanted, deadline).then((answer) => {
      if (answer.ok || answer.moved === undefined) {
        this.#settle(errand, answer);
        return;
      }
      const now = this.#options.clock.now();
      if (errand.parkedAt > 0) errand.parkedAt += now - askedAt;
      // Still ours: it restarts, and is asked again when it had a moment for that.
      if (local.leases.epochOf(shard) !== null) errand.notBefore = now + TURNED_BACK_MS;
      this.#dispatch(errand);
    });
  }

  #park(errand: Errand, now: number): void {
    const errands = this.#parked.get(errand.shard) ?? [];
    if (this.#closedWith !== null) {
      this.#settle(errand, refused(this.#closedWith));
    } else if (errands.length >= PARKED_MAX) {
      this.counts.parkedRefused++;
      this.#settle(errand, refused(TOO_MANY_PARKED, true));
    } else {
      if (errand.parkedAt === 0) errand.parkedAt = now;
      errands.push(errand);
      this.#parked.set(errand.shard, errands);
      this.#watch();
    }
  }

  /** It is no longer with the node that had it. */
  #takeBack(errand: Errand, mayHaveBegun: boolean): void {
    this.#sent.delete(errand.number);
    errand.sentTo = null;
    errand.mayHaveBegun ||= mayHaveBegun;
    if (mayHaveBegun) errand.parkedAt = 0;
    if (!mayHaveBegun || isRepeatable(errand.wanted)) this.#dispatch(errand);
  }

  #overdue(errand: Errand): void {
    if (onlyReads(errand.wanted)) this.#settle(errand, refused(NOT_READ, true));
    else this.#settle(errand, refused(errand.mayHaveBegun || errand.sentTo !== null ? UNKNOWN : TOO_LATE));
  }

  #settle(errand: Errand, outcome: Outcome): void {
    errand.sentTo = null;
    // A refusal that only says "not now" is half the truth when somebody before may have begun it.
    const isHalfTrue = !outcome.ok && !outcome.replayed && NOT_NOW.has(outcome.refusal.code);
    if (isHalfTrue && errand.mayHaveBegun && !onlyReads(errand.wanted)) errand.resolve(refused(UNKNOWN));
    else errand.resolve(outcome);
  }

  // --- time ----------------------------------------------------------------------------------------------------------

  #watch(): void {
    this.#sweep ??= this.#options.timers.every(SWEEP_MS, () => this.#lookOver());
  }

  #lookOver(): void {
    const now = this.#options.clock.now();
    for (const [shard, errands] of [...this.#parked]) {
      this.#parked.delete(shard);
      for (const errand of errands) {
        if (errand.deadline < now) this.#overdue(errand);
        else if (now - errand.parkedAt >= PARKED_MS) {
          this.counts.parkedRefused++;
          this.#settle(errand, refused(NO_OWNER, true));
        } else this.#dispatch(errand);
      }
    }
    for (const errand of [...this.#sent.values()]) {
      if (errand.deadline < now) {
        this.#sent.delete(errand.number);
        this.#overdue(errand);
      } else if (now - errand.sentAt >= REPLY_MS && isRepeatable(errand.wanted)) {
        this.#takeBack(errand, true);
        this.#options.refresh();
      }
    }
    if (this.#parked.size > 0 || this.#sent.size > 0) return;
    this.#sweep?.cancel();
    this.#sweep = null;
  }
}

function refused(refusal: Refusal, unreachable = false): Outcome {
  return unreachable
    ? { ok: false, refusal, replayed: false, unreachable: true }
    : { ok: false, refusal, replayed: false };
}
