import type { Timers } from '../ports.ts';

/** Node's timers, unreferenced: a pending timer alone never keeps the process alive. */
export const systemTimers: Timers = {
  after(ms, task) {
    const handle = setTimeout(task, ms);
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
  every(ms, task) {
    const handle = setInterval(task, ms);
    handle.unref();
    return { cancel: () => clearInterval(handle) };
  },
  soon(task) {
    setImmediate(task);
  },
};
