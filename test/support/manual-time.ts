import type { Clock, Timer, Timers } from '../../src/ports.ts';
import { VirtualTime } from '../simulation/virtual-time.ts';

/** So many events at one call bring themselves about, for ever. */
const EVENTS_MAX = 5_000_000;

export interface ManualTime {
  readonly clock: Clock;
  readonly timers: Timers;
  /**
   * Lets `ms` pass: tasks run in the order of their times, with everything settled before and after each. What passes
   * already comes first. Rejects with what a task throws.
   */
  advance(ms: number): Promise<void>;
}

/** What runs now, of all times: there is one `setImmediate`. */
let running: { readonly time: VirtualTime; readonly over: Promise<void> } | null = null;

/**
 * Lets everything run that waits for no timer and no I/O. In the midst of it, or of time that passes: everything else, until
 * the next time would come.
 */
export function settled(): Promise<void> {
  return running === null ? pass(new VirtualTime(0), 0) : settledWithin(running.time);
}

async function pass(time: VirtualTime, ms: number): Promise<void> {
  while (running !== null) await running.over;
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  running = { time, over };
  const first = time.events;
  const until = time.now + ms;
  const thrown: unknown[] = [];
  time.onError = (error) => void thrown.push(error);
  const isOver = (): boolean => thrown.length > 0 || time.events - first > EVENTS_MAX;
  try {
    let before: number;
    // Until nothing is left: what Node puts off to its next tick may come after the last event.
    do {
      before = time.events;
      await time.run(until, isOver);
    } while (time.events > before && !isOver());
  } finally {
    running = null;
    end();
  }
  if (thrown.length > 0) throw thrown[0];
  if (isOver()) throw new Error(`more than ${EVENTS_MAX} events, and no end of them`);
}

let waiting: (() => void)[] = [];

function settledWithin(time: VirtualTime): Promise<void> {
  return new Promise((resolve) => {
    if (waiting.push(resolve) > 1) return;
    // Its own looks are events too.
    let looks = 0;
    let others = -1;
    const look = (): void => {
      looks++;
      const before = others;
      others = time.events - looks;
      if (others !== before && running?.time === time) return void setImmediate(look);
      const over = waiting;
      waiting = [];
      for (const goOn of over) goOn();
    };
    setImmediate(look);
  });
}

/** A clock that stands still until told, and the timers that follow it. */
export function manualTime(start = 1_790_000_000_000): ManualTime {
  const time = new VirtualTime(start);
  const after = (ms: number, task: () => void): Timer => {
    const entry = time.after(ms, task);
    return {
      cancel: () => {
        entry.task = null;
      },
    };
  };
  const every = (ms: number, task: () => void): Timer => {
    let timer: Timer;
    const again = (): void => {
      timer = after(ms, again);
      task();
    };
    timer = after(ms, again);
    return { cancel: () => timer.cancel() };
  };
  return {
    clock: { now: () => time.now },
    timers: { after, every, soon: (task) => void setImmediate(task) },
    advance: (ms) => pass(time, ms),
  };
}
