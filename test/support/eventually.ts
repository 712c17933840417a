import { setTimeout as pause } from 'node:timers/promises';

/**
 * Tries until it succeeds; resolves with what it gave. Throws its last failure when the time is over.
 * @param limits.timeoutMs from now on
 * @param limits.intervalMs between the end of one try and the next
 */
export async function eventually<T>(
  attempt: () => Promise<T> | T,
  { timeoutMs, intervalMs }: { readonly timeoutMs: number; readonly intervalMs: number },
): Promise<T> {
  const until = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() >= until) throw error;
    }
    await pause(intervalMs);
  }
}
