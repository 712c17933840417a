/** First and longest wait before a show that failed is woken again. */
const RESTART_FIRST_MS = 100;
const RESTART_MOST_MS = 30_000;

/**
 * Nor do those who ask for such a show wake it before its time, but for this long at most: they hear soon that it is well
 * again. As long as they are told to wait before they ask again.
 */
const HELD_BACK_MOST_MS = 1_000;

interface Wake {
  readonly shard: number;
  /** ms since the epoch. */
  readonly at: number;
}

interface Delay {
  readonly shard: number;
  /** The last wait. */
  readonly ms: number;
  /** ms since the epoch; before, nobody wakes it by asking for it. */
  readonly heldBackUntil: number;
}

/** Shows with unfinished work that are not awake, and when each is to be woken. Only shows that there are: each at most once. */
export class ToWake {
  readonly #wakes = new Map<string, Wake>();
  /** Shows that failed and have not worked since. */
  readonly #delays = new Map<string, Delay>();

  add(showId: string, shard: number, at: number): void {
    this.#wakes.set(showId, { shard, at });
  }

  /** It failed: it is woken less and less often, until it works. */
  addFailed(showId: string, shard: number, now: number): void {
    const last = this.#delays.get(showId);
    const ms = Math.min(RESTART_MOST_MS, last === undefined ? RESTART_FIRST_MS : last.ms * 2);
    // One failure is most often a lost connection: whoever asks then is served at once.
    const heldBackUntil = last === undefined ? now : now + Math.min(ms, HELD_BACK_MOST_MS);
    this.#delays.set(showId, { shard, ms, heldBackUntil });
    this.add(showId, shard, now + ms);
  }

  /** Whether it failed so often, or so lately, that asking for it does not wake it now. */
  isHeldBack(showId: string, now: number): boolean {
    const delay = this.#delays.get(showId);
    return delay !== undefined && now < delay.heldBackUntil;
  }

  /** It is being woken. */
  delete(showId: string): void {
    this.#wakes.delete(showId);
  }

  /** It works, or there is nothing to be done for it: what failed before is forgotten. */
  forgive(showId: string): void {
    this.#delays.delete(showId);
  }

  /** Shows whose time has come, soonest remembered first; may be deleted or added while they are gone through. */
  *due(now: number): Generator<{ readonly showId: string; readonly shard: number }> {
    for (const [showId, { shard, at }] of this.#wakes) if (at <= now) yield { showId, shard };
  }

  /** Forgets the shows of these shards. @returns those that were to be woken. */
  forget(shards: ReadonlySet<number> | 'all'): string[] {
    const isOfThem = ({ shard }: { readonly shard: number }): boolean => shards === 'all' || shards.has(shard);
    const forgotten: string[] = [];
    for (const [showId, wake] of this.#wakes) {
      if (!isOfThem(wake)) continue;
      this.#wakes.delete(showId);
      forgotten.push(showId);
    }
    for (const [showId, delay] of this.#delays) if (isOfThem(delay)) this.#delays.delete(showId);
    return forgotten;
  }
}
