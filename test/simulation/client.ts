import type { Answer } from '../../src/actors/shows.ts';
import type { Command, Question } from '../../src/allocator/commands.ts';
import type { Outcome } from '../judge/history.ts';
import type { Dice } from '../support/dice.ts';
import type { Record } from './record.ts';
import { type Heard, LOST, type SimulatedNode } from './simulated-node.ts';
import { UNSETTLED } from './whims.ts';
import type { SimulatedShow, World } from './world.ts';

/** How often one request is sent again for want of a definite answer, while faults last. */
export const SENDINGS_MAX = 8;
/** Pause before it is, ms: doubled each time. */
const AGAIN_MS = 100;
const AGAIN_MOST_MS = 3_000;

/** When something was asked and answered, as a history has it. */
export type Intention = { from: number; to?: number; outcome: Outcome; code?: string };

/** A definite answer, or none that could be had. */
export interface Told<T> {
  readonly intention: Intention;
  readonly value: T | null;
  readonly extra?: { readonly [name: string]: unknown };
}

/** Asks until there is a definite answer; `onLost` hears of each sending without one. */
export type Insist = <T>(
  show: SimulatedShow,
  message: Command | Question,
  onLost?: (intention: Intention) => void,
) => Promise<Told<T>>;

type OnDefinite = (show: SimulatedShow, message: Command | Question, heard: Answer) => Promise<void>;

/** How one buyer asks: whichever node answers, again with the same key while nothing definite is heard, and never for ever. */
export class Client {
  readonly #world: World;
  readonly #record: Record;
  readonly #dice: Dice;
  readonly #onDefinite: OnDefinite;

  /** @param onDefinite hears of each definite answer before whoever has asked. */
  constructor(world: World, record: Record, dice: Dice, onDefinite: OnDefinite) {
    this.#world = world;
    this.#record = record;
    this.#dice = dice;
    this.#onDefinite = onDefinite;
  }

  /**
   * Sends the same until there is a definite answer, as often as its patience allows.
   * @param onLost hears of each sending without one, for what has no key: each may have taken effect by itself.
   */
  readonly insist: Insist = async <T>(
    show: SimulatedShow,
    message: Command | Question,
    onLost?: (intention: Intention) => void,
  ): Promise<Told<T>> => {
    let intention: Intention = { from: this.#record.stamp(), outcome: 'unknown' };
    for (let sending = 0; sending < SENDINGS_MAX; sending++) {
      if (sending > 0 && onLost !== undefined) {
        onLost(intention);
        intention = { from: this.#record.stamp(), outcome: 'unknown' };
      }
      const heard = await this.ask<T>(show, message);
      if (heard !== LOST && (heard.ok || !UNSETTLED.has(heard.refusal.code))) {
        intention.to = this.#record.stamp();
        await this.#onDefinite(show, message, heard);
        if (heard.ok) {
          intention.outcome = 'ok';
          return { intention, value: heard.value };
        }
        intention.outcome = 'refused';
        intention.code = heard.refusal.code;
        return { intention, value: null, ...(heard.refusal.extra === undefined ? {} : { extra: heard.refusal.extra }) };
      }
      await this.pause(pauseBefore(sending));
    }
    return { intention, value: null };
  };

  /** Sends it once. */
  async ask<T>(show: SimulatedShow, message: Command | Question): Promise<Heard<Answer<T>>> {
    this.#record.commands++;
    return this.within(this.node()?.ask<T>(show.id, message));
  }

  /** One that answers; null while none does. */
  node(): SimulatedNode | null {
    return this.#world.someNode(this.#dice.between(0, 999));
  }

  /** Nobody waits for ever. */
  within<T>(answer: Promise<Heard<T>> | undefined): Promise<Heard<T>> {
    if (answer === undefined) return Promise.resolve(LOST);
    return new Promise((resolve, reject) => {
      this.#record.giveUpLater(() => resolve(LOST));
      answer.then(resolve, reject);
    });
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#world.time.after(ms, resolve));
  }
}

/** Before a request is sent again that was sent so often before. */
export function pauseBefore(sending: number): number {
  return Math.min(AGAIN_MOST_MS, AGAIN_MS * 2 ** sending);
}
