import type { Answer } from '../../src/actors/shows.ts';
import type { Command, Question } from '../../src/allocator/commands.ts';
import { parseScopedId } from '../../src/ids.ts';
import type { HoldOperation, OrderOperation, Outcome } from '../judge/history.ts';
import { Dice } from '../support/dice.ts';
import { onceOf } from '../support/small-show.ts';
import type { Record } from './record.ts';
import { type Heard, LOST } from './simulated-node.ts';
import type { SimulatedShow, World } from './world.ts';

/** First answers that a buyer remembers, the newest ones. */
const REMEMBERED_MAX = 64;
/** How many lines back it is looked for something of another's to pry into. */
const PRIED_BACK = 400;

/** Refusals that decided nothing. */
export const UNSETTLED: ReadonlySet<string> = new Set(['OVERLOADED', 'UNAVAILABLE', 'OUTCOME_UNKNOWN']);

type Ask = <T>(show: SimulatedShow, message: Command | Question) => Promise<Heard<Answer<T>>>;
type Keyed = Extract<Command, { readonly once: unknown }>;

interface Remembered {
  readonly show: SimulatedShow;
  readonly message: Keyed;
  readonly first: Answer;
}

/**
 * What a buyer does besides buying, and what must come of it: it repeats what was answered long ago (I4: the same answer),
 * uses a key for something else (I4: refused), and tries things of others (I14: there is no such thing).
 */
export class Whims {
  readonly #world: World;
  readonly #record: Record;
  readonly #user: string;
  readonly #ask: Ask;
  readonly #dice: Dice;
  readonly #number: number;
  #keys = 0;
  #remembered: Remembered[] = [];

  constructor(world: World, record: Record, user: string, number: number, ask: Ask) {
    this.#world = world;
    this.#record = record;
    this.#user = user;
    this.#number = number;
    this.#ask = ask;
    this.#dice = new Dice(Math.imul(world.options.seed, 0x51ed270b) ^ Math.imul(number + 1, 0x2545f491));
  }

  /** Whether it does what it does with this chance. */
  chance(probability: number): boolean {
    return probability > 0 && this.#dice.chance(probability);
  }

  roll(): number {
    return this.#dice.roll();
  }

  one<T>(list: readonly T[]): T {
    return this.#dice.one(list);
  }

  /** A definite answer was heard. */
  remember(show: SimulatedShow, message: Command | Question, first: Answer): void {
    if (!('once' in message)) return;
    if (this.#remembered.length === REMEMBERED_MAX) this.#remembered.shift();
    this.#remembered.push({ show, message, first });
  }

  /** After a visit. */
  async follow(): Promise<void> {
    const { repeatsLate, reusesKeys, pries } = this.#world.options.whims;
    if (this.#remembered.length > 0 && this.chance(repeatsLate))
      await this.expectTheSame(this.#dice.one(this.#remembered));
    if (this.#remembered.length > 0 && this.chance(reusesKeys)) await this.#reuse(this.#dice.one(this.#remembered));
    if (this.chance(pries)) await this.#pry();
  }

  /** I4: whoever repeats it hears the first answer. */
  async expectTheSame({ show, message, first }: Remembered): Promise<void> {
    const heard = await this.#ask(show, message);
    if (!isDefinite(heard)) return;
    if (JSON.stringify(contentOf(heard)) !== JSON.stringify(contentOf(first))) {
      this.#world.violated(
        'I4',
        `${message.type} of ${this.#user} was answered ${JSON.stringify(first)}, then ${JSON.stringify(heard)}`,
      );
    }
  }

  /** I4: a key that comes with another request is refused. */
  async #reuse({ show, message }: Remembered): Promise<void> {
    const { id, fingerprint } = message.once;
    const heard = await this.#ask(show, { ...message, once: { id, fingerprint: (fingerprint + 1) >>> 0 } });
    if (!isDefinite(heard) || (!heard.ok && heard.refusal.code === 'IDEMPOTENCY_KEY_REUSED')) return;
    this.#world.violated(
      'I4',
      `a key of ${this.#user} with another ${message.type} was answered ${JSON.stringify(heard)}`,
    );
  }

  // --- what is another's ---------------------------------------------------------------------------------------------

  async #pry(): Promise<void> {
    const { lines } = this.#record;
    const oldest = Math.max(0, lines.length - PRIED_BACK);
    if (lines.length === 0) return;
    const line = lines[this.#dice.between(oldest, lines.length - 1)];
    if (!('op' in line) || line.client === this.#user || line.outcome !== 'ok') return;
    const show = this.#world.shows.find(({ id }) => id === line.show);
    if (show === undefined) return;
    if (line.op === 'hold') await this.#tryHold(show, line);
    else if (line.op === 'order') await this.#tryOrder(show, line);
  }

  async #tryHold(show: SimulatedShow, { hold = '', client }: HoldOperation): Promise<void> {
    const { number, at } = numberOf('hld', hold);
    const buyer = this.#user;
    const command = this.#dice.one<Command | Question>([
      { type: 'get-hold', buyer, hold: number, at },
      { type: 'extend', buyer, hold: number, at },
      { type: 'release', buyer, hold: number, at },
      { type: 'order', once: this.#once(), buyer, hold: number, at },
    ]);
    const { heard, ...intention } = await this.#try(show, command);
    const line = { show: show.id, client: buyer, hold, ...intention } as const;
    if (command.type === 'extend' || command.type === 'release') this.#record.write({ op: command.type, ...line });
    if (command.type === 'order') this.#record.write({ op: 'order', key: command.once.id, ...line });
    this.#expectNothing(heard, `${command.type} of hold ${hold} of ${client}`);
  }

  async #tryOrder(show: SimulatedShow, { order = '', tickets = [], client }: OrderOperation): Promise<void> {
    const { number, at } = numberOf('ord', order);
    const viewer = { user: this.#user, all: false };
    const command = this.#dice.one<Command | Question>([
      { type: 'get-order', viewer, order: number, at },
      { type: 'get-ticket', viewer, ticket: numberOf('tkt', tickets[0]?.id ?? '').number, at },
      { type: 'cancel', buyer: this.#user, order: number, at },
    ]);
    const { heard, ...intention } = await this.#try(show, command);
    const line = { show: show.id, client: this.#user, order, ...intention } as const;
    if (command.type === 'cancel') this.#record.write({ op: 'cancel', ...line });
    this.#expectNothing(heard, `${command.type} of order ${order} of ${client}`);
  }

  async #try(
    show: SimulatedShow,
    message: Command | Question,
  ): Promise<{ heard: Heard<Answer>; from: number; to?: number; outcome: Outcome; code?: string }> {
    const from = this.#record.stamp();
    const heard = await this.#ask(show, message);
    if (!isDefinite(heard)) return { heard, from, outcome: 'unknown' };
    const to = this.#record.stamp();
    return heard.ok
      ? { heard, from, to, outcome: 'ok' }
      : { heard, from, to, outcome: 'refused', code: heard.refusal.code };
  }

  #expectNothing(heard: Heard<Answer>, what: string): void {
    if (!isDefinite(heard) || (!heard.ok && heard.refusal.code === 'NOT_FOUND')) return;
    this.#world.violated('I14', `${what} by ${this.#user} was answered ${JSON.stringify(heard)}`);
  }

  #once(): ReturnType<typeof onceOf> {
    return onceOf(1_000_000 + this.#number * 1_000 + this.#keys++);
  }
}

function isDefinite<T>(heard: Heard<Answer<T>>): heard is Answer<T> {
  return heard !== LOST && (heard.ok || !UNSETTLED.has(heard.refusal.code));
}

/** An answer without what is of the moment it is given. */
function contentOf(answer: Answer): unknown {
  if (!answer.ok) return { code: answer.refusal.code, detail: answer.refusal.detail, extra: answer.refusal.extra };
  return answer.value;
}

function numberOf(prefix: 'hld' | 'ord' | 'tkt', id: string): { readonly number: number; readonly at: number } {
  const parsed = parseScopedId(prefix, id);
  if (parsed === null) throw new Error(`${id} is no ${prefix}`);
  return parsed;
}
