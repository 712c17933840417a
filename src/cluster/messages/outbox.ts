import { Buffer } from 'node:buffer';
import { formatOf } from '../../allocator/commands.ts';
import type { Refusal } from '../../errors.ts';
import { FORMAT } from '../../formats.ts';
import type { Timers } from '../../ports.ts';
import type { LetterAnswer, LetterRequest, Nudge, Preparation } from './letter.ts';
import {
  answerText,
  ENVELOPE_BYTES,
  encodeTexts,
  ITEM_CHARS_MAX,
  nudgeText,
  PART_CHARS,
  partTexts,
  preparationText,
  requestText,
} from './letter-codec.ts';
import { type Line, MESSAGE_BYTES_MAX } from './transport.ts';

/** Requests, answers, nudges and parts in one message. */
export const MESSAGE_ITEMS_MAX = 256;
/** What may be collected for one peer until it is sent, a moment later. */
export const COLLECTED_ITEMS_MAX = 16_384;
export const COLLECTED_BYTES_MAX = 32_000_000;
/** Shows in one nudge; with more awake, a shard's nudge comes as several. */
export const NUDGE_SHOWS_MAX = 1_000;
/** For how long it is known at least which requests were in a message. A server without a receiver says so within milliseconds. */
export const REMEMBERED_MS = 1_000;
/** Messages of which it is known: these at least, twice as many at most. */
export const REMEMBERED_MAX = 2_048;

const ITEM_BYTES_MAX = MESSAGE_BYTES_MAX - ENVELOPE_BYTES;
const NO_TEXTS = { requests: [], answers: [], nudges: [], parts: [], prepare: [], prepared: [] };
const TOO_LARGE: Refusal = { code: 'INTERNAL', detail: 'The answer is too large to be passed from node to node.' };

export interface OutboxOptions {
  /** The sender's incarnation. */
  readonly from: string;
  readonly line: Line;
  readonly timers: Timers;
  /** The newest format that a peer reads. */
  readonly formatOf: (incarnation: string) => number;
  /** These requests have reached nobody, and will not. May name a request again that it has named before. */
  readonly undelivered: (requests: readonly number[]) => void;
}

type Kind = 'requests' | 'answers' | 'nudges' | 'parts' | 'prepare' | 'prepared';

interface Item {
  readonly kind: Kind;
  readonly text: string;
  readonly bytes: number;
  /** Of the request that it is, or is a part of. */
  readonly request: number | null;
}

interface SentRequests {
  readonly to: string;
  readonly numbers: readonly number[];
}

interface Collected {
  readonly format: number;
  readonly items: Item[];
  bytes: number;
}

/**
 * Collects what goes to other nodes, and sends it with as few messages as it takes once the input that had arrived was
 * handled. Knows which requests were in a message that reached nobody.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  #collected = new Map<string, Collected>();
  #owned = new Map<number, number>();
  #look = false;
  #isDue = false;
  #messages = 0;
  /** The requests of messages by their numbers: the last ones, and those before. */
  #recent = new Map<number, SentRequests>();
  #older = new Map<number, SentRequests>();
  #forgets = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** @returns false when it certainly will not be sent, such as to a peer of a version that does not know what is asked. */
  request(to: string, request: LetterRequest): boolean {
    const { number, wanted } = request;
    // Beside it, such a peer would refuse all that the message says.
    if (wanted.kind === 'ask' && formatOf(wanted.message) > this.#formatOf(to)) return false;
    return this.#put(to, 'request', number, requestText(request));
  }

  /** @returns false when it certainly will not be sent. */
  answer(to: string, answer: LetterAnswer): boolean {
    const { number } = answer;
    const text = answerText(answer);
    if (this.#fits(to, text)) return this.#put(to, 'answer', number, text);
    return this.#put(to, 'answer', number, answerText({ number, refusal: TOO_LARGE, replayed: false }));
  }

  nudge(to: string, nudges: readonly Nudge[]): void {
    const collected = this.#of(to);
    if (collected === null) return;
    for (const nudge of nudges) {
      let from = 0;
      do {
        const awake = nudge.awake.slice(from, from + NUDGE_SHOWS_MAX);
        const text = nudgeText({ ...nudge, awake }, collected.format);
        this.#collect(collected, [{ kind: 'nudges', text, bytes: Buffer.byteLength(text), request: null }]);
        from += NUDGE_SHOWS_MAX;
      } while (collected.format > 1 && from < nudge.awake.length);
    }
  }

  /** @returns false when it certainly will not be sent, such as to a peer of a version that prepares nothing. */
  prepare(to: string, preparation: Preparation): boolean {
    return this.#putWhole(to, 'prepare', preparationText(preparation));
  }

  /** The peer's preparation with this number is done. */
  prepared(to: string, number: number): void {
    this.#putWhole(to, 'prepared', String(number));
  }

  /** Sends a message even if there is nothing to say, to hear whether nobody is there. */
  ping(to: string): void {
    this.#of(to);
  }

  /** Tells all others that this node owns these shards. Those who miss it read it in the table. */
  owned(shards: readonly { readonly shard: number; readonly epoch: number }[]): void {
    for (const { shard, epoch } of shards) this.#owned.set(shard, epoch);
    this.#sendSoon();
  }

  /** Tells all others that the tables have changed. */
  look(): void {
    this.#look = true;
    this.#sendSoon();
  }

  /** The transport says that this message reached nobody. */
  unreachable(to: string, message: number): void {
    const requests = this.#recent.get(message) ?? this.#older.get(message);
    if (requests?.to !== to) return;
    this.#recent.delete(message);
    this.#older.delete(message);
    this.#options.undelivered(requests.numbers);
  }

  #fits(to: string, text: string): boolean {
    if (this.#formatOf(to) > 1) return text.length <= ITEM_CHARS_MAX;
    return text.length <= ITEM_BYTES_MAX && Buffer.byteLength(text) <= ITEM_BYTES_MAX;
  }

  #formatOf(to: string): number {
    return this.#collected.get(to)?.format ?? Math.min(this.#options.formatOf(to), FORMAT.newest);
  }

  #put(to: string, item: 'request' | 'answer', number: number, text: string): boolean {
    if (!this.#fits(to, text)) return false;
    const collected = this.#of(to);
    if (collected === null) return false;
    const request = item === 'request' ? number : null;
    if (collected.format === 1 || text.length <= PART_CHARS) {
      const kind = item === 'request' ? 'requests' : 'answers';
      return this.#collect(collected, [{ kind, text, bytes: Buffer.byteLength(text), request }]);
    }
    const parts = partTexts(item, number, text);
    return this.#collect(
      collected,
      parts.map((part) => ({ kind: 'parts', text: part, bytes: Buffer.byteLength(part), request })),
    );
  }

  /** What is known since format 3, whole. */
  #putWhole(to: string, kind: Kind, text: string): boolean {
    if (this.#formatOf(to) < 3) return false;
    const collected = this.#of(to);
    return (
      collected !== null && this.#collect(collected, [{ kind, text, bytes: Buffer.byteLength(text), request: null }])
    );
  }

  /** What is being collected for a peer; null if it reads nothing that this node can write. */
  #of(to: string): Collected | null {
    let collected = this.#collected.get(to);
    if (collected === undefined) {
      const format = this.#formatOf(to);
      if (format < FORMAT.oldest) return null;
      collected = { format, items: [], bytes: 0 };
      this.#collected.set(to, collected);
    }
    this.#sendSoon();
    return collected;
  }

  /** All of the items or none. */
  #collect(collected: Collected, items: readonly Item[]): boolean {
    let bytes = collected.bytes;
    for (const item of items) bytes += item.bytes;
    if (collected.items.length + items.length > COLLECTED_ITEMS_MAX || bytes > COLLECTED_BYTES_MAX) return false;
    collected.items.push(...items);
    collected.bytes = bytes;
    return true;
  }

  #sendSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#options.timers.soon(() => this.#send());
  }

  #send(): void {
    const { from, line, undelivered } = this.#options;
    const [all, owned, look] = [this.#collected, this.#owned, this.#look];
    this.#collected = new Map();
    this.#owned = new Map();
    this.#look = false;
    this.#isDue = false;
    if (owned.size > 0 || look) {
      const shards = [...owned].map(([shard, epoch]) => ({ shard, epoch }));
      const texts = { ...NO_TEXTS, owned: shards, look };
      // In the form that every peer can read.
      line.broadcast(encodeTexts(from, FORMAT.oldest, texts));
    }
    const unsent: number[] = [];
    for (const [to, { format, items }] of all) this.#sendTo(to, format, items, unsent);
    if (unsent.length > 0) undelivered(unsent);
  }

  #sendTo(to: string, format: number, items: readonly Item[], unsent: number[]): void {
    let begin = 0;
    do {
      const end = messageEnd(items, begin);
      const message = items.slice(begin, end);
      const number = ++this.#messages;
      if (!this.#options.line.send(to, this.#encode(format, message), number)) {
        // What is left would fare no better, and part of an item is worth nothing.
        unsent.push(...requestsOf(items.slice(begin)));
        return;
      }
      this.#remember(to, number, requestsOf(message));
      begin = end;
    } while (begin < items.length);
  }

  #encode(format: number, message: readonly Item[]): Uint8Array {
    const texts: Record<Kind, string[]> = {
      requests: [],
      answers: [],
      nudges: [],
      parts: [],
      prepare: [],
      prepared: [],
    };
    for (const { kind, text } of message) texts[kind].push(text);
    return encodeTexts(this.#options.from, format, { ...texts, owned: [], look: false });
  }

  #remember(to: string, message: number, numbers: readonly number[]): void {
    if (numbers.length === 0) return;
    if (this.#recent.size >= REMEMBERED_MAX) this.#forget();
    this.#recent.set(message, { to, numbers });
    if (this.#forgets) return;
    this.#forgets = true;
    this.#options.timers.after(REMEMBERED_MS, () => this.#forgetInTime());
  }

  #forgetInTime(): void {
    this.#forget();
    this.#forgets = this.#older.size > 0;
    if (this.#forgets) this.#options.timers.after(REMEMBERED_MS, () => this.#forgetInTime());
  }

  #forget(): void {
    this.#older = this.#recent;
    this.#recent = new Map();
  }
}

/** Where the message ends that begins with item `begin`; each item alone fits into one. */
function messageEnd(items: readonly Item[], begin: number): number {
  let bytes = 0;
  let end = begin;
  while (end < items.length && end - begin < MESSAGE_ITEMS_MAX) {
    // And the comma.
    bytes += items[end].bytes + 1;
    if (bytes > ITEM_BYTES_MAX && end > begin) break;
    end++;
  }
  return end;
}

function requestsOf(items: readonly Item[]): number[] {
  const numbers: number[] = [];
  for (const { request } of items) {
    // The parts of a request stand one after the other.
    if (request !== null && numbers.at(-1) !== request) numbers.push(request);
  }
  return numbers;
}
