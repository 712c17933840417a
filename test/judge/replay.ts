import type { Findings } from './findings.ts';
import type { Invariant, RowEvent } from './history.ts';
import {
  FREE,
  HELD,
  IN_PAYMENT,
  type JournalHold,
  type JournalOrder,
  type JournalState,
  type JournalTicket,
  SOLD,
  statusOf,
} from './journal-state.ts';

type Of<E extends RowEvent['event']> = Extract<RowEvent, { event: E }>;
type HoldState = JournalHold['state'];

/**
 * Applies the events of a journal one by one and tells which are not legal where they stand (I1, I3, I4, I5, I8, I9,
 * I10). An event that is not legal is applied as far as it goes, so that what follows can be judged too.
 */
export class Replay {
  readonly #state: JournalState;
  readonly #findings: Findings;
  /** The row that is being applied. */
  #n = 0;
  #at: number | undefined;

  constructor(state: JournalState, findings: Findings) {
    this.#state = state;
    this.#findings = findings;
  }

  apply(event: RowEvent, n: number, at: number | undefined): void {
    this.#n = n;
    this.#at = at;
    this.#state.position++;
    switch (event.event) {
      case 'held':
        this.#held(event);
        return;
      case 'extended':
        this.#liveHold(event.hold, 'extended', 'active')?.untils.push(event.until);
        return;
      case 'released': {
        const hold = this.#liveHold(event.hold, 'released', 'active');
        if (hold !== null) this.#free(hold, HELD, 'released');
        return;
      }
      case 'expired':
        for (const id of event.holds) this.#expired(id);
        return;
      case 'ordered':
        this.#ordered(event);
        return;
      case 'pending': {
        const order = this.#order(event.order, 'pending', 'awaiting');
        if (order === null) return;
        order.hold.untils.push(event.until);
        this.#become(order, 'pending');
        return;
      }
      case 'committed':
        if (event.late === true) this.#committedLate(event.order);
        else this.#committed(event.order);
        return;
      case 'captured': {
        const order = this.#order(event.order, 'captured', 'committed');
        if (order === null) return;
        for (const ticket of order.tickets) ticket.state = 'valid';
        this.#become(order, 'paid');
        return;
      }
      case 'cancelled':
      case 'rejected': {
        const states = event.event === 'cancelled' ? (['awaiting'] as const) : (['awaiting', 'pending'] as const);
        const order = this.#order(event.order, event.event, ...states);
        if (order !== null) this.#endUnpaid(order, event.event);
        return;
      }
      case 'declined': {
        const order = this.#order(event.order, 'declined', 'expired');
        if (order !== null) this.#become(order, 'declined');
        return;
      }
      case 'voided': {
        const order = this.#order(event.order, 'voided', 'committed');
        if (order === null) return;
        for (const ticket of order.tickets) this.#takeBack(order, ticket, 'void');
        this.#become(order, 'voided');
        return;
      }
      case 'refunding':
        this.#refunding(event);
        return;
      case 'disputed':
        this.#disputed(event);
        return;
      case 'show-cancelled':
        this.#showCancelled(event);
        return;
      case 'refused':
        this.#answered(event.key, event.code);
    }
  }

  #fault(invariant: Invariant, what: string, ...lines: number[]): void {
    this.#findings.add(invariant, `journal: ${what}`, ...lines, this.#n);
  }

  #answered(key: string | undefined, code: string | null): void {
    if (key === undefined) return;
    const { keys, plan } = this.#state;
    const before = keys.get(key);
    const age = (this.#at ?? 0) - (before?.at ?? 0);
    if (before !== undefined && age < (plan.keysKept ?? Number.POSITIVE_INFINITY))
      this.#fault('I4', `key ${key} takes effect or is refused twice`, before.n);
    else keys.set(key, { code, at: this.#at, n: this.#n });
  }

  #held(event: Of<'held'>): void {
    const state = this.#state;
    this.#answered(event.key, null);
    const before = state.holds.get(event.hold);
    if (before !== undefined) {
      this.#fault('I4', `hold ${event.hold} is made twice`, before.n);
      return;
    }
    const seats: number[] = [];
    const areas: JournalHold['areas'][number][] = [];
    const hold: JournalHold = {
      id: event.hold,
      client: event.client,
      seats,
      areas,
      untils: [event.until],
      state: 'active',
      position: state.position,
      n: this.#n,
    };
    state.holds.set(event.hold, hold);
    if (state.cancelledAt > 0) this.#fault('I3', `hold ${event.hold} is made in a show that was called off`);
    for (const id of event.seats) {
      const seat = state.seatIndex.get(id);
      if (seat === undefined) {
        this.#fault('I5', `hold ${event.hold} has seat ${id}, which the plan does not have`);
      } else if (state.seats[seat] !== FREE) {
        const owner = state.owner[seat];
        const other = owner === null ? 'is not for sale' : `belongs to hold ${owner.id}`;
        this.#fault('I1', `hold ${event.hold} takes seat ${id}, which ${other}`, owner?.n ?? 0);
      } else {
        state.set(seat, HELD, hold);
        seats.push(seat);
      }
    }
    for (const { id, quantity } of event.areas) {
      const area = state.areas.get(id);
      if (area === undefined) {
        this.#fault('I5', `hold ${event.hold} has places in area ${id}, which the plan does not have`);
        continue;
      }
      area.taken[0] += quantity;
      areas.push({ area, quantity });
      this.#checkCapacity(area);
    }
  }

  #checkCapacity({ id, capacity, taken: [held, inPayment, sold] }: JournalHold['areas'][number]['area']): void {
    if (held + inPayment + sold > capacity || held < 0 || inPayment < 0 || sold < 0)
      this.#fault('I5', `area ${id} of ${capacity} places has ${held} held, ${inPayment} in payment, ${sold} sold`);
  }

  #liveHold(id: string, what: string, ...states: HoldState[]): JournalHold | null {
    const hold = this.#state.holds.get(id);
    if (hold !== undefined && states.includes(hold.state)) return hold;
    this.#fault('I9', `hold ${id} is ${what}, but is ${hold?.state ?? 'unknown'}`, hold?.n ?? 0);
    return null;
  }

  /** Gives all places of a hold back. */
  #free(hold: JournalHold, from: number, as: 'released' | 'ended'): void {
    for (const seat of hold.seats) {
      if (this.#state.owner[seat] === hold && this.#state.seats[seat] === from) this.#state.set(seat, FREE, null);
      else this.#fault('I1', `hold ${hold.id} gives seat ${this.#state.plan.seats[seat]} back, which it does not have`);
    }
    for (const { area, quantity } of hold.areas) {
      area.taken[from - HELD] -= quantity;
      this.#checkCapacity(area);
    }
    hold.state = as;
  }

  #end(hold: JournalHold): number {
    return (hold.untils.at(-1) as number) + (this.#state.plan.grace ?? 0);
  }

  #expired(id: string): void {
    const hold = this.#liveHold(id, 'expired', 'active', 'inPayment');
    if (hold === null) return;
    if (this.#at !== undefined && this.#at < this.#end(hold))
      this.#fault('I9', `hold ${id} expires at ${this.#at}, before its end at ${this.#end(hold)}`, hold.n);
    if (hold.state === 'active') {
      this.#free(hold, HELD, 'ended');
      return;
    }
    const order = this.#orderOf(hold);
    if (order === null) return;
    if (order.state === 'awaiting' || order.state === 'pending') this.#endUnpaid(order, 'expired');
    else this.#fault('I9', `hold ${id} expires after its sale`, order.n);
  }

  #orderOf(hold: JournalHold): JournalOrder | null {
    return this.#lastOrder.get(hold) ?? null;
  }

  readonly #lastOrder = new Map<JournalHold, JournalOrder>();

  #ordered(event: Of<'ordered'>): void {
    const state = this.#state;
    this.#answered(event.key, null);
    const before = state.orders.get(event.order);
    if (before !== undefined) {
      this.#fault('I4', `order ${event.order} is made twice`, before.n);
      return;
    }
    const hold = this.#liveHold(event.hold, 'ordered', 'active');
    if (hold === null) return;
    this.#checkNotOver(hold, `order ${event.order} is made`);
    const tickets = event.tickets.map((line): JournalTicket => {
      const index = line.seat === undefined ? -1 : (state.seatIndex.get(line.seat) ?? -1);
      return { ...line, index, state: 'none' };
    });
    const order: JournalOrder = {
      id: event.order,
      hold,
      tickets,
      total: event.total,
      state: 'awaiting',
      wasSold: false,
      told: [],
      position: state.position,
      n: this.#n,
    };
    state.orders.set(event.order, order);
    this.#lastOrder.set(hold, order);
    for (const ticket of tickets) {
      if (state.tickets.has(ticket.id)) this.#fault('I1', `ticket ${ticket.id} is made twice`);
      state.tickets.set(ticket.id, ticket);
    }
    this.#checkLines(order);
    for (const seat of hold.seats) if (state.owner[seat] === hold) state.set(seat, IN_PAYMENT, hold);
    for (const { area, quantity } of hold.areas) this.#move(area, quantity, 0, 1);
    hold.state = 'inPayment';
    if (event.until > (hold.untils.at(-1) as number)) hold.untils.push(event.until);
    this.#become(order, 'awaiting');
    if (order.total > 0) return;
    this.#sell(order);
    for (const ticket of tickets) ticket.state = 'valid';
    this.#become(order, 'paid');
  }

  #move(area: JournalHold['areas'][number]['area'], quantity: number, from: 0 | 1 | 2, to: 0 | 1 | 2): void {
    area.taken[from] -= quantity;
    area.taken[to] += quantity;
    this.#checkCapacity(area);
  }

  /** An order is for all that its hold has and for nothing else (I8), and costs what its tickets cost. */
  #checkLines({ id, hold, tickets, total }: JournalOrder): void {
    const seats = new Set(hold.seats);
    const places = new Map(hold.areas.map(({ area, quantity }) => [area.id, quantity]));
    let sum = 0;
    let isWhole = true;
    for (const { index, seat, area, price } of tickets) {
      sum += price;
      if (seat !== undefined) {
        isWhole &&= seats.delete(index);
        continue;
      }
      const left = places.get(area ?? '') ?? 0;
      isWhole &&= left > 0;
      places.set(area ?? '', left - 1);
    }
    if (!isWhole || seats.size > 0 || [...places.values()].some((left) => left !== 0))
      this.#fault('I8', `order ${id} is not for what hold ${hold.id} has`, hold.n);
    if (sum !== total) this.#fault('I10', `order ${id} costs ${total}, its tickets ${sum}`);
  }

  #checkNotOver(hold: JournalHold, what: string): void {
    if (this.#state.plan.grace !== undefined && this.#at !== undefined && this.#at >= this.#end(hold))
      this.#fault('I9', `${what} at ${this.#at}, after the end of hold ${hold.id} at ${this.#end(hold)}`, hold.n);
  }

  #order(id: string, what: string, ...states: JournalOrder['state'][]): JournalOrder | null {
    const order = this.#state.orders.get(id);
    if (order !== undefined && states.includes(order.state)) return order;
    this.#fault('I10', `order ${id} is ${what}, but is ${order?.state ?? 'unknown'}`, order?.n ?? 0);
    return null;
  }

  #become(order: JournalOrder, state: JournalOrder['state']): void {
    order.state = state;
    const status = statusOf(order);
    if (order.told.at(-1)?.state !== status) order.told.push({ since: this.#state.position, state: status });
  }

  #endUnpaid(order: JournalOrder, as: 'cancelled' | 'rejected' | 'expired'): void {
    this.#free(order.hold, IN_PAYMENT, as === 'expired' ? 'ended' : 'released');
    for (const ticket of order.tickets) ticket.state = 'void';
    this.#become(order, as);
  }

  #committed(id: string): void {
    const order = this.#order(id, 'committed', 'awaiting', 'pending');
    if (order === null) return;
    this.#checkNotOver(order.hold, `order ${id} is committed`);
    this.#sell(order);
    this.#become(order, 'committed');
  }

  #sell(order: JournalOrder): void {
    const { hold } = order;
    for (const seat of hold.seats) {
      if (this.#state.owner[seat] === hold) this.#state.set(seat, SOLD, hold);
      else this.#fault('I1', `order ${order.id} is sold seat ${this.#state.plan.seats[seat]}, which is not its own`);
    }
    for (const { area, quantity } of hold.areas) this.#move(area, quantity, 1, 2);
    hold.state = 'bought';
    order.wasSold = true;
  }

  /** The places of an order that had expired are taken again. */
  #committedLate(id: string): void {
    const order = this.#order(id, 'committed late', 'expired');
    if (order === null) return;
    for (const { index, area, seat } of order.tickets) {
      if (seat === undefined) {
        const counts = this.#state.areas.get(area ?? '');
        if (counts === undefined) continue;
        counts.taken[2]++;
        this.#checkCapacity(counts);
      } else if (this.#state.seats[index] === FREE) {
        this.#state.set(index, SOLD, order.hold);
      } else {
        const other = this.#state.owner[index];
        this.#fault('I1', `order ${id} is sold seat ${seat} late, which belongs to hold ${other?.id}`, other?.n ?? 0);
      }
    }
    for (const ticket of order.tickets) ticket.state = 'none';
    order.wasSold = true;
    this.#become(order, 'committed');
  }

  #takeBack(order: JournalOrder, ticket: JournalTicket, as: 'void' | 'refunded'): void {
    ticket.state = as;
    if (ticket.seat === undefined) {
      const area = this.#state.areas.get(ticket.area ?? '');
      if (area === undefined) return;
      area.taken[2]--;
      this.#checkCapacity(area);
    } else if (this.#state.seats[ticket.index] === SOLD && this.#state.owner[ticket.index] === order.hold) {
      this.#state.set(ticket.index, FREE, null);
    } else {
      this.#fault('I1', `ticket ${ticket.id} gives seat ${ticket.seat} back, which it does not have`, order.n);
    }
  }

  #refunding(event: Of<'refunding'>): void {
    this.#answered(event.key, null);
    const order = this.#order(event.order, 'refunded', 'paid');
    const before = this.#state.refunds.get(event.refund);
    if (before !== undefined) this.#fault('I4', `refund ${event.refund} is made twice`, before.n);
    if (order === null) return;
    const taken: JournalTicket[] = [];
    const named = event.tickets === undefined ? null : new Set(event.tickets);
    for (const ticket of order.tickets) {
      if (named === null ? ticket.state !== 'valid' : !named.delete(ticket.id)) continue;
      if (ticket.state === 'valid') {
        this.#takeBack(order, ticket, 'refunded');
        taken.push(ticket);
      } else
        this.#fault('I10', `refund ${event.refund} pays for ticket ${ticket.id}, which is ${ticket.state}`, order.n);
    }
    if (named !== null && named.size > 0)
      this.#fault('I10', `refund ${event.refund} names tickets that order ${order.id} does not have`, order.n);
    this.#state.refunds.set(event.refund, { order, tickets: taken, n: this.#n });
    this.#become(order, 'paid');
  }

  readonly #disputes = new Map<string, Of<'disputed'>['status']>();

  #disputed({ order: id, dispute, status }: Of<'disputed'>): void {
    const order = this.#order(id, 'disputed', 'paid');
    if (order === null) return;
    this.#disputes.set(`${id} ${dispute}`, status);
    if (status === 'open') {
      for (const ticket of order.tickets) if (ticket.state === 'valid') ticket.state = 'suspended';
    } else if (status === 'lost') {
      for (const ticket of order.tickets) {
        if (ticket.state === 'valid' || ticket.state === 'suspended') this.#takeBack(order, ticket, 'void');
      }
    } else if (![...this.#disputes].some(([name, is]) => name.startsWith(`${id} `) && is === 'open')) {
      for (const ticket of order.tickets) if (ticket.state === 'suspended') ticket.state = 'valid';
    }
    this.#become(order, 'paid');
  }

  #showCancelled({ holds }: Of<'show-cancelled'>): void {
    if (this.#state.cancelledAt > 0) this.#fault('I4', 'the show is called off twice');
    this.#state.cancelledAt = this.#state.position;
    for (const id of holds) {
      const hold = this.#liveHold(id, 'ended with the show', 'active', 'inPayment');
      if (hold === null) continue;
      const order = hold.state === 'inPayment' ? this.#orderOf(hold) : null;
      if (order === null) this.#free(hold, HELD, 'released');
      else this.#endUnpaid(order, 'cancelled');
    }
  }
}
