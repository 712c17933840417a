import type { Entry } from './entry.ts';
import type { NodeLoad } from './node-shows.ts';

/** A second's requests count for less and less: after so long for about a third. */
const LOAD_WINDOW_MS = 5_000;
/** Busy shards that are named. */
const HOT_SHARDS = 16;
/** Requests a second below which a shard counts as quiet. */
const QUIET_PER_SECOND = 0.01;

/** What one shard's shows have decided. */
export interface ShardWork {
  /** Requests since the last {@link LoadFigures.update}. */
  decided: number;
  /** Requests a second, lately. */
  perSecond: number;
}

/** How much this node's shows do. A turn costs a few additions; the rest is done once a sweep. */
export class LoadFigures {
  readonly #shards = new Map<number, ShardWork>();
  /** When each turn under way began, oldest first. */
  readonly #underWay = new Map<Entry, number>();
  #updatedAt: number;

  constructor(now: number) {
    this.#updatedAt = now;
  }

  /** Where the shows of this shard count what they decide. */
  workOf(shard: number): ShardWork {
    let work = this.#shards.get(shard);
    if (work === undefined) {
      work = { decided: 0, perSecond: 0 };
      this.#shards.set(shard, work);
    }
    return work;
  }

  turnBegan(entry: Entry, now: number): void {
    this.#underWay.set(entry, now);
  }

  turnEnded(entry: Entry): void {
    this.#underWay.delete(entry);
  }

  isUnderWay(entry: Entry): boolean {
    return this.#underWay.has(entry);
  }

  /** Shows whose turn began at this time or before and has not ended. */
  *underWaySince(time: number): Generator<Entry> {
    for (const [entry, began] of this.#underWay) {
      if (began > time) return;
      yield entry;
    }
  }

  /** Brings the figures of the last seconds up to date. */
  update(now: number): void {
    const elapsed = now - this.#updatedAt;
    if (elapsed <= 0) return;
    this.#updatedAt = now;
    const weight = 1 - Math.exp(-elapsed / LOAD_WINDOW_MS);
    for (const work of this.#shards.values()) {
      work.perSecond += weight * ((work.decided * 1_000) / elapsed - work.perSecond);
      work.decided = 0;
    }
  }

  /** These shards' work is another node's from now on. */
  forget(shards: ReadonlySet<number> | 'all'): void {
    if (shards === 'all') this.#shards.clear();
    else for (const shard of shards) this.#shards.delete(shard);
  }

  figures(now: number, inbox: number, awake: number): NodeLoad {
    let perSecond = 0;
    const busy: [shard: number, perSecond: number][] = [];
    for (const [shard, work] of this.#shards) {
      if (work.perSecond < QUIET_PER_SECOND) continue;
      perSecond += work.perSecond;
      busy.push([shard, work.perSecond]);
    }
    busy.sort((a, b) => b[1] - a[1]);
    const [oldest = now] = this.#underWay.values();
    return { perSecond, inbox, awake, lagMs: Math.max(0, now - oldest), hot: busy.slice(0, HOT_SHARDS) };
  }
}
