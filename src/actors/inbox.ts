import type { Command, Question } from '../allocator/commands.ts';
import type { Refusal } from '../errors.ts';
import type { Answer } from './shows.ts';

/** So many requests wait for one show; more are refused at the door. */
export const INBOX_LIMIT = 4_096;

/** A request on its way to a show, and the way back. */
export interface Waiting {
  readonly message: Command | Question;
  /** ms since the epoch; past it the request is dropped undone. */
  readonly deadline: number;
  readonly answer: (answer: Answer) => void;
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

  /** Answers those whose deadline has passed with a refusal: none of them was begun. */
  refuseOverdue(now: number, refusal: Refusal): void {
    if (!this.#waiting.some((waiting) => waiting.deadline < now)) return;
    for (const waiting of this.take(INBOX_LIMIT)) {
      if (waiting.deadline < now) waiting.answer({ ok: false, refusal, replayed: false });
      else this.#waiting.push(waiting);
    }
  }

  /** Answers all that wait with a refusal: none of them was begun. */
  refuseAll(refusal: Refusal): void {
    for (const waiting of this.take(INBOX_LIMIT)) waiting.answer({ ok: false, refusal, replayed: false });
  }
}
