const CHUNK_BITS = 14;
const IN_CHUNK = (1 << CHUNK_BITS) - 1;
const FIRST_SIZE = 16;

/**
 * Numbers, as many as come. They stand in chunks: an array that grows to millions leaves twice its size behind, and the
 * garbage collector then goes through the whole history.
 */
export class Column<T extends Int32Array | Float64Array> {
  readonly #make: (length: number) => T;
  readonly #chunks: T[] = [];
  #length = 0;

  private constructor(make: (length: number) => T) {
    this.#make = make;
  }

  /** Of whole numbers of 32 bits. */
  static ofInts(): Column<Int32Array> {
    return new Column((length) => new Int32Array(length));
  }

  static ofNumbers(): Column<Float64Array> {
    return new Column((length) => new Float64Array(length));
  }

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    const place = this.#length++;
    const inChunk = place & IN_CHUNK;
    if (inChunk === 0) this.#chunks.push(this.#make(place === 0 ? FIRST_SIZE : IN_CHUNK + 1));
    const chunk = this.#chunks[place >> CHUNK_BITS];
    if (inChunk < chunk.length) chunk[inChunk] = value;
    else this.#lengthen(chunk, value);
  }

  /** Most shows are small: their first chunk grows as they do. */
  #lengthen(first: T, value: number): void {
    const longer = this.#make(2 * first.length);
    longer.set(first);
    longer[first.length] = value;
    this.#chunks[0] = longer;
  }

  at(place: number): number {
    return this.#chunks[place >> CHUNK_BITS][place & IN_CHUNK];
  }
}
