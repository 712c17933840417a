import type { AreaQuantity, Operation, OrderStatus, PlanLine, SeenTicket } from './history.ts';
import { GrowingLists, type Lists } from './lists.ts';
import type { Cases, Entry, HoldFile, OrderFile, ShowFile } from './show-file.ts';

/**
 * What holds (and what became of them) have of seats, as their clients know it; columns by the claim's number. Whatever
 * the true order of things was, the seat was the claim's own strictly between `mustFrom` and `mustTo`, and never outside
 * of [mayFrom, mayTo].
 */
export class ClaimTable {
  count = 0;
  readonly mustFrom: number[] = [];
  readonly mustTo: number[] = [];
  readonly mayFrom: number[] = [];
  readonly mayTo: number[] = [];
  /** The line that told of it. */
  readonly n: number[] = [];
  readonly #owner: (HoldFile | string)[] = [];

  /** @returns the new claim's number. */
  add(owner: HoldFile | string, n: number, mustFrom: number, mustTo: number, mayFrom: number, mayTo: number): number {
    this.mustFrom.push(mustFrom);
    this.mustTo.push(mustTo);
    this.mayFrom.push(mayFrom);
    this.mayTo.push(mayTo);
    this.n.push(n);
    this.#owner.push(owner);
    return this.count++;
  }

  /** Whether there is any time at which it must have been so. */
  isSure(claim: number): boolean {
    return this.mustFrom[claim] < this.mustTo[claim];
  }

  /** Whose it is, for a person. */
  owner(claim: number): string {
    const owner = this.#owner[claim];
    return typeof owner === 'string' ? owner : `hold ${owner.id} of ${owner.made?.line.client}`;
  }
}

/** The claims on every seat and area of a show. */
export interface Claims {
  readonly plan: PlanLine;
  readonly table: ClaimTable;
  readonly lives: Lives;
  /** By the seat's place in the plan line. */
  readonly bySeat: Lists;
  readonly byArea: ReadonlyMap<string, { readonly claim: number; readonly quantity: number }[]>;
  /** Places that an area has at most, with all that its organiser may have added. */
  readonly capacities: ReadonlyMap<string, number>;
  /** From then on any seat may be held by someone who does not know it. */
  readonly anySeatFrom: number;
}

const EVER = Number.POSITIVE_INFINITY;
const NEVER = EVER;
const LIVE: readonly (OrderStatus | undefined)[] = ['awaiting_payment', 'processing'];
export const PAID: readonly (OrderStatus | undefined)[] = ['paid', 'partially_refunded', 'refunded'];

/** The earliest beginning of those that were not refused: from then on it may have taken effect. */
function firstStart(entries: readonly Entry<Operation>[]): number {
  let first = NEVER;
  for (const { line } of entries) if (line.outcome !== 'refused' && line.from < first) first = line.from;
  return first;
}

/** The earliest answer that it has taken effect. */
function firstDone(entries: readonly Entry<Operation>[]): number {
  let first = NEVER;
  for (const { line } of entries) {
    if (line.outcome === 'ok' && line.to !== undefined && line.to < first) first = line.to;
  }
  return first;
}

/** When it was first known that the order is paid. */
export function knownPaid(order: OrderFile): number {
  let first = firstDone(order.pays);
  const made = order.made?.line;
  if (made?.total === 0 && made.to !== undefined && made.to < first) first = made.to;
  for (const { line } of order.reads) {
    if (line.outcome === 'ok' && line.to !== undefined && line.to < first && PAID.includes(line.state)) first = line.to;
  }
  return first;
}

/** From when on a sold ticket (all of the order's if none is named) may have been taken back, or be somebody else's. */
export function mayBeTakenBack(cases: Cases, order: OrderFile, ticket: string | null): number {
  let first = Math.min(firstStart(cases.showCancels), firstStart(order.disputes));
  for (const { line } of order.refunds) {
    if (line.outcome === 'refused' || line.from >= first) continue;
    if (line.tickets === undefined || ticket === null || line.tickets.includes(ticket)) first = line.from;
  }
  for (const { line } of order.moves) {
    if (line.outcome === 'refused' || line.from >= first) continue;
    if (ticket === null || line.tickets.includes(ticket)) first = line.from;
  }
  return first;
}

/** By when a sold ticket was surely taken back. */
function isTakenBackBy(order: OrderFile, ticket: string | null): number {
  let first = NEVER;
  for (const { line } of order.refunds) {
    if (line.outcome !== 'ok' || line.to === undefined || line.to >= first) continue;
    if (line.tickets === undefined || (ticket !== null && line.tickets.includes(ticket))) first = line.to;
  }
  return first;
}

/** What is true of whole holds, whichever of their seats; columns by the number of the hold. Only of those that were made. */
export class Lives {
  /** The latest time at which the hold was surely alive, or could not yet have ended. */
  readonly sureUntil: Float64Array;
  /** What its buyer was shown; in the grace after it the hold can be ordered, and not extended. */
  readonly shownUntil: Float64Array;
  /** When it was known to be sold. */
  readonly sold: Float64Array;
  /** 1 if it was sold before it could have ended: it was never anybody else's. */
  readonly unbroken: Uint8Array;
  /** By when it had surely ended unsold. */
  readonly over: Float64Array;

  constructor(holds: number) {
    this.sureUntil = new Float64Array(holds);
    this.shownUntil = new Float64Array(holds);
    this.sold = new Float64Array(holds);
    this.unbroken = new Uint8Array(holds);
    this.over = new Float64Array(holds);
  }
}

/** Adds what a hold's own history says of its life. `madeUntil`: its end when it was made. */
function addLife(lives: Lives, cases: Cases, hold: HoldFile, madeUntil: number): void {
  const { order, number } = hold;
  let until = madeUntil;
  let alive = Number.NEGATIVE_INFINITY;
  let mayEnd = firstStart(cases.showCancels);
  let over = NEVER;
  for (const { line } of hold.extends) {
    if (line.outcome !== 'ok') continue;
    if (line.until !== undefined && line.until > until) until = line.until;
    if (line.from > alive) alive = line.from;
  }
  if (hold.releases.length > 0) {
    mayEnd = Math.min(mayEnd, firstStart(hold.releases));
    over = firstDone(hold.releases);
  }
  const shown = until;
  let sold = NEVER;
  if (order !== null) {
    const ordered = order.made?.line;
    if (ordered !== undefined && ordered.from > alive) alive = ordered.from;
    if (ordered?.until !== undefined && ordered.until > until) until = ordered.until;
    sold = knownPaid(order);
    for (const { line } of order.reads) {
      if (LIVE.includes(line.state) && line.from > alive && line.from <= until) alive = line.from;
      if (line.outcome === 'ok' && line.state === 'cancelled' && line.to !== undefined) over = Math.min(over, line.to);
    }
    mayEnd = Math.min(mayEnd, firstStart(order.cancels));
    over = Math.min(over, firstDone(order.cancels));
    // A payment that is not seen to succeed may end the order: the card failed, the capture did.
    for (const { line } of order.pays) if (line.outcome !== 'ok' && line.from < mayEnd) mayEnd = line.from;
    mayEnd = Math.min(mayEnd, mayBeTakenBack(cases, order, null));
  } else {
    // An order that its client does not know of may be paid, cancelled or refused by anyone who lists it.
    mayEnd = Math.min(mayEnd, firstStart(hold.orders));
  }
  lives.sureUntil[number] = Math.max(Math.min(until, mayEnd), alive);
  lives.shownUntil[number] = Math.min(shown, mayEnd);
  lives.sold[number] = sold;
  lives.unbroken[number] = sold <= until ? 1 : 0;
  lives.over[number] = over;
}

/** All claims of a show, from what its clients were told alone. */
export function claimsOf({ plan, seatIndex, cases }: ShowFile): Claims {
  const table = new ClaimTable();
  const lives = new Lives(cases.holds.all.length);
  const bySeat = new GrowingLists();
  const byArea = new Map(plan.areas.map(({ id }) => [id, [] as { claim: number; quantity: number }[]]));

  const claimSeats = (seats: readonly string[] | undefined, claim: number): void => {
    if (seats === undefined) return;
    for (let i = 0; i < seats.length; i++) {
      const seat = seatIndex.get(seats[i]);
      if (seat !== undefined) bySeat.push(seat, claim);
    }
  };
  const claimAreas = (areas: readonly AreaQuantity[] | undefined, claim: number): void => {
    for (const { id, quantity } of areas ?? []) byArea.get(id)?.push({ claim, quantity });
  };

  const { made } = cases;
  for (let place = 0; place < made.files.length; place++) {
    const hold = made.files[place];
    const { order } = hold;
    addLife(lives, cases, hold, made.until.at(place));
    if (order === null || order.refunds.length + order.moves.length === 0) {
      for (let claim = addClaims(table, lives, cases, hold, null); claim < table.count; claim++) {
        for (let i = made.seatsFrom(place); i < made.seatsTo.at(place); i++) {
          if (made.seats.at(i) >= 0) bySeat.push(made.seats.at(i), claim);
        }
        claimAreas(made.areas[place], claim);
      }
      continue;
    }
    const tickets = order.made?.line.tickets ?? [];
    for (const seat of hold.made?.line.seats ?? []) {
      const ticket = tickets.find((line) => line.seat === seat)?.id ?? null;
      for (let claim = addClaims(table, lives, cases, hold, ticket); claim < table.count; claim++)
        claimSeats([seat], claim);
    }
    for (const { id, quantity } of made.areas[place]) {
      const lines = tickets.filter(({ area }) => area === id);
      for (let i = 0; i < quantity; i++) {
        for (let claim = addClaims(table, lives, cases, hold, lines[i]?.id ?? null); claim < table.count; claim++)
          claimAreas([{ id, quantity: 1 }], claim);
      }
    }
  }
  claimSeenTickets(table, cases, (seat, claim) => claimSeats([seat], claim));

  let anySeatFrom = NEVER;
  for (const { n, line } of cases.unknownHolds) {
    if (line.asked === undefined || line.asked.best !== undefined) anySeatFrom = Math.min(anySeatFrom, line.from);
    const claim = table.add(`the hold of ${line.client} without an answer`, n, EVER, EVER, line.from, EVER);
    claimSeats(line.asked?.seats, claim);
    claimAreas(line.asked?.areas, claim);
  }
  const capacities = new Map(plan.areas.map(({ id, capacity }) => [id, capacity]));
  for (const { n, line } of cases.stocks) {
    if (line.outcome === 'refused') continue;
    // From then on the organiser may have taken them off sale.
    const claim = table.add(`the stock that ${line.client} changed`, n, EVER, EVER, line.from, EVER);
    claimSeats(line.closes?.seats, claim);
    for (const { id, quantity } of line.opens?.areas ?? []) capacities.set(id, (capacities.get(id) ?? 0) + quantity);
  }
  return { plan, table, lives, bySeat: bySeat.of(plan.seats.length), byArea, capacities, anySeatFrom };
}

/**
 * Adds the claim of a hold on a seat (with this ticket, if it was ordered); two if it may have lost the seat in between.
 * @returns the number of the first; they are the last of the table.
 */
function addClaims(table: ClaimTable, lives: Lives, cases: Cases, hold: HoldFile, ticket: string | null): number {
  const { order, number, place } = hold;
  const { made } = cases;
  const n = made.n.at(place);
  const mayFrom = made.from.at(place);
  const mustFrom = made.to.at(place);
  const sureUntil = lives.sureUntil[number];
  const sold = lives.sold[number];
  if (order === null || sold === NEVER) return table.add(hold, n, mustFrom, sureUntil, mayFrom, lives.over[number]);
  const takenBack = mayBeTakenBack(cases, order, ticket);
  const mayTo = isTakenBackBy(order, ticket);
  if (lives.unbroken[number] === 1) return table.add(hold, n, mustFrom, Math.max(takenBack, sureUntil), mayFrom, mayTo);
  const first = table.add(hold, n, mustFrom, sureUntil, mayFrom, mayTo);
  table.add(`order ${order.id} of ${hold.made?.line.client}`, n, sold, takenBack, EVER, EVER);
  return first;
}

/** Valid tickets that were seen though nobody was told of their order claim their seats too. */
function claimSeenTickets(table: ClaimTable, cases: Cases, claimSeat: (seat: string, claim: number) => void): void {
  if (cases.ticketReads.length === 0) return;
  const seen = new Map<string, { ticket: SeenTicket; seat: string; first: number; last: number; n: number }>();
  for (const { n, line } of cases.ticketReads) {
    if (line.to === undefined) continue;
    for (const ticket of line.tickets ?? []) {
      const { id, seat, status } = ticket;
      if (status !== 'valid' || seat === undefined || cases.isToldTicket(id)) continue;
      const before = seen.get(id);
      if (before === undefined) {
        seen.set(id, { ticket, seat, first: line.to, last: line.from, n });
        continue;
      }
      before.first = Math.min(before.first, line.to);
      before.last = Math.max(before.last, line.from);
    }
  }
  for (const { ticket, seat, first, last, n } of seen.values()) {
    const order = ticket.order === undefined ? undefined : cases.orders.find(ticket.order);
    const end = ticket.order === undefined ? last : takenBackOf(cases, order, ticket.id);
    const mustTo = Math.max(end, last);
    claimSeat(seat, table.add(`ticket ${ticket.id}`, n, first, mustTo, Number.NEGATIVE_INFINITY, EVER));
  }
}

function takenBackOf(cases: Cases, order: OrderFile | undefined, ticket: string): number {
  return order === undefined ? firstStart(cases.showCancels) : mayBeTakenBack(cases, order, ticket);
}
