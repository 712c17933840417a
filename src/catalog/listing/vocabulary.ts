import { SlotList } from './slot-list.ts';
import { trigramsOf, trigramsOfPrefix, typosBetween } from './spelling.ts';

/** A word that may be meant by one that was typed. */
export interface Meant {
  readonly word: number;
  /** 1 for the very word, less for others. */
  readonly likeness: number;
}

export const SPELLING = {
  /** Shorter words are taken as they are typed. */
  typoLengthMin: 4,
  /** From this length on two typos are forgiven, before one. */
  twoTyposFrom: 7,
  /** Of the trigrams of both words together, this part is in both; two letters swapped leave little of a short word. */
  similarityMin: 0.2,
  /** The same for the shortest, which are like many: the usual threshold of `pg_trgm`. */
  shortSimilarityMin: 0.3,
  /** Words that a typed one may mean. */
  meantMax: 64,
  /** The part of a right word's worth that a longer word with this beginning has, and one with typos at most. */
  prefixWorth: 0.7,
  typoWorth: 0.6,
  /** Words that begin as the last one typed are looked at only so many. */
  prefixMax: 256,
} as const;

/** The distinct words of all texts, found by their spelling or something like it. */
export class Vocabulary {
  readonly #numbers = new Map<string, number>();
  readonly #words: string[] = [];
  readonly #trigramCounts: number[] = [];
  readonly #free: number[] = [];
  readonly #byTrigram = new Map<number, SlotList>();
  /** Trigrams in common with the word that is looked up; zero between look-ups. */
  #common = new Uint8Array(1_024);

  get size(): number {
    return this.#numbers.size;
  }

  find(word: string): number | undefined {
    return this.#numbers.get(word);
  }

  /** The number of this word, a new one if it is not known. */
  add(word: string): number {
    const known = this.#numbers.get(word);
    if (known !== undefined) return known;
    const number = this.#free.pop() ?? this.#words.length;
    const trigrams = trigramsOf(word);
    this.#numbers.set(word, number);
    this.#words[number] = word;
    this.#trigramCounts[number] = trigrams.length;
    if (number >= this.#common.length) this.#common = new Uint8Array(this.#common.length * 2);
    for (const trigram of trigrams) {
      const list = this.#byTrigram.get(trigram) ?? new SlotList();
      if (list.size === 0) this.#byTrigram.set(trigram, list);
      list.add(number, 0);
    }
    return number;
  }

  /** Forgets a word that no text has any more; its number may become another's. */
  delete(number: number): void {
    const word = this.#words[number];
    for (const trigram of trigramsOf(word)) {
      const list = this.#byTrigram.get(trigram);
      list?.delete(number);
      if (list?.size === 0) this.#byTrigram.delete(trigram);
    }
    this.#numbers.delete(word);
    this.#words[number] = '';
    this.#free.push(number);
  }

  /**
   * Words that may be meant, likeliest first, {@link SPELLING.meantMax} at most.
   * @param isBeginning whether it may be the beginning of a longer word: it is still being typed.
   */
  meantBy(typed: string, isBeginning: boolean): Meant[] {
    const meant = new Map<number, number>();
    const exact = this.#numbers.get(typed);
    if (exact !== undefined) meant.set(exact, 1);
    if (isBeginning) this.#addLonger(typed, meant);
    if (typed.length >= SPELLING.typoLengthMin) this.#addMistyped(typed, exact !== undefined, meant);
    const list = Array.from(meant, ([word, likeness]) => ({ word, likeness }));
    return list.sort((a, b) => b.likeness - a.likeness).slice(0, SPELLING.meantMax);
  }

  #addLonger(typed: string, meant: Map<number, number>): void {
    let rarest: SlotList | undefined;
    for (const trigram of trigramsOfPrefix(typed)) {
      const list = this.#byTrigram.get(trigram);
      if (list === undefined) return;
      if (rarest === undefined || list.size < rarest.size) rarest = list;
    }
    if (rarest === undefined) return;
    let left = SPELLING.prefixMax;
    for (let i = 0; i < rarest.size && left > 0; i++) {
      const number = rarest.slotAt(i);
      const word = this.#words[number];
      if (word.length === typed.length || !word.startsWith(typed)) continue;
      left--;
      // The less is left to type, the likelier.
      meant.set(number, SPELLING.prefixWorth * (0.5 + (0.5 * typed.length) / word.length));
    }
  }

  #addMistyped(typed: string, isWord: boolean, meant: Map<number, number>): void {
    const trigrams = trigramsOf(typed);
    const common = this.#common;
    const met: number[] = [];
    for (const trigram of trigrams) {
      const list = this.#byTrigram.get(trigram);
      if (list === undefined) continue;
      for (let i = 0; i < list.size; i++) {
        const number = list.slotAt(i);
        if (common[number]++ === 0) met.push(number);
      }
    }
    // What is a word as it was typed is seldom another one with two typos.
    const typosMost = isWord || typed.length < SPELLING.twoTyposFrom ? 1 : 2;
    const { typoLengthMin, shortSimilarityMin, similarityMin, typoWorth } = SPELLING;
    const similarityLeast = typed.length === typoLengthMin ? shortSimilarityMin : similarityMin;
    for (const number of met) {
      const shared = common[number];
      common[number] = 0;
      const similarity = shared / (trigrams.length + this.#trigramCounts[number] - shared);
      if (similarity < similarityLeast || meant.has(number)) continue;
      const typos = typosBetween(typed, this.#words[number], typosMost);
      if (typos > typosMost) continue;
      meant.set(number, typoWorth * (1 - typos / typed.length));
    }
  }
}
