import { nextCapacity, widened } from './columns.ts';
import type { CommandId, Once } from './commands.ts';

/** How long the answer to a command id is kept: at least the 24 hours that clients are promised. */
export const ANSWERS_KEPT_MS = 25 * 60 * 60 * 1000;
/** With this many kept answers a show begins nothing new until older ones leave. */
export const MAX_ANSWERS = 2_000_000;
/** With this many it keeps no more refusals, so that those who only ask cannot use up the room of those who get seats. */
export const MAX_ANSWERS_WITH_REFUSALS = (MAX_ANSWERS / 4) * 3;
/**
 * With this many not even orders are taken. What lies beyond {@link MAX_ANSWERS} is theirs alone: whoever holds seats
 * can buy them. An order needs a live hold, and there are no more of those than seats, so it suffices for any hall.
 */
export const MAX_ANSWERS_WITH_ORDERS = MAX_ANSWERS + 250_000;

/** So many leave at most when one is added: a day's worth that is due at once must not hold a turn up. */
const FORGOTTEN_AT_ONCE = 1_024;

const WORDS = 4;
const DIGITS = new Int8Array(128).fill(-1);
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
for (let i = 0; i < 64; i++) DIGITS[ALPHABET.charCodeAt(i)] = i;
const ID_LENGTH = 22;

/** The 128 bits of a command id (22 characters of base64url) as four words. */
function commandWords(id: CommandId, words: Uint32Array): void {
  if (id.length !== ID_LENGTH) throw new RangeError(`a command id has ${ID_LENGTH} characters, not ${id.length}`);
  let bits = 0;
  let filled = 0;
  let slot = 0;
  for (let i = 0; i < ID_LENGTH; i++) {
    const digit = DIGITS[id.charCodeAt(i) & 127];
    if (filled <= 26) {
      bits = (bits << 6) | digit;
      filled += 6;
    } else {
      const spill = filled + 6 - 32;
      words[slot++] = ((bits << (6 - spill)) | (digit >>> spill)) >>> 0;
      if (slot === WORDS) return;
      bits = digit & ((1 << spill) - 1);
      filled = spill;
    }
    if (filled === 32) {
      words[slot++] = bits >>> 0;
      if (slot === WORDS) return;
      bits = 0;
      filled = 0;
    }
  }
}

/** Numbers an answer has in a snapshot: the four words of its command, fingerprint, row, place, minute. */
export const ANSWER_FIELDS = 8;

/** An answer of a minute before this one is too old to be kept at `at` (ms). */
function oldestMinute(at: number): number {
  return Math.floor((at - ANSWERS_KEPT_MS) / 60_000);
}

/**
 * Which commands were answered, and where: the journal keeps the answers themselves, this table only says in which row
 * and at which place. First in, first out: an entry leaves when it is older than {@link ANSWERS_KEPT_MS}.
 */
export class Answered {
  /** Number of the oldest kept entry; numbers grow for ever, `number % capacity` is the place. */
  oldest = 0;
  next = 0;
  #capacity = 0;
  #words: Uint32Array = new Uint32Array(0);
  #fingerprint: Uint32Array = new Uint32Array(0);
  #seq: Uint32Array = new Uint32Array(0);
  #ordinal: Uint16Array = new Uint16Array(0);
  #minute: Uint32Array = new Uint32Array(0);
  #slots = new Int32Array(0);
  readonly #probe = new Uint32Array(WORDS);
  /** The id that was looked up last and its slot (-1 once the index changed): a decision and its event ask for the same. */
  #probed = '';
  #probedSlot = -1;

  get count(): number {
    return this.next - this.oldest;
  }

  /** The row of the oldest answer that may be told again; +∞ for none. */
  get oldestRow(): number {
    return this.count === 0 ? Number.POSITIVE_INFINITY : this.#seq[this.oldest % this.#capacity];
  }

  /** Whether at least `many` (≥ 1) entries are kept at time `at`: those that are due to leave then do not count. */
  keepsAtLeast(many: number, at: number): boolean {
    return this.count >= many && this.#minute[(this.next - many) % this.#capacity] >= oldestMinute(at);
  }

  /** The entry's place for {@link seqAt} and the like, or -1 if this command was not answered. */
  find(id: CommandId): number {
    if (this.count === 0) return -1;
    return this.#slots[this.#locate(id)] - 1;
  }

  fingerprintAt(place: number): number {
    return this.#fingerprint[place];
  }
  seqAt(place: number): number {
    return this.#seq[place];
  }
  ordinalAt(place: number): number {
    return this.#ordinal[place];
  }

  /** Notes that the event at `ordinal` of row `seq` answers the command. */
  add(once: Once, seq: number, ordinal: number, at: number): void {
    this.#forget(at);
    if (this.count >= this.#capacity) this.#widen();
    const slot = this.#locate(once.id);
    if (this.#slots[slot] !== 0) throw new Error(`command ${once.id} is answered twice (row ${seq})`);
    const place = this.next % this.#capacity;
    this.next++;
    this.#words.set(this.#probe, place * WORDS);
    this.#fingerprint[place] = once.fingerprint;
    this.#seq[place] = seq;
    this.#ordinal[place] = ordinal;
    this.#minute[place] = Math.floor(at / 60_000);
    this.#slots[slot] = place + 1;
    this.#probedSlot = -1;
  }

  /** The slot that holds this command, or the empty one where it belongs. */
  #locate(id: CommandId): number {
    if (id !== this.#probed) {
      commandWords(id, this.#probe);
      this.#probed = id;
      this.#probedSlot = -1;
    }
    if (this.#probedSlot < 0) this.#probedSlot = this.#slotOf(this.#probe, 0);
    return this.#probedSlot;
  }

  /** The kept entries, oldest first, as one block of numbers ({@link ANSWER_FIELDS} an entry) for a snapshot. */
  dump(): Uint32Array {
    const rows = new Uint32Array(this.count * ANSWER_FIELDS);
    for (let n = this.oldest, to = 0; n < this.next; n++, to += ANSWER_FIELDS) {
      const place = n % this.#capacity;
      for (let w = 0; w < WORDS; w++) rows[to + w] = this.#words[place * WORDS + w];
      rows[to + 4] = this.#fingerprint[place];
      rows[to + 5] = this.#seq[place];
      rows[to + 6] = this.#ordinal[place];
      rows[to + 7] = this.#minute[place];
    }
    return rows;
  }

  restore(oldest: number, rows: Uint32Array): void {
    this.#load(oldest, rows, Math.max(16, rows.length / ANSWER_FIELDS));
  }

  #forget(at: number): void {
    const limit = oldestMinute(at);
    const last = Math.min(this.next, this.oldest + FORGOTTEN_AT_ONCE);
    while (this.oldest < last && this.#minute[this.oldest % this.#capacity] < limit) {
      this.#remove(this.oldest % this.#capacity);
      this.oldest++;
    }
  }

  /** Takes an entry out of the open-addressed index, closing the gap so that no probe stops short. */
  #remove(place: number): void {
    this.#probedSlot = -1;
    const mask = this.#slots.length - 1;
    let hole = this.#slotOf(this.#words, place * WORDS);
    this.#slots[hole] = 0;
    for (let slot = (hole + 1) & mask; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const home = this.#words[(this.#slots[slot] - 1) * WORDS] & mask;
      if (((slot - home) & mask) >= ((slot - hole) & mask)) {
        this.#slots[hole] = this.#slots[slot];
        this.#slots[slot] = 0;
        hole = slot;
      }
    }
  }

  #slotOf(words: Uint32Array, offset: number): number {
    const mask = this.#slots.length - 1;
    // Command ids are hashes already.
    let slot = words[offset] & mask;
    for (;;) {
      const place = this.#slots[slot] - 1;
      if (place < 0) return slot;
      const at = place * WORDS;
      if (
        this.#words[at] === words[offset] &&
        this.#words[at + 1] === words[offset + 1] &&
        this.#words[at + 2] === words[offset + 2] &&
        this.#words[at + 3] === words[offset + 3]
      ) {
        return slot;
      }
      slot = (slot + 1) & mask;
    }
  }

  #widen(): void {
    const capacity = nextCapacity(this.#capacity, this.count + 1);
    // Until the first time around, a number is its place, in a larger table as well: the index stays good.
    if (this.next > this.#capacity) {
      this.#load(this.oldest, this.dump(), capacity);
      return;
    }
    this.#capacity = capacity;
    this.#words = widened(this.#words, capacity * WORDS);
    this.#fingerprint = widened(this.#fingerprint, capacity);
    this.#seq = widened(this.#seq, capacity);
    this.#ordinal = widened(this.#ordinal, capacity);
    this.#minute = widened(this.#minute, capacity);
    if (this.#slots.length < capacity * 2) this.#rehash();
  }

  #load(oldest: number, rows: Uint32Array, capacity: number): void {
    const count = rows.length / ANSWER_FIELDS;
    this.oldest = oldest;
    this.next = oldest + count;
    this.#allocate(capacity);
    for (let i = 0; i < count; i++) {
      const place = (oldest + i) % capacity;
      const row = i * ANSWER_FIELDS;
      for (let w = 0; w < WORDS; w++) this.#words[place * WORDS + w] = rows[row + w];
      this.#fingerprint[place] = rows[row + 4];
      this.#seq[place] = rows[row + 5];
      this.#ordinal[place] = rows[row + 6];
      this.#minute[place] = rows[row + 7];
    }
    this.#rehash();
  }

  #allocate(capacity: number): void {
    this.#capacity = capacity;
    this.#words = new Uint32Array(capacity * WORDS);
    this.#fingerprint = new Uint32Array(capacity);
    this.#seq = new Uint32Array(capacity);
    this.#ordinal = new Uint16Array(capacity);
    this.#minute = new Uint32Array(capacity);
  }

  #rehash(): void {
    let size = 32;
    while (size < this.#capacity * 2) size *= 2;
    this.#slots = new Int32Array(size);
    this.#probedSlot = -1;
    for (let n = this.oldest; n < this.next; n++) {
      const place = n % this.#capacity;
      this.#slots[this.#slotOf(this.#words, place * WORDS)] = place + 1;
    }
  }
}
