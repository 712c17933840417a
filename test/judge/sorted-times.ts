/**
 * How many of these times, which only grow, are before this one.
 * @param near a guess of the answer: the search begins there, and is short if it is good.
 */
export function countBelow(times: ArrayLike<number>, time: number, near?: number): number {
  let low = near ?? 0;
  let high = near ?? times.length;
  if (near !== undefined) {
    for (let step = 1; low > 0 && times[low - 1] >= time; step *= 2) {
      high = low - 1;
      low = Math.max(0, low - step);
    }
    for (let step = 1; high < times.length && times[high] < time; step *= 2) {
      low = high + 1;
      high = Math.min(times.length, high + step);
    }
  }
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** How many are before this one or at it; otherwise as {@link countBelow}. */
export function countUpTo(times: ArrayLike<number>, time: number, near?: number): number {
  let low = near ?? 0;
  let high = near ?? times.length;
  if (near !== undefined) {
    for (let step = 1; low > 0 && times[low - 1] > time; step *= 2) {
      high = low - 1;
      low = Math.max(0, low - step);
    }
    for (let step = 1; high < times.length && times[high] <= time; step *= 2) {
      low = high + 1;
      high = Math.min(times.length, high + step);
    }
  }
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}
