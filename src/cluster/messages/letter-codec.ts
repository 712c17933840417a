import { Buffer, isUtf8 } from 'node:buffer';
import { FORMAT, FormatUnknown } from '../../formats.ts';
import { isId } from '../../ids.ts';
import { SHARDS } from '../shards.ts';
import type { Letter, LetterAnswer, LetterRequest, Nudge, Preparation, Wanted } from './letter.ts';
import { isMessage, isRefusal } from './message-shapes.ts';

/*
 * A letter is JSON in UTF-8, of arrays, so that no name is sent twice:
 *
 *     [format, from, [request…], [answer…], [shard, epoch, …], [nudge…], look: 0 | 1, [part…], [prepare…], [prepared…]]
 *     request  [number, show, shard, epoch, deadline, wanted]
 *     wanted   {a command or question} | 0: counts | 1: seats | [version, owner]: seats since then
 *     answer   [number, kind, what]; `what` is a value (absent if undefined), a refusal or an epoch, see KIND
 *     nudge    [shard, epoch, [show…]]
 *     part     [item, number, index, count, text]; item 0: of a request, 1: of an answer; the texts joined are its JSON
 *     prepare  [number, [show…]]; `prepared` is its number, when that was done
 *
 * Format 4 is format 3 with more to ask. Format 2 ends after the parts; format 1 has none, and its nudges no shows. What a peer that reads only format 1 must be told otherwise is seen to
 * by whoever writes (`outbox.ts`).
 */

/** Bytes that a letter has beside its items and the commas between them, at most. */
export const ENVELOPE_BYTES = 256;
/** An item whose JSON is longer, in characters, is sent in parts of this length (format 2). Quoted it is at most thrice as many bytes. */
export const PART_CHARS = 262_144;
/** What a request or answer may have as JSON, in characters. */
export const ITEM_CHARS_MAX = 32 * PART_CHARS;

/** Shows that one preparation names, at most. */
export const PREPARE_MAX = 256;

const PARTS_MAX = ITEM_CHARS_MAX / PART_CHARS;
const FROM_CHARS_MAX = 128;
const KIND = { told: 0, toldAgain: 1, refused: 2, refusedAgain: 3, moved: 4 } as const;
/** Of a letter, by format. */
const FIELDS: Readonly<Record<number, number>> = { 1: 7, 2: 8, 3: 10, 4: 10, 5: 10 };
const COUNTS = 0;
const SEATS = 1;

/** A piece of a request or answer that is too long for one message. */
export interface LetterPart {
  readonly item: 'request' | 'answer';
  /** Of the request or answer. */
  readonly number: number;
  readonly index: number;
  readonly count: number;
  readonly text: string;
}

/** A letter as it came, with what is not whole yet. */
export interface ReceivedLetter extends Letter {
  readonly parts: readonly LetterPart[];
}

/** A letter's items, each as its JSON. */
export interface LetterTexts {
  readonly requests: readonly string[];
  readonly answers: readonly string[];
  readonly owned: Letter['owned'];
  readonly nudges: readonly string[];
  readonly look: boolean;
  readonly parts: readonly string[];
  readonly prepare: readonly string[];
  readonly prepared: readonly string[];
}

/** What came is not a letter. */
export class LetterInvalid extends Error {
  override readonly name = 'LetterInvalid';
}

// --- writing ---------------------------------------------------------------------------------------------------------

/** A whole letter in one of the formats of `FORMAT`; nothing of it is cut, however long. */
export function encodeLetter(letter: Letter, format: number): Uint8Array {
  return encodeTexts(letter.from, format, {
    requests: letter.requests.map(requestText),
    answers: letter.answers.map(answerText),
    owned: letter.owned,
    nudges: letter.nudges.map((nudge) => nudgeText(nudge, format)),
    look: letter.look,
    parts: [],
    prepare: letter.prepare.map(preparationText),
    prepared: letter.prepared.map(String),
  });
}

export function encodeTexts(from: string, format: number, texts: LetterTexts): Uint8Array {
  let owned = '';
  for (const { shard, epoch } of texts.owned) owned += `${owned === '' ? '' : ','}${shard},${epoch}`;
  const { requests, answers, nudges, look, parts, prepare, prepared } = texts;
  const toAndFro = `[${requests.join()}],[${answers.join()}],[${owned}],[${nudges.join()}],${look ? 1 : 0}`;
  const head = `[${format},${JSON.stringify(from)},${toAndFro}`;
  if (format === 1) return Buffer.from(`${head}]`);
  if (format === 2) return Buffer.from(`${head},[${parts.join()}]]`);
  return Buffer.from(`${head},[${parts.join()}],[${prepare.join()}],[${prepared.join()}]]`);
}

export function requestText({ number, showId, shard, epoch, deadline, wanted }: LetterRequest): string {
  return JSON.stringify([number, showId, shard, epoch, deadline, packWanted(wanted)]);
}

export function answerText(answer: LetterAnswer): string {
  const { number } = answer;
  if ('moved' in answer) return JSON.stringify([number, KIND.moved, answer.epoch]);
  if ('refusal' in answer) {
    return JSON.stringify([number, answer.replayed ? KIND.refusedAgain : KIND.refused, answer.refusal]);
  }
  const kind = answer.replayed ? KIND.toldAgain : KIND.told;
  return JSON.stringify(answer.value === undefined ? [number, kind] : [number, kind, answer.value]);
}

export function nudgeText({ shard, epoch, awake }: Nudge, format: number): string {
  return JSON.stringify(format === 1 ? [shard, epoch] : [shard, epoch, awake]);
}

export function preparationText({ number, shows }: Preparation): string {
  return JSON.stringify([number, shows]);
}

/** The parts of an item, of whose JSON no more than {@link ITEM_CHARS_MAX} characters may be there. */
export function partTexts(item: LetterPart['item'], number: number, text: string): string[] {
  const count = Math.ceil(text.length / PART_CHARS);
  const texts: string[] = [];
  for (let index = 0; index < count; index++) {
    // A pair of surrogates may be cut in two: JSON can say each half by itself.
    const piece = text.slice(index * PART_CHARS, (index + 1) * PART_CHARS);
    texts.push(JSON.stringify([item === 'request' ? 0 : 1, number, index, count, piece]));
  }
  return texts;
}

function packWanted(wanted: Wanted): unknown {
  if (wanted.kind === 'ask') return wanted.message;
  if (wanted.kind === 'counts') return COUNTS;
  return wanted.since === null ? SEATS : [wanted.since.version, wanted.since.owner];
}

// --- reading ---------------------------------------------------------------------------------------------------------

/**
 * Reads what another node has sent. Nothing of it is believed: all shapes are checked, except of the values of answers.
 * Throws {@link FormatUnknown} when it is a letter in a form that this node does not read, {@link LetterInvalid} when it
 * is none.
 * @param newest the newest format that this node reads.
 */
export function decodeLetter(bytes: Uint8Array, newest: number = FORMAT.newest): ReceivedLetter {
  const format = formatOf(bytes);
  if (format < FORMAT.oldest || format > newest) throw new FormatUnknown('a message', format, newest);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!isUtf8(buffer)) throw new LetterInvalid('not UTF-8');
  const letter = listOf(parsed(buffer.toString('utf8')), 'letter');
  if (letter.length !== FIELDS[format]) throw new LetterInvalid(`a letter of ${letter.length} fields`);
  const [, from, requests, answers, owned, nudges, look] = letter;
  if (typeof from !== 'string' || from === '' || from.length > FROM_CHARS_MAX) throw new LetterInvalid('no sender');
  if (look !== 0 && look !== 1) throw new LetterInvalid('whether to look');
  return {
    from,
    requests: listOf(requests, 'requests').map(readRequest),
    answers: listOf(answers, 'answers').map(readAnswer),
    owned: readOwned(listOf(owned, 'owned')),
    nudges: listOf(nudges, 'nudges').map((nudge) => readNudge(nudge, format)),
    look: look === 1,
    parts: format < 2 ? [] : listOf(letter[7], 'parts').map(readPart),
    prepare: format < 3 ? [] : listOf(letter[8], 'prepare').map(readPreparation),
    prepared: format < 3 ? [] : readNumbers(listOf(letter[9], 'prepared')),
  };
}

/** An item that came in parts. Throws {@link LetterInvalid}. */
export function decodeRequest(text: string): LetterRequest {
  return readRequest(parsed(text));
}

export function decodeAnswer(text: string): LetterAnswer {
  return readAnswer(parsed(text));
}

/** Read before anything else, since of a newer format nothing else is known. */
function formatOf(bytes: Uint8Array): number {
  if (bytes[0] !== 0x5b) throw new LetterInvalid('not a letter');
  let format = 0;
  for (let i = 1; i < 8 && i < bytes.length; i++) {
    if (bytes[i] === 0x2c && i > 1) return format;
    if (bytes[i] < 0x30 || bytes[i] > 0x39) break;
    format = format * 10 + bytes[i] - 0x30;
  }
  throw new LetterInvalid('no format');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Without the parser's message, which quotes what came.
    throw new LetterInvalid('not JSON');
  }
}

function listOf(value: unknown, what: string): unknown[] {
  if (!Array.isArray(value)) throw new LetterInvalid(`${what}: not a list`);
  return value;
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && Number.isSafeInteger(value);
}

function isShard(value: unknown): value is number {
  return isNumber(value) && value < SHARDS;
}

function isShow(value: unknown): value is string {
  return typeof value === 'string' && isId('shw', value);
}

function readRequest(item: unknown): LetterRequest {
  const [number, showId, shard, epoch, deadline, packed] = listOf(item, 'request');
  if (!isNumber(number) || !isShow(showId) || !isShard(shard) || !isNumber(epoch) || !isNumber(deadline)) {
    throw new LetterInvalid('a request');
  }
  return { number, showId, shard, epoch, deadline, wanted: readWanted(packed) };
}

function readWanted(packed: unknown): Wanted {
  if (isMessage(packed)) return { kind: 'ask', message: packed };
  if (packed === COUNTS) return { kind: 'counts' };
  if (packed === SEATS) return { kind: 'seats', since: null };
  if (!Array.isArray(packed)) throw new LetterInvalid('what a request wants');
  const [version, owner] = packed;
  if (!isNumber(version) || typeof owner !== 'string') throw new LetterInvalid('since when seats are wanted');
  return { kind: 'seats', since: { version, owner } };
}

function readAnswer(item: unknown): LetterAnswer {
  const [number, kind, what] = listOf(item, 'answer');
  if (!isNumber(number)) throw new LetterInvalid('the number of an answer');
  switch (kind) {
    case KIND.told:
    case KIND.toldAgain:
      return { number, value: what, replayed: kind === KIND.toldAgain };
    case KIND.refused:
    case KIND.refusedAgain:
      if (!isRefusal(what)) throw new LetterInvalid('a refusal');
      return { number, refusal: what, replayed: kind === KIND.refusedAgain };
    case KIND.moved:
      if (!isNumber(what)) throw new LetterInvalid('the epoch of a moved shard');
      return { number, moved: true, epoch: what };
    default:
      throw new LetterInvalid('an answer');
  }
}

function readOwned(pairs: unknown[]): Letter['owned'] {
  const owned: { shard: number; epoch: number }[] = [];
  for (let i = 0; i < pairs.length; i += 2) {
    const [shard, epoch] = [pairs[i], pairs[i + 1]];
    if (!isShard(shard) || !isNumber(epoch)) throw new LetterInvalid('an owned shard');
    owned.push({ shard, epoch });
  }
  return owned;
}

function readNudge(item: unknown, format: number): Nudge {
  const [shard, epoch, awake] = listOf(item, 'nudge');
  if (!isShard(shard) || !isNumber(epoch)) throw new LetterInvalid('a nudge');
  if (format === 1) return { shard, epoch, awake: [] };
  const shows = listOf(awake, 'awake');
  if (!shows.every(isShow)) throw new LetterInvalid('a show to wake');
  return { shard, epoch, awake: shows };
}

function readPreparation(item: unknown): Preparation {
  const [number, shows] = listOf(item, 'a preparation');
  if (!isNumber(number)) throw new LetterInvalid('the number of a preparation');
  const ids = listOf(shows, 'shows to prepare');
  if (ids.length > PREPARE_MAX || !ids.every(isShow)) throw new LetterInvalid('a show to prepare');
  return { number, shows: ids };
}

function readNumbers(numbers: unknown[]): number[] {
  if (!numbers.every(isNumber)) throw new LetterInvalid('the number of a preparation');
  return numbers;
}

function readPart(part: unknown): LetterPart {
  const [item, number, index, count, text] = listOf(part, 'part');
  const isPlaced = isNumber(count) && count <= PARTS_MAX && isNumber(index) && index < count;
  if (!isPlaced || (item !== 0 && item !== 1) || !isNumber(number)) throw new LetterInvalid('a part');
  if (typeof text !== 'string' || text.length > PART_CHARS) throw new LetterInvalid('the text of a part');
  return { item: item === 0 ? 'request' : 'answer', number, index, count, text };
}
