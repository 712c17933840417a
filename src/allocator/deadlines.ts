/**
 * When holds end, soonest first: a binary heap of (time, hold). Entries are never taken out when a hold changes; the
 * reader drops those that no longer say what the hold says. Derived from the holds, so not part of a snapshot.
 */
export class Deadlines {
  #times: number[] = [];
  #holds: number[] = [];

  add(time: number, hold: number): void {
    let i = this.#times.length;
    this.#times.push(time);
    this.#holds.push(hold);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (this.#times[parent] <= time) break;
      this.#times[i] = this.#times[parent];
      this.#holds[i] = this.#holds[parent];
      i = parent;
    }
    this.#times[i] = time;
    this.#holds[i] = hold;
  }

  /** The soonest time, or +∞. */
  get soonest(): number {
    return this.#times.length === 0 ? Number.POSITIVE_INFINITY : this.#times[0];
  }

  get soonestHold(): number {
    return this.#holds[0];
  }

  dropSoonest(): void {
    const time = this.#times.pop();
    const hold = this.#holds.pop();
    const length = this.#times.length;
    if (time === undefined || hold === undefined || length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= length) break;
      if (child + 1 < length && this.#times[child + 1] < this.#times[child]) child++;
      if (this.#times[child] >= time) break;
      this.#times[i] = this.#times[child];
      this.#holds[i] = this.#holds[child];
      i = child;
    }
    this.#times[i] = time;
    this.#holds[i] = hold;
  }
}
