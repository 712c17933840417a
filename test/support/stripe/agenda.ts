interface Item {
  readonly at: number;
  readonly order: number;
  readonly task: () => void;
}

/** What is to happen at some later time of a clock, if somebody looks: a heap by time, then by order of entry. */
export class Agenda {
  /** Called when something comes first that was not. */
  onFirst: (at: number) => void = () => {};
  readonly #heap: Item[] = [];
  #entered = 0;

  add(at: number, task: () => void): void {
    const heap = this.#heap;
    const item = { at, order: this.#entered++, task };
    let place = heap.length;
    heap.push(item);
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!isBefore(item, heap[parent])) break;
      heap[place] = heap[parent];
      place = parent;
    }
    heap[place] = item;
    if (place === 0) this.onFirst(at);
  }

  /** When the first thing is due, if there is any. */
  get next(): number | null {
    return this.#heap.length === 0 ? null : this.#heap[0].at;
  }

  /** Takes out and runs what is due at `now`, in its order; also what that adds. */
  run(now: number): void {
    while (this.#heap.length > 0 && this.#heap[0].at <= now) this.#takeFirst().task();
  }

  #takeFirst(): Item {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let place = 0;
    for (;;) {
      let child = place * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child++;
      if (!isBefore(heap[child], last)) break;
      heap[place] = heap[child];
      place = child;
    }
    heap[place] = last;
    return first;
  }
}

const isBefore = (a: Item, b: Item): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
