/** How many at the beginning fulfil it; those after them do not. */
export function countWhile<T>(items: ArrayLike<T>, fulfils: (item: T) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (fulfils(items[middle])) low = middle + 1;
    else high = middle;
  }
  return low;
}
