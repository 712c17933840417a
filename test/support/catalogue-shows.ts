import type { SeatMap } from '../../src/actors/seat-map.ts';
import type { Answer, SeatCounts, Shows } from '../../src/actors/shows.ts';
import type { Command, Question } from '../../src/allocator/commands.ts';
import type { Refusal } from '../../src/errors.ts';

/** Shows that have seats but sell none: what the catalogue needs of them, each number as the test sets it. */
export class CatalogueShows implements Shows {
  readonly asked: { readonly showId: string; readonly message: Command | Question }[] = [];
  readonly counts = new Map<string, SeatCounts>();
  /** What is answered to a command or question of a type; of others `UNAVAILABLE`. */
  readonly answers = new Map<(Command | Question)['type'], unknown>();

  async ask<T>(showId: string, message: Command | Question): Promise<Answer<T>> {
    this.asked.push({ showId, message });
    if (this.answers.has(message.type)) {
      return { ok: true, value: this.answers.get(message.type) as T, replayed: false };
    }
    return { ok: false, refusal: UNAVAILABLE, replayed: false };
  }

  async seatMap(): Promise<SeatMap | Refusal> {
    return UNAVAILABLE;
  }

  async seatCounts(showId: string): Promise<SeatCounts | Refusal> {
    return this.counts.get(showId) ?? UNAVAILABLE;
  }
}

const UNAVAILABLE: Refusal = { code: 'UNAVAILABLE', detail: 'The show sleeps.' };
