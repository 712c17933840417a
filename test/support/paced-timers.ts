import type { Timer, Timers } from '../../src/ports.ts';
import { systemTimers } from '../../src/system/timers.ts';

/** The real timers, except that a test may hurry those that start from then on, to see a deadline pass. */
export class PacedTimers implements Timers {
  factor: number;
  constructor(factor = 1) {
    this.factor = factor;
  }
  after(ms: number, task: () => void): Timer {
    return systemTimers.after(ms / this.factor, task);
  }
  every(ms: number, task: () => void): Timer {
    return systemTimers.every(ms / this.factor, task);
  }
  soon(task: () => void): void {
    systemTimers.soon(task);
  }
}
