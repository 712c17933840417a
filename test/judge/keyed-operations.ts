import { Column } from './columns.ts';
import type { Operation } from './history.ts';
import { Names } from './names.ts';
import type { Entry } from './show-file.ts';

/**
 * Operations by the key that their client gave them. Nearly all have one: they are numbered together, when they are first
 * asked about, which is faster.
 */
export class KeyedOperations {
  readonly #lines: Operation[] = [];
  readonly #n = new Column();
  /** The keys of those that are not numbered yet. */
  #waiting: string[] = [];
  readonly #names = new Names();
  /** By the key's number: the place of the first operation under it. */
  readonly #first = new Column();
  /** Those whose key an earlier one has. */
  readonly #repeated: Entry<Operation>[] = [];

  add(key: string, line: Operation, n: number): void {
    this.#lines.push(line);
    this.#n.push(n);
    this.#waiting.push(key);
  }

  /** How many keys there are. */
  get size(): number {
    this.#numberWaiting();
    return this.#names.size;
  }

  get repeated(): readonly Entry<Operation>[] {
    this.#numberWaiting();
    return this.#repeated;
  }

  /** The number of this key, or -1 if nobody used it. */
  find(key: string): number {
    this.#numberWaiting();
    return this.#names.find(key);
  }

  /** The first operation under the key of this number. */
  line(number: number): Operation {
    return this.#lines[this.#first.at(number)];
  }

  /** The number of its line. */
  n(number: number): number {
    return this.#n.at(this.#first.at(number));
  }

  #numberWaiting(): void {
    if (this.#waiting.length === 0) return;
    const begin = this.#lines.length - this.#waiting.length;
    const numbers = this.#names.addAll(this.#waiting);
    for (let i = 0; i < numbers.length; i++) {
      const place = begin + i;
      if (numbers[i] === this.#first.length) this.#first.push(place);
      else this.#repeated.push({ n: this.#n.at(place), line: this.#lines[place] });
    }
    this.#waiting = [];
  }
}
