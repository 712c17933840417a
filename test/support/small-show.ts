import { apply } from '../../src/allocator/apply.ts';
import type { Command, Once } from '../../src/allocator/commands.ts';
import { decide } from '../../src/allocator/decide.ts';
import type { ShowEvent, ShowTerms } from '../../src/allocator/events.ts';
import type { Hall } from '../../src/allocator/hall.ts';
import { SEAT, Show } from '../../src/allocator/show.ts';
import { hallOf, line, planOf, row, zone } from './plan-fixtures.ts';

export const SHOW_ID = 'shw_01k9zxh3m4q8r2v6w7y0t5b1cd';
export const ON_SALE_AT = 1_790_000_000_000;

/** A hall of rows of ten neighbours, named A, B, …; a standing area "floor" of 20. */
export function rowsOfTen(rows: number): Hall {
  const names = Array.from({ length: rows }, (_, i) => String.fromCharCode(65 + i));
  const seats = names.map((name, i) => row('S', name, line(10 * i, 0, 10, 20, 30, 40, 50, 60, 70, 80, 90)));
  const areas = [{ id: 'floor', name: 'Floor', category: 'A', capacity: 20 }];
  return hallOf({ ...planOf(zone('Stalls', ...seats)), usher: { focal: { x: 45, y: 0 }, areas } });
}

export function termsOf(parts: Partial<ShowTerms> = {}): ShowTerms {
  return {
    planId: 'pln_01k9zxh3m4q8r2v6w7y0t5b1cd',
    planHash: '0'.repeat(64),
    currency: 'EUR',
    prices: { A: 4_550 },
    onSaleAt: ON_SALE_AT,
    offSaleAt: ON_SALE_AT + 30 * 86_400_000,
    perHold: 10,
    perBuyer: 10,
    holdSeconds: 600,
    ...parts,
  };
}

/** User number `n`. */
export function userOf(n: number): string {
  return `usr_${String(n).padStart(26, '0')}`;
}

/** Command id number `n`, of 128 bits that differ in all parts. */
export function onceOf(n: number, fingerprint = n): Once {
  const bytes = Buffer.alloc(16);
  for (let word = 0; word < 4; word++) bytes.writeUInt32BE(Math.imul(n + 1, 0x9e3779b1 + 2 * word) >>> 0, word * 4);
  return { id: bytes.toString('base64url'), fingerprint };
}

/** Marks seats as taken for the choice of others; no hold has them. */
export function take(show: Show, seats: readonly number[]): void {
  for (const seat of seats) {
    if (show.status[seat] !== SEAT.free) continue;
    show.status[seat] = SEAT.held;
    show.seatCounts[SEAT.free]--;
    show.seatCounts[SEAT.held]++;
    show.freeByCategory[show.hall.categoryOf[seat]]--;
    show.freeRuns.update(seat);
  }
}

/** A show played without a journal: one row for each command that has an event. */
export class PlayedShow {
  show: Show;
  readonly events: ShowEvent[] = [];
  /** The time of each event. */
  readonly ats: number[] = [];
  at = ON_SALE_AT;

  constructor(hall: Hall, terms: ShowTerms = termsOf()) {
    this.show = new Show(SHOW_ID, hall, terms);
    this.#apply({ type: 'opened', terms });
  }

  /** Decides and applies; the event, or the code of the refusal, or null for nothing to do. */
  do(command: Command): ShowEvent | string | null {
    const decision = decide(this.show, command, this.at);
    if (decision.kind === 'replay') return 'replay';
    if (decision.event !== null) this.#apply(decision.event);
    return decision.kind === 'refused' ? decision.refusal.code : decision.event;
  }

  /** A hold of the best seats; its number. */
  hold(n: number, quantity: number): number {
    const event = this.do({ type: 'hold', once: onceOf(n), buyer: userOf(n), best: { quantity } });
    if (typeof event !== 'object' || event?.type !== 'held') throw new Error(`no hold: ${JSON.stringify(event)}`);
    return event.hold;
  }

  #apply(event: ShowEvent): void {
    apply(this.show, event, this.show.seq + 1, 0, this.at);
    this.show.seq++;
    this.show.at = this.at;
    this.events.push(event);
    this.ats.push(this.at);
  }
}
