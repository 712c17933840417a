const FIRST_ROOM = 4;

/** Numbers of places, each with a weight (a byte), in no order: four to ten bytes each. */
export class SlotList {
  slots = new Uint32Array(FIRST_ROOM);
  weights = new Uint8Array(FIRST_ROOM);
  size = 0;

  add(slot: number, weight: number): void {
    if (this.size === this.slots.length) {
      const [slots, weights] = [this.slots, this.weights];
      this.slots = new Uint32Array(this.size * 2);
      this.weights = new Uint8Array(this.size * 2);
      this.slots.set(slots);
      this.weights.set(weights);
    }
    this.slots[this.size] = slot;
    this.weights[this.size++] = weight;
  }

  delete(slot: number): void {
    const at = this.slots.subarray(0, this.size).indexOf(slot);
    if (at < 0) return;
    this.size--;
    this.slots[at] = this.slots[this.size];
    this.weights[at] = this.weights[this.size];
  }
}
