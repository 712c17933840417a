import { Worker } from 'node:worker_threads';

/** An input that is at work for so long hangs. Anything else that is fuzzed here ends within milliseconds. */
export const HANG_MS = 30_000;
const TEXT_BYTES = 4_096;

/*
 * A loop without end cannot be ended from within its thread, and no test's time limit is heard there. So another thread looks
 * on: it says which input hangs, and ends the process.
 */
const WATCH = `
  const { writeSync } = require('node:fs');
  const { workerData: { state, text, limit } } = require('node:worker_threads');
  const counts = new Int32Array(state);
  let [seen, since] = [0, Date.now()];
  setInterval(() => {
    const now = Atomics.load(counts, 0);
    if (now !== seen || now % 2 === 0) [seen, since] = [now, Date.now()];
    else if (Date.now() - since > limit) {
      writeSync(2, '\\nhangs: ' + Buffer.from(text).toString().replace(/\\0+$/, '') + '\\n');
      process.kill(process.pid, 'SIGKILL');
    }
  }, 500);
`;

/** Odd while an input is at work. */
const counts = new Int32Array(new SharedArrayBuffer(4));
const text = new Uint8Array(new SharedArrayBuffer(TEXT_BYTES));
let watch: Worker | null = null;

/** Ends the process, and says what hung, if what is begun now does not end in {@link HANG_MS}. Calls must not overlap. */
export async function watched<T>(what: string, task: () => T | Promise<T>): Promise<T> {
  if (watch === null) {
    const workerData = { state: counts.buffer, text: text.buffer, limit: HANG_MS };
    watch = new Worker(WATCH, { eval: true, workerData });
    watch.unref();
  }
  text.fill(0);
  text.set(Buffer.from(what).subarray(0, TEXT_BYTES));
  Atomics.add(counts, 0, 1);
  try {
    return await task();
  } finally {
    Atomics.add(counts, 0, 1);
  }
}
