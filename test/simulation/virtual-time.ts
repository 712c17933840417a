import type { SimulatedProcess } from './simulated-process.ts';

type Task = () => void;

/** An event to come. Cancelled by clearing its task. */
export interface Entry {
  readonly at: number;
  readonly order: number;
  task: Task | null;
  /** Where it happens; null outside of all processes. */
  readonly process: SimulatedProcess | null;
}

/**
 * The one clock of a simulated world, and all that is to happen in it, in an order that only the seed decides: by time,
 * then by order of entry. Between two events all promises settle; nothing of the real world comes in between, so a run is
 * the same on every machine.
 *
 * While it runs, `setImmediate` is its own (nact calls it): what is asked of it happens at the same instant, in the
 * process that asked.
 */
export class VirtualTime {
  /** ms since the epoch, with fractions. */
  now: number;
  /** Events that have happened. */
  events = 0;
  /** The process in which the event under way happens. */
  current: SimulatedProcess | null = null;
  /** What an event threw. */
  onError: (error: unknown) => void = () => {};
  readonly #heap: Entry[] = [];
  #soon: Entry[] = [];
  #soonAt = 0;
  #order = 0;

  constructor(start: number) {
    this.now = start;
  }

  /** In `ms` from now, outside of all processes or in one. */
  after(ms: number, task: Task, process: SimulatedProcess | null = null): Entry {
    const entry = { at: this.now + Math.max(0, ms), order: this.#order++, task, process };
    this.#push(entry);
    return entry;
  }

  /** At this instant, after what is to happen at it already. */
  soon(task: Task, process: SimulatedProcess | null = this.current): Entry {
    const entry = { at: this.now, order: this.#order++, task, process };
    this.#soon.push(entry);
    return entry;
  }

  /**
   * Goes on in a process, in the event under way: its last step, for what follows of it happens there. Waits, or is lost,
   * with the process.
   */
  into(process: SimulatedProcess, task: Task): void {
    if (process.state === 'running') {
      this.current = process;
      task();
    } else if (process.state === 'stopped') this.soon(task, process);
  }

  /** Has an event that could not happen in its process happen now. */
  again(entry: Entry): void {
    this.#soon.push(entry);
  }

  /** Lets events happen until this time, or until `isOver` says so (asked before each). */
  async run(until: number, isOver: () => boolean = () => false): Promise<void> {
    const real = { setImmediate: globalThis.setImmediate, clearImmediate: globalThis.clearImmediate };
    globalThis.setImmediate = ((task: Task) => this.soon(task)) as unknown as typeof setImmediate;
    globalThis.clearImmediate = ((asked: Entry | NodeJS.Immediate | undefined) => {
      if (asked !== undefined && 'task' in asked) asked.task = null;
      else real.clearImmediate(asked);
    }) as unknown as typeof clearImmediate;
    try {
      // What was asked of the real one before happens first.
      await new Promise<void>((resolve) => void real.setImmediate(resolve));
      await new Promise<void>((resolve) => this.#drive(until, isOver, resolve));
    } finally {
      Object.assign(globalThis, real);
    }
    if (this.now < until && !isOver()) this.now = until;
  }

  /**
   * One event a tick of the process: Node runs all promise callbacks to the end after each, before the next tick, without
   * looking at the real world.
   */
  #drive(until: number, isOver: () => boolean, done: () => void): void {
    const again = (): void => process.nextTick(step);
    const step = (): void => {
      if (isOver() || !this.#happen(until)) done();
      else queueMicrotask(again);
    };
    process.nextTick(step);
  }

  #happen(until: number): boolean {
    let entry: Entry | undefined;
    do {
      entry = this.#next(until);
      if (entry === undefined) return false;
    } while (entry.task === null);
    this.events++;
    if (entry.process?.admits(entry) === false) return true;
    const { task } = entry;
    entry.task = null;
    this.current = entry.process;
    try {
      task();
    } catch (error) {
      this.onError(error);
    }
    return true;
  }

  #next(until: number): Entry | undefined {
    if (this.#soonAt < this.#soon.length) return this.#soon[this.#soonAt++];
    if (this.#soonAt > 0) {
      this.#soon = [];
      this.#soonAt = 0;
    }
    const first = this.#heap[0];
    if (first === undefined || first.at > until) return undefined;
    this.#pop();
    if (first.at > this.now) this.now = first.at;
    return first;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let place = heap.length;
    heap.push(entry);
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!isBefore(entry, heap[parent])) break;
      heap[place] = heap[parent];
      place = parent;
    }
    heap[place] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Entry;
    if (heap.length === 0) return;
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
  }
}

const isBefore = (a: Entry, b: Entry): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
