import type { Banks } from './banks.ts';

/** A seat decides whether its neighbour is an orphan next to a window: it lies two from the window. */
const ORPHAN_REACH = 2;

/**
 * The longest free run of every bank, kept up to date seat by seat, with a maximum tree over each category's banks in
 * order of their bound. So "the next bank, best first, that can seat q" takes logarithmic time however full the house is.
 */
export class FreeRuns {
  readonly #banks: Banks;
  /** `status[seat] === 0` is free; shared with the show, not owned. */
  readonly #status: Uint8Array;
  /** One tree a category: leaves from `size`, root at 1. */
  readonly #trees: Uint16Array[];
  readonly #sizes: number[];
  /** Counts the changes that can matter to a bank: in it, or so near that they decide on orphans at its ends. */
  readonly changes: Uint32Array;

  constructor(banks: Banks, status: Uint8Array) {
    this.#banks = banks;
    this.#status = status;
    this.changes = new Uint32Array(banks.count);
    this.#sizes = banks.byCategory.map((list) => {
      let size = 1;
      while (size < list.length) size *= 2;
      return size;
    });
    this.#trees = this.#sizes.map((size) => new Uint16Array(size * 2));
    for (let category = 0; category < this.#trees.length; category++) {
      const tree = this.#trees[category];
      const size = this.#sizes[category];
      const list = banks.byCategory[category];
      for (let i = 0; i < list.length; i++) tree[size + i] = this.#longest(list[i]);
      for (let node = size - 1; node >= 1; node--) tree[node] = Math.max(tree[2 * node], tree[2 * node + 1]);
    }
  }

  /** To be called after a seat became free or taken. */
  update(seat: number): void {
    const { bankOf } = this.#banks;
    const bank = bankOf[seat];
    for (let reach = 1; reach <= ORPHAN_REACH; reach++) {
      this.#noteChange(bankOf[seat - reach], bank);
      this.#noteChange(bankOf[seat + reach], bank);
    }
    if (bank < 0) return;
    this.changes[bank]++;
    const category = this.#banks.categoryOf[bank];
    const tree = this.#trees[category];
    let node = this.#sizes[category] + this.#banks.rank[bank];
    const longest = this.#longest(bank);
    if (tree[node] === longest) return;
    tree[node] = longest;
    while (node > 1) {
      node >>= 1;
      const most = Math.max(tree[2 * node], tree[2 * node + 1]);
      if (tree[node] === most) return;
      tree[node] = most;
    }
  }

  /** A bank that begins or ends beside the seat, other than the seat's own; `undefined` off the hall's ends. */
  #noteChange(neighbour: number | undefined, own: number): void {
    if (neighbour !== undefined && neighbour >= 0 && neighbour !== own) this.changes[neighbour]++;
  }

  /** The longest free run in any bank of the category. */
  longestIn(category: number): number {
    return this.#trees[category][1];
  }

  /** The first rank ≥ `from` of the category whose bank has a free run of at least `quantity`, or -1. */
  nextRank(category: number, from: number, quantity: number): number {
    const tree = this.#trees[category];
    const size = this.#sizes[category];
    if (from >= size || tree[1] < quantity) return -1;
    let node = size + from;
    while (tree[node] < quantity) {
      // Up while this is a right child, then over to its right-hand sibling; the root's parent is 0.
      while ((node & 1) === 1) node >>= 1;
      if (node === 0) return -1;
      node++;
    }
    while (node < size) {
      node *= 2;
      if (tree[node] < quantity) node++;
    }
    return node - size;
  }

  #longest(bank: number): number {
    const end = this.#banks.end[bank];
    let longest = 0;
    let run = 0;
    for (let seat = this.#banks.start[bank]; seat < end; seat++) {
      run = this.#status[seat] === 0 ? run + 1 : 0;
      if (run > longest) longest = run;
    }
    return longest;
  }
}
