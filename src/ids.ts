import type { Random } from './ports.ts';

/**
 * Identifiers as clients see them: a prefix that names the kind, then a time-ordered body in Crockford base 32.
 *
 * - Free-standing things (`usr_`, `ven_`, `pln_`, `prf_`, `shw_`, `cpl_`, `whe_`): 26 characters, the 128 bits of a UUIDv7.
 * - Things inside a show (`hld_`, `ord_`, `tkt_`, `pay_`, `rfd_`): 10 characters of time (ms), 26 of the show, 7 of a number
 *   that the show counts up. So any node can route a hold, order, ticket or payment without a look-up, and the
 *   show's actor needs to keep only numbers.
 */
export type IdPrefix = 'usr' | 'ven' | 'pln' | 'prf' | 'shw' | 'cpl' | 'whe';
export type ScopedPrefix = 'hld' | 'ord' | 'tkt' | 'pay' | 'rfd';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const VALUES = new Int8Array(128).fill(-1);
for (let i = 0; i < 32; i++) VALUES[ALPHABET.charCodeAt(i)] = i;

const BODY_LENGTH = 26;
const TIME_LENGTH = 10;
const NUMBER_LENGTH = 7;
const SCOPED_LENGTH = 4 + TIME_LENGTH + BODY_LENGTH + NUMBER_LENGTH;

/** Two digits at a time. */
const PAIRS = Array.from({ length: 1_024 }, (_, i) => ALPHABET[i >> 5] + ALPHABET[i & 31]);

function encodeNumber(value: number, length: number): string {
  let text = '';
  let rest = value;
  let left = length;
  for (; left >= 2; left -= 2) {
    const next = Math.floor(rest / 1_024);
    text = PAIRS[rest - next * 1_024] + text;
    rest = next;
  }
  return left === 1 ? ALPHABET[rest % 32] + text : text;
}

/** The number in `text[from, to)`, or -1 if a character is not of the alphabet. */
function decodeNumber(text: string, from: number, to: number): number {
  let value = 0;
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i);
    const digit = code < 128 ? VALUES[code] : -1;
    if (digit < 0) return -1;
    value = value * 32 + digit;
  }
  return value;
}

/** A new free-standing id: prefix, underscore, 26 characters. Time-ordered to the millisecond. */
export function newId(prefix: IdPrefix, random: Random): string {
  const hex = random.uuidv7().replaceAll('-', '');
  let bits = BigInt(`0x${hex}`);
  let body = '';
  for (let i = 0; i < BODY_LENGTH; i++) {
    body = ALPHABET[Number(bits & 31n)] + body;
    bits >>= 5n;
  }
  return `${prefix}_${body}`;
}

/** Whether `text` has the form of a free-standing id of this kind. */
export function isId(prefix: IdPrefix, text: string): boolean {
  if (text.length !== 4 + BODY_LENGTH || !text.startsWith(`${prefix}_`)) return false;
  // 26 × 5 = 130 bits: the first character carries only 3 of them.
  if (VALUES[text.charCodeAt(4)] > 7) return false;
  for (let i = 4; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 128 || VALUES[code] < 0) return false;
  }
  return true;
}

/** The id of the `number`-th thing of its kind in a show, made at `at` (ms since the epoch). */
export function scopedId(prefix: ScopedPrefix, at: number, showId: string, number: number): string {
  return `${prefix}_${encodeNumber(at, TIME_LENGTH)}${showId.slice(4)}${encodeNumber(number, NUMBER_LENGTH)}`;
}

export interface ScopedId {
  readonly at: number;
  readonly showId: string;
  readonly number: number;
}

/** What a scoped id says, or `null` if it is not one of this kind. */
export function parseScopedId(prefix: ScopedPrefix, text: string): ScopedId | null {
  if (text.length !== SCOPED_LENGTH || !text.startsWith(`${prefix}_`)) return null;
  const at = decodeNumber(text, 4, 4 + TIME_LENGTH);
  const showId = `shw_${text.slice(4 + TIME_LENGTH, 4 + TIME_LENGTH + BODY_LENGTH)}`;
  const number = decodeNumber(text, 4 + TIME_LENGTH + BODY_LENGTH, SCOPED_LENGTH);
  if (at < 0 || number < 0 || !isId('shw', showId)) return null;
  return { at, showId, number };
}

/** The 128 bits of a free-standing id as four 32-bit words, written into `words[offset…offset+3]`. */
export function idWords(id: string, words: Uint32Array, offset: number): void {
  // 26 digits of 5 bits = 130 bits, of which the top two are zero. Read from the right, 32 bits at a time.
  let word = 0;
  let filled = 0;
  let slot = 3;
  for (let i = 29; i >= 4; i--) {
    const digit = VALUES[id.charCodeAt(i)];
    word |= digit << filled;
    filled += 5;
    if (filled >= 32) {
      words[offset + slot] = word >>> 0;
      slot--;
      filled -= 32;
      word = filled > 0 ? digit >>> (5 - filled) : 0;
      if (slot < 0) return;
    }
  }
  if (slot >= 0) words[offset + slot] = word >>> 0;
}

/** The free-standing id whose 128 bits are `words[offset…offset+3]`: the inverse of {@link idWords}. */
export function idFromWords(prefix: IdPrefix, words: Uint32Array, offset: number): string {
  let text = '';
  let buffer = 0;
  let bits = 0;
  let slot = 3;
  for (let i = 0; i < BODY_LENGTH; i++) {
    let digit: number;
    if (bits >= 5) {
      digit = buffer & 31;
      buffer >>>= 5;
      bits -= 5;
    } else {
      const next = slot >= 0 ? words[offset + slot] : 0;
      slot--;
      digit = (buffer | (next << bits)) & 31;
      buffer = next >>> (5 - bits);
      bits = 32 - (5 - bits);
    }
    text = ALPHABET[digit] + text;
  }
  return `${prefix}_${text}`;
}
