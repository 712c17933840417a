/**
 * A running hash of all that happens, 2 × 32 bits: two runs with the same hash did the same, in the same order, at the same
 * times. Not meant against forgers, only to see any difference.
 */
export class Trace {
  #a = 0x9e3779b9;
  #b = 0x85ebca6b;

  number(value: number): void {
    const low = value | 0;
    const high = (value / 4_294_967_296) | 0;
    this.#mix(low);
    this.#mix(high ^ Math.imul((value % 1) * 1_048_576, 0x2545f491));
  }

  text(value: string): void {
    let hash = value.length;
    for (let i = 0; i < value.length; i++) hash = Math.imul(hash ^ value.charCodeAt(i), 0x01000193);
    this.#mix(hash);
  }

  get hash(): string {
    const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');
    return hex(this.#a) + hex(this.#b);
  }

  #mix(value: number): void {
    this.#a = Math.imul(this.#a ^ value, 0x85ebca6b);
    this.#a ^= this.#a >>> 13;
    this.#b = Math.imul((this.#b << 5) ^ (this.#b >>> 27) ^ this.#a, 0xc2b2ae35);
  }
}
