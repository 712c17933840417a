/** Numbers of one sender that are told apart, counted back from the newest (at 30,000 requests a second: 17 seconds). */
export const SEEN_WINDOW = 524_288;
/** Senders that are remembered; the one that was silent longest goes first. 64 KiB each. */
export const SEEN_SENDERS_MAX = 64;

/** Whole words of 32 numbers; one more than the window, since the newest word is only begun. */
const WORDS = SEEN_WINDOW / 32 + 1;

/** Which requests of which sender were heard, so that a message that is delivered twice takes effect once. */
export class SeenRequests {
  /** In the order in which they were last heard. */
  readonly #senders = new Map<string, SeenNumbers>();
  #last: { readonly from: string; readonly numbers: SeenNumbers } | null = null;

  /** Whether this request is heard for the first time; from then on it is not. One far behind the newest never is. */
  isNew(from: string, number: number): boolean {
    if (this.#last?.from !== from) this.#last = { from, numbers: this.#heard(from) };
    return this.#last.numbers.add(number);
  }

  #heard(from: string): SeenNumbers {
    const numbers = this.#senders.get(from) ?? new SeenNumbers();
    this.#senders.delete(from);
    this.#senders.set(from, numbers);
    if (this.#senders.size > SEEN_SENDERS_MAX) this.#senders.delete(this.#senders.keys().next().value as string);
    return numbers;
  }
}

/** A ring of bits over the latest numbers. */
class SeenNumbers {
  readonly #words = new Uint32Array(WORDS);
  /** The word of the newest number, counted from 0; -1 before the first. */
  #newest = -1;

  /** Whether the number was not in here, nor behind the window. */
  add(number: number): boolean {
    const word = Math.floor(number / 32);
    if (word > this.#newest) this.#advance(word);
    else if (word <= this.#newest - WORDS) return false;
    const bit = 1 << (number % 32);
    const slot = word % WORDS;
    const isNew = (this.#words[slot] & bit) === 0;
    this.#words[slot] |= bit;
    return isNew;
  }

  #advance(word: number): void {
    if (word - this.#newest >= WORDS) this.#words.fill(0);
    else for (let next = this.#newest + 1; next <= word; next++) this.#words[next % WORDS] = 0;
    this.#newest = word;
  }
}
