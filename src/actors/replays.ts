import { assertWhole } from '../allocator/invariants.ts';
import type { Show } from '../allocator/show.ts';
import { decodeShow, encodeShow, SnapshotOutdated, stateHash } from '../allocator/snapshot.ts';
import type { Replay, Replays } from '../journal/verify.ts';
import { openedBy, replayRow } from './recovery.ts';
import type { ShowSource } from './shows.ts';
import { RULES } from './turns.ts';

/** A replay of which the show can be looked at. */
export interface ShowReplay extends Replay {
  /** As the rows so far have made it; null before the first. */
  readonly show: Show | null;
}

export interface ShowReplays extends Replays {
  open(showId: string): Promise<ShowReplay | null>;
}

/** Replays for `verify`: the same code that recovers a show replays it. */
export function createReplays(source: Pick<ShowSource, 'load'>): ShowReplays {
  return {
    async open(showId) {
      const made = await source.load(showId);
      return made === null ? null : replayOf(showId, made, null);
    },
    async openSnapshot(showId, state) {
      const made = await source.load(showId);
      if (made === null) throw new Error('the show or its hall is not in the catalogue');
      try {
        return replayOf(showId, made, decodeShow(state, showId, made.hall));
      } catch (error) {
        if (error instanceof SnapshotOutdated) return null;
        throw error;
      }
    },
  };
}

type Made = NonNullable<Awaited<ReturnType<ShowSource['load']>>>;

function replayOf(showId: string, { hall, terms }: Made, from: Show | null): ShowReplay {
  let show = from;
  const opened = (): Show => {
    if (show === null) throw new Error('the journal has no first row');
    return show;
  };
  return {
    get show() {
      return show;
    },
    seats: hall.areas.reduce((sum, area) => sum + area.capacity, hall.seatCount),
    apply(events, at, seq) {
      show ??= openedBy(showId, hall, events[0], { seq });
      if (show.terms.planHash !== terms.planHash) throw new Error('the show was opened with another seating plan');
      replayRow(show, events, { seq, at }, RULES);
    },
    assertInvariants: () => assertWhole(opened()),
    stateHash: () => stateHash(encodeShow(opened())),
  };
}
