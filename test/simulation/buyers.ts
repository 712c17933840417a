import { SEAT_LETTERS } from '../../src/actors/seat-map.ts';
import type { HoldView, OrderView, RefundView, TicketView } from '../../src/actors/shows.ts';
import type { Command, Question } from '../../src/allocator/commands.ts';
import type { Hall } from '../../src/allocator/hall.ts';
import { HOLD_GRACE_MS } from '../../src/allocator/show.ts';
import { parseScopedId } from '../../src/ids.ts';
import { fromRfc3339 } from '../../src/rfc3339.ts';
import type { HistoryLine, TicketLine } from '../judge/history.ts';
import { Dice } from '../support/dice.ts';
import { onceOf, userOf } from '../support/small-show.ts';
import { Checkout } from './checkout.ts';
import { Client, type Intention } from './client.ts';
import { WORLD } from './dangers.ts';
import { Guest } from './guest.ts';
import type { Record } from './record.ts';
import { inDocumentOrder } from './replacing-plans.ts';
import { LOST } from './simulated-node.ts';
import { TicketMover } from './ticket-mover.ts';
import { Whims } from './whims.ts';
import type { SimulatedShow, World } from './world.ts';

/** Between two looks at the seats of one who stares at them, at most. */
const STARE_MS = 600;
/** Who pays late does it so long before the end, or less. */
const LATE_MS = 3_000;

/** Tickets name an area as people do. */
const AREAS = new Map([['Floor', 'floor']]);

/** A process's clock drifts for so long, at most, while holds are made. */
const DRIFTS_MS = 20 * 60_000;

/** One buyer: what it wants, and what it writes down of what it was told. How it asks and pays: `client.ts`, `checkout.ts`. */
export class Buyer {
  readonly user: string;
  isDone = false;
  readonly #world: World;
  readonly #record: Record;
  readonly #dice: Dice;
  readonly #number: number;
  readonly #whims: Whims;
  readonly #movers: TicketMover;
  readonly #guest: Guest;
  readonly #client: Client;
  readonly #checkout: Checkout;
  #keys = 0;

  constructor(world: World, record: Record, number: number) {
    this.#world = world;
    this.#record = record;
    this.#number = number;
    this.user = userOf(number + 1);
    this.#dice = new Dice(Math.imul(world.options.seed, 0x2c1b3c6d) ^ Math.imul(number + 1, 0x297a2d39));
    this.#whims = new Whims(world, record, this.user, number, (show, message) => this.#client.ask(show, message));
    this.#client = new Client(world, record, this.#dice, async (show, message, first) => {
      this.#whims.remember(show, message, first);
      if ('once' in message && this.#dice.chance(world.options.habits.repeats))
        await this.#whims.expectTheSame({ show, message, first });
    });
    this.#checkout = new Checkout(world, record, this.user, this.#client, this.#dice);
    this.#guest = new Guest(world, { user: this.user, number }, this.#client.insist, record);
    this.#movers = new TicketMover(world, record, { user: this.user, number }, this.#client.insist, (show, ticket) =>
      this.#guest.received(show, ticket),
    );
  }

  /** Comes to the box office again and again, until it has had enough. */
  async run(): Promise<void> {
    const { visits, lateMs, comeMs } = this.#world.options;
    await this.#client.pause(this.#dice.roll() * comeMs);
    // Half of them pay late, and the others come at that time, for what these lose.
    if (lateMs > 0 && this.#number % 2 === 0) await this.#payLate(this.#dice.one(this.#world.shows));
    else await this.#client.pause(lateMs);
    for (let visit = 0; visit < visits; visit++) {
      await this.#visit(this.#dice.one(this.#world.shows));
      await this.#whims.follow();
      await this.#movers.receive(this.#whims.one(this.#world.shows));
      await this.#stare(this.#whims.one(this.#world.shows));
      await this.#think();
    }
    for (const show of this.#world.shows) await this.#movers.receive(show);
    await this.#guest.come();
    this.isDone = true;
  }

  async #visit(show: SimulatedShow): Promise<void> {
    const { habits } = this.#world.options;
    if (this.#dice.chance(habits.looks)) await this.#look(show);
    const hold = await this.#hold(show);
    if (hold === null) return;
    await this.#think();
    if (this.#dice.chance(habits.extends)) await this.#extendAsLongAsItLikes(show, hold);
    if (this.#dice.chance(habits.releases)) return this.#release(show, hold);
    if (this.#dice.chance(habits.abandons)) return;
    const order = await this.#order(show, hold);
    if (order === null) return;
    const { dangers } = this.#world;
    dangers.enter(WORLD, 'order awaits payment');
    await this.#think();
    if (this.#dice.chance(habits.cancels)) await this.#cancel(show, order);
    else if (!this.#dice.chance(habits.abandons)) await this.#pay(show, order);
    dangers.leave(WORLD, 'order awaits payment');
  }

  /** Orders, and pays only when the time for that, and its grace, is about to be over. */
  async #payLate(show: SimulatedShow): Promise<void> {
    const hold = await this.#hold(show);
    const order = hold === null ? null : await this.#order(show, hold);
    if (order === null) return;
    const life = fromRfc3339(order.expiresAt) - fromRfc3339(order.createdAt) + HOLD_GRACE_MS;
    await this.#client.pause(life - this.#whims.roll() * LATE_MS);
    await this.#pay(show, order);
  }

  // --- what it asks --------------------------------------------------------------------------------------------------

  async #hold(show: SimulatedShow): Promise<HoldView | null> {
    const { habits, perHold } = this.#world.options;
    const { seatIds } = show;
    const quantity = this.#dice.between(1, Math.min(perHold, 6));
    let wish: { seats?: string[]; best?: { quantity: number }; areas?: { id: string; quantity: number }[] };
    if (this.#dice.chance(habits.area)) wish = { areas: [{ id: 'floor', quantity }] };
    else if (this.#dice.chance(habits.picks)) {
      const first = this.#dice.between(0, seatIds.length - 1);
      wish = { seats: Array.from({ length: quantity }, (_, i) => seatIds[(first + i) % seatIds.length]) };
    } else wish = { best: { quantity } };
    const listed = await this.#movers.listedSeat(show);
    if (listed !== null) wish = { seats: [listed] };
    const once = this.#once();
    const told = await this.#client.insist<HoldView>(show, { type: 'hold', once, buyer: this.user, ...wish });
    const { intention, value, extra } = told;
    const { best, ...asked } = wish;
    const line = {
      op: 'hold',
      show: show.id,
      client: this.user,
      key: once.id,
      asked: best === undefined ? asked : { ...asked, best: best.quantity },
      ...intention,
    } as const;
    if (value === null) {
      const taken = extra?.taken;
      this.#write(Array.isArray(taken) ? { ...line, taken } : line);
      return null;
    }
    if (value.showId !== show.id) this.#world.violated('I14', `${this.user} asked ${show.id} and heard of ${value.id}`);
    this.#write({
      ...line,
      hold: value.id,
      seats: value.seats.map(({ id }) => id),
      areas: value.areas.map(({ id, quantity: places }) => ({ id, quantity: places })),
      total: value.total.amount,
      until: this.#until(intention, value.expiresAt, value.serverTime),
      expires: fromRfc3339(value.expiresAt),
    });
    return value;
  }

  async #extendAsLongAsItLikes(show: SimulatedShow, hold: HoldView): Promise<void> {
    const { whims, holdSeconds } = this.#world.options;
    await this.#extend(show, hold);
    // As long as the times are short: nobody waits for hours.
    while (holdSeconds <= 60 && this.#whims.chance(whims.clings)) {
      await this.#client.pause(holdSeconds * 1_000 * (0.3 + 0.4 * this.#whims.roll()));
      await this.#extend(show, hold);
    }
  }

  async #extend(show: SimulatedShow, { id }: HoldView): Promise<void> {
    const { number, at } = scoped('hld', id);
    const line = { op: 'extend', show: show.id, client: this.user, hold: id } as const;
    const command: Command = { type: 'extend', buyer: this.user, hold: number, at };
    const told = await this.#client.insist<HoldView>(show, command, (lost) => this.#write({ ...line, ...lost }));
    const { intention, value } = told;
    if (value === null) return this.#write({ ...line, ...intention });
    const until = this.#until(intention, value.expiresAt, value.serverTime);
    this.#write({ ...line, ...intention, until, expires: fromRfc3339(value.expiresAt) });
  }

  async #release(show: SimulatedShow, { id }: HoldView): Promise<void> {
    const { number, at } = scoped('hld', id);
    const line = { op: 'release', show: show.id, client: this.user, hold: id } as const;
    const command: Command = { type: 'release', buyer: this.user, hold: number, at };
    const { intention } = await this.#client.insist(show, command, (lost) => this.#write({ ...line, ...lost }));
    this.#write({ ...line, ...intention });
  }

  async #order(show: SimulatedShow, { id }: HoldView): Promise<OrderView | null> {
    const { number, at } = scoped('hld', id);
    const once = this.#once();
    const command: Command = { type: 'order', once, buyer: this.user, hold: number, at };
    const { intention, value } = await this.#client.insist<OrderView>(show, command);
    const line = { op: 'order', show: show.id, client: this.user, key: once.id, hold: id, ...intention } as const;
    if (value === null) {
      this.#write(line);
      return null;
    }
    if (value.holdId !== id) this.#world.violated('I14', `${this.user} ordered ${id} and heard of ${value.holdId}`);
    this.#write({
      ...line,
      order: value.id,
      tickets: value.lines.map(lineOf),
      total: value.total.amount,
      until: this.#until(intention, value.expiresAt, value.createdAt),
    });
    return value;
  }

  async #cancel(show: SimulatedShow, { id }: OrderView): Promise<void> {
    const { number, at } = scoped('ord', id);
    const line = { op: 'cancel', show: show.id, client: this.user, order: id } as const;
    const command: Command = { type: 'cancel', buyer: this.user, order: number, at };
    const { intention } = await this.#client.insist(show, command, (lost) => this.#write({ ...line, ...lost }));
    this.#write({ ...line, ...intention });
  }

  /** Pays as its browser and the provider let it, then waits to be told that it has. */
  async #pay(show: SimulatedShow, order: OrderView): Promise<void> {
    const { habits } = this.#world.options;
    const from = this.#record.stamp();
    const paid = await this.#checkout.pay(show, order);
    const line = { op: 'pay', show: show.id, client: this.user, order: order.id, from } as const;
    this.#write(paid === null ? { ...line, outcome: 'unknown' } : { ...line, outcome: 'ok', to: paid });
    // What was authorised or is pending time will tell; an order that nobody pays is given up.
    if (paid === null) return this.#cancel(show, order);
    this.#guest.bought(show, order);
    await this.#tickets(show);
    if (this.#dice.chance(habits.refunds)) {
      await this.#refund(show, order);
      if (this.#whims.chance(this.#world.options.whims.refundsAgain)) await this.#refund(show, order);
    }
    await this.#movers.move(show, order);
    if (this.#dice.chance(habits.cancelsShow)) await this.#cancelShow(show);
  }

  async #tickets(show: SimulatedShow): Promise<void> {
    const viewer = { user: this.user, all: false };
    const question: Question = { type: 'list-tickets', viewer, offset: 0, limit: 1_000 };
    const { intention, value } = await this.#client.insist<{ items: TicketView[] }>(show, question);
    const line = { op: 'tickets', show: show.id, client: this.user, ...intention } as const;
    if (value === null) return this.#write(line);
    const tickets = value.items.map(({ id, seat, orderId, status }) => ({
      id,
      ...placeOf(seat),
      ...(orderId === undefined ? {} : { order: orderId }),
      status,
    }));
    this.#write({ ...line, tickets });
  }

  /** The organiser pays all or one of its tickets back. */
  async #refund(show: SimulatedShow, order: OrderView): Promise<void> {
    const { number, at } = scoped('ord', order.id);
    const once = this.#once();
    const only = this.#dice.chance(0.5) ? [this.#dice.one(order.lines).ticketId] : null;
    const command: Command = {
      type: 'refund',
      once,
      order: number,
      at,
      reason: 'asked for',
      ...(only === null ? {} : { tickets: only.map((id) => scoped('tkt', id).number) }),
    };
    const { intention, value } = await this.#client.insist<RefundView>(show, command);
    const line = {
      op: 'refund',
      show: show.id,
      client: this.user,
      key: once.id,
      order: order.id,
      ...intention,
    } as const;
    const asked = only === null ? line : { ...line, tickets: only };
    this.#write(value === null ? asked : { ...asked, refund: value.id });
  }

  async #cancelShow(show: SimulatedShow): Promise<void> {
    const line = { op: 'cancel-show', show: show.id, client: this.user } as const;
    const command: Command = { type: 'cancel-show', reason: 'the singer is ill' };
    const { intention } = await this.#client.insist(show, command, (lost) => this.#write({ ...line, ...lost }));
    this.#write({ ...line, ...intention });
  }

  async #look(show: SimulatedShow): Promise<void> {
    const from = this.#record.stamp();
    const heard = await this.#client.within(
      this.#client.node()?.seats(show.id, ({ version, stale, letters, areas, hall }) => ({
        version,
        stale,
        letters: lettersOf(show, hall, letters),
        areas: areas.map(({ id, available }) => ({ id, available })),
      })),
    );
    // Of version 0 is a show that nobody has opened yet.
    if (heard === LOST || 'code' in heard || heard.version === 0) return;
    const to = this.#record.stamp();
    this.#write({ op: 'seats', show: show.id, client: this.user, from, to, outcome: 'ok', ...heard });
  }

  async #stare(show: SimulatedShow): Promise<void> {
    while (this.#whims.chance(this.#world.options.whims.stares)) {
      await this.#look(show);
      await this.#client.pause(this.#whims.roll() * STARE_MS);
    }
  }

  /** A node whose clock is ahead of that of the node which promised tells of the end by so much earlier, and no more. */
  #until({ from }: Intention, end: string, now: string): number {
    const { clockAheadMs, drift } = this.#world.options;
    const lasts = fromRfc3339(end) - fromRfc3339(now);
    return Math.max(from, from + lasts - 2 * (clockAheadMs + drift * DRIFTS_MS));
  }

  #think(): Promise<void> {
    const { thinkMs } = this.#world.options;
    return this.#client.pause(thinkMs * (0.1 + 1.8 * this.#dice.roll()));
  }

  #once(): ReturnType<typeof onceOf> {
    return onceOf(this.#number * 1_000 + this.#keys++);
  }

  #write(line: HistoryLine): void {
    this.#record.write(line);
  }
}

function lineOf({ ticketId, seat, price }: OrderView['lines'][number]): TicketLine {
  return { id: ticketId, ...placeOf(seat), price: price.amount };
}

function placeOf({ id, area }: { readonly id?: string; readonly area?: string }): { seat: string } | { area: string } {
  return id === undefined ? { area: AREAS.get(area ?? '') ?? '' } : { seat: id };
}

function scoped(prefix: 'hld' | 'ord' | 'tkt', id: string): { readonly number: number; readonly at: number } {
  const parsed = parseScopedId(prefix, id);
  if (parsed === null) throw new Error(`${id} is no ${prefix}`);
  return parsed;
}

/** A letter for each seat that the show ever may have; those that are not in its plan now are not for sale. */
function lettersOf({ seatIds, plans }: SimulatedShow, hall: Hall, letters: Uint8Array): string {
  if (plans.length === 0) return Buffer.from(letters).toString('latin1');
  const byId = new Map(inDocumentOrder(hall).map((id, place) => [id, letters[place]]));
  return Buffer.from(seatIds.map((id) => byId.get(id) ?? SEAT_LETTERS.blocked)).toString('latin1');
}
