const CHUNK_BITS = 12;
const IN_CHUNK = (1 << CHUNK_BITS) - 1;

/**
 * Numbers, as many as come. They stand in chunks: an array that grows to millions leaves twice its size behind, and the
 * garbage collector then goes through the whole history; as it does once typed arrays, which are outside of its heap,
 * have some 64 MB.
 */
export class Column {
  readonly #chunks: number[][] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    const place = this.#length++;
    if ((place & IN_CHUNK) === 0) this.#chunks.push([]);
    this.#chunks[place >> CHUNK_BITS].push(value);
  }

  at(place: number): number {
    return this.#chunks[place >> CHUNK_BITS][place & IN_CHUNK];
  }
}
