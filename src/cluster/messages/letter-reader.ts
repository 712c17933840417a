import { FORMAT } from '../../formats.ts';
import type { Timer, Timers } from '../../ports.ts';
import type { Letter, LetterAnswer, LetterRequest } from './letter.ts';
import {
  decodeAnswer,
  decodeLetter,
  decodeRequest,
  ITEM_CHARS_MAX,
  LetterInvalid,
  type LetterPart,
} from './letter-codec.ts';

/** How long the rest of an item is waited for. */
export const PARTS_PATIENCE_MS = 5_000;
/** Items of which parts are missing, of all peers; the one that began first goes when there are more. */
export const UNFINISHED_MAX = 64;
/** Characters in them, together. */
export const UNFINISHED_CHARS_MAX = 4 * ITEM_CHARS_MAX;

interface Unfinished {
  readonly texts: (string | undefined)[];
  missing: number;
  chars: number;
  readonly timer: Timer;
}

/** Reads letters, and puts together what comes in parts. */
export class LetterReader {
  readonly #timers: Timers;
  readonly #newest: number;
  /** In the order in which they began. */
  readonly #unfinished = new Map<string, Unfinished>();
  #chars = 0;

  /** @param newest the newest format that this node reads. */
  constructor(timers: Timers, newest: number = FORMAT.newest) {
    this.#timers = timers;
    this.#newest = newest;
  }

  /**
   * A letter with the requests and answers that are whole now. Throws `FormatUnknown` and `LetterInvalid` as
   * `decodeLetter` does.
   */
  read(bytes: Uint8Array): Letter {
    const { parts, ...letter } = decodeLetter(bytes, this.#newest);
    if (parts.length === 0) return letter;
    const requests: LetterRequest[] = [...letter.requests];
    const answers: LetterAnswer[] = [...letter.answers];
    for (const part of parts) {
      const text = this.#add(letter.from, part);
      if (text === null) continue;
      if (part.item === 'request') requests.push(decodeRequest(text));
      else answers.push(decodeAnswer(text));
    }
    return { ...letter, requests, answers };
  }

  /** The text of the item once all of it is there. */
  #add(from: string, part: LetterPart): string | null {
    const key = `${part.item} ${part.number} ${from}`;
    const unfinished = this.#unfinished.get(key) ?? this.#begin(key, part.count);
    if (unfinished.texts.length !== part.count) throw new LetterInvalid('parts that do not fit together');
    if (unfinished.texts[part.index] !== undefined) return null;
    unfinished.texts[part.index] = part.text;
    unfinished.missing--;
    unfinished.chars += part.text.length;
    this.#chars += part.text.length;
    if (unfinished.missing > 0) {
      this.#makeRoom();
      return null;
    }
    this.#drop(key);
    return unfinished.texts.join('');
  }

  #begin(key: string, count: number): Unfinished {
    const timer = this.#timers.after(PARTS_PATIENCE_MS, () => this.#drop(key));
    const unfinished = { texts: new Array(count).fill(undefined), missing: count, chars: 0, timer };
    this.#unfinished.set(key, unfinished);
    return unfinished;
  }

  #makeRoom(): void {
    while (this.#unfinished.size > UNFINISHED_MAX || this.#chars > UNFINISHED_CHARS_MAX) {
      this.#drop(this.#unfinished.keys().next().value as string);
    }
  }

  #drop(key: string): void {
    const unfinished = this.#unfinished.get(key);
    if (unfinished === undefined) return;
    unfinished.timer.cancel();
    this.#unfinished.delete(key);
    this.#chars -= unfinished.chars;
  }
}
