import fc from 'fast-check';
import type { Letter } from '../../src/cluster/messages/letter.ts';
import {
  answerText,
  encodeLetter,
  encodeTexts,
  partTexts,
  requestText,
} from '../../src/cluster/messages/letter-codec.ts';
import { FORMAT } from '../../src/formats.ts';
import { MESSAGES } from '../support/full-letter.ts';
import { byteMutations, mutatedBytes } from './byte-mutations.ts';
import { jsonMutations, mutated } from './json-mutations.ts';

const FORMATS = Array.from({ length: FORMAT.newest }, (_, i) => i + 1);
const NO_TEXTS = {
  requests: [],
  answers: [],
  owned: [],
  nudges: [],
  look: false,
  parts: [],
  prepare: [],
  prepared: [],
};

/** In pieces that are cut anew, since the real ones are too long for a test that sends thousands. */
function inParts(item: 'request' | 'answer', number: number, text: string): string[] {
  const [whole] = partTexts(item, number, text);
  const [kind] = JSON.parse(whole) as [number];
  const length = Math.max(1, Math.ceil(text.length / 3));
  const pieces = Array.from({ length: Math.ceil(text.length / length) }, (_, i) =>
    text.slice(i * length, (i + 1) * length),
  );
  return pieces.map((piece, index) => JSON.stringify([kind, number, index, pieces.length, piece]));
}

/** A right letter in each format, with something of everything, or with things in parts. */
export function goodLetters(letter: Letter): Buffer[] {
  const parts = [
    ...letter.requests
      .slice(0, 3)
      .flatMap((request) =>
        inParts('request', request.number + 1_000, requestText({ ...request, number: request.number + 1_000 })),
      ),
    ...letter.answers
      .slice(0, 3)
      .flatMap((answer) =>
        inParts('answer', answer.number + 1_000, answerText({ ...answer, number: answer.number + 1_000 })),
      ),
  ];
  return [
    ...FORMATS.map((format) => Buffer.from(encodeLetter(letter, format))),
    ...FORMATS.slice(1).map((format) => Buffer.from(encodeTexts(letter.from, format, { ...NO_TEXTS, parts }))),
  ];
}

/** Letters with something changed in what they say, or in their bytes; or bytes that are no letter. */
export function brokenLetters(good: readonly Buffer[]): fc.Arbitrary<Uint8Array> {
  const one = fc.constantFrom(...good);
  return fc.oneof(
    {
      weight: 5,
      arbitrary: fc
        .tuple(one, jsonMutations(3))
        .map(([bytes, changes]) => Buffer.from(JSON.stringify(mutated(JSON.parse(bytes.toString()), changes)) ?? '')),
    },
    {
      weight: 4,
      arbitrary: fc
        .tuple(one, byteMutations(3), one)
        .map(([bytes, changes, donor]) => mutatedBytes(bytes, changes, donor)),
    },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 80 }) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.constantFrom(0, ...FORMATS, FORMAT.newest + 1, 17), fc.jsonValue())
        .map(([format, value]) => Buffer.from(`[${format},${JSON.stringify(value)}]`)),
    },
    { weight: 1, arbitrary: one },
  );
}

/** What a node may want of a show: every command and question, as it is or with something changed. */
export const wishes: fc.Arbitrary<unknown> = fc
  .tuple(fc.constantFrom(...MESSAGES), fc.option(jsonMutations(2, ['drop', 'swap', 'graft', 'edge', 'replace'])))
  .map(([message, changes]) => (changes === null ? message : mutated(message, changes)));
