/**
 * How many of these times, which only grow, are before this one.
 * @param near a guess of the answer: the search begins there, and is short if it is good.
 * @param begin those before it are not looked at, and are counted.
 * @param end those from it on are not looked at, and are not counted.
 */
export function countBelow(
  times: ArrayLike<number>,
  time: number,
  near?: number,
  begin = 0,
  end = times.length,
): number {
  let low = near ?? begin;
  let high = near ?? end;
  if (near !== undefined) {
    for (let step = 1; low > begin && times[low - 1] >= time; step *= 2) {
      high = low - 1;
      low = Math.max(begin, low - step);
    }
    for (let step = 1; high < end && times[high] < time; step *= 2) {
      low = high + 1;
      high = Math.min(end, high + step);
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
export function countUpTo(
  times: ArrayLike<number>,
  time: number,
  near?: number,
  begin = 0,
  end = times.length,
): number {
  let low = near ?? begin;
  let high = near ?? end;
  if (near !== undefined) {
    for (let step = 1; low > begin && times[low - 1] > time; step *= 2) {
      high = low - 1;
      low = Math.max(begin, low - step);
    }
    for (let step = 1; high < end && times[high] <= time; step *= 2) {
      low = high + 1;
      high = Math.min(end, high + step);
    }
  }
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}
