import { keyInUse, keyReused } from './errors.ts';

/** An answer as it was first given. */
export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly requestId: string;
}

interface Entry {
  readonly path: string;
  readonly parameters: string;
  readonly at: number;
  /** `null` while it is carried out. */
  answer: Answer | null;
}

/** «At least 24 hours» (docs.stripe.com/api/idempotent_requests); here exactly. */
export const KEY_LIFETIME_MS = 86_400_000;

export const MAX_KEY_LENGTH = 255;

/** Answers by idempotency key. What is kept is bounded by the requests of a day. */
export class IdempotencyKeys {
  /** In the order of their times. */
  readonly #entries = new Map<string, Entry>();

  /**
   * The answer that was given to this key, or `null`: then the caller carries out the request, and must `finish` it or
   * `abandon` it. Throws if the key stands for another request, or for one under way.
   */
  begin(key: string, path: string, parameters: string, now: number): Answer | null {
    this.#prune(now);
    const entry = this.#entries.get(key);
    if (entry === undefined) {
      this.#entries.set(key, { path, parameters, at: now, answer: null });
      return null;
    }
    if (entry.path !== path) throw keyReused(key, `for the same endpoint ('${entry.path}' vs '${path}')`);
    if (entry.parameters !== parameters) throw keyReused(key, 'with the same parameters');
    if (entry.answer === null) throw keyInUse(key);
    return entry.answer;
  }

  finish(key: string, answer: Answer): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) entry.answer = answer;
  }

  /** The request was not begun: the key is free again. */
  abandon(key: string): void {
    this.#entries.delete(key);
  }

  #prune(now: number): void {
    for (const [key, entry] of this.#entries) {
      if (entry.at > now - KEY_LIFETIME_MS) return;
      this.#entries.delete(key);
    }
  }
}
