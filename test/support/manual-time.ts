import type { Clock, Timer, Timers } from '../../src/ports.ts';

export interface ManualTime {
  readonly clock: Clock;
  readonly timers: Timers;
  /** Lets `ms` pass: tasks run in the order of their times, with all promises settled before and after each. */
  advance(ms: number): Promise<void>;
}

/** Lets everything run that waits for no timer and no I/O. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A clock that stands still until told, and the timers that follow it. */
export function manualTime(start = 1_790_000_000_000): ManualTime {
  let now = start;
  let tasks: { at: number; task: () => void }[] = [];
  const add = (ms: number, task: () => void): Timer => {
    const entry = { at: now + ms, task };
    tasks.push(entry);
    return {
      cancel: () => {
        tasks = tasks.filter((other) => other !== entry);
      },
    };
  };
  const every = (ms: number, task: () => void): Timer => {
    let timer: Timer;
    const run = (): void => {
      timer = add(ms, run);
      task();
    };
    timer = add(ms, run);
    return { cancel: () => timer.cancel() };
  };
  return {
    clock: { now: () => now },
    timers: { after: add, every, soon: (task) => void setImmediate(task) },
    async advance(ms) {
      const end = now + ms;
      await settled();
      for (;;) {
        const due = tasks.filter((entry) => entry.at <= end).sort((a, b) => a.at - b.at)[0];
        if (due === undefined) break;
        tasks = tasks.filter((entry) => entry !== due);
        now = due.at;
        due.task();
        await settled();
      }
      now = end;
    },
  };
}
