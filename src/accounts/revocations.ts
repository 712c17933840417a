/** What ends tokens: that of one session (`generation` null), or all of a user that are of an earlier generation. */
export interface Revocation {
  /** The session's id, or the user's. */
  readonly key: string;
  readonly generation: number | null;
  /** ms since the epoch; every token that it is about has expired by then. */
  readonly expiresAt: number;
}

/** What of a token decides whether it is revoked. */
export interface RevocableToken {
  readonly id: string;
  readonly session: string;
  readonly generation: number;
  /** ms since the epoch. */
  readonly expiresAt: number;
}

/** Revocations that a node remembers, each until the tokens that it is about have expired; about 200 bytes each. */
export const REVOCATIONS_MAX = 100_000;

const MINUTE_MS = 60_000;

/**
 * The revocations that a node knows. There is room for {@link REVOCATIONS_MAX}: beyond it those whose tokens expire first
 * make room, and every token that expires no later is refused from then on, revoked or not. So a flood of log-outs makes
 * some people log in earlier than they had to, and never lets a revoked token pass.
 */
export class Revocations {
  readonly #max: number;
  readonly #byKey = new Map<string, Revocation>();
  /** Their keys by the minute of their end. */
  readonly #byMinute = new Map<number, Set<string>>();
  /** ms since the epoch: tokens that expire until then are refused. */
  #floor = 0;
  #version = 0;

  constructor(max = REVOCATIONS_MAX) {
    this.#max = max;
  }

  /** Another number whenever another token may be revoked: what was looked up under this one need not be again. */
  get version(): number {
    return this.#version;
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** Those that change nothing are passed over; of a user the newest generation counts, in whichever order they come. */
  add({ key, generation, expiresAt }: Revocation): void {
    if (expiresAt <= this.#floor) return;
    const known = this.#byKey.get(key);
    if (known === undefined) {
      while (this.#byKey.size >= this.#max) this.#dropEarliest();
      this.#keep({ key, generation, expiresAt });
      return;
    }
    const newest = Math.max(generation ?? 0, known.generation ?? 0);
    if (newest === (known.generation ?? 0) && known.expiresAt >= expiresAt) return;
    this.#remove(known);
    this.#keep({ key, generation: newest, expiresAt: Math.max(expiresAt, known.expiresAt) });
  }

  /** Refuses every token that expires until then. */
  refuseUntil(ms: number): void {
    if (ms <= this.#floor) return;
    this.#floor = ms;
    this.#version++;
  }

  isRevoked({ id, session, generation, expiresAt }: RevocableToken): boolean {
    if (expiresAt <= this.#floor || this.#byKey.has(session)) return true;
    return generation < (this.#byKey.get(id)?.generation ?? 0);
  }

  /** Forgets those whose tokens have all expired. */
  forget(now: number): void {
    for (const [minute, keys] of this.#byMinute) {
      if (endOf(minute) <= now) this.#forgetMinute(minute, keys);
    }
  }

  #keep(revocation: Revocation): void {
    const { key, expiresAt } = revocation;
    this.#byKey.set(key, revocation);
    const minute = minuteOf(expiresAt);
    const keys = this.#byMinute.get(minute);
    if (keys === undefined) this.#byMinute.set(minute, new Set([key]));
    else keys.add(key);
    this.#version++;
  }

  #remove({ key, expiresAt }: Revocation): void {
    this.#byKey.delete(key);
    const minute = minuteOf(expiresAt);
    const keys = this.#byMinute.get(minute);
    keys?.delete(key);
    if (keys?.size === 0) this.#byMinute.delete(minute);
  }

  #dropEarliest(): void {
    const earliest = Math.min(...this.#byMinute.keys());
    this.#forgetMinute(earliest, this.#byMinute.get(earliest) ?? new Set());
    this.refuseUntil(endOf(earliest));
  }

  #forgetMinute(minute: number, keys: ReadonlySet<string>): void {
    for (const key of keys) this.#byKey.delete(key);
    this.#byMinute.delete(minute);
  }
}

const minuteOf = (ms: number): number => Math.floor(ms / MINUTE_MS);
const endOf = (minute: number): number => (minute + 1) * MINUTE_MS;
