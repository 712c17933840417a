/** Longer words are cut. */
const WORD_LENGTH_MAX = 32;

/** Letters that no decomposition takes apart, as people without them on their keyboard write them. */
const PLAIN: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ł: 'l',
  ħ: 'h',
  ı: 'i',
};
const NOT_PLAIN = /[ßæœøđðþłħı]/g;

const ASCII = /^[\x20-\x7e\n\t]*$/;

/** A text without accents and capitals: two that differ only in those are the same. */
export function plainText(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase();
  const bare = text.normalize('NFKD').replace(/\p{M}+/gu, '');
  return bare.toLowerCase().replace(NOT_PLAIN, (letter) => PLAIN[letter]);
}

/** The words of a text, as they are compared: runs of letters and digits. An apostrophe within one is left out. */
export function wordsOf(text: string): string[] {
  const plain = plainText(text).replace(/(?<=\p{L})['’](?=\p{L})/gu, '');
  const words = plain.match(ASCII.test(plain) ? /[a-z0-9]+/g : /[\p{L}\p{N}]+/gu) ?? [];
  return words.map((word) => (word.length > WORD_LENGTH_MAX ? word.slice(0, WORD_LENGTH_MAX) : word));
}
