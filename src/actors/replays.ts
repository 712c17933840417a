import { assertWhole } from '../allocator/invariants.ts';
import type { Show } from '../allocator/show.ts';
import { decodeShow, encodeShow, laterPlansIn, SnapshotOutdated, stateHash } from '../allocator/snapshot.ts';
import { type Replay, ReplayHindered, type Replays } from '../journal/verify.ts';
import { bringHall, hallWith } from './later-hall.ts';
import { openedBy, replayRow } from './recovery.ts';
import type { MadeShow, ShowSource } from './shows.ts';
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
      const made = await load(source, showId);
      return made === null ? null : replayOf(showId, made, null);
    },
    async openSnapshot(showId, state) {
      const made = await load(source, showId);
      if (made === null) throw new Error('the show or its hall is not in the catalogue');
      try {
        const hall = await hallWith(made, laterPlansIn(state));
        return replayOf(showId, made, decodeShow(state, showId, hall));
      } catch (error) {
        if (error instanceof SnapshotOutdated) return null;
        throw error;
      }
    },
  };
}

/** As the source does; what the catalogue does not answer is told apart from what it does not know. */
async function load(source: Pick<ShowSource, 'load'>, showId: string): Promise<MadeShow | null> {
  const hindered = (cause: Error): never => {
    throw new ReplayHindered(`the catalogue cannot be read: ${cause.message}`, { cause });
  };
  const made = await source.load(showId).catch(hindered);
  return made === null ? null : { ...made, laterHall: (planIds) => made.laterHall(planIds).catch(hindered) };
}

function replayOf(showId: string, made: MadeShow, from: Show | null): ShowReplay {
  const { hall, terms } = made;
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
    async apply(events, at, seq) {
      show ??= openedBy(showId, hall, events[0], { seq });
      if (show.terms.planHash !== terms.planHash) throw new Error('the show was opened with another seating plan');
      await bringHall(show, made, events);
      replayRow(show, events, { seq, at }, RULES);
    },
    assertInvariants: () => assertWhole(opened()),
    stateHash: () => stateHash(encodeShow(opened())),
  };
}
