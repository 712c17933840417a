const CHUNK_BITS = 12;
const IN_CHUNK = (1 << CHUNK_BITS) - 1;

/**
 * Numbers, as many as come. They stand in chunks: an array that grows to millions leaves twice its size behind, and the
 * garbage collector then goes through the whole history; as it does once typed arrays, which are outside of its heap,
 * have some 64 MB. Only the first chunk grows, for there are many columns that stay short.
 */
export class Column {
  readonly #chunks: number[][] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    const place = this.#length++;
    if ((place & IN_CHUNK) === 0) this.#chunks.push(place === 0 ? [] : new Array<number>(1 << CHUNK_BITS));
    this.#chunks[place >> CHUNK_BITS][place & IN_CHUNK] = value;
  }

  at(place: number): number {
    return this.#chunks[place >> CHUNK_BITS][place & IN_CHUNK];
  }
}
