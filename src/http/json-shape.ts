import { JSON_CONTAINERS_MAX, JSON_DEPTH_MAX, JSON_FORMS_MAX, JSON_NAMES_MAX, JSON_VALUES_MAX } from './limits.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const FNV_PRIME = 0x01000193;

/**
 * Looks at a body before it is parsed: of some forms a few megabytes hold the process up for seconds, as they would never be
 * sent in earnest. Slowest of all are objects that each have other members, or the same in another order, for the engine makes
 * a class for each. Takes some 3.5 ns a byte. What is no JSON at all is left to the parser.
 * @param seed a secret of 32 bits: else names could be sent that only seem to be the same
 * @returns what there is too much of, as a sentence; null if the body can be parsed in time
 */
export function excessIn(bytes: Uint8Array, seed: number): string | null {
  const names = new Set<number>();
  const forms = new Set<number>();
  /** By depth: the names so far, as a hash. */
  const form = new Int32Array(JSON_DEPTH_MAX + 1);
  let depth = 0;
  let containers = 0;
  let values = 0;
  let text = seed;
  for (let i = 0; i < bytes.length; i++) {
    switch (bytes[i]) {
      case QUOTE: {
        text = seed;
        for (i++; i < bytes.length && bytes[i] !== QUOTE; i++) {
          if (bytes[i] === BACKSLASH) text = Math.imul(text ^ bytes[i++], FNV_PRIME);
          text = Math.imul(text ^ bytes[i], FNV_PRIME);
        }
        break;
      }
      case 0x7b: // {
      case 0x5b: // [
        if (++depth > JSON_DEPTH_MAX) return `The body is nested more than ${JSON_DEPTH_MAX} levels deep.`;
        if (++containers > JSON_CONTAINERS_MAX)
          return `The body has more than ${JSON_CONTAINERS_MAX} objects and arrays.`;
        form[depth] = seed;
        break;
      case 0x7d: // }
        if (forms.size < JSON_FORMS_MAX) forms.add(form[depth]);
        else if (!forms.has(form[depth]))
          return `The body has objects of more than ${JSON_FORMS_MAX} forms: give them the same members in the same order.`;
        depth--;
        break;
      case 0x5d: // ]
        depth--;
        break;
      case 0x3a: // :
        if (names.size < JSON_NAMES_MAX) names.add(text);
        else if (!names.has(text)) return `The body has more than ${JSON_NAMES_MAX} different names of members.`;
        form[depth] = Math.imul(form[depth] ^ text, FNV_PRIME);
        break;
      case 0x2c: // ,
        if (++values > JSON_VALUES_MAX) return `The body has more than ${JSON_VALUES_MAX} values.`;
    }
  }
  return null;
}
