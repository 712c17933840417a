/**
 * The doors through which time and chance enter. The rest of the code may use neither `Date`, timers nor random
 * numbers directly (a lint rule sees to it), so that a whole node can run on a simulated clock from one seed.
 * The real ones are in `src/system/`.
 */
export interface Clock {
  /** Milliseconds since the epoch, an integer; never goes back while the process lives. */
  now(): number;
}

export interface Timer {
  cancel(): void;
}

export interface Timers {
  /** Runs `task` once after `ms` milliseconds. Does not keep the process alive. */
  after(ms: number, task: () => void): Timer;
  /** Runs `task` every `ms` milliseconds until cancelled. Does not keep the process alive. */
  every(ms: number, task: () => void): Timer;
  /** Runs `task` once, after all input that has arrived by now was handled. Cannot be cancelled. */
  soon(task: () => void): void;
}

export interface Random {
  /** A UUIDv7 in its usual text form. */
  uuidv7(): string;
  /** `size` unpredictable bytes. */
  bytes(size: number): Uint8Array;
}
