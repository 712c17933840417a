import type { Waiting } from './inbox.ts';
import type { Answer } from './shows.ts';

/** The requests that one turn took. Guarantee: each is answered exactly once, however the turn ends. */
export class OwedAnswers {
  readonly #owed: Set<Waiting>;

  constructor(taken: readonly Waiting[]) {
    this.#owed = new Set(taken);
  }

  /** @throws Error if this request was answered before. */
  give(waiting: Waiting, answer: Answer): void {
    this.handOver(waiting);
    waiting.answer(answer);
  }

  /** Somebody else answers this one from here on. Throws if it was answered before. */
  handOver(waiting: Waiting): void {
    if (!this.#owed.delete(waiting)) throw new Error(`a ${waiting.message.type} was answered twice`);
  }

  /** Gives this answer to all who have none yet. */
  giveRest(answer: Answer): void {
    for (const waiting of this.#owed) waiting.answer(answer);
    this.#owed.clear();
  }

  /** @throws Error if somebody was forgotten. */
  assertNone(): void {
    if (this.#owed.size > 0) throw new Error(`${this.#owed.size} requests of a turn were not answered`);
  }
}
