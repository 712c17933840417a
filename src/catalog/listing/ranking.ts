/** Up to so many are chosen one by one; more are sorted. */
const CHOSEN_MAX = 1_000;

/**
 * The first `count` of these places in an order, in that order. Cheap when few of many are wanted: most places are then
 * compared only once, with the last of the best.
 * @param order below 0 when the first comes before the second.
 */
export function best(slots: Uint32Array, order: (a: number, b: number) => number, count: number): number[] {
  if (count > CHOSEN_MAX || count * 4 >= slots.length) return Array.from(slots).sort(order).slice(0, count);
  // A heap with the worst of the best on top.
  const heap = Array.from(slots.subarray(0, count));
  for (let i = (count >> 1) - 1; i >= 0; i--) sink(heap, i, order);
  for (let i = count; i < slots.length; i++) {
    if (order(slots[i], heap[0]) >= 0) continue;
    heap[0] = slots[i];
    sink(heap, 0, order);
  }
  return heap.sort(order);
}

function sink(heap: number[], from: number, order: (a: number, b: number) => number): void {
  const slot = heap[from];
  let at = from;
  while (true) {
    let child = at * 2 + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && order(heap[child + 1], heap[child]) > 0) child++;
    if (order(heap[child], slot) <= 0) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = slot;
}
