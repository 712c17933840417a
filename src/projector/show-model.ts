import type { Hall } from '../allocator/hall.ts';
import type { Announcement } from '../webhooks/announcements.ts';
import type { CategoryRow, HoldRow, OrderRow, ProjectionRow, RefundRow, SalesRow, TicketRow } from './rows.ts';

export const HOUR_MS = 3_600_000;

/** Numbers of things of a show. */
export interface Keys {
  readonly holds: Set<number>;
  readonly orders: Set<number>;
  readonly refunds: Set<number>;
  readonly tickets: Set<number>;
}

export function noKeys(): Keys {
  return { holds: new Set(), orders: new Set(), refunds: new Set(), tickets: new Set() };
}

/** What a batch of rows meets: the show as a whole, and those of its things that the batch asks for. */
export interface LoadedRows {
  readonly projection: ProjectionRow;
  readonly holds: readonly HoldRow[];
  readonly orders: readonly OrderRow[];
  /** All tickets of these orders. */
  readonly tickets: readonly TicketRow[];
  readonly refunds: readonly RefundRow[];
  /** What was looked for; what of it is not among the rows does not exist. */
  readonly keys: Keys;
}

/** Something was not loaded: it is, and the batch begins again. */
export class NotLoaded extends Error {
  readonly kind: keyof Keys;
  readonly numbers: readonly number[];
  constructor(kind: keyof Keys, numbers: readonly number[]) {
    super(`numbers ${numbers} of ${kind} are not loaded`);
    this.kind = kind;
    this.numbers = numbers;
  }
}

/** The journal and what was made of it do not fit: the show's projection stops here, for people to see to. */
export class ProjectionFault extends Error {
  override readonly name = 'ProjectionFault';
}

/** What a batch has changed, to be written in one transaction. */
export interface Changes {
  readonly projection: ProjectionRow;
  readonly categories: readonly CategoryRow[];
  readonly holds: readonly HoldRow[];
  readonly endedHolds: readonly number[];
  readonly orders: readonly OrderRow[];
  readonly tickets: readonly TicketRow[];
  readonly refunds: readonly RefundRow[];
  /** To be added to what there is. */
  readonly sales: readonly SalesRow[];
  readonly announcements: readonly Announcement[];
}

/** The read model of one show while a batch of its journal is folded into it. It loads and writes nothing; the rows are its own. */
export class ShowModel {
  readonly showId: string;
  readonly #halls: readonly Hall[];
  #replacements = 0;
  readonly projection: ProjectionRow;
  readonly #keys: Keys;
  /** The order of each ticket that is loaded. */
  readonly #orderOfTicket = new Map<number, number>();
  readonly #holds: Map<number, HoldRow>;
  readonly #orders: Map<number, OrderRow>;
  readonly #ticketsOf = new Map<number, TicketRow[]>();
  readonly #refunds: Map<number, RefundRow>;
  readonly #sales = new Map<string, SalesRow>();
  readonly #announcements: Announcement[] = [];
  readonly #newHolds = new Set<number>();
  readonly #changedHolds = new Set<number>();
  readonly #changedOrders = new Set<number>();
  readonly #changedRefunds = new Set<number>();
  #categories: readonly CategoryRow[] = [];
  /** Of the event under way. */
  #ordinal = 0;

  /** @param halls as the rows find it, and after each replacement of the plan in them. */
  constructor(showId: string, halls: readonly Hall[], rows: LoadedRows) {
    this.showId = showId;
    this.#halls = halls;
    this.projection = rows.projection;
    this.#keys = rows.keys;
    this.#holds = byNumber(rows.holds);
    this.#orders = byNumber(rows.orders);
    this.#refunds = byNumber(rows.refunds);
    for (const order of rows.orders) this.#ticketsOf.set(order.number, []);
    for (const ticket of rows.tickets) {
      this.#ticketsOf.get(ticket.order_number)?.push(ticket);
      this.#orderOfTicket.set(ticket.number, ticket.order_number);
    }
    for (const tickets of this.#ticketsOf.values()) tickets.sort((a, b) => a.number - b.number);
  }

  beginEvent(seq: number, ordinal: number, at: number): void {
    this.projection.seq = seq;
    this.projection.at = at;
    this.#ordinal = ordinal;
  }

  // ---- Look-ups ----

  /** As the event under way finds it. */
  get hall(): Hall {
    return this.#halls[this.#replacements];
  }

  /** To be called before a fold looks at many things that its event does not name in a field of its own: one load brings all. */
  need(kind: keyof Keys, numbers: readonly number[]): void {
    const asked = this.#keys[kind];
    const missing = numbers.filter((number) => !asked.has(number));
    if (missing.length > 0) throw new NotLoaded(kind, missing);
  }

  /** The hold if it is live. */
  liveHold(number: number): HoldRow | null {
    const hold = this.#holds.get(number);
    if (hold !== undefined) return hold;
    if (!this.#changedHolds.has(number)) this.need('holds', [number]);
    return null;
  }

  hold(number: number): HoldRow {
    return this.liveHold(number) ?? this.#missing('hold', number);
  }

  order(number: number): OrderRow {
    return this.#orders.get(number) ?? this.#unloaded('orders', number);
  }

  /** All lines of the order, in their order, then what took the place of any. The caller changes them, and tells by {@link changed}. */
  ticketsOf(order: OrderRow): readonly TicketRow[] {
    return this.#ticketsOf.get(order.number) ?? this.#missing('order', order.number);
  }

  /** The ticket and its order. The caller changes it, and tells by {@link changed}. */
  ticket(number: number): readonly [ticket: TicketRow, order: OrderRow] {
    const order = this.order(this.#orderOfTicket.get(number) ?? this.#unloaded('tickets', number));
    const ticket = this.ticketsOf(order).find((one) => one.number === number);
    return [ticket ?? this.#missing('ticket', number), order];
  }

  refund(number: number): RefundRow {
    return this.#refunds.get(number) ?? this.#unloaded('refunds', number);
  }

  // ---- Changes ----

  replacePlan(planId: string): void {
    this.projection.plans = [...this.projection.plans, planId];
    this.#replacements++;
  }

  addHold(hold: HoldRow): void {
    this.#holds.set(hold.number, hold);
    this.#newHolds.add(hold.number);
    this.#changedHolds.add(hold.number);
  }

  endHold(number: number): void {
    this.#holds.delete(number);
    this.#changedHolds.add(number);
  }

  addOrder(order: OrderRow, tickets: TicketRow[]): void {
    this.#orders.set(order.number, order);
    this.#ticketsOf.set(order.number, tickets);
    for (const { number } of tickets) this.#orderOfTicket.set(number, order.number);
    this.projection.tickets += tickets.length;
    this.changed(order);
  }

  /** A ticket that takes the place of another of the order. */
  addTicket(order: OrderRow, ticket: TicketRow): void {
    this.#ticketsOf.get(order.number)?.push(ticket);
    this.#orderOfTicket.set(ticket.number, order.number);
    this.projection.tickets++;
    this.changed(order);
  }

  /** The order, or its tickets. */
  changed(order: OrderRow): void {
    this.#changedOrders.add(order.number);
  }

  changedHold(hold: HoldRow): void {
    this.#changedHolds.add(hold.number);
  }

  setRefund(refund: RefundRow): void {
    this.#refunds.set(refund.number, refund);
    this.#changedRefunds.add(refund.number);
  }

  /** All categories, as they are from now on. */
  setCategories(categories: readonly CategoryRow[]): void {
    this.projection.for_sale = categories.reduce((sum, row) => sum + row.capacity - row.blocked - row.removed, 0);
    this.#categories = categories;
  }

  /** Adds to the sales of the hour of the event. */
  addSales(category: string, parts: Partial<Omit<SalesRow, 'hour_at' | 'category'>>): void {
    const hourAt = Math.floor(this.projection.at / HOUR_MS) * HOUR_MS;
    const key = `${hourAt} ${category}`;
    let row = this.#sales.get(key);
    if (row === undefined) {
      row = { hour_at: hourAt, category, sold: 0, returned: 0, gross: 0, refunded: 0, lost: 0 };
      this.#sales.set(key, row);
    }
    row.sold += parts.sold ?? 0;
    row.returned += parts.returned ?? 0;
    row.gross += parts.gross ?? 0;
    row.refunded += parts.refunded ?? 0;
    row.lost += parts.lost ?? 0;
    this.projection.sold += (parts.sold ?? 0) - (parts.returned ?? 0);
  }

  /**
   * Something that others want to hear of, unless they have heard it: a rebuild tells nothing twice.
   * @param subject sets it apart from what else the event tells; the id must be the same at every fold.
   */
  announce(type: Announcement['type'], subject: string, data: Announcement['data']): void {
    const { seq, at, told_seq } = this.projection;
    if (seq <= told_seq) return;
    const id = `msg_${this.showId.slice(4)}_${seq}_${this.#ordinal}_${subject}`;
    this.#announcements.push({ id, type, at, data });
  }

  changes(): Changes {
    const { projection } = this;
    const orders = [...this.#changedOrders].map((number) => this.order(number));
    const isLive = (number: number): boolean => this.#holds.has(number);
    return {
      projection: { ...projection, told_seq: Math.max(projection.told_seq, projection.seq) },
      categories: this.#categories,
      holds: [...this.#changedHolds].filter(isLive).map((number) => this.hold(number)),
      // One that came and went within the batch was never written.
      endedHolds: [...this.#changedHolds].filter((number) => !isLive(number) && !this.#newHolds.has(number)),
      orders,
      tickets: orders.flatMap((order) => this.ticketsOf(order)),
      refunds: [...this.#changedRefunds].map((number) => this.refund(number)),
      sales: [...this.#sales.values()],
      announcements: this.#announcements,
    };
  }

  #unloaded(kind: keyof Keys, number: number): never {
    this.need(kind, [number]);
    return this.#missing(kind, number);
  }

  #missing(kind: string, number: number): never {
    throw new ProjectionFault(`row ${this.projection.seq} names number ${number} of ${kind}, which there is not`);
  }
}

function byNumber<T extends { readonly number: number }>(rows: readonly T[]): Map<number, T> {
  return new Map(rows.map((row) => [row.number, row]));
}
