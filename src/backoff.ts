import type { Random } from './ports.ts';

/** Doubled more often than this, any first pause is beyond every limit. */
const DOUBLINGS_MAX = 30;

/**
 * Ms until the next try: doubled for each try that failed before, and shortened at random by up to half, so that what failed
 * together does not come again together.
 *
 * @param firstMs after the first failure
 * @param maxMs never longer
 * @param failures earlier ones, before the one that just happened
 */
export function backoffMs(random: Pick<Random, 'bytes'>, firstMs: number, maxMs: number, failures: number): number {
  const fullMs = Math.min(maxMs, firstMs * 2 ** Math.min(failures, DOUBLINGS_MAX));
  const [high, low] = random.bytes(2);
  return Math.round(fullMs * (0.5 + (high * 256 + low) / 131_072));
}
