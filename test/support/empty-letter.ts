import type { Letter } from '../../src/cluster/messages/letter.ts';

/** A letter that has nothing to say, spelled out: what a test does not name in it must be empty. */
export function emptyLetter(from: string): Letter {
  return { from, requests: [], answers: [], owned: [], nudges: [], look: false, prepare: [], prepared: [] };
}
