/** Resolves after `ms` milliseconds; unlike the timers of the ports it keeps the process alive meanwhile. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
