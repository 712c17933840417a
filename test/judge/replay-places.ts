import type { Findings } from './findings.ts';
import type { Invariant, RowEvent } from './history.ts';
import { BLOCKED, FREE, HELD, type JournalArea, type JournalHold, type JournalState, LISTED } from './journal-state.ts';

const NONE: readonly never[] = [];

/** What journal events do to the places of holds, and which of it is not legal where it stands (I1, I4, I5, I9). */
export class ReplayPlaces {
  readonly state: JournalState;
  readonly #findings: Findings;
  /** The line and the time of the row that is being applied. */
  n = 0;
  at: number | undefined;

  constructor(state: JournalState, findings: Findings) {
    this.state = state;
    this.#findings = findings;
  }

  fault(invariant: Invariant, what: string, ...lines: number[]): void {
    this.#findings.add(invariant, `journal: ${what}`, ...lines, this.n);
  }

  held(event: Extract<RowEvent, { event: 'held' }>): void {
    const state = this.state;
    const before = state.hold(event.hold);
    if (before !== undefined) {
      this.fault('I4', `hold ${event.hold} is made twice`, before.n);
      return;
    }
    // As long as it is to be: what is pushed to takes room for many more.
    const seats = new Array<number>(event.seats.length);
    let had = 0;
    const hold: JournalHold = {
      id: event.hold,
      client: event.client,
      seats,
      areas: NONE,
      firstUntil: event.until,
      laterUntils: null,
      until: event.until,
      state: 'active',
      order: null,
      n: this.n,
    };
    state.addHold(hold);
    if (state.cancelledAt > 0) this.fault('I3', `hold ${event.hold} is made in a show that was called off`);
    this.checkOnSale(`hold ${event.hold} is made`);
    for (const id of event.seats) {
      const seat = state.seatIndex.get(id);
      if (seat === undefined) {
        this.fault('I5', `hold ${event.hold} has seat ${id}, which the plan does not have`);
      } else if (state.seats[seat] !== (event.listed?.includes(id) ? LISTED : FREE)) {
        const owner = state.owner[seat];
        const other = owner === null ? 'is not for sale' : `belongs to hold ${owner.id}`;
        this.fault('I1', `hold ${event.hold} takes seat ${id}, which ${other}`, owner?.n ?? 0);
      } else {
        state.set(seat, HELD, hold);
        seats[had++] = seat;
      }
    }
    seats.length = had;
    for (const { id, quantity } of event.areas) {
      const area = state.areas.get(id);
      if (area === undefined) {
        this.fault('I5', `hold ${event.hold} has places in area ${id}, which the plan does not have`);
        continue;
      }
      area.taken[0] += quantity;
      hold.areas = [...hold.areas, { area, quantity }];
      this.checkCapacity(area);
    }
  }

  /** Nothing that somebody has is touched. */
  stockChanged({ opens = {}, closes = {}, key }: Extract<RowEvent, { event: 'stock-changed' }>): void {
    const state = this.state;
    if (key !== undefined) state.changes.add(key);
    if (state.cancelledAt > 0) this.fault('I3', 'the stock of a show changes that was called off');
    for (const id of opens.seats ?? []) {
      const seat = state.seatIndex.get(id) ?? -1;
      if (state.seats[seat] === BLOCKED) state.set(seat, FREE, null);
      else this.fault('I1', `seat ${id} is put on sale, but was not off it`, state.owner[seat]?.n ?? 0);
    }
    for (const id of closes.seats ?? []) {
      const seat = state.seatIndex.get(id) ?? -1;
      const owner = state.owner[seat] ?? null;
      if (state.seats[seat] === FREE) state.set(seat, BLOCKED, null);
      else if (state.seats[seat] !== BLOCKED)
        this.fault('I1', `seat ${id} is taken off sale, which belongs to hold ${owner?.id}`, owner?.n ?? 0);
    }
    for (const [areas, sign] of [
      [opens.areas ?? [], 1],
      [closes.areas ?? [], -1],
    ] as const) {
      for (const { id, quantity } of areas) {
        const area = state.areas.get(id);
        if (area === undefined) {
          this.fault('I5', `area ${id} changes, which the plan does not have`);
          continue;
        }
        area.capacity += sign * quantity;
        this.checkCapacity(area);
      }
    }
  }

  rescheduled({ onSale, offSale }: Extract<RowEvent, { event: 'rescheduled' }>): void {
    if (this.state.cancelledAt > 0) this.fault('I3', 'the times of a show are moved that was called off');
    if (offSale <= onSale) this.fault('I3', `the show is to sell from ${onSale} until ${offSale}`);
    this.state.saleTimes.push({ onSale, offSale });
  }

  checkOnSale(what: string): void {
    const { onSale, offSale } = this.state.saleTimes[this.state.saleTimes.length - 1];
    if (this.at !== undefined && (this.at < onSale || this.at >= offSale))
      this.fault('I3', `${what} at ${this.at}, when the show sells from ${onSale} until ${offSale}`);
  }

  checkCapacity({ id, capacity, taken: [held, inPayment, sold] }: JournalArea): void {
    if (held + inPayment + sold > capacity || held < 0 || inPayment < 0 || sold < 0)
      this.fault('I5', `area ${id} of ${capacity} places has ${held} held, ${inPayment} in payment, ${sold} sold`);
  }

  move(area: JournalArea, quantity: number, from: 0 | 1 | 2, to: 0 | 1 | 2): void {
    area.taken[from] -= quantity;
    area.taken[to] += quantity;
    this.checkCapacity(area);
  }

  liveHold(id: string, what: string, ...states: JournalHold['state'][]): JournalHold | null {
    const hold = this.state.hold(id);
    if (hold !== undefined && states.includes(hold.state)) return hold;
    this.fault('I9', `hold ${id} is ${what}, but is ${hold?.state ?? 'unknown'}`, hold?.n ?? 0);
    return null;
  }

  /** Gives all places of a hold back. */
  free(hold: JournalHold, from: number, as: 'released' | 'ended'): void {
    for (const seat of hold.seats) {
      if (this.state.owner[seat] === hold && this.state.seats[seat] === from) this.state.letGo(seat);
      else this.fault('I1', `hold ${hold.id} gives seat ${this.state.plan.seats[seat]} back, which it does not have`);
    }
    for (const { area, quantity } of hold.areas) {
      area.taken[from - HELD] -= quantity;
      this.checkCapacity(area);
    }
    hold.state = as;
  }

  extend(hold: JournalHold, until: number): void {
    if (hold.laterUntils === null) hold.laterUntils = [until];
    else hold.laterUntils.push(until);
    hold.until = until;
  }

  endOf(hold: JournalHold): number {
    return hold.until + (this.state.plan.grace ?? 0);
  }

  checkNotOver(hold: JournalHold, what: string): void {
    if (this.state.plan.grace !== undefined && this.at !== undefined && this.at >= this.endOf(hold))
      this.fault('I9', `${what} at ${this.at}, after the end of hold ${hold.id} at ${this.endOf(hold)}`, hold.n);
  }
}
