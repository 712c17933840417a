import { backoffMs } from '../../backoff.ts';
import { RefusedError } from '../../errors.ts';
import type { Clock, Random, Timer, Timers } from '../../ports.ts';

/*
 * Stands before every call to a provider: bounds how many are under way and how many wait, how long each takes, and
 * spares a provider that is down.
 *
 *   closed      calls pass                              ─► open       after so many failures in a row
 *   open        calls are refused                       ─► half-open  when the pause is over
 *   half-open   one call passes, others are refused     ─► closed     it was answered
 *                                                       ─► open       it failed: the pause is doubled
 */
export const GATE_STATES = ['closed', 'half-open', 'open'] as const;
export type GateState = (typeof GATE_STATES)[number];

const NEXT: Readonly<Record<GateState, readonly GateState[]>> = {
  closed: ['open'],
  open: ['half-open'],
  'half-open': ['closed', 'open'],
};

export interface GateLimits {
  /** Calls under way. */
  readonly inFlight: number;
  /** Calls that may wait for their turn; more are refused `OVERLOADED`. */
  readonly waiting: number;
  /** How long a call waits for its turn; then it is refused `UNAVAILABLE`. */
  readonly waitMs: number;
  /** How long a call may take; then nobody knows what became of it. */
  readonly callMs: number;
  /** Failures in a row that open the breaker. */
  readonly failures: number;
  /** The first pause; doubled at each failed trial, and shortened at random by up to half. */
  readonly pauseMs: number;
  readonly pauseMaxMs: number;
}

export const GATE_LIMITS: GateLimits = {
  inFlight: 32,
  waiting: 1_024,
  waitMs: 10_000,
  callMs: 20_000,
  failures: 8,
  pauseMs: 1_000,
  pauseMaxMs: 10_000,
};

/** What the gate counts, since the start. */
export interface GateFigures {
  readonly state: GateState;
  readonly inFlight: number;
  readonly waiting: number;
  readonly calls: number;
  /** Of `calls`: not answered, or answered that the provider cannot now. */
  readonly failures: number;
  /** Of `failures`: not answered in time. */
  readonly timeouts: number;
  /** Refused before they were made. */
  readonly refused: number;
  /** How often the breaker opened. */
  readonly openings: number;
}

/** A call took too long: it may have been carried out, or still be. */
export class CallTimeoutError extends Error {
  constructor(ms: number) {
    super(`no answer within ${ms} ms`);
    this.name = 'CallTimeoutError';
  }
}

interface Waiting {
  readonly start: () => void;
  readonly refuse: (error: Error) => void;
  readonly patience: Timer;
}

export class CallGate {
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #random: Random;
  readonly #isFailure: (error: unknown) => boolean;
  readonly #limits: GateLimits;
  /** Oldest first. */
  readonly #waiting = new Set<Waiting>();
  readonly #counts = { calls: 0, failures: 0, timeouts: 0, refused: 0, openings: 0 };
  #inFlight = 0;
  #state: GateState = 'closed';
  /** Failures since the last answer. */
  #inARow = 0;
  /** Failed trials since it was last closed. */
  #trials = 0;
  #pauseEndsAt = 0;
  #isTrying = false;

  /** @param isFailure whether what a call rejects with speaks against the provider; else it is an answer */
  constructor(
    parts: { readonly clock: Clock; readonly timers: Timers; readonly random: Random },
    isFailure: (error: unknown) => boolean,
    limits: GateLimits = GATE_LIMITS,
  ) {
    this.#clock = parts.clock;
    this.#timers = parts.timers;
    this.#random = parts.random;
    this.#isFailure = isFailure;
    this.#limits = limits;
  }

  /**
   * Makes the call when it is its turn. Rejects with what the call rejects with; with a `RefusedError` (`OVERLOADED`,
   * `UNAVAILABLE`) if it was not made; with a {@link CallTimeoutError} if it was not answered in time.
   */
  async run<T>(call: () => Promise<T>): Promise<T> {
    this.#look();
    if (this.#state === 'open') throw this.#refusal(this.#pauseEndsAt - this.#clock.now());
    if (this.#state === 'half-open') {
      if (this.#isTrying) throw this.#refusal(this.#limits.pauseMs);
      return this.#make(call);
    }
    return this.#inFlight < this.#limits.inFlight ? this.#make(call) : this.#makeLater(call);
  }

  figures(): GateFigures {
    this.#look();
    return { state: this.#state, inFlight: this.#inFlight, waiting: this.#waiting.size, ...this.#counts };
  }

  /** The pause ends by itself. */
  #look(): void {
    if (this.#state === 'open' && this.#clock.now() >= this.#pauseEndsAt) this.#move('half-open');
  }

  #move(to: GateState): void {
    if (!NEXT[this.#state].includes(to)) throw new Error(`the gate cannot go from ${this.#state} to ${to}`);
    this.#state = to;
  }

  #makeLater<T>(call: () => Promise<T>): Promise<T> {
    if (this.#waiting.size >= this.#limits.waiting) {
      this.#counts.refused++;
      return Promise.reject(
        new RefusedError({
          code: 'OVERLOADED',
          detail: 'Too many calls wait for the payment provider. Try again.',
          retryAfter: 2,
        }),
      );
    }
    return new Promise((resolve, reject) => {
      const patience = this.#timers.after(this.#limits.waitMs, () => {
        this.#waiting.delete(waiting);
        reject(this.#refusal(this.#limits.pauseMs));
      });
      const waiting: Waiting = { start: () => resolve(this.#make(call)), refuse: reject, patience };
      this.#waiting.add(waiting);
    });
  }

  #make<T>(call: () => Promise<T>): Promise<T> {
    const isTrial = this.#state === 'half-open';
    if (isTrial) this.#isTrying = true;
    this.#inFlight++;
    this.#counts.calls++;
    return new Promise((resolve, reject) => {
      let isOver = false;
      const end = (failed: boolean): void => {
        isOver = true;
        timer.cancel();
        this.#inFlight--;
        if (isTrial) this.#isTrying = false;
        this.#judge(failed, isTrial);
        this.#startNext();
      };
      const timer = this.#timers.after(this.#limits.callMs, () => {
        this.#counts.timeouts++;
        end(true);
        reject(new CallTimeoutError(this.#limits.callMs));
      });
      // A call that throws at once has failed like any other.
      (async () => call())().then(
        (value) => {
          if (isOver) return;
          end(false);
          resolve(value);
        },
        (error: unknown) => {
          if (isOver) return;
          end(this.#isFailure(error));
          reject(error);
        },
      );
    });
  }

  #judge(failed: boolean, isTrial: boolean): void {
    if (failed) this.#counts.failures++;
    this.#inARow = failed ? this.#inARow + 1 : 0;
    if (isTrial) {
      if (failed) this.#open();
      else {
        this.#trials = 0;
        this.#move('closed');
      }
      return;
    }
    // What was under way when it opened tells nothing new.
    if (this.#state === 'closed' && this.#inARow >= this.#limits.failures) this.#open();
  }

  #open(): void {
    this.#move('open');
    this.#counts.openings++;
    const pause = backoffMs(this.#random, this.#limits.pauseMs, this.#limits.pauseMaxMs, this.#trials);
    this.#trials++;
    this.#pauseEndsAt = this.#clock.now() + pause;
    for (const waiting of this.#waiting) {
      waiting.patience.cancel();
      waiting.refuse(this.#refusal(pause));
    }
    this.#waiting.clear();
  }

  #startNext(): void {
    const [next] = this.#waiting;
    if (next === undefined || this.#inFlight >= this.#limits.inFlight) return;
    this.#waiting.delete(next);
    next.patience.cancel();
    next.start();
  }

  #refusal(ms: number): RefusedError {
    this.#counts.refused++;
    return new RefusedError({
      code: 'UNAVAILABLE',
      detail: 'The payment provider cannot be reached now. Try again.',
      retryAfter: Math.max(1, Math.ceil(ms / 1_000)),
    });
  }
}
