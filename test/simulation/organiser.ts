import type { Answer, InventoryView, SaleTimes } from '../../src/actors/shows.ts';
import type {
  Command,
  Question,
  ReplacePlanCommand,
  RescheduleCommand,
  StockCommand,
  StockPlaces,
} from '../../src/allocator/commands.ts';
import type { StockPlaces as ToldPlaces } from '../judge/history.ts';
import { Dice } from '../support/dice.ts';
import { onceOf, userOf } from '../support/small-show.ts';
import type { Record } from './record.ts';
import { type Heard, LOST } from './simulated-node.ts';
import { UNSETTLED } from './whims.ts';
import type { SimulatedShow, World } from './world.ts';

/** How often the organiser sends one change again for want of a definite answer. */
const SENDINGS_MAX = 8;
const AGAIN_MS = 400;
/** Between two changes, at most. */
const PAUSE_MS = 3_000;
/** How often a change is sent once more although it was answered. */
const REPEATS = 0.3;
/** A sale that is to begin or to end soon does so within this. */
const SOON_MS = 2_500;
/** Seats and places of one change, at most. */
const SEATS_MAX = 12;
const PLACES_MAX = 8;
const PRICE_MAX = 9_999;
/** The one category of the simulated hall, which its area has too. */
const CATEGORY = 'A';
/** Of the numbers from which keys are made. */
const KEYS_FROM = 500_000_000;

type Lists = { [List in 'remove' | 'block' | 'unblock']?: StockPlaces[] };

/** Changes what is for sale, in which hall, when, and at which price, while buyers buy; and writes down what it was told. */
export class Organiser {
  readonly user = userOf(0);
  isDone = false;
  readonly #world: World;
  readonly #record: Record;
  readonly #dice: Dice;
  /** Of the times of sale. */
  readonly #times: Dice;
  /** Of the plans. */
  readonly #plans: Dice;
  /** What each show costs, as far as it was told. */
  readonly #prices = new Map<string, number>();
  #keys = KEYS_FROM;

  constructor(world: World, record: Record) {
    this.#world = world;
    this.#record = record;
    this.#dice = new Dice(Math.imul(world.options.seed, 0x68e31da4) ^ 0x0126);
    this.#times = new Dice(Math.imul(world.options.seed, 0x5be0cd19) ^ 0x0127);
    this.#plans = new Dice(Math.imul(world.options.seed, 0x2545f491) ^ 0x0128);
  }

  async run(): Promise<void> {
    await Promise.all([this.#restock(), this.#reschedule(), this.#replan()]);
    this.isDone = true;
  }

  async #restock(): Promise<void> {
    const { shows, options } = this.#world;
    for (let change = 0; change < options.restocks; change++) {
      await this.#pause(this.#dice.roll() * PAUSE_MS);
      await this.#change(this.#dice.one(shows));
      if (this.#dice.chance(0.5)) await this.#count(this.#dice.one(shows));
    }
  }

  /** Interrupts sales, and lets them go on most of the time. */
  async #reschedule(): Promise<void> {
    const { shows, options } = this.#world;
    for (let change = 0; change < options.reschedules; change++) {
      await this.#pause(this.#times.roll() * PAUSE_MS);
      const show = this.#times.one(shows);
      const { onSaleAt, offSaleAt } = show.terms;
      const soon = Math.floor(this.#world.time.now + this.#times.roll() * SOON_MS);
      await this.#sell(show, this.#times.one([{ onSaleAt: soon }, { offSaleAt: soon }, { onSaleAt, offSaleAt: soon }]));
      await this.#pause(this.#times.roll() * 2 * SOON_MS);
      if (this.#times.chance(0.8)) await this.#sell(show, { onSaleAt, offSaleAt });
    }
  }

  async #replan(): Promise<void> {
    const { shows, options } = this.#world;
    for (let change = 0; change < options.replans; change++) {
      await this.#pause(this.#plans.roll() * 2 * PAUSE_MS);
      await this.#replace(this.#plans.one(shows));
    }
  }

  async #replace(show: SimulatedShow): Promise<void> {
    const { id: planId, hall } = this.#plans.one(show.plans);
    const command = { type: 'replace-plan', once: onceOf(this.#keys++), planId } as const;
    const inPlan = new Set(hall.seatIds);
    const line = {
      op: 'stock',
      show: show.id,
      client: this.user,
      key: command.once.id,
      opens: { seats: hall.seatIds, areas: [{ id: 'floor', quantity: hall.areas[0].capacity }] },
      closes: { seats: show.seatIds.filter((seat) => !inPlan.has(seat)) },
      from: this.#record.stamp(),
    } as const;
    const heard = await this.#insist<InventoryView>(show, command);
    if (heard === LOST) return this.#record.write({ ...line, outcome: 'unknown' });
    const to = this.#record.stamp();
    if (!heard.ok) return this.#record.write({ ...line, to, outcome: 'refused', code: heard.refusal.code });
    this.#record.write({ ...line, to, outcome: 'ok' });
    if (this.#plans.chance(REPEATS)) await this.#expectTheSame(show, command, heard);
  }

  async #sell(show: SimulatedShow, times: Pick<RescheduleCommand, 'onSaleAt' | 'offSaleAt'>): Promise<void> {
    let line = { op: 'reschedule', show: show.id, client: this.user, from: this.#record.stamp() } as const;
    // It has no key: each sending may take effect by itself, also after what is asked next.
    const heard = await this.#insist<SaleTimes>(show, { type: 'reschedule', ...times }, () => {
      this.#record.write({ ...line, outcome: 'unknown' });
      line = { ...line, from: this.#record.stamp() };
    });
    if (heard === LOST) return;
    const to = this.#record.stamp();
    if (!heard.ok) return this.#record.write({ ...line, to, outcome: 'refused', code: heard.refusal.code });
    const { onSaleAt, offSaleAt, revision } = heard.value;
    this.#record.write({ ...line, to, outcome: 'ok', onSale: onSaleAt, offSale: offSaleAt, revision });
    const { onSaleAt: onSale = onSaleAt, offSaleAt: offSale = offSaleAt } = times;
    if (onSale !== onSaleAt || offSale !== offSaleAt)
      this.#world.violated('I8', `${JSON.stringify(times)} became ${JSON.stringify(heard.value)}`);
  }

  async #change(show: SimulatedShow): Promise<void> {
    const command = this.#anyChange(show);
    const from = this.#record.stamp();
    const heard = await this.#insist<InventoryView>(show, command);
    const { add = [], remove = [], block = [], unblock = [] } = command;
    const added = add.map((one): StockPlaces => ('seat' in one ? one.seat : one));
    const line = {
      op: 'stock',
      show: show.id,
      client: this.user,
      key: command.once.id,
      opens: placesOf([...added, ...unblock]),
      closes: placesOf([...remove, ...block]),
      from,
    } as const;
    if (heard === LOST) return this.#record.write({ ...line, outcome: 'unknown' });
    const to = this.#record.stamp();
    if (!heard.ok) return this.#record.write({ ...line, to, outcome: 'refused', code: heard.refusal.code });
    this.#record.write({ ...line, to, outcome: 'ok' });
    this.#prices.set(show.id, heard.value.categories[0].price?.amount ?? 0);
    if (this.#dice.chance(REPEATS)) await this.#expectTheSame(show, command, heard);
  }

  /** Some seats and places for one or two of the lists, or a new price, or both. */
  #anyChange(show: SimulatedShow): StockCommand {
    const { seatIds, terms, id } = show;
    const first = this.#dice.between(0, seatIds.length - 1);
    const seats = Array.from(
      { length: this.#dice.between(1, SEATS_MAX) },
      (_, i) => seatIds[(first + i) % seatIds.length],
    );
    const price = this.#dice.chance(0.4) ? this.#dice.between(1, PRICE_MAX) : null;
    const priced = { category: CATEGORY, price: price ?? this.#prices.get(id) ?? terms.prices[CATEGORY] };
    const area = { area: 'floor', count: this.#dice.between(1, PLACES_MAX) };
    const lists: Lists = {};
    let add: StockCommand['add'];
    const split = this.#dice.chance(0.3) ? this.#dice.between(0, seats.length) : seats.length;
    for (const places of [seats.slice(0, split), seats.slice(split)]) {
      const list = this.#dice.one(['add', 'remove', 'block', 'block', 'unblock'] as const);
      if (places.length === 0 || lists[list as keyof Lists] !== undefined) continue;
      if (list === 'add') add = places.map((seat) => ({ seat, ...priced }));
      else lists[list] = places;
    }
    if (this.#dice.chance(0.3)) {
      const list = this.#dice.one(['add', 'remove', 'block', 'unblock'] as const);
      if (list === 'add') add = [...(add ?? []), { ...area, ...priced }];
      else lists[list] = [...(lists[list] ?? []), area];
    }
    return {
      type: 'stock',
      once: onceOf(this.#keys++),
      ...(add === undefined ? {} : { add }),
      ...lists,
      ...(price === null ? {} : { reprice: { [CATEGORY]: price } }),
    };
  }

  /** I4: whoever repeats it hears the first answer. */
  async #expectTheSame(show: SimulatedShow, command: StockCommand | ReplacePlanCommand, first: Answer): Promise<void> {
    const again = await this.#insist(show, command);
    if (again === LOST || (again.ok && first.ok && JSON.stringify(again.value) === JSON.stringify(first.value))) return;
    const told = `${JSON.stringify(first)}, then ${JSON.stringify(again)}`;
    this.#world.violated('I4', `a change of the stock was answered ${told}`);
  }

  /** I5: every seat is counted once. */
  async #count(show: SimulatedShow): Promise<void> {
    const heard = await this.#insist<InventoryView>(show, { type: 'get-inventory' });
    if (heard === LOST || !heard.ok) return;
    const counted = heard.value.categories.map((one) => {
      const { free, held, inPayment, sold, blocked, removed } = one;
      return free + held + inPayment + sold + blocked + removed;
    });
    const seats = counted.reduce((sum, count) => sum + count, 0);
    const isOfPlan = [show.hall, ...show.plans.map(({ hall }) => hall)].some(({ seatCount }) => seatCount === seats);
    if (!isOfPlan || Math.min(...counted) < 0)
      this.#world.violated('I5', `the stock of ${show.id} counts ${seats} seats of ${show.hall.seatCount}`);
  }

  /** The first definite answer. @param onLost after each sending without one. */
  async #insist<T>(show: SimulatedShow, message: Command | Question, onLost?: () => void): Promise<Heard<Answer<T>>> {
    for (let sending = 0; sending < SENDINGS_MAX; sending++) {
      this.#record.commands++;
      const node = this.#world.someNode(this.#dice.between(0, 999));
      const heard = node === null ? LOST : await this.#within<T>(node.ask<T>(show.id, message));
      if (heard !== LOST && (heard.ok || !UNSETTLED.has(heard.refusal.code))) return heard;
      onLost?.();
      await this.#pause(AGAIN_MS * (1 + sending));
    }
    return LOST;
  }

  /** Nobody waits for ever. */
  #within<T>(answer: Promise<Heard<Answer<T>>>): Promise<Heard<Answer<T>>> {
    return new Promise((resolve, reject) => {
      this.#record.giveUpLater(() => resolve(LOST));
      answer.then(resolve, reject);
    });
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#world.time.after(ms, resolve));
  }
}

function placesOf(places: readonly StockPlaces[]): ToldPlaces {
  const seats: string[] = [];
  const areas: { id: string; quantity: number }[] = [];
  for (const one of places) {
    if (typeof one === 'string') seats.push(one);
    else areas.push({ id: one.area, quantity: one.count });
  }
  return { seats, areas };
}
