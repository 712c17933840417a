import { JSON_CONTAINERS_MAX, JSON_DEPTH_MAX, JSON_NAMES_MAX, JSON_VALUES_MAX } from './limits.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/**
 * Looks at a body before it is parsed: of some forms a few megabytes hold the process up for seconds, as they would never be
 * sent in earnest. Takes some 2 ns a byte. What is no JSON at all is left to the parser.
 * @returns what there is too much of, as a sentence; null if the body can be parsed in time
 */
export function excessIn(bytes: Uint8Array): string | null {
  const names = new Set<number>();
  let depth = 0;
  let containers = 0;
  let values = 0;
  let nameHash = 0;
  for (let i = 0; i < bytes.length; i++) {
    switch (bytes[i]) {
      case QUOTE: {
        nameHash = FNV_OFFSET;
        for (i++; i < bytes.length && bytes[i] !== QUOTE; i++) {
          if (bytes[i] === BACKSLASH) i++;
          nameHash = Math.imul(nameHash ^ bytes[i], FNV_PRIME);
        }
        break;
      }
      case 0x7b: // {
      case 0x5b: // [
        if (++depth > JSON_DEPTH_MAX) return `The body is nested more than ${JSON_DEPTH_MAX} levels deep.`;
        if (++containers > JSON_CONTAINERS_MAX)
          return `The body has more than ${JSON_CONTAINERS_MAX} objects and arrays.`;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        depth--;
        break;
      case 0x3a: // :
        if (names.size < JSON_NAMES_MAX) names.add(nameHash);
        else if (!names.has(nameHash)) return `The body has more than ${JSON_NAMES_MAX} different names of members.`;
        break;
      case 0x2c: // ,
        if (++values > JSON_VALUES_MAX) return `The body has more than ${JSON_VALUES_MAX} values.`;
    }
  }
  return null;
}
