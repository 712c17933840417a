import { isDeepStrictEqual } from 'node:util';
import type { Answer, HoldView, Money, OrderStatus, OrderView, SeatName, TicketView } from '../../src/actors/shows.ts';
import type { Command, Once, Question, Viewer } from '../../src/allocator/commands.ts';
import type { ShowEvent, ShowTerms } from '../../src/allocator/events.ts';
import type { Hall } from '../../src/allocator/hall.ts';
import { MAX_HOLD_LIVES, PAYMENT_WINDOW_MS } from '../../src/allocator/show.ts';
import type { ErrorCode, Refusal } from '../../src/errors.ts';
import { scopedId } from '../../src/ids.ts';
import { rfc3339 } from '../../src/rfc3339.ts';
import {
  areasOf,
  freeWindows,
  type ModelArea,
  type ModelSeat,
  orphansOf,
  type PlaceState,
  seatsOf,
  suitingWindows,
  suits,
} from './reference-seats.ts';
import { must, Violation } from './violation.ts';

const ANSWERS_PROMISED_MS = 24 * 3_600_000;
/** The longest that a hold may outlive what its buyer was shown. */
export const LONGEST_GRACE_MS = 90_000;
/** The orphan rule ends when no more than this share of the seats is free. */
const LATE_SALE = 0.1;

export interface ModelHold {
  readonly number: number;
  readonly at: number;
  readonly buyer: string;
  readonly seats: readonly ModelSeat[];
  readonly areas: readonly (readonly [area: number, quantity: number])[];
  until: number;
  state: 'active' | 'inPayment' | 'bought' | 'released' | 'expired';
  order: ModelOrder | null;
}

export interface ModelOrder {
  readonly number: number;
  readonly at: number;
  readonly hold: ModelHold;
  readonly lines: readonly { readonly seat: number; readonly price: number }[];
  readonly firstTicket: number;
  readonly total: number;
  readonly until: number;
  state: 'awaiting' | 'committed' | 'paid' | 'cancelled' | 'expired' | 'rejected' | 'voided';
  settled: boolean;
  reason?: string;
}

/** One request of a turn. */
export interface Asked {
  readonly message: Command | Question;
  readonly deadline: number;
}

/** What the show may answer: this, or a refusal with one of these codes. */
export interface Expected {
  readonly answer?: Answer;
  readonly codes?: readonly string[];
  /** The command has an event in this turn, or repeats one that has. */
  readonly inTurn: boolean;
}

export interface PlayedTurn {
  readonly expected: readonly Expected[];
  /** Orders that ended unpaid, or whose sale was void, in this turn. */
  readonly toSettle: readonly number[];
  /** Who ordered here for the first time. */
  readonly newBuyers: readonly string[];
}

interface Kept {
  readonly fingerprint: number;
  readonly at: number;
  readonly seq: number;
  readonly answer: Answer;
}

const STATUS: Record<ModelOrder['state'], OrderStatus> = {
  awaiting: 'awaiting_payment',
  committed: 'processing',
  paid: 'paid',
  cancelled: 'cancelled',
  rejected: 'cancelled',
  voided: 'cancelled',
  expired: 'expired',
};

const refusedBy = (...codes: ErrorCode[]): Expected => ({ codes, inTurn: false });
const told = (value: unknown): Answer => ({ ok: true, value, replayed: false });

/**
 * A show in plain objects, slow and simple. It is given what was asked in a turn and the events that the turn wrote,
 * works out for itself what may and must happen, and throws a {@link Violation} when the events say otherwise. Only
 * where a show is free (which best seats, an orphan refused, when within the grace) does it follow the events, and
 * then checks that the choice was allowed.
 */
export class ReferenceShow {
  readonly id: string;
  readonly hall: Hall;
  readonly terms: ShowTerms;
  readonly seats: ModelSeat[];
  readonly areas: ModelArea[];
  readonly holds: ModelHold[] = [];
  readonly orders: ModelOrder[] = [];
  readonly answers = new Map<string, Kept>();
  tickets = 0;
  #opened = false;
  /** Of the turn that is being played. */
  #events: ShowEvent[] = [];
  #at = 0;
  #now = 0;
  #seq = 0;
  #toSettle: number[] = [];
  #newBuyers: string[] = [];

  constructor(id: string, hall: Hall, terms: ShowTerms) {
    this.id = id;
    this.hall = hall;
    this.terms = terms;
    this.seats = seatsOf(hall, terms);
    this.areas = areasOf(hall, terms);
  }

  /** Plays the turn of row `seq` at time `at`; `now` is what the clock of its owner said. */
  play(asked: readonly Asked[], events: readonly ShowEvent[], seq: number, at: number, now: number): PlayedTurn {
    this.#events = [...events];
    this.#at = at;
    this.#now = now;
    this.#seq = seq;
    this.#toSettle = [];
    this.#newBuyers = [];
    if (!this.#opened) {
      const first = this.#events.shift();
      must(
        first?.type === 'opened' && isDeepStrictEqual(first.terms, this.terms),
        'I2',
        () => 'the first event does not open the show',
      );
      this.#opened = true;
    }
    this.#expire();
    const expected = asked.map((one) => this.#answer(one));
    this.#checkNothingMore(this.#events[0]);
    this.#checkCounts();
    return { expected, toSettle: this.#toSettle, newBuyers: this.#newBuyers };
  }

  #checkNothingMore(event: ShowEvent | undefined): void {
    if (event === undefined) return;
    const order = event.type === 'committed' ? this.orders[event.order - 1] : undefined;
    must(order?.state !== 'expired', 'I9', () => `order ${order?.number} is committed after its time`);
    must(order === undefined, 'I10', () => `order ${order?.number} is committed without the right payment`);
    throw new Violation('I3', `nobody asked for ${JSON.stringify(event)}`);
  }

  /** Live holds. */
  get live(): ModelHold[] {
    return this.holds.filter((hold) => hold.state === 'active' || hold.state === 'inPayment');
  }

  /** What the limit per buyer counts: places held, in payment or sold. */
  placesOf(buyer: string): number {
    let places = 0;
    for (const hold of this.holds) {
      if (hold.buyer !== buyer || hold.state === 'released' || hold.state === 'expired') continue;
      if (hold.order?.state === 'voided') continue;
      places += sizeOf(hold);
    }
    return places;
  }

  total(state: PlaceState): number {
    let total = this.seats.filter((seat) => seat.state === state).length;
    for (const area of this.areas) total += area.places[state];
    return total;
  }

  // ---- Time ----

  #expire(): void {
    if (this.#events[0]?.type === 'expired') {
      const event = this.#events.shift() as Extract<ShowEvent, { type: 'expired' }>;
      for (const number of event.holds) {
        const hold = this.holds[number - 1];
        must(
          hold !== undefined && hold.state !== 'bought',
          'I9',
          () => `hold ${number} expires after its sale committed`,
        );
        must(
          hold.state === 'active' || hold.state === 'inPayment',
          'I9',
          () => `hold ${number} expires, but it is ${hold.state}`,
        );
        must(this.#at >= hold.until, 'I9', () => `hold ${number} expires ${hold.until - this.#at} ms before its time`);
        if (hold.order !== null) this.#endUnpaid(hold.order, 'expired');
        this.#free(hold, 'expired');
      }
    }
    for (const hold of this.live) {
      must(
        this.#at < hold.until + LONGEST_GRACE_MS,
        'I9',
        () => `hold ${hold.number} outlives its time by ${this.#at - hold.until} ms`,
      );
    }
  }

  // ---- Requests ----

  #answer({ message, deadline }: Asked): Expected {
    if (deadline < this.#now) return refusedBy('OVERLOADED');
    switch (message.type) {
      case 'hold':
      case 'order':
        return this.#once(message);
      case 'extend':
        return this.#extend(message);
      case 'release':
        return this.#release(message);
      case 'cancel':
        return this.#cancel(message);
      case 'commit':
        return this.#commit(message);
      case 'reject':
        return this.#move(
          message.order,
          ['awaiting'],
          ['rejected', 'cancelled', 'expired'],
          'rejected',
          'rejected',
          message.reason,
        );
      case 'captured':
        return this.#move(message.order, ['committed'], ['paid'], 'captured', 'paid');
      case 'void':
        return this.#move(message.order, ['committed'], ['voided'], 'voided', 'voided', message.reason);
      case 'settled':
        return this.#settled(message.order);
      case 'expire':
      case 'refund-next':
        throw new Error('only the show itself asks for this');
      case 'pending':
      case 'refund':
      case 'refunded':
      case 'refund-failed':
      case 'dispute':
      case 'cancel-show':
        throw new Error(`the model does not know ${message.type} yet`);
      default:
        return this.#question(message);
    }
  }

  #once(command: Extract<Command, { type: 'hold' | 'order' }>): Expected {
    const { once } = command;
    const first = this.answers.get(once.id);
    const event = this.#events[0];
    const isDecidedNow = event !== undefined && 'once' in event && event.once.id === once.id;
    if (first !== undefined && !(isDecidedNow && this.#at - first.at >= ANSWERS_PROMISED_MS)) {
      must(!isDecidedNow, 'I4', () => `${command.type} ${once.id} takes effect again: ${JSON.stringify(event)}`);
      if (first.fingerprint !== once.fingerprint) return refusedBy('IDEMPOTENCY_KEY_REUSED');
      return { answer: { ...first.answer, replayed: true }, inTurn: first.seq === this.#seq };
    }
    const name = `${command.type} ${once.id}`;
    must(isDecidedNow, 'I3', () => `${name} has no event: ${JSON.stringify(event)} comes instead`);
    must(event.once.fingerprint === once.fingerprint, 'I4', () => `${name} is journaled with another fingerprint`);
    this.#events.shift();
    let answer: Answer;
    if (event.type === 'refused') {
      const reasons = command.type === 'hold' ? this.#reasonsAgainstHold(command) : this.#reasonsAgainstOrder(command);
      const { code } = event.refusal;
      if (code === 'ORPHAN_SEAT' && command.type === 'hold') this.#checkOrphanRefusal(command, event.refusal);
      else
        must(
          reasons.includes(code),
          'rules',
          () => `${name} is refused with ${code}; reasons: ${reasons.join(', ') || 'none'}`,
        );
      if (code === 'SEATS_TAKEN' && command.type === 'hold') this.#checkTaken(command, event.refusal);
      answer = { ok: false, refusal: event.refusal, replayed: false };
    } else if (event.type === 'held' && command.type === 'hold') {
      answer = this.#hold(command, event);
    } else if (event.type === 'ordered' && command.type === 'order') {
      answer = this.#order(command, event);
    } else {
      throw new Violation('I3', `${name} became ${event.type}`);
    }
    this.answers.set(once.id, { fingerprint: once.fingerprint, at: this.#at, seq: this.#seq, answer });
    return { answer, inTurn: true };
  }

  // ---- Holds ----

  #reasonsAgainstHold(command: HoldCommand): ErrorCode[] {
    const { terms } = this;
    const reasons: ErrorCode[] = [];
    const picks = command.seats ?? [];
    const areas = command.areas ?? [];
    const quantity = picks.length + (command.best?.quantity ?? 0) + areas.reduce((sum, area) => sum + area.quantity, 0);
    if (this.#at < terms.onSaleAt || this.#at >= terms.offSaleAt) reasons.push('NOT_ON_SALE');
    if (quantity < 1 || new Set(picks).size < picks.length) reasons.push('HOLD_INVALID');
    if (new Set(areas.map((area) => area.id)).size < areas.length) reasons.push('HOLD_INVALID');
    if (quantity > terms.perHold || this.live.some((hold) => hold.buyer === command.buyer)) reasons.push('HOLD_LIMIT');
    if (this.placesOf(command.buyer) + quantity > terms.perBuyer) reasons.push('BUYER_LIMIT');
    for (const { id, quantity: wanted } of areas) {
      const area = this.areas.find((one) => one.id === id);
      if (area === undefined) reasons.push('UNKNOWN_SEAT');
      else if (area.places.free < wanted) reasons.push('NOT_ENOUGH_SEATS');
    }
    for (const id of picks) {
      const seat = this.seats.find((one) => one.id === id);
      if (seat === undefined) reasons.push('UNKNOWN_SEAT');
      else if (seat.state !== 'free') reasons.push('SEATS_TAKEN');
    }
    const { best } = command;
    if (best?.category !== undefined && !this.hall.categories.includes(best.category)) reasons.push('HOLD_INVALID');
    if (best?.accessible === true && suitingWindows(this.seats, best).length === 0) reasons.push('NOT_ENOUGH_SEATS');
    if (best !== undefined && this.seats.filter((seat) => suits(seat, best)).length < best.quantity) {
      reasons.push('NOT_ENOUGH_SEATS');
    }
    return reasons;
  }

  #hold(command: HoldCommand, event: Extract<ShowEvent, { type: 'held' }>): Answer {
    const number = this.holds.length + 1;
    const name = `hold ${event.hold}`;
    must(event.hold === number, 'I2', () => `${name} should be number ${number}`);
    must(event.buyer === command.buyer, 'I3', () => `${name} is not of who asked for it`);
    const seats = event.seats.map((index) => this.seats[index]);
    for (const seat of seats) {
      must(
        seat?.state === 'free',
        'I1',
        () => `${name} takes seat ${seat?.id}, which is ${seat?.state} by ${seat?.owner}`,
      );
    }
    must(new Set(event.seats).size === seats.length, 'I1', () => `${name} takes a seat twice`);
    this.#checkWhole(command, event, seats);
    const areas = event.areas.map(([index, quantity]) => [index, quantity] as const);
    for (const [index, quantity] of areas) {
      must(
        this.areas[index].places.free >= quantity,
        'I5',
        () => `${name} takes ${quantity} of ${this.areas[index].places.free} in area ${index}`,
      );
    }
    const reasons = this.#reasonsAgainstHold(command);
    must(reasons.length === 0, 'rules', () => `${name} is granted in spite of ${reasons.join(', ')}`);
    if (command.best !== undefined) this.#checkBest(command.best, seats, name);
    else this.#checkPicked(seats, name);
    const until = this.#at + this.terms.holdSeconds * 1000;
    must(event.until === until, 'I9', () => `${name} lasts until ${event.until}, not ${until}`);
    const hold: ModelHold = {
      number,
      at: this.#at,
      buyer: command.buyer,
      seats,
      areas,
      until,
      state: 'active',
      order: null,
    };
    this.holds.push(hold);
    this.#put(hold, 'held');
    return told(this.#holdView(hold));
  }

  /** All or nothing: exactly what was asked for. */
  #checkWhole(command: HoldCommand, event: Extract<ShowEvent, { type: 'held' }>, seats: readonly ModelSeat[]): void {
    const asked = (command.areas ?? []).map(({ id, quantity }) => [
      this.areas.findIndex((area) => area.id === id),
      quantity,
    ]);
    const name = `hold ${event.hold}`;
    must(
      isDeepStrictEqual(sorted(event.areas), sorted(asked as [number, number][])),
      'I8',
      () => `${name} has areas ${JSON.stringify(event.areas)}, not ${JSON.stringify(asked)}`,
    );
    if (command.best !== undefined) {
      must(
        seats.length === command.best.quantity,
        'I8',
        () => `${name} has ${seats.length} seats of ${command.best?.quantity}`,
      );
      return;
    }
    const ids = seats.map((seat) => seat.id);
    must(
      isDeepStrictEqual([...ids].sort(), [...(command.seats ?? [])].sort()),
      'I8',
      () => `${name} has ${ids.join()} of ${command.seats?.join()}`,
    );
  }

  #checkBest(best: NonNullable<HoldCommand['best']>, seats: readonly ModelSeat[], name: string): void {
    for (const seat of seats)
      must(suits(seat, best), 'rules', () => `${name} has ${seat.id}, which does not suit ${JSON.stringify(best)}`);
    const windows = suitingWindows(this.seats, best);
    if (windows.length === 0) return;
    const chosen = [...seats].sort((a, b) => a.index - b.index);
    must(
      windows.some((window) => window.every((seat, i) => seat === chosen[i])),
      'rules',
      () => `${name} is apart, although there is a place for all together`,
    );
    if (orphansOf(this.seats, chosen).length === 0) return;
    const without = windows.find((window) => orphansOf(this.seats, window).length === 0);
    must(
      without === undefined,
      'rules',
      () => `${name} leaves a single seat, although ${without?.map((seat) => seat.id).join()} does not`,
    );
  }

  /** A pick may leave a single seat only late in the sale, or when no place for all together avoids it. */
  #checkPicked(seats: readonly ModelSeat[], name: string): void {
    if (seats.length === 0 || this.#isLate() || seats.some((seat) => seat.reserved)) return;
    if (orphansOf(this.seats, seats).length === 0) return;
    const instead = freeWindows(this.seats, seats.length).find(
      (window) =>
        window[0].category === seats[0].category &&
        window.every((seat) => !seat.reserved) &&
        orphansOf(this.seats, window).length === 0,
    );
    must(
      instead === undefined,
      'rules',
      () => `${name} leaves a single seat, although ${instead?.map((seat) => seat.id).join()} does not`,
    );
  }

  #checkOrphanRefusal(command: HoldCommand, refusal: Refusal): void {
    const chosen = this.#named(command.seats ?? []);
    const name = `the pick of ${command.seats?.join()}`;
    const others = this.#reasonsAgainstHold(command);
    must(
      others.length === 0 && chosen.length > 0,
      'rules',
      () => `${name} is refused for a single seat, not for ${others.join()}`,
    );
    must(!this.#isLate(), 'rules', () => `${name} is refused for a single seat late in the sale`);
    const orphans = orphansOf(this.seats, chosen).map((seat) => seat.id);
    must(
      orphans.includes(refusal.extra?.orphan as string),
      'rules',
      () => `${name} is said to leave ${refusal.extra?.orphan}, but leaves ${orphans.join()}`,
    );
    const instead = this.#named(refusal.extra?.alternatives as string[]);
    must(
      instead.length === chosen.length && new Set(instead).size === chosen.length,
      'rules',
      () => `${name} has alternatives for another party: ${refusal.extra?.alternatives}`,
    );
    must(
      instead.every((seat) => seat.state === 'free'),
      'rules',
      () => `${name} has alternatives that are taken: ${refusal.extra?.alternatives}`,
    );
    must(
      orphansOf(this.seats, instead).length === 0,
      'rules',
      () => `${name} has alternatives that leave a single seat too: ${refusal.extra?.alternatives}`,
    );
  }

  #checkTaken(command: HoldCommand, refusal: Refusal): void {
    const taken = this.#named(command.seats ?? []).filter((seat) => seat.state !== 'free');
    must(
      isDeepStrictEqual(
        refusal.extra?.taken,
        taken.map((seat) => seat.id),
      ),
      'rules',
      () => `taken are ${taken.map((seat) => seat.id)}, not ${refusal.extra?.taken}`,
    );
    const instead = this.#named(refusal.extra?.alternatives as string[]);
    const size = new Set(instead).size;
    must(
      size === 0 || size === command.seats?.length,
      'rules',
      () => `alternatives for another party: ${refusal.extra?.alternatives}`,
    );
    must(
      instead.every((seat) => seat.state === 'free'),
      'rules',
      () => `alternatives that are taken: ${refusal.extra?.alternatives}`,
    );
  }

  #named(ids: readonly string[]): ModelSeat[] {
    return ids.map((id) => this.seats.find((seat) => seat.id === id)).filter((seat) => seat !== undefined);
  }

  #isLate(): boolean {
    return this.seats.filter((seat) => seat.state === 'free').length <= this.seats.length * LATE_SALE;
  }

  #extend(command: Extract<Command, { type: 'extend' }>): Expected {
    const hold = this.#ownHold(command);
    if (hold === null) return refusedBy('NOT_FOUND');
    if (hold.state === 'inPayment') return refusedBy('HOLD_IN_PAYMENT');
    if (hold.state === 'bought') return refusedBy('HOLD_EXPIRED', 'HOLD_IN_PAYMENT');
    if (hold.state !== 'active') return refusedBy('HOLD_EXPIRED');
    const event = this.#events[0];
    const isExtended = event?.type === 'extended' && event.hold === hold.number;
    if (this.#at >= hold.until && !isExtended) return refusedBy('HOLD_EXPIRED');
    const life = this.terms.holdSeconds * 1000;
    const last = hold.at + MAX_HOLD_LIVES * life;
    if (hold.until >= last) return refusedBy('EXTENSION_LIMIT');
    const until = Math.min(this.#at + life, last);
    if (until > hold.until) {
      this.#take('extended', (extended) => extended.hold === hold.number && extended.until === until);
      hold.until = until;
    }
    return { answer: told(this.#holdView(hold)), inTurn: isExtended };
  }

  #release(command: Extract<Command, { type: 'release' }>): Expected {
    const hold = this.#ownHold(command);
    if (hold === null) return refusedBy('NOT_FOUND');
    if (hold.state === 'released') return { answer: told(null), inTurn: false };
    if (hold.state === 'expired') return refusedBy('HOLD_EXPIRED');
    if (hold.state !== 'active') return refusedBy('HOLD_IN_PAYMENT');
    this.#take('released', (event) => event.hold === hold.number);
    this.#free(hold, 'released');
    return { answer: told(null), inTurn: true };
  }

  // ---- Orders ----

  #reasonsAgainstOrder(command: Extract<Command, { type: 'order' }>): ErrorCode[] {
    const hold = this.#ownHold(command);
    if (hold === null) return ['NOT_FOUND'];
    if (hold.order !== null && hold.state !== 'released' && hold.state !== 'expired') return ['HOLD_IN_PAYMENT'];
    return hold.state !== 'active' || this.#at >= hold.until ? ['HOLD_EXPIRED'] : [];
  }

  #order(command: Extract<Command, { type: 'order' }>, event: Extract<ShowEvent, { type: 'ordered' }>): Answer {
    const hold = this.#ownHold(command);
    const name = `order ${event.order}`;
    must(event.order === this.orders.length + 1, 'I2', () => `${name} should be number ${this.orders.length + 1}`);
    must(hold !== null && hold.number === event.hold, 'I3', () => `${name} is of another hold than asked for`);
    must(hold.state === 'active', 'I9', () => `${name} is of a hold that is ${hold.state}`);
    const lines: { seat: number; price: number }[] = hold.seats.map((seat) => ({
      seat: seat.index,
      price: seat.price ?? Number.NaN,
    }));
    for (const [area, quantity] of hold.areas) {
      for (let i = 0; i < quantity; i++) lines.push({ seat: -1 - area, price: this.areas[area].price ?? Number.NaN });
    }
    must(
      isDeepStrictEqual(sortedLines(event.lines), sortedLines(lines)),
      'I8',
      () => `${name} has other lines than its hold`,
    );
    const total = lines.reduce((sum, line) => sum + line.price, 0);
    must(event.total === total, 'rules', () => `${name} costs ${event.total}, not ${total}`);
    const until = Math.max(hold.until, this.#at + PAYMENT_WINDOW_MS);
    must(event.until === until, 'I9', () => `${name} can be paid until ${event.until}, not ${until}`);
    if (!this.orders.some((order) => order.hold.buyer === hold.buyer)) this.#newBuyers.push(hold.buyer);
    const order: ModelOrder = {
      number: event.order,
      at: this.#at,
      hold,
      lines: event.lines,
      firstTicket: this.tickets + 1,
      total,
      until,
      state: 'awaiting',
      settled: false,
    };
    this.tickets += lines.length;
    this.orders.push(order);
    hold.order = order;
    hold.until = until;
    hold.state = 'inPayment';
    this.#shift(hold, 'held', 'inPayment');
    if (total === 0) {
      this.#sell(order);
      order.state = 'paid';
      order.settled = true;
    }
    // The first answer tells of the order as it was made.
    return told(this.#orderView(order));
  }

  #cancel(command: Extract<Command, { type: 'cancel' }>): Expected {
    const order = this.orders[command.order - 1];
    if (order === undefined || order.at !== command.at || order.hold.buyer !== command.buyer)
      return refusedBy('NOT_FOUND');
    if (order.state === 'cancelled') return { answer: told(this.#orderView(order)), inTurn: false };
    if (order.state !== 'awaiting') return refusedBy('ORDER_NOT_CANCELLABLE');
    this.#take('cancelled', (event) => event.order === order.number);
    this.#endUnpaid(order, 'cancelled');
    this.#free(order.hold, 'released');
    return { answer: told(this.#orderView(order)), inTurn: true };
  }

  #commit(command: Extract<Command, { type: 'commit' }>): Expected {
    const order = this.orders[command.order - 1];
    const event = this.#events[0];
    const isCommitted = event?.type === 'committed' && event.order === command.order;
    if (order === undefined) return refusedBy('NOT_FOUND');
    if (order.state === 'committed' || order.state === 'paid')
      return { answer: told(this.#orderView(order)), inTurn: false };
    const isRight = command.amount === order.total && command.currency === this.terms.currency;
    if (order.state !== 'awaiting' || !isRight) return refusedBy('ORDER_NOT_PAYABLE');
    if (this.#at >= order.hold.until && !isCommitted) return refusedBy('ORDER_NOT_PAYABLE');
    this.#take('committed', (committed) => committed.order === order.number);
    this.#sell(order);
    return { answer: told(this.#orderView(order)), inTurn: true };
  }

  #move(
    number: number,
    from: readonly ModelOrder['state'][],
    already: readonly ModelOrder['state'][],
    type: 'rejected' | 'captured' | 'voided',
    to: ModelOrder['state'],
    reason?: string,
  ): Expected {
    const order = this.orders[number - 1];
    if (order === undefined) return refusedBy('NOT_FOUND');
    if (already.includes(order.state)) return { answer: told(this.#orderView(order)), inTurn: false };
    if (!from.includes(order.state)) return refusedBy('ORDER_NOT_PAYABLE');
    this.#take(type, (event) => event.order === number && (event.type === 'captured' || event.reason === reason));
    if (reason !== undefined) order.reason = reason;
    order.state = to;
    if (type === 'rejected') this.#free(order.hold, 'released');
    if (type === 'voided') {
      this.#shift(order.hold, 'sold', 'free');
      this.#toSettle.push(number);
    } else {
      order.settled = true;
    }
    return { answer: told(this.#orderView(order)), inTurn: true };
  }

  #settled(number: number): Expected {
    const order = this.orders[number - 1];
    if (order === undefined) return refusedBy('NOT_FOUND');
    if (order.settled) return { answer: told(this.#orderView(order)), inTurn: false };
    if (order.state === 'awaiting' || order.state === 'committed') return refusedBy('ORDER_NOT_PAYABLE');
    this.#take('settled', (event) => event.order === number);
    order.settled = true;
    return { answer: told(this.#orderView(order)), inTurn: true };
  }

  #sell(order: ModelOrder): void {
    order.state = 'committed';
    order.hold.state = 'bought';
    this.#shift(order.hold, 'inPayment', 'sold');
    for (const [i, line] of order.lines.entries())
      if (line.seat >= 0) this.seats[line.seat].owner = order.firstTicket + i;
  }

  #endUnpaid(order: ModelOrder, state: ModelOrder['state']): void {
    must(order.state === 'awaiting', 'I9', () => `order ${order.number} becomes ${state}, but it is ${order.state}`);
    order.state = state;
    this.#toSettle.push(order.number);
  }

  // ---- Places ----

  #free(hold: ModelHold, state: 'released' | 'expired'): void {
    this.#shift(hold, hold.order === null ? 'held' : 'inPayment', 'free');
    hold.state = state;
  }

  #put(hold: ModelHold, state: PlaceState): void {
    this.#shift(hold, 'free', state);
  }

  /** Moves all places of a hold at once. */
  #shift(hold: ModelHold, from: PlaceState, to: PlaceState): void {
    for (const seat of hold.seats) {
      must(seat.state === from, 'I1', () => `seat ${seat.id} of hold ${hold.number} is ${seat.state}, not ${from}`);
      seat.state = to;
      seat.owner = to === 'free' ? 0 : hold.number;
    }
    for (const [index, quantity] of hold.areas) {
      this.areas[index].places[from] -= quantity;
      this.areas[index].places[to] += quantity;
    }
  }

  #checkCounts(): void {
    for (const area of this.areas) {
      const counts = Object.values(area.places);
      must(
        counts.every((count) => count >= 0),
        'I5',
        () => `area ${area.id} has a count below 0: ${counts}`,
      );
      must(
        counts.reduce((sum, count) => sum + count) === area.capacity,
        'I5',
        () => `area ${area.id} counts ${counts} of ${area.capacity}`,
      );
    }
  }

  #take<T extends ShowEvent['type']>(type: T, fits: (event: Extract<ShowEvent, { type: T }>) => boolean): void {
    const event = this.#events.shift();
    const isRight = event?.type === type && fits(event as Extract<ShowEvent, { type: T }>);
    must(isRight, 'I3', () => `${type} should have happened, not ${JSON.stringify(event)}`);
  }

  #ownHold(command: { readonly hold: number; readonly at: number; readonly buyer: string }): ModelHold | null {
    const hold = this.holds[command.hold - 1];
    return hold !== undefined && hold.at === command.at && hold.buyer === command.buyer ? hold : null;
  }

  // ---- Questions ----

  #question(question: Question): Expected {
    switch (question.type) {
      case 'get-hold': {
        const hold = this.#ownHold(question);
        if (hold === null) return refusedBy('NOT_FOUND');
        if (hold.state !== 'active' && hold.state !== 'inPayment') return refusedBy('HOLD_EXPIRED');
        const answer = told(this.#holdView(hold));
        return { answer, codes: this.#at >= hold.until ? ['HOLD_EXPIRED'] : [], inTurn: false };
      }
      case 'get-order': {
        const order = this.orders[question.order - 1];
        if (order?.at !== question.at || !sees(question.viewer, order)) return refusedBy('NOT_FOUND');
        return { answer: told(this.#orderView(order)), inTurn: false };
      }
      case 'get-ticket': {
        const order = this.#orderOfTicket(question.ticket);
        if (order?.at !== question.at || order.state !== 'paid' || !sees(question.viewer, order))
          return refusedBy('NOT_FOUND');
        return { answer: told(this.#ticketView(order, question.ticket - order.firstTicket)), inTurn: false };
      }
      case 'list-orders': {
        const own = this.orders.filter((order) => order.hold.buyer === question.buyer).reverse();
        return { answer: told(own.map((order) => this.#orderView(order))), inTurn: false };
      }
      case 'list-tickets': {
        const paid = this.orders.filter((order) => order.state === 'paid' && sees(question.viewer, order)).reverse();
        const items = paid.flatMap((order) => {
          const views = order.lines.map((_, i) => this.#ticketView(order, i));
          return question.viewer.all ? views.reverse() : views;
        });
        const page = items.slice(question.offset, question.offset + question.limit);
        return { answer: told({ total: items.length, items: page }), inTurn: false };
      }
      case 'get-payment': {
        const order = this.orders[question.order - 1];
        if (order === undefined) return refusedBy('NOT_FOUND');
        const { number, at, hold, total, state, settled } = order;
        const answer = told({
          orderId: scopedId('ord', at, this.id, number),
          paymentId: scopedId('pay', at, this.id, number),
          buyer: hold.buyer,
          amount: total,
          currency: this.terms.currency,
          status: STATUS[state],
          state,
          unsettled: !settled,
          createdAt: at,
          refunds: [],
          ...(order.reason === undefined ? {} : { reason: order.reason }),
        });
        return { answer, inTurn: false };
      }
      case 'get-cancellation':
        return refusedBy('NOT_FOUND');
      case 'get-summary': {
        const capacity = this.seats.length + this.areas.reduce((sum, area) => sum + area.capacity, 0);
        const answer = told({
          capacity,
          available: this.total('free'),
          held: this.total('held'),
          inPayment: this.total('inPayment'),
          sold: this.total('sold'),
          blocked: this.total('blocked'),
          version: this.#summaryVersion,
        });
        return { answer, inTurn: false };
      }
    }
  }

  /** A summary tells of the last row before the turn that it is asked in. */
  get #summaryVersion(): number {
    return this.#seq - 1;
  }

  #orderOfTicket(ticket: number): ModelOrder | undefined {
    return this.orders.find((order) => ticket >= order.firstTicket && ticket < order.firstTicket + order.lines.length);
  }

  // ---- Views ----

  #money(amount: number): Money {
    return { amount, currency: this.terms.currency };
  }

  #holdView(hold: ModelHold): HoldView {
    let total = 0;
    const seats = hold.seats.map(({ id, category, price }) => {
      total += price ?? Number.NaN;
      return { id, category, price: this.#money(price ?? Number.NaN) };
    });
    const areas = hold.areas.map(([index, quantity]) => {
      const { id, category, price } = this.areas[index];
      total += (price ?? Number.NaN) * quantity;
      return { id, category, quantity, price: this.#money(price ?? Number.NaN) };
    });
    return {
      id: scopedId('hld', hold.at, this.id, hold.number),
      showId: this.id,
      seats,
      areas,
      total: this.#money(total),
      status: hold.state === 'inPayment' ? 'in_payment' : 'active',
      expiresAt: rfc3339(hold.until),
      serverTime: rfc3339(this.#at),
    };
  }

  #orderView(order: ModelOrder): OrderView {
    const { at, number, hold, total, reason } = order;
    return {
      id: scopedId('ord', at, this.id, number),
      showId: this.id,
      holdId: scopedId('hld', hold.at, this.id, hold.number),
      lines: order.lines.map(({ seat, price }, i) => ({
        ticketId: scopedId('tkt', at, this.id, order.firstTicket + i),
        seat: this.#seatName(seat),
        price: this.#money(price),
      })),
      total: this.#money(total),
      status: STATUS[order.state],
      ...(total === 0 ? {} : { payment: { id: scopedId('pay', at, this.id, number) } }),
      createdAt: rfc3339(at),
      expiresAt: rfc3339(order.until),
      ...(reason === undefined ? {} : { reason }),
    };
  }

  #ticketView(order: ModelOrder, line: number): TicketView {
    return {
      id: scopedId('tkt', order.at, this.id, order.firstTicket + line),
      showId: this.id,
      orderId: scopedId('ord', order.at, this.id, order.number),
      seat: this.#seatName(order.lines[line].seat),
      price: this.#money(order.lines[line].price),
      status: 'valid',
    };
  }

  #seatName(seat: number): SeatName {
    if (seat < 0) return { area: this.hall.areas[-1 - seat].name, category: this.areas[-1 - seat].category };
    const { zone, row } = this.hall.rows[this.hall.rowOf[seat]];
    return {
      id: this.seats[seat].id,
      zone,
      row,
      number: this.hall.seatNumbers[seat],
      category: this.seats[seat].category,
    };
  }
}

type HoldCommand = Extract<Command, { type: 'hold' }>;

export type KeyedCommand = Extract<Command, { readonly once: Once }>;

function sizeOf(hold: ModelHold): number {
  return hold.areas.reduce((sum, [, quantity]) => sum + quantity, hold.seats.length);
}

function sees(viewer: Viewer, order: ModelOrder): boolean {
  return viewer.all || viewer.user === order.hold.buyer;
}

function sorted(pairs: readonly (readonly [number, number])[]): (readonly [number, number])[] {
  return [...pairs].sort(([a], [b]) => a - b);
}

function sortedLines(lines: readonly { readonly seat: number; readonly price: number }[]): unknown[] {
  return [...lines].sort((a, b) => a.seat - b.seat);
}
