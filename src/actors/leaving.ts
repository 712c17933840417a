import type { Entry } from './entry.ts';
import { IDLE_MS } from './falling-asleep.ts';
import { MOVES, STOPPING, sendAway } from './not-begun.ts';
import { Places } from './places.ts';
import type { SharedParts } from './shared-parts.ts';
import { TimeLimit } from './time-limit.ts';

/** How long a hand-off waits for turns under way and for last snapshots. */
export const LEAVE_LIMIT_MS = 2_000;
/**
 * A show keeps a snapshot before it leaves, while it still sells, if more events came after the last one: what is left to
 * replay afterwards is part of the pause, and costs some 15 µs a row, which under load has few events.
 */
const SNAPSHOT_BEFORE_EVENTS = 200;
/**
 * One that has stopped keeps a snapshot only if more events came after the last one: up to there replaying them takes the
 * next owner less time than a snapshot takes here.
 */
export const LEAVE_SNAPSHOT_EVENTS = 10_000;
/** So many of them keep their snapshots at once. */
const MAX_LEAVING_SNAPSHOTS = 8;
/** How long snapshots are kept before a hand-off, at most: longer than the journal takes to say that one cannot be kept. */
const KEEP_LIMIT_MS = 10_000;
/** So many shows finish and keep their snapshots at once when a node drains. */
const MAX_DRAINING = 8;
/** How often a drain looks whether a show has finished what waits. */
const DRAIN_LOOK_MS = 1;

/** Ends shows that this node gives up: handed over, lost to another node, or because the node stops. */
export class Leaving {
  readonly #shared: SharedParts;
  readonly #snapshots = new Places(MAX_LEAVING_SNAPSHOTS);

  constructor(shared: SharedParts) {
    this.#shared = shared;
  }

  /** See `NodeShows.keepSnapshots`. */
  async keepSnapshots(shards: ReadonlySet<number>): Promise<void> {
    const { entries, options } = this.#shared;
    const due = entries
      .inShards(shards)
      .filter(({ state, turns }) => state === 'awake' && turns?.isWorthSnapshot(SNAPSHOT_BEFORE_EVENTS));
    if (due.length === 0) return;
    const limit = new TimeLimit(options.timers, KEEP_LIMIT_MS);
    await Promise.all(due.map((entry) => limit.wait(this.#keepSnapshotIfWorth(entry, limit))));
    limit.cancel();
  }

  /** See `NodeShows.wanted`. */
  wanted(shards: ReadonlySet<number>): string[] {
    const { entries, options } = this.#shared;
    const now = options.clock.now();
    return entries
      .inShards(shards)
      .filter((entry) => isWanted(entry, now))
      .sort((a, b) => b.lastAsked - a.lastAsked)
      .map(({ showId }) => showId);
  }

  /** See `NodeShows.leave`. */
  async leave(shards: ReadonlySet<number>, limitMs: number): Promise<string[]> {
    const { entries, toWake, load, options } = this.#shared;
    const now = options.clock.now();
    const wanted = new Set(toWake.forget(shards));
    const leaving = entries.inShards(shards);
    for (const entry of leaving) {
      if (isWanted(entry, now)) wanted.add(entry.showId);
      sendAway(entry.inbox, now, MOVES);
      entry.turns?.retire();
      if (entry.turns !== null) entry.state = 'leaving';
      // Its recovery finds that it is gone, and ends there.
      else entries.remove(entry);
    }
    load.forget(shards);
    const limit = new TimeLimit(options.timers, limitMs);
    await Promise.all(leaving.map((entry) => this.#seeOff(entry, limit)));
    limit.cancel();
    return [...wanted];
  }

  /** Ends an actor between turns, or at the limit wherever it is. */
  async #seeOff(entry: Entry, limit: TimeLimit): Promise<void> {
    const { entries, epochs, options } = this.#shared;
    const { turns, actor, showId, shard } = entry;
    if (turns === null || actor === null) return;
    const hasEnded = await limit.wait(actor.stop());
    // It failed, or was dropped meanwhile: all that can be said has been.
    if (entry.state === 'gone') return;
    if (hasEnded) {
      if (turns.isWorthSnapshot(LEAVE_SNAPSHOT_EVENTS)) await limit.wait(this.#keepSnapshotIfWorth(entry, limit));
    } else {
      options.log.warn({ showId }, 'a turn did not end in time for the hand-off of its show');
      epochs.doubt(shard, entry.epoch);
      turns.abandon();
      actor.kill();
    }
    entries.remove(entry);
  }

  async #keepSnapshotIfWorth(entry: Entry, limit: TimeLimit): Promise<void> {
    await this.#snapshots.run(async () => {
      // One that was begun before holds the shard's row until it is kept, and with it the hand-off.
      if (!limit.isReached) await entry.turns?.snapshotsSettled;
      if (limit.isReached || entry.state === 'gone') return;
      if (entry.turns?.isWorthSnapshot(LEAVE_SNAPSHOT_EVENTS)) await this.#keepSnapshot(entry);
    });
  }

  /** See `NodeShows.drop`. */
  drop(shards: ReadonlySet<number> | 'all'): void {
    const { entries, toWake, load, epochs, options } = this.#shared;
    const now = options.clock.now();
    for (const entry of shards === 'all' ? [...entries.all()] : entries.inShards(shards)) {
      entries.remove(entry);
      sendAway(entry.inbox, now, MOVES);
      if (load.isUnderWay(entry)) epochs.doubt(entry.shard, entry.epoch);
      entry.turns?.retire();
      entry.actor?.kill();
    }
    toWake.forget(shards);
    load.forget(shards);
  }

  /** Lets every show finish what waits, then keeps its snapshot and stops it. */
  async drain(): Promise<void> {
    const draining = [...this.#shared.entries.all()];
    const next = async (): Promise<void> => {
      for (let entry = draining.pop(); entry !== undefined; entry = draining.pop()) {
        await entry.woken;
        await this.#finish(entry);
      }
    };
    await Promise.all(Array.from({ length: MAX_DRAINING }, next));
  }

  async #finish(entry: Entry): Promise<void> {
    const { entries, options } = this.#shared;
    const { actor, inbox } = entry;
    if (actor === null) return;
    while (inbox.size > 0 && entry.state !== 'gone') {
      actor.schedule();
      await new Promise<void>((resolve) => options.timers.after(DRAIN_LOOK_MS, resolve));
    }
    if (entry.state === 'gone') return;
    entries.remove(entry);
    await actor.stop();
    sendAway(inbox, options.clock.now(), STOPPING);
    await this.#keepSnapshot(entry);
  }

  /** Between two turns. Never rejects. */
  async #keepSnapshot(entry: Entry): Promise<void> {
    try {
      await entry.actor?.turnOver();
      await entry.turns?.keepSnapshot();
    } catch (error) {
      const { showId } = entry;
      this.#shared.options.log.warn({ err: error, showId }, 'no snapshot was kept on the way out');
    }
  }
}

/** Whether the next owner is to wake the show at once. */
function isWanted({ isKnown, isNeeded, lastAsked, turns }: Entry, now: number): boolean {
  return isKnown && (now - lastAsked < IDLE_MS || (turns === null ? isNeeded : !turns.isAtRest()));
}
