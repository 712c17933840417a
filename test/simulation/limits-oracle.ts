import type { ShowTerms } from '../../src/allocator/events.ts';
import { HOLD_GRACE_MS, MAX_HOLD_LIVES } from '../../src/allocator/show.ts';
import type { RowEvent, RowLine } from '../judge/history.ts';

interface HeldPlaces {
  readonly id: string;
  readonly client: string;
  readonly places: number;
  /** ms, as the journal has it. */
  readonly heldAt: number;
  /** Without the grace. */
  until: number;
}

interface Bought {
  readonly client: string;
  /** Tickets that count against the limit: of their buyer, or of whoever has accepted them. */
  readonly tickets: Set<string>;
}

type Told = (invariant: string, what: string) => void;

/**
 * What a show's terms say, at every row of its journal: no buyer has more places than allowed (`limit per buyer`), no hold
 * is extended beyond its longest life, and none is live at a row whose time is past its end and grace (I9). Shares no code
 * with the product.
 */
export class LimitsOracle {
  readonly #terms: ShowTerms;
  readonly #told: Told;
  readonly #holds = new Map<string, HeldPlaces>();
  readonly #orders = new Map<string, { readonly hold: HeldPlaces; readonly bought: Bought }>();
  readonly #places = new Map<string, number>();
  /** Who has a ticket, if not its buyer. */
  readonly #receivers = new Map<string, string>();

  constructor(terms: ShowTerms, told: Told) {
    this.#terms = terms;
    this.#told = told;
  }

  /** The next row, from the first. */
  row({ row, seq, at = 0, events }: RowLine): void {
    for (const event of events) this.#apply(event, at, `row ${seq} of ${row}`);
    for (const hold of this.#holds.values()) {
      if (hold.until + HOLD_GRACE_MS <= at)
        this.#told('I9', `row ${seq} of ${row}, at ${at}: hold ${hold.id} is live, its end was at ${hold.until}`);
    }
  }

  /** Nothing more is to come. */
  rest(): void {
    for (const { id, until } of this.#holds.values())
      this.#told('I9', `all is at rest, and hold ${id}, which ends at ${until}, is live`);
  }

  #apply(event: RowEvent, at: number, where: string): void {
    const { perHold, perBuyer, holdSeconds } = this.#terms;
    switch (event.event) {
      case 'held': {
        const places = event.areas.reduce((sum, { quantity }) => sum + quantity, event.seats.length);
        const { hold: id, client, until } = event;
        this.#holds.set(id, { id, client, places, heldAt: at, until });
        if (places > perHold) this.#told('limit per buyer', `${where}: hold ${id} has ${places} places of ${perHold}`);
        this.#take(client, places, perBuyer, where);
        return;
      }
      case 'extended': {
        const hold = this.#holds.get(event.hold);
        if (hold === undefined) return;
        hold.until = event.until;
        if (event.until > hold.heldAt + MAX_HOLD_LIVES * holdSeconds * 1_000)
          this.#told('I9', `${where}: hold ${hold.id}, made at ${hold.heldAt}, is extended to ${event.until}`);
        return;
      }
      case 'released':
        this.#end(event.hold);
        return;
      case 'expired':
      case 'show-cancelled':
        for (const hold of event.holds) this.#end(hold);
        return;
      case 'ordered': {
        const hold = this.#holds.get(event.hold);
        if (hold === undefined) return;
        hold.until = Math.max(hold.until, event.until);
        const tickets = new Set(event.tickets.map(({ id }) => id));
        this.#orders.set(event.order, { hold, bought: { client: hold.client, tickets } });
        if (event.total === 0) this.#holds.delete(hold.id);
        this.#resold(event.resold);
        return;
      }
      case 'pending': {
        const order = this.#orders.get(event.order);
        if (order !== undefined) order.hold.until = event.until;
        return;
      }
      case 'committed': {
        const order = this.#orders.get(event.order);
        if (order === undefined) return;
        if (event.late === true) this.#take(order.bought.client, order.hold.places, perBuyer, where);
        this.#holds.delete(order.hold.id);
        return;
      }
      case 'cancelled':
      case 'rejected': {
        const order = this.#orders.get(event.order);
        if (order !== undefined) this.#end(order.hold.id);
        return;
      }
      case 'captured':
        this.#resold(event.resold);
        return;
      case 'transferred': {
        const bought = this.#boughtWith(event.ticket);
        if (bought === undefined) return;
        bought.tickets.delete(event.ticket);
        bought.tickets.add(event.to);
        const receiver = this.#receivers.get(event.ticket);
        if (receiver !== undefined) this.#receivers.set(event.to, receiver);
        return;
      }
      case 'transfer-accepted':
        this.#give(this.#holderOf(event.ticket), 1);
        this.#receivers.set(event.ticket, event.client);
        this.#take(event.client, 1, perBuyer, where);
        return;
      case 'voided':
        this.#giveBack(event.order, undefined);
        return;
      case 'refunding':
        this.#giveBack(event.order, event.tickets);
        return;
      case 'disputed':
        if (event.status === 'lost') this.#giveBack(event.order, undefined);
    }
  }

  #take(client: string, places: number, most: number, where: string): void {
    const has = (this.#places.get(client) ?? 0) + places;
    this.#places.set(client, has);
    if (has > most) this.#told('limit per buyer', `${where}: ${client} has ${has} places, ${most} are allowed`);
  }

  #end(id: string): void {
    const hold = this.#holds.get(id);
    if (hold === undefined) return;
    this.#holds.delete(id);
    this.#places.set(hold.client, (this.#places.get(hold.client) ?? 0) - hold.places);
  }

  #giveBack(id: string, tickets: readonly string[] | undefined): void {
    const order = this.#orders.get(id);
    if (order === undefined) return;
    const { tickets: bought } = order.bought;
    for (const ticket of tickets ?? [...bought]) {
      const holder = this.#holderOf(ticket);
      if (bought.delete(ticket)) this.#give(holder, 1);
    }
  }

  #resold(tickets: readonly string[] = []): void {
    for (const ticket of tickets) {
      const holder = this.#holderOf(ticket);
      if (this.#boughtWith(ticket)?.tickets.delete(ticket) === true) this.#give(holder, 1);
    }
  }

  #boughtWith(ticket: string): Bought | undefined {
    for (const { bought } of this.#orders.values()) if (bought.tickets.has(ticket)) return bought;
    return undefined;
  }

  #holderOf(ticket: string): string {
    return this.#receivers.get(ticket) ?? this.#boughtWith(ticket)?.client ?? '';
  }

  #give(client: string, places: number): void {
    this.#places.set(client, (this.#places.get(client) ?? 0) - places);
  }
}
