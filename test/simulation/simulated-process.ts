import type { Clock, Timer, Timers } from '../../src/ports.ts';
import type { Entry, VirtualTime } from './virtual-time.ts';

/** How a process's clock runs. The wall clock is read once, at its start, as `system/clock.ts` does. */
export interface ClockFault {
  /** ms by which its wall clock was ahead when it started. */
  readonly aheadMs: number;
  /** How much faster than true time it runs: 0.001 is a thousandth. */
  readonly drift: number;
}

/**
 * A process of the simulated world:
 *
 *     running ⇄ stopped (SIGSTOP, SIGCONT: what comes in meanwhile waits)
 *        └──────────┴──► dead (SIGKILL)
 *
 * Whatever happens in it is an event of its own, so it can be stopped or killed between any two of them.
 */
export class SimulatedProcess {
  readonly clock: Clock;
  readonly timers: Timers;
  state: 'running' | 'stopped' | 'dead' = 'running';
  /** How often it went on after it was stopped. */
  resumes = 0;
  readonly #time: VirtualTime;
  readonly #drift: number;
  #backlog: Entry[] = [];

  constructor(time: VirtualTime, { aheadMs, drift }: ClockFault) {
    this.#time = time;
    this.#drift = drift;
    const startedAt = time.now;
    this.clock = { now: () => Math.floor(startedAt + aheadMs + (time.now - startedAt) * (1 + drift)) };
    const after = (ms: number, task: () => void): Timer => {
      const entry = time.after(ms / (1 + drift), task, this);
      return {
        cancel: () => {
          entry.task = null;
        },
      };
    };
    this.timers = {
      after,
      every: (ms, task) => {
        let timer: Timer;
        const run = (): void => {
          timer = after(ms, run);
          task();
        };
        timer = after(ms, run);
        return { cancel: () => timer.cancel() };
      },
      soon: (task) => void time.soon(task, this),
    };
  }

  /** By how much its clock is ahead of true time now, ms. */
  get aheadMs(): number {
    return this.clock.now() - this.#time.now;
  }

  get drift(): number {
    return this.#drift;
  }

  /** For the driver of events: whether this one happens now; else it does once the process goes on, or never. */
  admits(entry: Entry): boolean {
    if (this.state === 'stopped') this.#backlog.push(entry);
    return this.state === 'running';
  }

  stop(): void {
    if (this.state === 'running') this.state = 'stopped';
  }

  resume(): void {
    if (this.state !== 'stopped') return;
    this.state = 'running';
    this.resumes++;
    for (const entry of this.#backlog.splice(0)) this.#time.again(entry);
  }

  kill(): void {
    this.state = 'dead';
    this.#backlog = [];
  }
}
