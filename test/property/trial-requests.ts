import { hash } from 'node:crypto';
import type { Command, CommandId, Once, Question } from '../../src/allocator/commands.ts';
import type { KeyedCommand, ModelHold, ReferenceShow } from './reference-show.ts';
import { type Ask, NOT_MADE_YET } from './schedules.ts';

/** The trial's buyers. */
export const USERS = ['a', 'b', 'c', 'd', 'e', 'f'].map((name, i) => `usr_01k9zxh3m4q8r2v6w7y0t5b1${name}${i}`);

/** The one number of a seat that no hall has. */
const UNKNOWN_SEAT = 28;
const ids: CommandId[] = [];

/** The `n`-th command id: 128 bits that look random. */
export function commandId(n: number): CommandId {
  while (ids.length <= n)
    ids.push(Buffer.from(hash('sha256', `key ${ids.length}`, 'buffer').subarray(0, 16)).toString('base64url'));
  return ids[n];
}

/** Turns what a schedule asks into requests about what there is. */
export class TrialRequests {
  readonly #model: ReferenceShow;
  readonly #keyed: KeyedCommand[] = [];
  #keys = 0;

  constructor(model: ReferenceShow) {
    this.#model = model;
  }

  /** A command id that was not used before. */
  nextOnce(): Once {
    const n = this.#keys++;
    return { id: commandId(n), fingerprint: (n * 0x9e3779b1) >>> 0 };
  }

  /** The request, at time `now`, or null when there is nothing to ask again. `firstBuyer` makes the hold that is not made yet. */
  resolve(ask: Ask, now: number, firstBuyer: string): Command | Question | null {
    switch (ask.ask) {
      case 'pick': {
        const { hall } = this.#model;
        const seats = ask.seats.map((n) => (n === UNKNOWN_SEAT ? 'nowhere' : hall.seatIds[n % hall.seatCount]));
        return this.#keep({
          type: 'hold',
          once: this.nextOnce(),
          buyer: USERS[ask.buyer],
          seats,
          areas: this.#areas(ask.areas),
        });
      }
      case 'best': {
        const { quantity, category, maxPrice, accessible } = ask;
        const best = {
          quantity,
          ...(category === null ? {} : { category: this.#model.hall.categories[category] }),
          ...(maxPrice === null ? {} : { maxPrice }),
          ...(accessible ? { accessible } : {}),
        };
        return this.#keep({
          type: 'hold',
          once: this.nextOnce(),
          buyer: USERS[ask.buyer],
          best,
          areas: this.#areas(ask.areas),
        });
      }
      case 'order':
        return this.#keep({ type: 'order', once: this.nextOnce(), ...this.#holdAsked(ask, now, firstBuyer) });
      case 'extend':
      case 'release':
      case 'get-hold':
        return { type: ask.ask, ...this.#holdAsked(ask, now, firstBuyer) };
      case 'cancel': {
        const { number, at, buyer } = this.#orderAsked(ask.back, now);
        return {
          type: 'cancel',
          order: number,
          at: at + (ask.wrongTime ? 1 : 0),
          buyer: ask.stranger ? another(buyer) : buyer,
        };
      }
      case 'get-order': {
        const { number, at, buyer } = this.#orderAsked(ask.back, now);
        const viewer = { user: ask.stranger ? another(buyer) : buyer, all: false };
        return { type: 'get-order', order: number, at: at + (ask.wrongTime ? 1 : 0), viewer };
      }
      case 'get-ticket': {
        const { ticket, at, buyer } = this.#orderAsked(ask.back, now);
        const viewer = { user: buyer, all: ask.stranger };
        return { type: 'get-ticket', ticket, at: at + (ask.wrongTime ? 1 : 0), viewer };
      }
      case 'commit': {
        const { number, total } = this.#orderAsked(ask.back, now);
        const currency = ask.money === 'currency' ? 'USD' : this.#model.terms.currency;
        return { type: 'commit', order: number, amount: ask.money === 'less' ? total - 1 : total, currency };
      }
      case 'reject':
      case 'void':
        return { type: ask.ask, order: this.#orderAsked(ask.back, now).number, reason: `reason ${ask.back}` };
      case 'captured':
      case 'settled':
      case 'get-payment':
        return { type: ask.ask, order: this.#orderAsked(ask.back, now).number };
      case 'list-orders':
        return { type: 'list-orders', buyer: USERS[ask.buyer] };
      case 'list-tickets':
        return { type: 'list-tickets', viewer: { user: USERS[ask.buyer], all: ask.all }, offset: ask.buyer, limit: 5 };
      case 'get-summary':
        return { type: 'get-summary' };
      case 'again': {
        const before = fromNewest(this.#keyed, ask.back);
        if (before === undefined) return null;
        return ask.changed
          ? { ...before, once: { id: before.once.id, fingerprint: (before.once.fingerprint ^ 1) >>> 0 } }
          : before;
      }
    }
  }

  #keep(command: KeyedCommand): KeyedCommand {
    this.#keyed.push(command);
    return command;
  }

  #areas(asked: readonly { readonly area: number; readonly quantity: number }[]): { id: string; quantity: number }[] {
    const { areas } = this.#model.hall;
    return asked.map(({ area, quantity }) => ({ id: areas[area]?.id ?? 'nowhere', quantity }));
  }

  #holdAsked(
    ask: { back: number; stranger: boolean; wrongTime: boolean },
    now: number,
    firstBuyer: string,
  ): { hold: number; at: number; buyer: string } {
    const { holds } = this.#model;
    const found: ModelHold | undefined = fromNewest(holds, ask.back);
    const { number, at, buyer } = found ?? { number: holds.length + 1, at: now, buyer: firstBuyer };
    return { hold: number, at: at + (ask.wrongTime ? 1 : 0), buyer: ask.stranger ? another(buyer) : buyer };
  }

  #orderAsked(back: number, now: number): { number: number; at: number; buyer: string; total: number; ticket: number } {
    const { orders, tickets } = this.#model;
    const order = fromNewest(orders, back);
    if (order === undefined)
      return { number: orders.length + 1, at: now, buyer: USERS[0], total: 1, ticket: tickets + 1 };
    return {
      number: order.number,
      at: order.at,
      buyer: order.hold.buyer,
      total: order.total,
      ticket: order.firstTicket,
    };
  }
}

function fromNewest<T>(list: readonly T[], back: number): T | undefined {
  return back === NOT_MADE_YET ? undefined : list.at(-1 - (back % Math.max(1, list.length)));
}

function another(user: string): string {
  return USERS[(USERS.indexOf(user) + 1) % USERS.length];
}
