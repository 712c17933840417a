import { describe, expect, test } from 'vitest';
import {
  answerText,
  encodeLetter,
  encodeTexts,
  LetterInvalid,
  PART_CHARS,
  partTexts,
  requestText,
} from '../../src/cluster/messages/letter-codec.ts';
import { LetterReader, PARTS_PATIENCE_MS, UNFINISHED_MAX } from '../../src/cluster/messages/letter-reader.ts';
import { MESSAGE_BYTES_MAX } from '../../src/cluster/messages/transport.ts';
import { emptyLetter } from '../support/empty-letter.ts';
import { manualTime } from '../support/manual-time.ts';
import { onceOf, SHOW_ID, userOf } from '../support/small-show.ts';

const FROM = 'nod_a';
const EMPTY = emptyLetter(FROM);
// Characters that take three bytes, or two when quoted, and pairs that a cut can part.
const LARGE = { number: 7, value: '座"\\😀'.repeat(PART_CHARS / 2), replayed: true } as const;

function letterWith(parts: readonly string[], from = FROM): Uint8Array {
  return encodeTexts(from, 2, {
    requests: [],
    answers: [],
    owned: [],
    nudges: [],
    look: false,
    parts,
    prepare: [],
    prepared: [],
  });
}

function reading() {
  const time = manualTime();
  return { time, reader: new LetterReader(time.timers) };
}

describe('an item in parts', () => {
  const parts = partTexts('answer', LARGE.number, answerText(LARGE));

  test('is cut so that each part fits into a message', () => {
    expect(parts.length).toBeGreaterThan(2);
    for (const part of parts) expect(letterWith([part]).length).toBeLessThan(MESSAGE_BYTES_MAX);
  });

  test('is whole when its last part comes, in whatever order, with others between', () => {
    const { reader } = reading();
    const other = partTexts(
      'answer',
      LARGE.number,
      answerText({ number: LARGE.number, value: 'other'.repeat(PART_CHARS), replayed: false }),
    );
    expect(reader.read(letterWith([other[0]], 'nod_b'))).toStrictEqual({ ...EMPTY, from: 'nod_b' });
    const [last, ...rest] = parts;
    for (const part of rest.reverse()) {
      expect(reader.read(letterWith([part])).answers).toEqual([]);
      // Twice is as good as once.
      expect(reader.read(letterWith([part])).answers).toEqual([]);
    }
    expect(reader.read(letterWith([last])).answers).toStrictEqual([LARGE]);
  });

  test('comes beside what is whole by itself', () => {
    const { reader } = reading();
    const message = {
      type: 'hold',
      once: onceOf(1),
      buyer: userOf(1),
      seats: Array(40_000).fill('Stalls-A-1'),
    } as const;
    const request = {
      number: 3,
      showId: SHOW_ID,
      shard: 1,
      epoch: 2,
      deadline: 3,
      wanted: { kind: 'ask', message },
    } as const;
    const pieces = partTexts('request', 3, requestText(request));
    expect(pieces).toHaveLength(2);
    reader.read(letterWith(pieces.slice(0, 1)));
    const texts = {
      requests: [],
      answers: [answerText({ number: 1, value: 1, replayed: false })],
      owned: [],
      nudges: [],
      look: true,
      prepare: [],
      prepared: [],
    };
    const letter = reader.read(encodeTexts(FROM, 2, { ...texts, parts: pieces.slice(1) }));
    expect(letter).toStrictEqual({
      ...EMPTY,
      requests: [request],
      answers: [{ number: 1, value: 1, replayed: false }],
      look: true,
    });
  });

  test('is forgotten when the rest does not come in time', async () => {
    const { reader, time } = reading();
    reader.read(letterWith(parts.slice(0, -1)));
    await time.advance(PARTS_PATIENCE_MS - 1);
    const again = reading();
    again.reader.read(letterWith(parts.slice(0, -1)));
    expect(again.reader.read(letterWith(parts.slice(-1))).answers).toStrictEqual([LARGE]);
    await time.advance(1);
    expect(reader.read(letterWith(parts.slice(-1))).answers).toEqual([]);
  });

  test('is forgotten when too many others were begun after it', () => {
    const begin = (reader: LetterReader, others: number): void => {
      reader.read(letterWith(parts.slice(0, -1)));
      for (let number = 100; number < 100 + others; number++)
        reader.read(letterWith([JSON.stringify([1, number, 0, 2, 'x'])]));
    };
    const few = reading().reader;
    begin(few, UNFINISHED_MAX - 1);
    expect(few.read(letterWith(parts.slice(-1))).answers).toHaveLength(1);
    const many = reading().reader;
    begin(many, UNFINISHED_MAX);
    expect(many.read(letterWith(parts.slice(-1))).answers).toEqual([]);
  });

  test('is refused when its parts do not fit together, or make no item', () => {
    const { reader } = reading();
    reader.read(letterWith([JSON.stringify([1, 9, 0, 3, 'x'])]));
    expect(() => reader.read(letterWith([JSON.stringify([1, 9, 1, 2, 'x'])]))).toThrow(LetterInvalid);
    expect(() => reader.read(letterWith([JSON.stringify([0, 8, 0, 1, '["not a request"]'])]))).toThrow(LetterInvalid);
  });
});

test('a node that acts as an older version reads no newer letter', () => {
  const reader = new LetterReader(manualTime().timers, 1);
  expect(reader.read(encodeLetter(EMPTY, 1))).toStrictEqual(EMPTY);
  expect(() => reader.read(encodeLetter(EMPTY, 2))).toThrow('format 2');
});
