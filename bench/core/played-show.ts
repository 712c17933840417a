import { apply } from '../../src/allocator/apply.ts';
import type { Command } from '../../src/allocator/commands.ts';
import { decide } from '../../src/allocator/decide.ts';
import type { ShowEvent } from '../../src/allocator/events.ts';
import type { Hall } from '../../src/allocator/hall.ts';
import { assertCounts } from '../../src/allocator/invariants.ts';
import { SEAT, Show } from '../../src/allocator/show.ts';
import { FORMAT } from '../../src/formats.ts';
import { newId } from '../../src/ids.ts';
import type { JournalRow } from '../../src/journal/journal.ts';
import { FIRST_PREV_HASH, rowHash } from '../../src/journal/row-hash.ts';
import { systemRandom } from '../../src/system/random.ts';
import { seededRandom } from '../seeded-random.ts';
import { newBuyer, newOnce } from './hold-commands.ts';
import { PLAYED_AT, termsOf } from './stadium.ts';

/** Events of a journal row, as many as a full turn has. */
const EVENTS_PER_ROW = 256;
const LARGEST_PARTY = 4;
const EPOCH = 1;

/** A show that is played without I/O, and keeps its journal in memory if asked to. */
export class PlayedShow {
  readonly show: Show;
  readonly rows: JournalRow[] = [];
  readonly #keepsRows: boolean;
  #turn: ShowEvent[] = [];

  constructor(hall: Hall, keepsRows: boolean) {
    this.show = new Show(newId('shw', systemRandom), hall, termsOf(hall));
    this.#keepsRows = keepsRows;
    this.record({ type: 'opened', terms: this.show.terms });
    this.endTurn();
  }

  /** Decides a command and applies its event; throws if it is refused. */
  command(command: Command): ShowEvent {
    const decision = decide(this.show, command, PLAYED_AT);
    if (decision.kind !== 'done' || decision.event === null) throw new Error(`refused: ${JSON.stringify(decision)}`);
    this.record(decision.event);
    return decision.event;
  }

  /** Applies an event as the next one of the turn. */
  record(event: ShowEvent): void {
    apply(this.show, event, this.show.seq + 1, this.#turn.length, PLAYED_AT);
    this.#turn.push(event);
    if (this.#turn.length >= EVENTS_PER_ROW) this.endTurn();
  }

  /** Closes the journal row under way. */
  endTurn(): void {
    if (this.#turn.length === 0) return;
    assertCounts(this.show);
    this.show.seq++;
    this.show.at = PLAYED_AT;
    this.show.touched.length = 0;
    if (this.#keepsRows) {
      const row = {
        showId: this.show.id,
        seq: this.show.seq,
        epoch: EPOCH,
        at: PLAYED_AT,
        wakeAt: this.show.wakeAt(),
        events: JSON.stringify(this.#turn),
        format: FORMAT.newest,
        writer: 'nod_bench',
        prevHash: this.rows.at(-1)?.hash ?? FIRST_PREV_HASH,
      };
      this.rows.push({ ...row, hash: rowHash(row) });
    }
    this.#turn = [];
  }

  /**
   * Sells parties of one to four until this share of the seats is sold: half of them the best available, half
   * neighbours anywhere in the hall, so that the rest is as scattered as a real house late in its sale.
   */
  sellTo(share: number, seed: number): void {
    const { show } = this;
    const random = seededRandom(seed);
    const wanted = Math.round(show.hall.seatCount * share);
    const scattered = shuffledSeats(show.hall.seatCount, random);
    while (show.seatCounts[SEAT.sold] < wanted) {
      const quantity = Math.min(1 + Math.floor(random() * LARGEST_PARTY), wanted - show.seatCounts[SEAT.sold]);
      const best = random() < 0.5 && this.#buyBest(quantity);
      if (!best) this.#buy(this.#runFrom(nextFree(show, scattered), quantity));
    }
    this.endTurn();
  }

  /** `false` when there are not so many left. */
  #buyBest(quantity: number): boolean {
    const decision = decide(
      this.show,
      { type: 'hold', once: newOnce(), buyer: newBuyer(), best: { quantity } },
      PLAYED_AT,
    );
    if (decision.kind !== 'done' || decision.event?.type !== 'held') return false;
    this.record(decision.event);
    this.#payFor(decision.event.hold, decision.event.seats);
    return true;
  }

  /** Recorded without asking the orphan rule: late buyers in a real house are let off it as well. */
  #buy(seats: readonly number[]): void {
    const hold = this.show.holds.next;
    this.record({
      type: 'held',
      once: newOnce(),
      buyer: newBuyer(),
      hold,
      seats,
      areas: [],
      until: PLAYED_AT + 600_000,
    });
    this.#payFor(hold, seats);
  }

  #payFor(hold: number, seats: readonly number[]): void {
    const lines = seats.map((seat) => ({ seat, price: this.show.prices[this.show.hall.categoryOf[seat]] }));
    const order = this.show.orders.count + 1;
    const total = lines.reduce((sum, line) => sum + line.price, 0);
    this.record({ type: 'ordered', once: newOnce(), order, hold, lines, total, until: PLAYED_AT + 600_000 });
    this.record({ type: 'committed', order });
    this.record({ type: 'captured', order });
  }

  /** Up to `quantity` free neighbours from this seat to the right. */
  #runFrom(first: number, quantity: number): number[] {
    const { hall, status } = this.show;
    const end = hall.blockStart[hall.blockOf[first] + 1];
    const seats: number[] = [];
    for (let seat = first; seat < end && seats.length < quantity && status[seat] === SEAT.free; seat++)
      seats.push(seat);
    return seats;
  }
}

function shuffledSeats(count: number, random: () => number): number[] {
  const seats = Array.from({ length: count }, (_, seat) => seat);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [seats[i], seats[j]] = [seats[j], seats[i]];
  }
  return seats;
}

/** Takes seats off the list until one of them is free. */
function nextFree(show: Show, seats: number[]): number {
  for (let seat = seats.pop(); seat !== undefined; seat = seats.pop()) {
    if (show.status[seat] === SEAT.free) return seat;
  }
  throw new Error('no seat is free');
}
