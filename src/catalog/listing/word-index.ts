import { SlotList } from './slot-list.ts';
import { Vocabulary } from './vocabulary.ts';
import { wordsOf } from './words.ts';

/** Words of a query that count; further ones are left out. */
export const QUERY_WORDS_MAX = 8;
const WEIGHT_MAX = 255;
/** Entries looked at for one word of a query: of words that it may mean, the likeliest are looked at first. */
const ENTRIES_PER_WORD_MAX = 200_000;

/** A part of a text, and how much a word in it says about the whole. */
export interface WeightedText {
  readonly text: string;
  readonly weight: number;
}

/** The places whose texts answer a query best. Read it before the next search: its arrays are used again. */
export interface Found {
  /** The first `count` are the places, in no order. */
  readonly slots: Uint32Array;
  readonly count: number;
  /** By place. */
  readonly scores: Float32Array;
}

/**
 * Finds texts by their words, whatever their case and accents, also mistyped ones (see `Vocabulary`). A text that has all
 * words of the query is found; if none has all, those that have most of them. A word scores by where it stands, by how
 * rare it is and by how like it is to what was typed; each word of the query counts once.
 */
export class WordIndex {
  readonly #vocabulary = new Vocabulary();
  /** By word. */
  readonly #lists: SlotList[] = [];
  #texts = 0;
  #scores = new Float32Array(0);
  /** Of the present word of the query. */
  #wordScores = new Float32Array(0);
  #stamps = new Uint32Array(0);
  #matched = new Uint8Array(0);
  #met = new Uint32Array(0);
  #stamp = 0;

  get words(): number {
    return this.#vocabulary.size;
  }

  add(slot: number, texts: readonly WeightedText[]): void {
    this.#texts++;
    for (const [word, weight] of weightsOf(texts)) {
      const number = this.#vocabulary.add(word);
      this.#lists[number] ??= new SlotList();
      this.#lists[number].add(slot, weight);
    }
  }

  /** @param texts what it was added with. */
  delete(slot: number, texts: readonly WeightedText[]): void {
    this.#texts--;
    for (const word of weightsOf(texts).keys()) {
      const number = this.#vocabulary.find(word);
      if (number === undefined) continue;
      const list = this.#lists[number];
      list.delete(slot);
      if (list.size > 0) continue;
      this.#vocabulary.delete(number);
      this.#lists[number] = new SlotList();
    }
  }

  /** @param room more than the highest place. */
  search(query: string, room: number): Found {
    this.#makeRoom(room);
    const words = [...new Set(wordsOf(query))].slice(0, QUERY_WORDS_MAX);
    const [scores, matched, met] = [this.#scores, this.#matched, this.#met];
    let count = 0;
    for (const [i, typed] of words.entries()) {
      const stamp = this.#nextStamp();
      let left = ENTRIES_PER_WORD_MAX;
      for (const { word, likeness } of this.#vocabulary.meantBy(typed, i === words.length - 1)) {
        const list = this.#lists[word];
        // The first is looked at whole, however many have it.
        if (list.size > left && left < ENTRIES_PER_WORD_MAX) break;
        left -= list.size;
        count = this.#score(list, likeness, stamp, count);
      }
    }
    let most = 0;
    for (let i = 0; i < count; i++) most = Math.max(most, matched[met[i]]);
    let kept = 0;
    for (let i = 0; i < count; i++) {
      const slot = met[i];
      if (matched[slot] === most) met[kept++] = slot;
      matched[slot] = 0;
    }
    return { slots: met, count: kept, scores };
  }

  #score(list: SlotList, likeness: number, stamp: number, before: number): number {
    const [scores, wordScores, stamps, matched, met] = [
      this.#scores,
      this.#wordScores,
      this.#stamps,
      this.#matched,
      this.#met,
    ];
    const rarity = likeness * Math.log(1 + this.#texts / list.size);
    let count = before;
    for (let i = 0; i < list.size; i++) {
      const slot = list.slotAt(i);
      const score = rarity * list.weightAt(i);
      if (stamps[slot] === stamp) {
        if (score <= wordScores[slot]) continue;
        scores[slot] += score - wordScores[slot];
      } else {
        stamps[slot] = stamp;
        if (matched[slot]++ === 0) {
          met[count++] = slot;
          scores[slot] = 0;
        }
        scores[slot] += score;
      }
      wordScores[slot] = score;
    }
    return count;
  }

  #makeRoom(room: number): void {
    if (room <= this.#scores.length) return;
    const size = Math.max(room, this.#scores.length * 2);
    this.#scores = new Float32Array(size);
    this.#wordScores = new Float32Array(size);
    this.#stamps = new Uint32Array(size);
    this.#matched = new Uint8Array(size);
    this.#met = new Uint32Array(size);
  }

  #nextStamp(): number {
    if (this.#stamp === 0xffff_ffff) {
      this.#stamps.fill(0);
      this.#stamp = 0;
    }
    return ++this.#stamp;
  }
}

function weightsOf(texts: readonly WeightedText[]): Map<string, number> {
  const weights = new Map<string, number>();
  for (const { text, weight } of texts) {
    for (const word of wordsOf(text)) {
      weights.set(word, Math.min(WEIGHT_MAX, (weights.get(word) ?? 0) + weight));
    }
  }
  return weights;
}
