import { Column } from './columns.ts';
import { countBelow, countUpTo } from './sorted-times.ts';

/**
 * A list of numbers for each of so many places, one list behind the other in one array: to look into one of many
 * thousands takes one or two ways to memory, where an array of arrays takes four.
 */
export class Lists {
  /** The list of place `p` is in `items` from `begins[p]` up to, without it, `begins[p + 1]`. */
  readonly begins: Int32Array;
  readonly items: Int32Array;

  constructor(begins: Int32Array, items: Int32Array) {
    this.begins = begins;
    this.items = items;
  }

  get places(): number {
    return this.begins.length - 1;
  }

  /** The same places with only what is to be kept. */
  filter(keeps: (item: number) => boolean): Lists {
    const begins = new Int32Array(this.begins.length);
    const items = new Int32Array(this.items.length);
    let kept = 0;
    for (let place = 0; place < this.places; place++) {
      for (let i = this.begins[place]; i < this.begins[place + 1]; i++) {
        if (keeps(this.items[i])) items[kept++] = this.items[i];
      }
      begins[place + 1] = kept;
    }
    return new Lists(begins, items.subarray(0, kept));
  }

  /** Each list in the order of these values, by item; equals stay as they are. The same lists if they are so already. */
  sortedBy(values: readonly number[]): Lists {
    let sorted: Int32Array | null = null;
    for (let place = 0; place < this.places; place++) {
      const begin = this.begins[place];
      const end = this.begins[place + 1];
      let next = begin + 1;
      while (next < end && values[this.items[next]] >= values[this.items[next - 1]]) next++;
      if (next >= end) continue;
      sorted ??= this.items.slice();
      const list = Array.from(this.items.subarray(begin, end)).sort((a, b) => values[a] - values[b]);
      sorted.set(list, begin);
    }
    return sorted === null ? this : new Lists(this.begins, sorted);
  }
}

/** Lists to which is appended. */
export class GrowingLists {
  readonly #places = new Column();
  readonly #items = new Column();

  /** Appends to the list of a place. */
  push(place: number, item: number): void {
    this.#places.push(place);
    this.#items.push(item);
  }

  /** The lists of so many places as they are now. */
  of(places: number): Lists {
    const begins = new Int32Array(places + 1);
    for (let i = 0; i < this.#places.length; i++) begins[this.#places.at(i) + 1]++;
    for (let place = 0; place < places; place++) begins[place + 1] += begins[place];
    const next = begins.slice();
    const items = new Int32Array(this.#items.length);
    for (let i = 0; i < items.length; i++) items[next[this.#places.at(i)]++] = this.#items.at(i);
    return new Lists(begins, items);
  }
}

/** Times that only grow within the list of each place, to be searched: soonest if a place is asked about in the order of time. */
export class TimeLists {
  /** As those of {@link Lists}. */
  readonly begins: Int32Array;
  readonly times: ArrayLike<number>;
  /** By place: where the last search ended. */
  readonly #near: Int32Array;

  constructor(begins: Int32Array, times: ArrayLike<number>) {
    this.begins = begins;
    this.times = times;
    this.#near = begins.slice();
  }

  /** Where those end, in the list of this place, that are before this time. */
  endBelow(place: number, time: number): number {
    const { begins, times } = this;
    const end = countBelow(times, time, this.#near[place], begins[place], begins[place + 1]);
    this.#near[place] = end;
    return end;
  }

  /** Where those end that are before this time or at it. */
  endUpTo(place: number, time: number): number {
    const { begins, times } = this;
    const end = countUpTo(times, time, this.#near[place], begins[place], begins[place + 1]);
    this.#near[place] = end;
    return end;
  }
}
