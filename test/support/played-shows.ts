import { answerOfCommand, answerOfEvent, answerQuestion } from '../../src/actors/answers.ts';
import { PublishedSeats } from '../../src/actors/published-seats.ts';
import type { SeatMap } from '../../src/actors/seat-map.ts';
import type { Answer, SeatCounts, Shows } from '../../src/actors/shows.ts';
import { isQuestion } from '../../src/actors/turns.ts';
import type { Command, Question } from '../../src/allocator/commands.ts';
import { decide } from '../../src/allocator/decide.ts';
import type { Refusal } from '../../src/errors.ts';
import { type PlayedShow, SHOW_ID } from './small-show.ts';

const NO_SHOW: Refusal = { code: 'NOT_FOUND', detail: 'There is no such show.' };

/** One played show, asked as the real ones are: each command is a turn of its own, durable at once. */
export class PlayedShows implements Shows {
  readonly #played: PlayedShow;

  constructor(played: PlayedShow) {
    this.#played = played;
  }

  async ask<T>(showId: string, message: Command | Question): Promise<Answer<T>> {
    if (showId !== SHOW_ID) return { ok: false, refusal: NO_SHOW, replayed: false };
    return this.#answer(message) as Answer<T>;
  }

  #answer(message: Command | Question): Answer {
    const { show, at, events, ats } = this.#played;
    if (isQuestion(message)) return answerQuestion(show, message, at);
    const decision = decide(show, message, at);
    // Every row has one event.
    if (decision.kind === 'replay')
      return { ...answerOfEvent(show, events[decision.seq - 1], ats[decision.seq - 1]), replayed: true };
    this.#played.do(message);
    if (decision.kind === 'refused') return { ok: false, refusal: decision.refusal, replayed: false };
    if ('once' in message && decision.event !== null) return answerOfEvent(show, decision.event, at);
    return answerOfCommand(show, message, at);
  }

  async seatMap(showId: string): Promise<SeatMap | Refusal> {
    return showId === SHOW_ID ? new PublishedSeats(this.#played.show) : NO_SHOW;
  }

  async seatCounts(showId: string): Promise<SeatCounts | Refusal> {
    return this.seatMap(showId);
  }
}
