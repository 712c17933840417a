import type { Command, Question } from '../allocator/commands.ts';
import type { Hall } from '../allocator/hall.ts';
import type { Answer } from './shows.ts';

/** So many requests wait for one show; more are refused at the door. */
export const INBOX_LIMIT = 4_096;

/** A request on its way to a show, and the way back. */
export interface Waiting {
  readonly message: Command | Question;
  /** ms since the epoch; past it the request is dropped undone. */
  readonly deadline: number;
  readonly answer: (answer: Answer) => void;
  /** For a command that replaces the plan: the hall with it. */
  readonly comingHall?: Hall;
}

/** A show's bounded queue. It outlives a restart of the actor that empties it, so that nobody is left without an answer. */
export class Inbox {
  #waiting: Waiting[] = [];

  get size(): number {
    return this.#waiting.length;
  }

  /** `false` when the inbox is full: the request was not taken. */
  offer(waiting: Waiting): boolean {
    if (this.#waiting.length >= INBOX_LIMIT) return false;
    this.#waiting.push(waiting);
    return true;
  }

  /** The oldest `most` requests, taken out. */
  take(most: number): Waiting[] {
    if (this.#waiting.length <= most) {
      const all = this.#waiting;
      this.#waiting = [];
      return all;
    }
    return this.#waiting.splice(0, most);
  }

  /** Gives this answer to those whose deadline has passed: none of them was begun. */
  refuseOverdue(now: number, answer: Answer): void {
    if (!this.#waiting.some((waiting) => waiting.deadline < now)) return;
    for (const waiting of this.take(INBOX_LIMIT)) {
      if (waiting.deadline < now) waiting.answer(answer);
      else this.#waiting.push(waiting);
    }
  }

  /** Gives this answer to all that wait: none of them was begun. */
  answerAll(answer: Answer): void {
    for (const waiting of this.take(INBOX_LIMIT)) waiting.answer(answer);
  }
}
