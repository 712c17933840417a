import type { SeatMap } from '../../src/actors/seat-map.ts';
import type { Answer, Shows } from '../../src/actors/shows.ts';
import type { Command, Question } from '../../src/allocator/commands.ts';
import type { Refusal } from '../../src/errors.ts';

/** Shows that have seats but sell none: what the catalogue needs of them, each number as the test sets it. */
export class CatalogueShows implements Shows {
  readonly asked: { readonly showId: string; readonly message: Command | Question }[] = [];
  readonly maps = new Map<string, Pick<SeatMap, 'available' | 'capacity' | 'fromPrice'>>();

  async ask<T>(showId: string, message: Command | Question): Promise<Answer<T>> {
    this.asked.push({ showId, message });
    return { ok: false, refusal: UNAVAILABLE, replayed: false };
  }

  async seatMap(showId: string): Promise<SeatMap | Refusal> {
    const map = this.maps.get(showId);
    return map === undefined ? UNAVAILABLE : (map as SeatMap);
  }
}

const UNAVAILABLE: Refusal = { code: 'UNAVAILABLE', detail: 'The show sleeps.' };
