/**
 * The trigrams of a word, each once, as numbers: those of `cat` are `··c`, `·ca`, `cat`, `at·`, as `pg_trgm` has them. Two
 * trigrams may have one number; what is found by them is compared letter by letter afterwards.
 */
export function trigramsOf(word: string): number[] {
  return distinctTrigrams(`  ${word} `);
}

/** Those that every word with this beginning has. */
export function trigramsOfPrefix(prefix: string): number[] {
  return distinctTrigrams(`  ${prefix}`);
}

function distinctTrigrams(padded: string): number[] {
  const trigrams: number[] = [];
  for (let i = 0; i + 2 < padded.length; i++) {
    const mixed = Math.imul(padded.charCodeAt(i), 0x2c1b3c6d) ^ Math.imul(padded.charCodeAt(i + 1), 0x297a2d39);
    const trigram = ((mixed ^ (mixed >>> 15)) + Math.imul(padded.charCodeAt(i + 2), 0x85ebca6b)) >>> 2;
    if (!trigrams.includes(trigram)) trigrams.push(trigram);
  }
  return trigrams;
}

/**
 * How many letters have to be typed, left out, changed or swapped with the next to get from one word to the other; more
 * than `most` counts as `most` + 1.
 */
export function typosBetween(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most) return most + 1;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let least = i;
    for (let j = 1; j <= b.length; j++) {
      const isSame = a.charCodeAt(i - 1) === b.charCodeAt(j - 1);
      let typos = Math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (isSame ? 0 : 1));
      const isSwapped =
        i > 1 && j > 1 && a.charCodeAt(i - 1) === b.charCodeAt(j - 2) && a.charCodeAt(i - 2) === b.charCodeAt(j - 1);
      if (isSwapped) typos = Math.min(typos, beforeLast[j - 2] + 1);
      row.push(typos);
      least = Math.min(least, typos);
    }
    if (least > most) return most + 1;
    beforeLast = last;
    last = row;
  }
  return Math.min(last[b.length], most + 1);
}
