import type { Show } from '../allocator/show.ts';
import { encodeShow, stateHash } from '../allocator/snapshot.ts';
import type { Journal, Snapshot } from '../journal/journal.ts';

/** A snapshot is due after so many events, which bounds what a recovery has to replay. */
export const SNAPSHOT_EVERY_EVENTS = 20_000;
/** Or after this share of the answers it carries, if that is more: else a long sale would do little but write them anew. */
const SNAPSHOT_EVERY_SHARE = 0.25;

export interface ShowSnapshotsOptions {
  readonly show: Show;
  /** Events replayed on the snapshot that the show was recovered from. */
  readonly eventsSinceSnapshot: number;
  readonly shard: number;
  readonly epoch: number;
  readonly journal: Journal;
}

/** One show's snapshots: when one is due, and keeping it. */
export class ShowSnapshots {
  readonly #options: ShowSnapshotsOptions;
  /** The newest row that one was kept of. */
  #seq: number;
  #eventsSince: number;
  #underWay = 0;
  #settled: Promise<void> = Promise.resolve();

  constructor(options: ShowSnapshotsOptions) {
    this.#options = options;
    this.#eventsSince = options.eventsSinceSnapshot;
    this.#seq = options.eventsSinceSnapshot === 0 ? options.show.seq : 0;
  }

  /** Events that a recovery would replay. */
  get eventsSince(): number {
    return this.#eventsSince;
  }

  get isUnderWay(): boolean {
    return this.#underWay > 0;
  }

  /** Resolves when those under way now are over. */
  get settled(): Promise<void> {
    return this.#settled;
  }

  get isDue(): boolean {
    const due = Math.max(SNAPSHOT_EVERY_EVENTS, this.#options.show.answered.count * SNAPSHOT_EVERY_SHARE);
    return this.#eventsSince >= due && !this.isUnderWay;
  }

  countEvents(events: number): void {
    this.#eventsSince += events;
  }

  /**
   * Keeps one of the show as it is, unless there is one; between turns only.
   * @param rowHash of the show's last row.
   * @throws whatever the journal throws: a snapshot is only a shortcut, the show goes on without.
   */
  async keep(rowHash: string): Promise<void> {
    const { show, shard, epoch, journal } = this.#options;
    if (show.seq === this.#seq || show.seq === 0) return;
    const state = encodeShow(show);
    const snapshot: Snapshot = { seq: show.seq, epoch, rowHash, stateHash: stateHash(state), state };
    this.#eventsSince = 0;
    this.#underWay++;
    const keeping = journal.keepSnapshot(show.id, shard, snapshot).finally(() => this.#underWay--);
    this.#settled = Promise.allSettled([this.#settled, keeping]).then(() => undefined);
    if (await keeping) this.#seq = Math.max(this.#seq, snapshot.seq);
  }
}
