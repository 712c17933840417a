import type { Hall } from '../allocator/hall.ts';
import { assertWhole } from '../allocator/invariants.ts';
import type { Show } from '../allocator/show.ts';
import { decodeShow, encodeShow, stateHash } from '../allocator/snapshot.ts';
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
  const hallOf = async (showId: string): Promise<Hall | null> => (await source.load(showId))?.hall ?? null;
  return {
    async open(showId) {
      const hall = await hallOf(showId);
      return hall === null ? null : replayOf(showId, hall, null);
    },
    async openSnapshot(showId, state) {
      const hall = await hallOf(showId);
      if (hall === null) throw new Error('the show or its hall is not in the catalogue');
      return replayOf(showId, hall, decodeShow(state, showId, hall));
    },
  };
}

function replayOf(showId: string, hall: Hall, from: Show | null): ShowReplay {
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
      replayRow(show, events, { seq, at }, RULES);
    },
    assertInvariants: () => assertWhole(opened()),
    stateHash: () => stateHash(encodeShow(opened())),
  };
}
