import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Letter, LetterRequest, Wanted } from '../../src/cluster/messages/letter.ts';
import {
  decodeLetter,
  encodeLetter,
  LetterInvalid,
  PART_CHARS,
  PREPARE_MAX,
  partTexts,
} from '../../src/cluster/messages/letter-codec.ts';
import { FORMAT, FormatUnknown } from '../../src/formats.ts';
import { emptyLetter } from '../support/empty-letter.ts';
import { BUYER, FROM, FULL, request } from '../support/full-letter.ts';
import { onceOf, SHOW_ID } from '../support/small-show.ts';

const EMPTY = emptyLetter(FROM);

const bytesOf = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

describe('a letter', () => {
  test('says all that was put into it', () => {
    expect(decodeLetter(encodeLetter(FULL, 3))).toStrictEqual({ ...FULL, parts: [] });
    expect(decodeLetter(encodeLetter(EMPTY, 3))).toStrictEqual({ ...EMPTY, parts: [] });
  });

  test('says in format 2 all but what is to be prepared, and in format 1 no shows to wake either', () => {
    const nudges = [{ shard: 5, epoch: 6, awake: [] }];
    const before = { ...FULL, prepare: [], prepared: [], parts: [] };
    expect(decodeLetter(encodeLetter(FULL, 1))).toStrictEqual({ ...before, nudges });
    expect(decodeLetter(encodeLetter(FULL, 2))).toStrictEqual(before);
  });

  test('begins with its format, which stays readable whatever comes after', () => {
    for (const format of [1, 2, 3, 4]) {
      expect(Buffer.from(encodeLetter(EMPTY, format)).toString()).toMatch(new RegExp(`^\\[${format},"${FROM}",`));
    }
  });

  test('can be read from the middle of a larger buffer', () => {
    const bytes = encodeLetter(FULL, 2);
    const larger = Buffer.concat([Buffer.from('before'), bytes, Buffer.from('after')]);
    expect(decodeLetter(larger.subarray(6, 6 + bytes.length)).requests).toStrictEqual(FULL.requests);
  });
});

describe('the bytes of a letter', () => {
  const asked = (number: number, wanted: Wanted): LetterRequest => ({ ...request(wanted, number), shard: 7 });
  const LETTER: Letter = {
    from: 'nod_a',
    requests: [
      asked(1, { kind: 'ask', message: { type: 'extend', buyer: 'usr_b', hold: 7, at: 1 } }),
      asked(2, { kind: 'counts' }),
      asked(3, { kind: 'seats', since: null }),
      asked(4, { kind: 'seats', since: { version: 12, owner: 'nod_b' } }),
    ],
    answers: [
      { number: 5, value: { seats: ['座'] }, replayed: false },
      { number: 6, value: undefined, replayed: true },
      { number: 7, refusal: { code: 'NOT_FOUND', detail: 'none' }, replayed: false },
      { number: 8, refusal: { code: 'OVERLOADED', detail: 'later', retryAfter: 1 }, replayed: true },
      { number: 9, moved: true, epoch: 13 },
    ],
    owned: [
      { shard: 0, epoch: 4 },
      { shard: 1_023, epoch: 5 },
    ],
    nudges: [{ shard: 5, epoch: 6, awake: [SHOW_ID] }],
    look: true,
    prepare: [{ number: 10, shows: [SHOW_ID] }],
    prepared: [11, 12],
  };
  const SHOW = JSON.stringify(SHOW_ID);
  const TO_AND_FRO =
    `[[1,${SHOW},7,12,1790000000000,{"type":"extend","buyer":"usr_b","hold":7,"at":1}],` +
    `[2,${SHOW},7,12,1790000000000,0],[3,${SHOW},7,12,1790000000000,1],` +
    `[4,${SHOW},7,12,1790000000000,[12,"nod_b"]]],` +
    '[[5,0,{"seats":["座"]}],[6,1],[7,2,{"code":"NOT_FOUND","detail":"none"}],' +
    '[8,3,{"code":"OVERLOADED","detail":"later","retryAfter":1}],[9,4,13]],[0,4,1023,5]';
  const WITHOUT_PREPARATION = { ...LETTER, prepare: [], prepared: [] };

  /** Nodes of every version that was ever released write and read these: they stay as they are. */
  test.each<[number, string, Letter]>([
    [1, `[1,"nod_a",${TO_AND_FRO},[[5,6]],1]`, { ...WITHOUT_PREPARATION, nudges: [{ shard: 5, epoch: 6, awake: [] }] }],
    [2, `[2,"nod_a",${TO_AND_FRO},[[5,6,[${SHOW}]]],1,[]]`, WITHOUT_PREPARATION],
    [3, `[3,"nod_a",${TO_AND_FRO},[[5,6,[${SHOW}]]],1,[],[[10,[${SHOW}]]],[11,12]]`, LETTER],
    [4, `[4,"nod_a",${TO_AND_FRO},[[5,6,[${SHOW}]]],1,[],[[10,[${SHOW}]]],[11,12]]`, LETTER],
  ])('are the same for ever, in format %i', (format, text, says) => {
    expect(Buffer.from(encodeLetter(LETTER, format)).toString()).toBe(text);
    expect(decodeLetter(Buffer.from(text))).toStrictEqual({ ...says, parts: [] });
  });

  test('are the same for ever, also of what is sent in parts', () => {
    const part = '[1,9,1,3,"\\ud83c of a pair"]';
    const { parts } = decodeLetter(Buffer.from(`[2,"nod_a",[],[],[],[],0,[${part}]]`));
    expect(parts).toStrictEqual([{ item: 'answer', number: 9, index: 1, count: 3, text: '\ud83c of a pair' }]);
    expect(partTexts('request', 4, 'short')).toEqual(['[0,4,0,1,"short"]']);
    expect(partTexts('answer', 9, `${'x'.repeat(PART_CHARS)}y`)[1]).toBe('[1,9,1,2,"y"]');
  });
});

describe('a letter in another format', () => {
  test.each([0, FORMAT.newest + 1, 17])('is refused by name: %i', (format) => {
    expect(() => decodeLetter(bytesOf([format, FROM, 'in', 'any', 'form']))).toThrow(FormatUnknown);
    expect(() => decodeLetter(Buffer.from(`[${format},\0 not even JSON`))).toThrow(
      `a message has format ${format}; this version knows formats 1 to ${FORMAT.newest}`,
    );
  });

  test('is refused by a node that acts as an older version', () => {
    expect(() => decodeLetter(encodeLetter(FULL, 2), 1)).toThrow('format 2; this version knows formats 1 to 1');
    expect(decodeLetter(encodeLetter(EMPTY, 1), 1).from).toBe(FROM);
  });
});

describe('what is not a letter', () => {
  const good = JSON.parse(Buffer.from(encodeLetter(FULL, 3)).toString()) as unknown[];
  const withField = (field: number, value: unknown): unknown[] => good.with(field, value);
  const ask = (message: unknown): unknown[] => withField(2, [[1, SHOW_ID, 1, 1, 1, message]]);

  test.each<[string, unknown]>([
    ['a request of no show', withField(2, [[1, 'shw_1', 1, 1, 1, 0]])],
    ['a shard that there is not', withField(2, [[1, SHOW_ID, 1_024, 1, 1, 0]])],
    ['a number below zero', withField(2, [[-1, SHOW_ID, 1, 1, 1, 0]])],
    ['a broken number', withField(2, [[1.5, SHOW_ID, 1, 1, 1, 0]])],
    ['a deadline in words', withField(2, [[1, SHOW_ID, 1, 1, 'soon', 0]])],
    ['a request that is no list', withField(2, [{ number: 1 }])],
    ['an unknown wish', withField(2, [[1, SHOW_ID, 1, 1, 1, 2]])],
    ['an unknown command', ask({ type: 'give-me-all' })],
    [
      'a command id that is too long',
      ask({ type: 'hold', once: { ...onceOf(1), id: `${onceOf(1).id}x` }, buyer: BUYER }),
    ],
    ['a command id of other letters', ask({ type: 'hold', once: { ...onceOf(1), id: '?'.repeat(22) }, buyer: BUYER })],
    [
      'a fingerprint of more than 32 bits',
      ask({ type: 'hold', once: { ...onceOf(1), fingerprint: 2 ** 32 }, buyer: BUYER }),
    ],
    ['a command without its buyer', ask({ type: 'hold', once: onceOf(1) })],
    ['a command with a list for a buyer', ask({ type: 'hold', once: onceOf(1), buyer: [BUYER] })],
    ['seats that are no texts', ask({ type: 'hold', once: onceOf(1), buyer: BUYER, seats: [1] })],
    ['a quantity below zero', ask({ type: 'hold', once: onceOf(1), buyer: BUYER, best: { quantity: -1 } })],
    ['a dispute in a state that there is not', ask({ type: 'dispute', order: 1, dispute: 'x', status: 'maybe' })],
    [
      'a refund of tickets in words',
      ask({ type: 'refund', once: onceOf(1), order: 1, at: 1, tickets: ['1'], reason: 'x' }),
    ],
    ['a commit that is late or not', ask({ type: 'commit', order: 1, amount: 1, currency: 'EUR', late: false })],
    ['a viewer who is neither', ask({ type: 'get-order', viewer: { user: BUYER, all: 'yes' }, order: 1, at: 1 })],
    ['an answer without a number', withField(3, [[null, 0, {}]])],
    ['an unknown kind of answer', withField(3, [[1, 9, {}]])],
    ['a refusal with an unknown code', withField(3, [[1, 2, { code: 'NO_WAY', detail: 'x' }]])],
    [
      'a refusal with the code of a property that all objects have',
      withField(3, [[1, 2, { code: 'toString', detail: 'x' }]]),
    ],
    ['a refusal without words', withField(3, [[1, 2, { code: 'NOT_FOUND' }]])],
    ['a move without an epoch', withField(3, [[1, 4]])],
    ['an owned shard without an epoch', withField(4, [1])],
    ['a nudge with no list of shows', withField(5, [[1, 1]])],
    ['a nudge with shows that are none', withField(5, [[1, 1, ['x']]])],
    ['a look that is neither', withField(6, 2)],
    ['a part behind its last', withField(7, [[0, 1, 2, 2, 'x']])],
    ['a part of too many', withField(7, [[0, 1, 0, 1_000, 'x']])],
    ['a part without text', withField(7, [[0, 1, 0, 2, null]])],
    ['a preparation without a number', withField(8, [[null, [SHOW_ID]]])],
    ['a preparation of shows that are none', withField(8, [[1, ['x']]])],
    ['a preparation of too many shows', withField(8, [[1, Array(PREPARE_MAX + 1).fill(SHOW_ID)]])],
    ['what is prepared, in words', withField(9, ['all'])],
    ['no sender', withField(1, '')],
    ['a sender without end', withField(1, 'x'.repeat(1_000))],
    ['too few fields', good.slice(0, -1)],
    ['too many fields', [...good, 0]],
    ['an object', { format: 2 }],
    ['a format in words', ['2', FROM]],
  ])('is refused: %s', (_, value) => {
    expect(() => decodeLetter(bytesOf(value))).toThrow(LetterInvalid);
  });

  test('is refused: nothing, half a letter, another encoding', () => {
    const bytes = encodeLetter(FULL, 2);
    expect(() => decodeLetter(new Uint8Array())).toThrow(LetterInvalid);
    expect(() => decodeLetter(bytes.subarray(0, bytes.length / 2))).toThrow(LetterInvalid);
    expect(() => decodeLetter(Buffer.from(`[2,"é",[],[],[],[],0,[]]`, 'latin1'))).toThrow('not UTF-8');
  });

  test('never leads to anything but one of the two errors, whatever was changed in it', () => {
    const bytes = Buffer.from(encodeLetter(FULL, 3));
    const change = fc.tuple(fc.nat(bytes.length - 1), fc.constantFrom(...'[]{},:"0129-.entrufalsx\\ \0\xff'));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), fc.nat(bytes.length), (changes, length) => {
        const changed = Buffer.from(bytes.subarray(0, length % 3 === 0 ? length : bytes.length));
        for (const [at, character] of changes) if (at < changed.length) changed.write(character, at, 'latin1');
        try {
          decodeLetter(changed);
        } catch (error) {
          if (!(error instanceof LetterInvalid) && !(error instanceof FormatUnknown)) throw error;
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
