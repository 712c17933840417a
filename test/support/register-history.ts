import type { HistoryLine, Operation, OrderStatus, RowEvent, TicketLine } from '../judge/history.ts';
import { Dice } from './dice.ts';

export interface RegisterOptions {
  readonly seed: number;
  /** Lines of operations; rows and books come on top. */
  readonly operations: number;
  readonly seats: number;
  readonly clients: number;
  /** Whether the journal and the books are told too. */
  readonly witness: boolean;
  /** Out of a thousand operations so many read the seat map. */
  readonly readsPerMille: number;
}

export const REGISTER_SHOW = 'shw_register';
const PRICE = 100;
/** Time between two effects, and the longest way of a question or an answer. */
const STEP = 10;
const LONGEST_WAY = 120;
const HOLD_LIFE = 5_000;
/** How often holds are looked at that are over; nobody can use them by then. */
const SWEEP = 64 * STEP;
const MOST_SEATS = 3;
const UNKNOWN_CHANCE = 0.02;
const AREA = 'standing';
const AREA_CAPACITY = 40;

interface ModelHold {
  readonly id: string;
  readonly seats: readonly number[];
  readonly places: number;
  until: number;
  order: ModelOrder | null;
  state: 'live' | 'over' | 'sold';
}

interface ModelOrder {
  readonly id: string;
  readonly tickets: readonly TicketLine[];
  state: OrderStatus;
}

interface Client {
  readonly name: string;
  freeAt: number;
  hold: ModelHold | null;
}

/**
 * A history as a box office tells it that keeps its promises: each operation takes effect at one moment between question
 * and answer, in a model of a few lines; some get no answer, and then have taken effect or not.
 */
export function registerHistory(options: RegisterOptions): HistoryLine[] {
  const model = new RegisterModel(options);
  while (model.operations < options.operations) model.step();
  model.end();
  return model.lines;
}

class RegisterModel {
  readonly lines: HistoryLine[] = [];
  operations = 0;
  readonly #options: RegisterOptions;
  readonly #dice: Dice;
  readonly #clients: Client[];
  readonly #letters: string[];
  readonly #seats: readonly string[];
  #places = 0;
  readonly #live: ModelHold[] = [];
  readonly #orders: ModelOrder[] = [];
  #seq = 0;
  #now = 0;
  #names = 0;

  constructor(options: RegisterOptions) {
    this.#options = options;
    this.#dice = new Dice(options.seed);
    this.#clients = Array.from({ length: options.clients }, (_, i) => ({ name: `usr_${i}`, freeAt: 0, hold: null }));
    this.#letters = new Array<string>(options.seats).fill('a');
    this.#seats = Array.from({ length: options.seats }, (_, i) => `seat-${i}`);
    const seats = this.#seats;
    this.lines.push({
      plan: REGISTER_SHOW,
      seats,
      areas: [{ id: AREA, capacity: AREA_CAPACITY }],
      currency: 'EUR',
      grace: 0,
    });
  }

  #name(prefix: string): string {
    return `${prefix}_${++this.#names}`;
  }

  step(): void {
    this.#now += STEP;
    if (this.#now % SWEEP === 0) this.#expire();
    const client = this.#dice.one(this.#clients);
    if (client.freeAt >= this.#now) return;
    if (this.#dice.roll() * 1_000 < this.#options.readsPerMille) {
      this.#readSeats(client);
      return;
    }
    const { hold } = client;
    if (hold === null) this.#makeHold(client);
    else if (hold.order === null) this.#useHold(client, hold);
    else this.#useOrder(client, hold, hold.order);
  }

  /** Everything ends, and the books are told. */
  end(): void {
    this.#now += 2 * HOLD_LIFE;
    this.#expire();
    if (!this.#options.witness) return;
    for (const { id, state, tickets } of this.#orders) {
      const captured = state === 'paid' || state === 'refunded' ? tickets.length * PRICE : 0;
      const refunded = state === 'refunded' ? captured : 0;
      this.lines.push({ book: id, captured, refunded, captures: captured > 0 ? 1 : 0 });
    }
    this.lines.push({ end: true, rest: true });
  }

  /** Question and answer around now; half of those without an answer have no effect either. */
  #ask(client: Client): { when: Pick<Operation, 'show' | 'client' | 'from'>; to: number | null; isDone: boolean } {
    const from = Math.max(client.freeAt + 1, this.#now - this.#dice.between(0, LONGEST_WAY));
    const to = this.#now + this.#dice.between(0, LONGEST_WAY);
    client.freeAt = to;
    const isLost = this.#dice.chance(UNKNOWN_CHANCE);
    const when = { show: REGISTER_SHOW, client: client.name, from };
    return { when, to: isLost ? null : to, isDone: !isLost || this.#dice.chance(0.5) };
  }

  #tell(operation: Operation): void {
    this.operations++;
    this.lines.push(operation);
  }

  #row(...events: RowEvent[]): void {
    this.#seq++;
    if (this.#options.witness) this.lines.push({ row: REGISTER_SHOW, seq: this.#seq, epoch: 1, at: this.#now, events });
  }

  #expire(): void {
    const over = this.#live.filter((hold) => hold.state === 'live' && hold.until <= this.#now);
    if (over.length > 0) {
      for (const hold of over) this.#free(hold, 'over', 'expired');
      this.#row({ event: 'expired', holds: over.map(({ id }) => id) });
    }
    let kept = 0;
    for (const hold of this.#live) if (hold.state === 'live') this.#live[kept++] = hold;
    this.#live.length = kept;
  }

  #free(hold: ModelHold, state: ModelHold['state'], orderState: OrderStatus): void {
    hold.state = state;
    for (const seat of hold.seats) this.#letters[seat] = 'a';
    this.#places -= hold.places;
    if (hold.order !== null) hold.order.state = orderState;
  }

  #makeHold(client: Client): void {
    const { when, to, isDone } = this.#ask(client);
    const places = this.#dice.chance(0.1) ? this.#dice.between(1, 2) : 0;
    const first = this.#dice.between(0, this.#options.seats - MOST_SEATS);
    const seats = places > 0 ? [] : Array.from({ length: this.#dice.between(1, MOST_SEATS) }, (_, i) => first + i);
    const ids = seats.map((seat) => this.#seats[seat]);
    const areas = places > 0 ? [{ id: AREA, quantity: places }] : [];
    const key = this.#name('key');
    const asked = { seats: ids, areas };
    const taken = ids.filter((_, i) => this.#letters[seats[i]] !== 'a');
    if (taken.length > 0 || this.#places + places > AREA_CAPACITY) {
      const code = taken.length > 0 ? 'SEATS_TAKEN' : 'NOT_ENOUGH_SEATS';
      if (to === null) this.#tell({ op: 'hold', ...when, outcome: 'unknown', key, asked });
      else this.#tell({ op: 'hold', ...when, to, outcome: 'refused', code, key, asked, taken });
      this.#row({ event: 'refused', code, key });
      return;
    }
    if (isDone) {
      const hold: ModelHold = {
        id: this.#name('hld'),
        seats,
        places,
        until: this.#now + HOLD_LIFE,
        order: null,
        state: 'live',
      };
      for (const seat of seats) this.#letters[seat] = 'h';
      this.#places += places;
      this.#live.push(hold);
      const { id, until } = hold;
      this.#row({ event: 'held', hold: id, client: client.name, seats: ids, areas, until, key });
      if (to !== null) {
        client.hold = hold;
        this.#tell({
          op: 'hold',
          ...when,
          to,
          outcome: 'ok',
          key,
          asked,
          hold: id,
          seats: ids,
          areas,
          until,
          expires: until,
        });
        return;
      }
    }
    this.#tell({ op: 'hold', ...when, outcome: 'unknown', key, asked });
  }

  #useHold(client: Client, hold: ModelHold): void {
    const roll = this.#dice.roll();
    if (roll >= 0.3 && roll < 0.9) {
      this.#makeOrder(client, hold);
      return;
    }
    if (roll >= 0.9) {
      // She walks off, and the hold ends by itself.
      client.hold = null;
      return;
    }
    const { when, to, isDone } = this.#ask(client);
    const { id } = hold;
    const isLive = hold.state === 'live' && this.#now < hold.until;
    if (roll < 0.2) {
      if (isLive && isDone) {
        this.#free(hold, 'over', 'cancelled');
        this.#row({ event: 'released', hold: id });
      }
      client.hold = null;
      if (to === null) this.#tell({ op: 'release', ...when, outcome: 'unknown', hold: id });
      else if (isLive) this.#tell({ op: 'release', ...when, to, outcome: 'ok', hold: id });
      else this.#tell({ op: 'release', ...when, to, outcome: 'refused', code: 'HOLD_EXPIRED', hold: id });
    } else {
      const until = this.#now + HOLD_LIFE;
      if (isLive && isDone) {
        hold.until = until;
        this.#row({ event: 'extended', hold: id, until });
      }
      if (to === null) this.#tell({ op: 'extend', ...when, outcome: 'unknown', hold: id });
      else if (isLive) this.#tell({ op: 'extend', ...when, to, outcome: 'ok', hold: id, until, expires: until });
      else this.#tell({ op: 'extend', ...when, to, outcome: 'refused', code: 'HOLD_EXPIRED', hold: id });
      if (!isLive) client.hold = null;
    }
  }

  #makeOrder(client: Client, hold: ModelHold): void {
    const { when, to, isDone } = this.#ask(client);
    const isLive = hold.state === 'live' && this.#now < hold.until;
    const key = this.#name('key');
    if (!isLive) {
      client.hold = null;
      this.#row({ event: 'refused', code: 'HOLD_EXPIRED', key });
      if (to === null) this.#tell({ op: 'order', ...when, outcome: 'unknown', key, hold: hold.id });
      else this.#tell({ op: 'order', ...when, to, outcome: 'refused', code: 'HOLD_EXPIRED', key, hold: hold.id });
      return;
    }
    const id = this.#name('ord');
    const seated = hold.seats.map(
      (seat): TicketLine => ({ id: this.#name('tkt'), seat: this.#seats[seat], price: PRICE }),
    );
    const standing = Array.from(
      { length: hold.places },
      (): TicketLine => ({ id: this.#name('tkt'), area: AREA, price: PRICE }),
    );
    const tickets = [...seated, ...standing];
    const total = tickets.length * PRICE;
    if (isDone) {
      hold.order = { id, tickets, state: 'awaiting_payment' };
      this.#orders.push(hold.order);
      this.#row({ event: 'ordered', order: id, hold: hold.id, tickets, total, until: hold.until, key });
    }
    if (to !== null) {
      this.#tell({ op: 'order', ...when, to, outcome: 'ok', key, hold: hold.id, order: id, tickets, total });
      return;
    }
    client.hold = null;
    this.#tell({ op: 'order', ...when, outcome: 'unknown', key, hold: hold.id });
  }

  #useOrder(client: Client, hold: ModelHold, order: ModelOrder): void {
    const { when, to, isDone } = this.#ask(client);
    const { id } = order;
    const roll = this.#dice.roll();
    if (roll < 0.2) {
      const state = order.state;
      if (to === null) this.#tell({ op: 'order-state', ...when, outcome: 'unknown', order: id });
      else this.#tell({ op: 'order-state', ...when, to, outcome: 'ok', order: id, state });
      return;
    }
    if (order.state === 'paid') {
      client.hold = null;
      if (roll < 0.5) {
        this.#tellTickets(client, order);
        return;
      }
      const key = this.#name('key');
      const refund = this.#name('rfd');
      if (isDone) {
        this.#free(hold, 'over', 'refunded');
        this.#row({ event: 'refunding', refund, order: id, tickets: order.tickets.map((ticket) => ticket.id), key });
      }
      if (to === null) this.#tell({ op: 'refund', ...when, outcome: 'unknown', key, order: id });
      else this.#tell({ op: 'refund', ...when, to, outcome: 'ok', key, order: id, refund });
      return;
    }
    const isLive = order.state === 'awaiting_payment' && this.#now < hold.until;
    if (roll < 0.3) {
      client.hold = null;
      if (isLive && isDone) {
        this.#free(hold, 'over', 'cancelled');
        this.#row({ event: 'cancelled', order: id });
      }
      if (to === null) this.#tell({ op: 'cancel', ...when, outcome: 'unknown', order: id });
      else if (isLive) this.#tell({ op: 'cancel', ...when, to, outcome: 'ok', order: id });
      else this.#tell({ op: 'cancel', ...when, to, outcome: 'refused', code: 'ORDER_NOT_CANCELLABLE', order: id });
      return;
    }
    if (isLive && isDone) {
      hold.state = 'sold';
      order.state = 'paid';
      for (const seat of hold.seats) this.#letters[seat] = 's';
      this.#row({ event: 'committed', order: id }, { event: 'captured', order: id });
    }
    if (to === null || !isLive) client.hold = null;
    if (to === null) this.#tell({ op: 'pay', ...when, outcome: 'unknown', order: id });
    else if (isLive) this.#tell({ op: 'pay', ...when, to, outcome: 'ok', order: id });
    else this.#tell({ op: 'pay', ...when, to, outcome: 'refused', code: 'ORDER_NOT_PAYABLE', order: id });
  }

  #tellTickets(client: Client, order: ModelOrder): void {
    const when = { show: REGISTER_SHOW, client: client.name, from: this.#now };
    const tickets = order.tickets.map(({ id, seat, area }) => ({
      id,
      order: order.id,
      status: 'valid',
      ...(seat === undefined ? {} : { seat }),
      ...(area === undefined ? {} : { area }),
    }));
    // Only what this order gave is looked at: as one who may see all, for whom no list is whole.
    this.#tell({ op: 'tickets', ...when, to: this.#now, outcome: 'ok', tickets, all: true });
  }

  #readSeats(client: Client): void {
    const { when, to } = this.#ask(client);
    if (to === null) {
      this.#tell({ op: 'seats', ...when, outcome: 'unknown' });
      return;
    }
    const areas = [{ id: AREA, available: AREA_CAPACITY - this.#places }];
    const letters = this.#letters.join('');
    this.#tell({ op: 'seats', ...when, to, outcome: 'ok', letters, version: this.#seq, areas });
  }
}
