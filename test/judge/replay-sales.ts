import type { RowEvent } from './history.ts';
import {
  FREE,
  HELD,
  IN_PAYMENT,
  type JournalOrder,
  type JournalState,
  type JournalTicket,
  LISTED,
  OWNED,
  SOLD,
  statusOf,
} from './journal-state.ts';
import type { ReplayPlaces } from './replay-places.ts';

const NONE: readonly never[] = [];

type Of<E extends RowEvent['event']> = Extract<RowEvent, { event: E }>;

/** What journal events do to orders, tickets and refunds, and which of it is not legal where it stands (I1, I4, I8 to I10). */
export class ReplaySales {
  readonly #places: ReplayPlaces;
  readonly #state: JournalState;
  /** By order and dispute. */
  readonly #disputes = new Map<string, Of<'disputed'>['status']>();

  constructor(places: ReplayPlaces) {
    this.#places = places;
    this.#state = places.state;
  }

  expired(id: string): void {
    const hold = this.#places.liveHold(id, 'expired', 'active', 'inPayment');
    if (hold === null) return;
    if (this.#places.at !== undefined && this.#places.at < this.#places.endOf(hold))
      this.#places.fault(
        'I9',
        `hold ${id} expires at ${this.#places.at}, before its end at ${this.#places.endOf(hold)}`,
        hold.n,
      );
    if (hold.state === 'active') {
      this.#places.free(hold, HELD, 'ended');
      return;
    }
    const { order } = hold;
    if (order === null) return;
    if (order.state === 'awaiting' || order.state === 'pending') this.endUnpaid(order, 'expired');
    else this.#places.fault('I9', `hold ${id} expires after its sale`, order.n);
  }

  ordered(event: Of<'ordered'>): void {
    const state = this.#state;
    const before = state.order(event.order);
    if (before !== undefined) {
      this.#places.fault('I4', `order ${event.order} is made twice`, before.n);
      return;
    }
    const hold = this.#places.liveHold(event.hold, 'ordered', 'active');
    if (hold === null) return;
    this.#places.checkNotOver(hold, `order ${event.order} is made`);
    const tickets = new Array<JournalTicket>(event.tickets.length);
    const order: JournalOrder = {
      id: event.order,
      hold,
      tickets,
      total: event.total,
      state: 'awaiting',
      wasSold: false,
      disputes: 0,
      isWithdrawn: false,
      told: null,
      n: this.#places.n,
    };
    state.addOrder(order);
    for (let i = 0; i < tickets.length; i++) {
      const { id, seat, area, price, from } = event.tickets[i];
      const index = seat === undefined ? -1 : (state.seatIndex.get(seat) ?? -1);
      const ticket: JournalTicket = {
        id,
        seat,
        area,
        price,
        from,
        index,
        order,
        state: 'none',
        entries: NONE,
        undoneUntil: undefined,
        invalidSince: undefined,
      };
      tickets[i] = ticket;
      if (!state.addTicket(ticket)) this.#places.fault('I1', `ticket ${id} is made twice`);
    }
    this.#checkLines(order);
    for (const seat of hold.seats) if (state.owner[seat] === hold) state.set(seat, IN_PAYMENT, hold);
    for (const { area, quantity } of hold.areas) this.#places.move(area, quantity, 0, 1);
    hold.state = 'inPayment';
    if (event.until > hold.until) this.#places.extend(hold, event.until);
    this.become(order, 'awaiting');
    if (order.total > 0) return;
    this.#sell(order);
    this.paid(order, event.resold);
  }

  /** The order is paid: its tickets are valid, and those of the sellers from whom it buys end with that (I11). */
  paid(order: JournalOrder, resold: readonly string[] = NONE): void {
    for (const ticket of order.tickets) ticket.state = 'valid';
    this.become(order, 'paid');
    if (resold.length === 0 && this.#state.listings.size === 0) return;
    const named = new Set(resold);
    for (const line of order.tickets) {
      const listing = this.#state.listings.get(line.index);
      if (line.from === undefined || listing?.ticket.id !== line.from) continue;
      const { ticket } = listing;
      const seller = ticket.order;
      if (!named.delete(line.from)) {
        this.#places.fault('I1', `seat ${line.seat} is bought from ticket ${line.from}, which does not end`, order.n);
        continue;
      }
      if (line.price > ticket.price)
        this.#places.fault(
          'I11',
          `ticket ${ticket.id} is resold for ${line.price}, and cost ${ticket.price}`,
          seller.n,
        );
      ticket.state = 'resold';
      line.before = ticket;
      ticket.resoldFor = line.price;
      this.#state.listings.delete(line.index);
      this.become(seller, 'paid');
    }
    for (const id of named) this.#places.fault('I11', `ticket ${id} is resold, and nobody buys its seat`, order.n);
  }

  /** An order is for all that its hold has and for nothing else (I8), and costs what its tickets cost. */
  #checkLines(order: JournalOrder): void {
    const { id, hold, tickets, total } = order;
    if (!isInOrder(order) && !isWhole(order))
      this.#places.fault('I8', `order ${id} is not for what hold ${hold.id} has`, hold.n);
    let sum = 0;
    for (const { price } of tickets) sum += price;
    if (sum !== total) this.#places.fault('I10', `order ${id} costs ${total}, its tickets ${sum}`);
  }

  order(id: string, what: string, ...states: JournalOrder['state'][]): JournalOrder | null {
    const order = this.#state.order(id);
    if (order !== undefined && states.includes(order.state)) return order;
    this.#places.fault('I10', `order ${id} is ${what}, but is ${order?.state ?? 'unknown'}`, order?.n ?? 0);
    return null;
  }

  become(order: JournalOrder, state: JournalOrder['state']): void {
    order.state = state;
    const status = statusOf(order);
    if (order.told?.state !== status) order.told = { since: this.#state.position, state: status, before: order.told };
  }

  endUnpaid(order: JournalOrder, as: 'cancelled' | 'rejected' | 'expired'): void {
    this.#places.free(order.hold, IN_PAYMENT, as === 'expired' ? 'ended' : 'released');
    for (const ticket of order.tickets) ticket.state = 'void';
    this.become(order, as);
  }

  committed(id: string): void {
    const order = this.order(id, 'committed', 'awaiting', 'pending');
    if (order === null) return;
    this.#places.checkNotOver(order.hold, `order ${id} is committed`);
    this.#sell(order);
    this.become(order, 'committed');
  }

  #sell(order: JournalOrder): void {
    const { hold } = order;
    for (const seat of hold.seats) {
      if (this.#state.owner[seat] === hold) this.#state.set(seat, SOLD, hold);
      else
        this.#places.fault(
          'I1',
          `order ${order.id} is sold seat ${this.#state.plan.seats[seat]}, which is not its own`,
        );
    }
    for (const { area, quantity } of hold.areas) this.#places.move(area, quantity, 1, 2);
    hold.state = 'bought';
    order.wasSold = true;
  }

  /** The places of an order that had expired are taken again. */
  committedLate(id: string): void {
    const order = this.order(id, 'committed late', 'expired');
    if (order === null) return;
    this.#places.checkOnSale(`order ${id} is committed late`);
    for (const { index, area, seat, from } of order.tickets) {
      if (seat === undefined) {
        const counts = this.#state.areas.get(area ?? '');
        if (counts === undefined) continue;
        counts.taken[2]++;
        this.#places.checkCapacity(counts);
      } else if (this.#isToBeHad(index, from)) {
        this.#state.set(index, SOLD, order.hold);
      } else {
        const other = this.#state.owner[index];
        this.#places.fault(
          'I1',
          `order ${id} is sold seat ${seat} late, which belongs to hold ${other?.id}`,
          other?.n ?? 0,
        );
      }
    }
    for (const ticket of order.tickets) ticket.state = 'none';
    order.wasSold = true;
    this.become(order, 'committed');
  }

  #isToBeHad(seat: number, from: string | undefined): boolean {
    if (from === undefined) return this.#state.seats[seat] === FREE;
    return this.#state.seats[seat] === LISTED && this.#state.listings.get(seat)?.ticket.id === from;
  }

  takeBack(order: JournalOrder, ticket: JournalTicket, as: 'void' | 'refunded'): void {
    const was = ticket.state;
    if (was === 'valid' || as === 'refunded') ticket.invalidSince = this.#places.at;
    ticket.state = as;
    if (was === 'listed') {
      this.#state.listings.delete(ticket.index);
      // Who has it by now buys it from the organiser.
      if (this.#state.seats[ticket.index] === LISTED) this.#state.set(ticket.index, FREE, null);
      return;
    }
    if (ticket.seat === undefined) {
      const area = this.#state.areas.get(ticket.area ?? '');
      if (area === undefined) return;
      area.taken[2]--;
      this.#places.checkCapacity(area);
    } else if (this.#state.seats[ticket.index] === SOLD && this.#state.owner[ticket.index] === order.hold) {
      this.#state.letGo(ticket.index);
    } else {
      this.#places.fault('I1', `ticket ${ticket.id} gives seat ${ticket.seat} back, which it does not have`, order.n);
    }
  }

  refunding(event: Of<'refunding'>): void {
    const order = this.order(event.order, 'refunded', 'paid');
    const before = this.#state.refunds.get(event.refund);
    if (before !== undefined) this.#places.fault('I4', `refund ${event.refund} is made twice`, before.n);
    if (order === null) return;
    const taken: JournalTicket[] = [];
    const named = event.tickets === undefined ? null : new Set(event.tickets);
    for (const ticket of order.tickets) {
      if (named === null ? !OWNED.includes(ticket.state) : !named.delete(ticket.id)) continue;
      if (OWNED.includes(ticket.state)) {
        this.takeBack(order, ticket, 'refunded');
        taken.push(ticket);
      } else
        this.#places.fault(
          'I10',
          `refund ${event.refund} pays for ticket ${ticket.id}, which is ${ticket.state}`,
          order.n,
        );
    }
    if (named !== null && named.size > 0)
      this.#places.fault('I10', `refund ${event.refund} names tickets that order ${order.id} does not have`, order.n);
    this.#state.refunds.set(event.refund, { order, tickets: taken, n: this.#places.n });
    this.become(order, 'paid');
  }

  disputed({ order: id, dispute, status }: Of<'disputed'>): void {
    const order = this.order(id, 'disputed', 'paid');
    if (order === null) return;
    this.#disputes.set(`${id} ${dispute}`, status);
    const all = [...this.#disputes].filter(([name]) => name.startsWith(`${id} `)).map(([, is]) => is);
    order.disputes = all.filter((is) => is === 'open').length;
    order.isWithdrawn = all.some((is) => is !== 'won');
    if (status === 'open') {
      for (const ticket of order.tickets) this.#suspend(ticket);
    } else if (status === 'lost') {
      for (const ticket of order.tickets) {
        if (OWNED.includes(ticket.state) || ticket.state === 'suspended') this.takeBack(order, ticket, 'void');
      }
    } else if (order.disputes === 0) {
      for (const ticket of order.tickets) if (ticket.state === 'suspended') ticket.state = 'valid';
    }
    this.become(order, 'paid');
  }

  #suspend(ticket: JournalTicket): void {
    if (ticket.state === 'listed') {
      // Nobody takes it from a buyer who has it by now.
      if (this.#state.seats[ticket.index] !== LISTED) return;
      this.#unlist(ticket);
      // It could not be used since it was listed.
    } else if (ticket.state === 'valid') ticket.invalidSince = this.#places.at;
    if (OWNED.includes(ticket.state)) ticket.state = 'suspended';
  }

  #unlist(ticket: JournalTicket): void {
    this.#state.listings.delete(ticket.index);
    ticket.state = 'valid';
    this.#state.set(ticket.index, SOLD, this.#state.owner[ticket.index]);
  }

  /** The ticket of this event, which has to be in this state; null if it is not. */
  #ticket(id: string, what: string, state: JournalTicket['state']): JournalTicket | null {
    const ticket = this.#state.ticket(id);
    if (ticket?.state === state) return ticket;
    this.#places.fault('I11', `ticket ${id} is ${what}, but is ${ticket?.state ?? 'unknown'}`);
    return null;
  }

  /** A ticket moves. */
  moved(event: Of<'transferred' | 'transfer-accepted' | 'transfer-ended' | 'listed' | 'unlisted'>): void {
    const before = event.event === 'transferred' || event.event === 'listed' ? 'valid' : 'offered';
    const ticket = this.#ticket(event.ticket, event.event, event.event === 'unlisted' ? 'listed' : before);
    if (ticket === null) return;
    switch (event.event) {
      case 'transferred': {
        const next: JournalTicket = {
          ...ticket,
          ...{ id: event.to, state: 'offered', isSuccessor: true },
          ...{ entries: NONE, undoneUntil: undefined },
          ...{ before: ticket, invalidSince: Number.NEGATIVE_INFINITY },
        };
        ticket.state = 'transferred';
        ticket.invalidSince = this.#places.at;
        if (!this.#state.addTicket(next)) this.#places.fault('I1', `ticket ${event.to} is made twice`);
        ticket.order.tickets.push(next);
        return;
      }
      case 'listed':
        if (event.price > ticket.price)
          this.#places.fault('I11', `ticket ${ticket.id} is listed for ${event.price}, and cost ${ticket.price}`);
        if (this.#state.seats[ticket.index] !== SOLD)
          this.#places.fault('I1', `ticket ${ticket.id} lists seat ${ticket.seat}, which it does not have`);
        ticket.state = 'listed';
        ticket.invalidSince = this.#places.at;
        this.#state.listings.set(ticket.index, { ticket, price: event.price });
        this.#state.set(ticket.index, LISTED, this.#state.owner[ticket.index]);
        return;
      case 'unlisted':
        if (this.#state.seats[ticket.index] !== LISTED)
          this.#places.fault('I1', `seat ${ticket.seat} is withdrawn while a buyer has it`);
        this.#unlist(ticket);
        return;
      default:
        ticket.state = 'valid';
    }
  }

  showCancelled({ holds }: Of<'show-cancelled'>): void {
    if (this.#state.cancelledAt > 0) this.#places.fault('I4', 'the show is called off twice');
    this.#state.cancelledAt = this.#state.position;
    for (const id of holds) {
      const hold = this.#places.liveHold(id, 'ended with the show', 'active', 'inPayment');
      if (hold === null) continue;
      const order = hold.state === 'inPayment' ? hold.order : null;
      if (order === null) this.#places.free(hold, HELD, 'released');
      else this.endUnpaid(order, 'cancelled');
    }
  }
}

/** Whether an order is for the seats of its hold, one after the other, and there is nothing else: so are most. */
function isInOrder({ hold, tickets }: JournalOrder): boolean {
  const { seats, areas } = hold;
  if (areas.length > 0 || tickets.length !== seats.length) return false;
  for (let i = 0; i < seats.length; i++) if (tickets[i].index !== seats[i]) return false;
  return true;
}

/** Whether an order is for all that its hold has, and for nothing else. */
function isWhole({ hold, tickets }: JournalOrder): boolean {
  const seats = new Set(hold.seats);
  const places = new Map(hold.areas.map(({ area, quantity }) => [area.id, quantity]));
  for (const { index, seat, area } of tickets) {
    if (seat !== undefined) {
      if (!seats.delete(index)) return false;
      continue;
    }
    const left = places.get(area ?? '') ?? 0;
    if (left <= 0) return false;
    places.set(area ?? '', left - 1);
  }
  return seats.size === 0 && [...places.values()].every((left) => left === 0);
}
