import { hash } from 'node:crypto';
import type {
  Command,
  CommandId,
  Once,
  Question,
  StockAddition,
  StockCommand,
  StockPlaces,
} from '../../src/allocator/commands.ts';
import { VARIANTS } from './plan-variants.ts';
import {
  allTickets,
  type KeyedCommand,
  type ModelHold,
  type ModelOrder,
  type ModelRefund,
  type ModelTicket,
  type ReferenceState,
} from './reference-state.ts';
import { type Ask, FOREIGN, NOT_MADE_YET, type StockList } from './schedules.ts';

/** The trial's buyers. */
export const USERS = ['a', 'b', 'c', 'd', 'e', 'f'].map((name, i) => `usr_01k9zxh3m4q8r2v6w7y0t5b1${name}${i}`);

/** In an order that is not that of their numbers. */
const GATES = ['north', 'east', 'west'];
/** The one number of a seat that no hall has. */
const UNKNOWN_SEAT = 28;
/** Of a category that has none. */
const FIRST_PRICE = 1_500;
const ids: CommandId[] = [];

/** The `n`-th command id: 128 bits that look random. */
export function commandId(n: number): CommandId {
  while (ids.length <= n)
    ids.push(Buffer.from(hash('sha256', `key ${ids.length}`, 'buffer').subarray(0, 16)).toString('base64url'));
  return ids[n];
}

/** Turns what a schedule asks into requests about what there is. */
export class TrialRequests {
  readonly #model: ReferenceState;
  readonly #keyed: KeyedCommand[] = [];
  #keys = 0;

  constructor(model: ReferenceState) {
    this.#model = model;
  }

  /** A command id that was not used before. */
  nextOnce(): Once {
    const n = this.#keys++;
    return { id: commandId(n), fingerprint: (n * 0x9e3779b1) >>> 0 };
  }

  /** The requests, at time `now`; none when there is nothing to ask again. `firstBuyer` makes the hold that is not made yet. */
  resolve(ask: Ask, now: number, firstBuyer: string): readonly (Command | Question)[] {
    if (ask.ask === 'buy') return this.#buy(ask, now);
    if (ask.ask === 'transfer') return this.#transfer(ask, now);
    if (ask.ask === 'late-scan') return this.#lateScan(ask);
    const message = this.#resolveOne(ask, now, firstBuyer);
    return message === null ? [] : [message];
  }

  /** A sale, if nobody else makes a hold or an order in this turn before. */
  #buy(
    { buyer: n, quantity, isStanding, isPaid, isResale }: Extract<Ask, { ask: 'buy' }>,
    now: number,
  ): readonly Command[] {
    const { holds, orders, terms, hall, areas, prices } = this.#model;
    const found = isResale ? this.#resale() : null;
    const asked = n === null ? (orders.at(-1)?.hold.buyer ?? USERS[0]) : USERS[n];
    const buyer = found === null ? asked : this.#idleBut(found.seller, n ?? 0);
    const order = orders.length + 1;
    const area = isStanding ? areas[0] : undefined;
    const category = area?.category ?? hall.categories[0];
    const chosen = area === undefined ? { best: { quantity, category } } : { areas: [{ id: area.id, quantity }] };
    const wanted = found === null ? chosen : { seats: [found.seat] };
    const amount = found?.price ?? quantity * (prices.get(category) ?? 0);
    const ordered: readonly Command[] = [
      ...(found?.listing ?? []),
      this.#keep({ type: 'hold', once: this.nextOnce(), buyer, ...wanted }),
      this.#keep({ type: 'order', once: this.nextOnce(), buyer, hold: holds.length + 1, at: now }),
    ];
    if (!isPaid) return ordered;
    return [...ordered, { type: 'commit', order, amount, currency: terms.currency }, { type: 'captured', order }];
  }

  #lateScan({ back, gate }: Extract<Ask, { ask: 'late-scan' }>): readonly Command[] {
    const tickets = this.#tickets('valid', true).filter(({ seat }) => seat >= 0);
    const moved = tickets.filter(({ invalidSince = 0, state }) => invalidSince > 0 && state !== 'valid');
    const old = fromNewest(moved, back);
    if (old === undefined) return [];
    const { at } = this.#model.orders[old.order - 1];
    const scan = { ticket: old.number, at, scannedAt: Math.max(at, (old.invalidSince ?? 0) - 1) };
    const upload: Command = { type: 'merge-scans', gate: GATES[gate], scans: [scan] };
    const next = tickets.find(({ seat, state }) => seat === old.seat && state === 'valid');
    if (next === undefined) return [upload];
    const { at: orderedAt } = this.#model.orders[next.order - 1];
    return [upload, this.#keep({ type: 'admit', once: this.nextOnce(), ticket: next.number, at: orderedAt })];
  }

  /** A seat that is for resale; if there is none, the newest one that can be, and what lists it. */
  #resale(): {
    readonly seat: string;
    seller: string;
    readonly price: number;
    readonly listing: readonly Command[];
  } | null {
    const { seats, orders } = this.#model;
    const listed = seats.find((seat) => seat.state === 'listed');
    if (listed !== undefined) {
      const seller = listed.listing?.ticket?.holder ?? USERS[0];
      return { seat: listed.id, seller, price: listed.listing?.price ?? 0, listing: [] };
    }
    const ticket = this.#tickets('valid', false).findLast(({ seat }) => seat >= 0);
    if (ticket === undefined) return null;
    const { number, order, holder: buyer, seat } = ticket;
    const price = Math.ceil(ticket.price / 2);
    const listing: KeyedCommand = {
      ...{ type: 'resell', once: this.nextOnce(), buyer },
      ...{ ticket: number, at: orders[order - 1].at, price },
    };
    return { seat: seats[seat].id, seller: buyer, price, listing: [this.#keep(listing)] };
  }

  /** Somebody else who has no hold, from the `n`-th user on. */
  #idleBut(seller: string, n: number): string {
    const busy = new Set([seller, ...this.#model.live.map(({ buyer }) => buyer)]);
    return [...USERS.slice(n), ...USERS].find((user) => !busy.has(user)) ?? USERS[n];
  }

  #transfer(ask: Extract<Ask, { to: number }>, now: number): readonly Command[] {
    const named = this.#ticketAsked(ask, now, 'valid');
    const buyer = USERS[ask.to];
    const address = addressOf(buyer);
    const transfer = this.#keep({ type: 'transfer', once: this.nextOnce(), ...named, address });
    const ticket = this.#model.tickets + 1;
    return ask.isAccepted ? [transfer, { type: 'accept-transfer', buyer, address, ticket, at: named.at }] : [transfer];
  }

  #resolveOne(
    ask: Exclude<Ask, { ask: 'buy' } | { ask: 'transfer' } | { ask: 'late-scan' }>,
    now: number,
    firstBuyer: string,
  ): Command | Question | null {
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
        return this.#keep({
          type: 'order',
          once: this.nextOnce(),
          ...this.#holdAsked(ask, now, firstBuyer),
          ...(ask.comp ? { comp: true } : {}),
        });
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
        const amount = ask.money === 'less' ? total - 1 : total;
        return { type: 'commit', order: number, amount, currency, ...(ask.tooLate ? { late: true } : {}) };
      }
      case 'reject':
      case 'void':
        return { type: ask.ask, order: this.#orderAsked(ask.back, now).number, reason: `reason ${ask.back}` };
      case 'settled': {
        const { number } = this.#orderAsked(ask.back, now);
        return ask.told
          ? { type: 'settled', order: number, reason: `told ${ask.back}` }
          : { type: 'settled', order: number };
      }
      case 'refund':
        return this.#keep(this.#refund(ask, now));
      case 'refunded':
        return { type: 'refunded', refund: this.#refundAsked(ask.back) };
      case 'refund-failed':
        return { type: 'refund-failed', refund: this.#refundAsked(ask.back), reason: `failed ${ask.back}` };
      case 'refund-returned': {
        const refund = ask.back === 1 ? undefined : this.#model.refunds[this.#refundAsked(ask.back) - 1];
        return { type: 'refund-returned', order: refund?.order.number ?? this.#orderAsked(ask.back, now).number };
      }
      case 'proceed':
        return this.#proceed(ask.back);
      case 'dispute': {
        const { number } = this.#orderAsked(ask.back, now, ask.any ? undefined : this.#paid);
        return { type: 'dispute', order: number, dispute: `dp_${ask.dispute}`, status: ask.status };
      }
      case 'stock':
        return this.#keep(this.#stock(ask));
      case 'replace-plan':
        return this.#keep({
          type: 'replace-plan',
          once: this.nextOnce(),
          planId: VARIANTS[ask.variant],
          ...(ask.prices.length === 0 ? {} : { prices: Object.fromEntries(ask.prices) }),
        });
      case 'get-inventory': {
        const seats = { are: ask.are, offset: ask.offset, limit: 3 };
        return { type: 'get-inventory', ...(ask.seats ? { seats } : {}) };
      }
      case 'reschedule':
        return {
          type: 'reschedule',
          ...(ask.onSale === null ? {} : { onSaleAt: now + ask.onSale }),
          ...(ask.offSale === null ? {} : { offSaleAt: now + ask.offSale }),
          ...(ask.publish === null ? {} : { publishAt: ask.publish === 'now' ? ask.publish : now + ask.publish }),
        };
      case 'cancel-show':
        return { type: 'cancel-show', reason: `reason ${ask.reason}` };
      case 'get-cancellation':
        return { type: 'get-cancellation' };
      case 'captured':
      case 'pending':
      case 'get-payment':
        return { type: ask.ask, order: this.#orderAsked(ask.back, now).number };
      case 'list-orders':
        return { type: 'list-orders', buyer: USERS[ask.buyer] };
      case 'list-tickets':
        return { type: 'list-tickets', viewer: { user: USERS[ask.buyer], all: ask.all }, offset: ask.buyer, limit: 5 };
      case 'admit': {
        const { ticket, at } = this.#ticketAtDoor(ask.back, now);
        return this.#keep({
          type: 'admit',
          once: this.nextOnce(),
          ticket,
          at: at + (ask.wrongTime ? 1 : 0),
          ...(ask.gate === null ? {} : { gate: GATES[ask.gate] }),
          ...(ask.scanned === null ? {} : { scannedAt: at + ask.scanned * 1_000 }),
        });
      }
      case 'undo-admission': {
        const { ticket, at } = this.#ticketAtDoor(ask.back, now);
        const undo = { type: ask.ask, ticket, at: at + (ask.wrongTime ? 1 : 0) };
        const [admission] = this.#model.doors.counting(ticket);
        return ask.isNamed ? { ...undo, admittedAt: admission?.at ?? now } : undo;
      }
      case 'merge-scans': {
        const scans = ask.scans.map(({ back, scanned, wrongTime }) => {
          const { ticket, at } = this.#ticketAtDoor(back, now);
          return { ticket, at: at + (wrongTime ? 1 : 0), scannedAt: at + scanned * 1_000 };
        });
        return { type: ask.ask, gate: GATES[ask.gate], scans };
      }
      case 'list-admissions':
        return { type: ask.ask, only: ask.only, offset: 0, limit: 5 };
      case 'get-voided':
        return { type: ask.ask };
      case 'get-summary':
        return { type: 'get-summary' };
      case 'resell': {
        const named = this.#ticketAsked(ask, now, 'valid');
        const paid = this.#tickets('valid', true).find(({ number }) => number === named.ticket)?.price ?? 1;
        const price = { paid, less: Math.floor(paid / 2), nothing: 0, more: paid + 1 }[ask.price];
        return this.#keep({ type: 'resell', once: this.nextOnce(), ...named, price });
      }
      case 'withdraw-listing': {
        const named = this.#ticketAsked(ask, now, 'listed');
        return { type: 'withdraw-listing', ...named };
      }
      case 'withdraw-transfer': {
        const named = this.#ticketAsked(ask, now, ask.price === 'paid' ? 'transferred' : 'offered');
        return { type: 'withdraw-transfer', ...named };
      }
      case 'accept-transfer':
      case 'decline-transfer': {
        const found = fromNewest(this.#tickets('offered', ask.any), ask.back);
        const { ticket, at } = this.#ticketAsked({ ...ask, wrongTime: false }, now, 'offered');
        const receiver = USERS.find((user) => addressOf(user) === found?.offeredTo) ?? USERS[0];
        const address = addressOf(ask.stranger ? another(receiver) : receiver);
        return ask.ask === 'accept-transfer'
          ? { type: 'accept-transfer', buyer: receiver, address, ticket, at }
          : { type: 'decline-transfer', address, ticket, at };
      }
      case 'list-offers':
        return { type: 'list-offers', address: addressOf(USERS[ask.buyer]), offset: 0, limit: 3 };
      case 'list-listings':
        return { type: 'list-listings', offset: 0, limit: 3 };
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

  #refund(ask: Extract<Ask, { ask: 'refund' }>, now: number): Extract<Command, { type: 'refund' }> {
    const orders = ask.any ? this.#model.orders : this.#paid;
    const order: ModelOrder | undefined = fromNewest(orders, ask.back);
    const { number, at, ticket } = this.#orderAsked(ask.back, now, orders);
    const tickets = ask.tickets?.map((n) => (n === FOREIGN ? ticket - 1 : ticket + (n % (order?.tickets.length ?? 1))));
    return {
      type: 'refund',
      once: this.nextOnce(),
      order: number,
      at: at + (ask.wrongTime ? 1 : 0),
      reason: `refund ${ask.back}`,
      ...(tickets === undefined ? {} : { tickets }),
    };
  }

  /** The tickets in this state, or all; oldest first. */
  #tickets(state: ModelTicket['state'], any: boolean): readonly ModelTicket[] {
    const tickets = this.#model.orders.flatMap(allTickets).filter((ticket) => any || ticket.state === state);
    return tickets.sort((a, b) => a.number - b.number);
  }

  #ticketAsked(
    ask: { readonly back: number; readonly any: boolean; readonly stranger: boolean; readonly wrongTime: boolean },
    now: number,
    state: ModelTicket['state'],
  ): { ticket: number; at: number; buyer: string } {
    const found = fromNewest(this.#tickets(state, ask.any), ask.back);
    if (found === undefined) return { ticket: this.#model.tickets + 1, at: now, buyer: USERS[0] };
    const { at } = this.#model.orders[found.order - 1];
    const buyer = ask.stranger ? another(found.holder) : found.holder;
    return { ticket: found.number, at: at + (ask.wrongTime ? 1 : 0), buyer };
  }

  #stock({ list, other, seats, areas, reprice, isFitting, isWrong }: Extract<Ask, { ask: 'stock' }>): StockCommand {
    const { hall, prices } = this.#model;
    const ids = seats.map((n) => (n === UNKNOWN_SEAT ? 'nowhere' : this.#stockSeat(n, list, isFitting)));
    const places: StockPlaces[] = [...(isFitting ? new Set(ids) : ids)];
    for (const { area, quantity } of areas) places.push({ area: hall.areas[area]?.id ?? 'nowhere', count: quantity });
    const [first] = other === null ? [] : places.splice(0, 1);
    const named = new Map<StockList, StockPlaces[]>([[list, places]]);
    if (first !== undefined && other !== null) named.set(other, [...(named.get(other) ?? []), first]);
    const repriced = reprice.map(([n, price]): [string, number] => [hall.categories[n] ?? 'Nowhere', price]);
    const after = new Map([...prices, ...repriced]);
    const added = named.get('add')?.map((one): StockAddition => {
      const isSeat = typeof one === 'string';
      const place = isSeat
        ? this.#model.seats.find(({ id }) => id === one)
        : this.#model.areas.find(({ id }) => id === one.area);
      const category = place?.category ?? hall.categories[0];
      const price = (after.get(category) ?? FIRST_PRICE) + (isWrong === 'price' ? 1 : 0);
      const priced = { category: isWrong === 'category' ? 'Nowhere' : category, price };
      return isSeat ? { seat: one, ...priced } : { ...one, ...priced };
    });
    named.delete('add');
    return {
      type: 'stock',
      once: this.nextOnce(),
      ...(added === undefined ? {} : { add: added }),
      ...Object.fromEntries(named),
      ...(repriced.length === 0 ? {} : { reprice: Object.fromEntries(repriced) }),
    };
  }

  /** The `n`-th seat, or of those that the list is meant for. */
  #stockSeat(n: number, list: StockList, isFitting: boolean): string {
    const { seats } = this.#model;
    const fitting = seats.filter(({ state, kept }) => {
      if (list === 'add') return state === 'blocked' && !kept;
      return list === 'unblock' ? state === 'blocked' && kept : state === 'free';
    });
    const among = isFitting && fitting.length > 0 ? fitting : seats;
    return among[n % among.length].id;
  }

  get #paid(): readonly ModelOrder[] {
    return this.#model.orders.filter((order) => order.state === 'paid');
  }

  #proceed(back: number): Command | null {
    const open = this.#model.orders.filter((order) => !order.settled || order.refunds.some(isDue));
    const order = fromNewest(open, back);
    if (order === undefined) return null;
    const { number, total } = order;
    const { currency } = this.#model.terms;
    switch (order.state) {
      case 'awaiting':
      case 'pending':
        return { type: 'commit', order: number, amount: total, currency };
      case 'expired':
        return { type: 'commit', order: number, amount: total, currency, late: true };
      case 'committed':
        return { type: 'captured', order: number };
      case 'paid':
        return { type: 'refunded', refund: order.refunds.find(isDue)?.number ?? 0 };
      case 'declined':
        return { type: 'settled', order: number, reason: 'given back' };
      default:
        return { type: 'settled', order: number };
    }
  }

  #refundAsked(back: number): number {
    const { refunds } = this.#model;
    return fromNewest(refunds, back)?.number ?? refunds.length + 1;
  }

  /** A ticket, most often of an order that is paid. */
  #ticketAtDoor(back: number, now: number): { ticket: number; at: number } {
    const orders = this.#paid.length > 0 ? this.#paid : this.#model.orders;
    const tickets = orders.flatMap((order) =>
      allTickets(order).map(({ number }) => ({ ticket: number, at: order.at })),
    );
    return fromNewest(tickets, back) ?? { ticket: this.#model.tickets + 1, at: now };
  }

  /** One of `among`, all orders if absent. */
  #orderAsked(
    back: number,
    now: number,
    among?: readonly ModelOrder[],
  ): { number: number; at: number; buyer: string; total: number; ticket: number } {
    const { orders, tickets } = this.#model;
    const order: ModelOrder | undefined = fromNewest(among ?? orders, back);
    if (order === undefined)
      return { number: orders.length + 1, at: now, buyer: USERS[0], total: 1, ticket: tickets + 1 };
    return {
      number: order.number,
      at: order.at,
      buyer: order.hold.buyer,
      total: order.total,
      ticket: order.tickets[0].number,
    };
  }
}

function isDue(refund: ModelRefund): boolean {
  return refund.state === 'due';
}

function fromNewest<T>(list: readonly T[], back: number): T | undefined {
  return back === NOT_MADE_YET ? undefined : list.at(-1 - (back % Math.max(1, list.length)));
}

/** The address of a user, as the show knows it. */
function addressOf(user: string): string {
  return `address of ${user}`;
}

function another(user: string): string {
  return USERS[(USERS.indexOf(user) + 1) % USERS.length];
}
