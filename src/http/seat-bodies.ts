import { type AreaCount, SEAT_LETTERS, type SeatMap } from '../actors/seat-map.ts';
import { type Hall, isFormerSeat } from '../allocator/hall.ts';
import { rfc3339 } from '../rfc3339.ts';

/*
 * The bodies of GET /shows/{id}/seats. Written by hand: a stadium has 80,000 seats, and the map of a hot show changes
 * with every turn.
 */

type SeatForm = 'list' | 'compact';

const STATUSES: readonly string[] = (() => {
  const names: string[] = [];
  for (const [name, letter] of Object.entries(SEAT_LETTERS)) names[letter] = name;
  return names;
})();

/** Per hall, in the order of the plan document: each seat's entry up to its status. Shared by all shows in it. */
const openings = new WeakMap<Hall, readonly string[]>();

function openingsOf(hall: Hall): readonly string[] {
  let entries = openings.get(hall);
  if (entries === undefined) {
    const list = new Array<string>(hall.planSeats);
    for (let seat = 0; seat < hall.seatCount; seat++) {
      if (isFormerSeat(hall, seat)) continue;
      list[hall.documentOrder[seat]] = `{"id":${JSON.stringify(hall.seatIds[seat])},"status":"`;
    }
    entries = list;
    openings.set(hall, entries);
  }
  return entries;
}

function head(map: SeatMap, complete: boolean): string {
  const asOf = rfc3339(map.asOf);
  const plan = map.planId === undefined ? '' : `"planId":${JSON.stringify(map.planId)},`;
  return `{"showId":"${map.showId}",${plan}"version":${map.version},"asOf":"${asOf}","stale":${map.stale},"complete":${complete},"seats":`;
}

function tail(areas: readonly AreaCount[]): string {
  const list = areas.map(({ id, capacity, available }) => ({ id, capacity, available }));
  return `,"areas":${JSON.stringify(list)}}`;
}

/** Every seat as `{id, status}`, in the order of the plan document. */
function listBody(map: SeatMap): Buffer {
  const entries = openingsOf(map.hall);
  const parts = new Array<string>(entries.length);
  for (let place = 0; place < entries.length; place++)
    parts[place] = `${entries[place]}${STATUSES[map.letters[place]]}"}`;
  return Buffer.from(`${head(map, true)}[${parts.join(',')}]${tail(map.areas)}`);
}

/** Every seat as one letter, in the order of the plan document: a copy of the map's own bytes. */
function compactBody(map: SeatMap): Buffer {
  const before = Buffer.from(`${head(map, true)}{"form":"compact","letters":"`);
  return Buffer.concat([before, map.letters.subarray(0, map.hall.planSeats), Buffer.from(`"}${tail(map.areas)}`)]);
}

/** The seats that changed after version `since`, as `{id, status}`; the areas whole. */
export function changesBody(map: SeatMap, since: number): string {
  const entries = openingsOf(map.hall);
  const { changedAt, letters } = map;
  let seats = '';
  for (let place = 0; place < entries.length; place++) {
    if (changedAt[place] <= since) continue;
    seats += `${seats === '' ? '' : ','}${entries[place]}${STATUSES[letters[place]]}"}`;
  }
  return `${head(map, false)}[${seats}]${tail(map.areas)}`;
}

export const BODY_CACHE_LIMITS = { entries: 256, bytes: 64 * 1_024 * 1_024 } as const;

interface Kept {
  readonly version: number;
  readonly stale: boolean;
  readonly body: Buffer;
}

/**
 * The last whole body of each show and form, so that all who ask for one version share it; one that says `stale` is
 * another than one that does not. The least lately used go first.
 */
export class SeatBodies {
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;

  /** The whole map in this form. Must be called in the tick in which the map was got. */
  body(map: SeatMap, form: SeatForm): Buffer {
    const key = `${form}/${map.showId}`;
    const known = this.#kept.get(key);
    if (known !== undefined) {
      this.#kept.delete(key);
      if (known.version === map.version && known.stale === map.stale) {
        this.#kept.set(key, known);
        return known.body;
      }
      this.#bytes -= known.body.length;
    }
    const body = form === 'list' ? listBody(map) : compactBody(map);
    this.#kept.set(key, { version: map.version, stale: map.stale, body });
    this.#bytes += body.length;
    this.#shrink();
    return body;
  }

  #shrink(): void {
    for (const [key, { body }] of this.#kept) {
      if (this.#kept.size <= BODY_CACHE_LIMITS.entries && this.#bytes <= BODY_CACHE_LIMITS.bytes) return;
      this.#kept.delete(key);
      this.#bytes -= body.length;
    }
  }
}
