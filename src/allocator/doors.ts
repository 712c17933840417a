import { nextCapacity, widened } from './columns.ts';

/** A ticket has at most so many entries in the ledger; uploads beyond are told so. */
export const SCANS_PER_TICKET_MAX = 64;
/** With so many entries in all, a show takes no more from uploads. */
export const LEDGER_MAX = 500_000;
/** With so many not even admissions at the door. What lies beyond {@link LEDGER_MAX} is theirs alone. */
export const LEDGER_MAX_WITH_ADMISSIONS = LEDGER_MAX + 500_000;
/** Gates of one show that have names of their own. */
export const GATES_MAX = 1_000;
/** The clock of a gate may be ahead of the show's by so much. */
export const SCAN_AHEAD_MS = 120_000;

/** A scan as events have it: the ticket, when (ms), and 1 if the ticket was not valid then. */
export type ScanRecord = readonly [ticket: number, at: number, wasVoid: 0 | 1];

/**
 * What an entry of the ledger is. It follows from the entries and undos of the tickets of its place alone, whatever order
 * they came in. A place has one ticket, and others when that is transferred, resold, or taken back and sold anew.
 *
 * - `void`: the ticket was not valid;
 * - `undone`: it is not later than the last undo of the ticket;
 * - `admission`: the earliest of the rest, at this place;
 * - `double`: any other of the rest.
 */
export type EntryKind = 'admission' | 'double' | 'undone' | 'void';

/**
 * The ledger of the doors: who came in with which ticket, when and where. A set of entries: the same ticket at the same
 * time and gate is one, however often it is told; so gates that were offline may upload what they have in any order.
 * Entries are numbered from 1. A show whose doors never opened has none, and they take no room.
 */
export class Doors {
  count = 0;
  ticket: Uint32Array = new Uint32Array(0);
  /** When, by the gate's clock (ms). */
  at: Float64Array = new Float64Array(0);
  /** Index into {@link gates}. */
  gate: Uint16Array = new Uint16Array(0);
  wasVoid: Uint8Array = new Uint8Array(0);
  /** The same ticket's next entry, by time, then by the gate's name; 0 ends the chain. */
  next: Uint32Array = new Uint32Array(0);
  /** Names of the gates that entries have; '' for an admission that named none. */
  readonly gates: string[] = [];
  /** By ticket: all its entries up to this time (ms) are undone. */
  readonly undoneUntil = new Map<number, number>();
  /** Places with a standing admission; double entries; entries on void codes. */
  admitted = 0;
  doubles = 0;
  voids = 0;
  /** By ticket: its first entry, or 0. As long as the highest ticket that has any. */
  #first: Uint32Array = new Uint32Array(0);
  /** By ticket that has entries, the place that they are of. */
  #place: Int32Array = new Int32Array(0);
  /** By place, its tickets that have entries. */
  readonly #ticketsAt = new Map<number, readonly number[]>();
  readonly #gateIndex = new Map<string, number>();

  get isUsed(): boolean {
    return this.count > 0;
  }

  /** The gate's index, or -1 if the ledger has none of this name. */
  gateOf(name: string): number {
    return this.#gateIndex.get(name) ?? -1;
  }

  /** Whether an entry of this gate has room for its name. */
  hasRoomFor(gate: string): boolean {
    return this.gates.length < GATES_MAX || this.#gateIndex.has(gate);
  }

  /** The ticket's entries, earliest first. */
  *of(ticket: number): IterableIterator<number> {
    for (let entry = this.#firstOf(ticket); entry > 0; entry = this.next[entry]) yield entry;
  }

  /** The standing admission of a ticket, or 0. */
  admissionOf(ticket: number): number {
    const undone = this.undoneTill(ticket);
    let entry = this.#firstOf(ticket);
    while (entry > 0 && (this.wasVoid[entry] === 1 || this.at[entry] <= undone)) entry = this.next[entry];
    return entry;
  }

  /** The entry of this ticket, time and gate, or 0. */
  find(ticket: number, at: number, gate: string): number {
    const index = this.gateOf(gate);
    if (index < 0) return 0;
    let entry = this.#firstOf(ticket);
    while (entry > 0 && !(this.at[entry] === at && this.gate[entry] === index)) entry = this.next[entry];
    return entry;
  }

  kindOf(entry: number): EntryKind {
    const ticket = this.ticket[entry];
    if (this.wasVoid[entry] === 1) return 'void';
    if (this.at[entry] <= this.undoneTill(ticket)) return 'undone';
    return this.#earliestAt(this.#place[ticket]) === entry ? 'admission' : 'double';
  }

  /** The entry with which somebody came in to the place of this one. */
  admissionBeside(entry: number): number {
    return this.#earliestAt(this.#place[this.ticket[entry]]);
  }

  /** Tickets that have entries of this place. */
  ticketsAt(place: number): readonly number[] {
    return this.#ticketsAt.get(place) ?? [];
  }

  gateName(entry: number): string {
    return this.gates[this.gate[entry]];
  }

  /** Up to when the ticket's entries are undone, or -∞. */
  undoneTill(ticket: number): number {
    return this.undoneUntil.get(ticket) ?? Number.NEGATIVE_INFINITY;
  }

  /** When the latest entry of a ticket was, or -∞. */
  latestOf(ticket: number): number {
    let latest = Number.NEGATIVE_INFINITY;
    for (const entry of this.of(ticket)) latest = this.at[entry];
    return latest;
  }

  /** How many more entries of the ticket uploads may bring. */
  roomOf(ticket: number): number {
    let room = SCANS_PER_TICKET_MAX;
    for (const _ of this.of(ticket)) room--;
    return Math.max(0, room);
  }

  /** Adds an entry that is not there yet. @param place the same for all tickets of one place, and for no others. */
  add(ticket: number, at: number, gate: string, wasVoid: boolean, place: number): void {
    this.#recount(place, -1);
    const entry = ++this.count;
    if (entry >= this.ticket.length) this.#widen(nextCapacity(this.ticket.length, entry + 1));
    this.ticket[entry] = ticket;
    this.at[entry] = at;
    this.gate[entry] = this.#meetGate(gate);
    this.wasVoid[entry] = wasVoid ? 1 : 0;
    if (ticket >= this.#first.length) {
      this.#first = widened(this.#first, nextCapacity(this.#first.length, ticket + 1));
      this.#place = widened(this.#place, this.#first.length);
    }
    if (this.#first[ticket] === 0) {
      this.#place[ticket] = place;
      this.#ticketsAt.set(place, [...this.ticketsAt(place), ticket]);
    }
    let before = 0;
    let after = this.#first[ticket];
    while (after > 0 && this.#isBefore(after, at, gate)) {
      before = after;
      after = this.next[after];
    }
    this.next[entry] = after;
    if (before === 0) this.#first[ticket] = entry;
    else this.next[before] = entry;
    this.#recount(place, 1);
  }

  /** All entries of the ticket up to this time (ms) count no more. */
  undo(ticket: number, until: number): void {
    const isEntered = this.#firstOf(ticket) > 0;
    if (isEntered) this.#recount(this.#place[ticket], -1);
    this.undoneUntil.set(ticket, Math.max(until, this.undoneTill(ticket)));
    if (isEntered) this.#recount(this.#place[ticket], 1);
  }

  /** Tickets that have entries, in ascending order. */
  *tickets(): IterableIterator<number> {
    for (let ticket = 1; ticket < this.#first.length; ticket++) if (this.#first[ticket] > 0) yield ticket;
  }

  #firstOf(ticket: number): number {
    return ticket < this.#first.length ? this.#first[ticket] : 0;
  }

  #isBefore(entry: number, at: number, gate: string): boolean {
    return this.at[entry] < at || (this.at[entry] === at && this.gates[this.gate[entry]] < gate);
  }

  /** The earliest entry of the place that counts, or 0; of two at once that of the gate, then the ticket, that comes first. */
  #earliestAt(place: number): number {
    let earliest = 0;
    for (const ticket of this.ticketsAt(place)) {
      const entry = this.admissionOf(ticket);
      if (entry === 0) continue;
      const isEarlier =
        earliest === 0 ||
        this.#isBefore(entry, this.at[earliest], this.gateName(earliest)) ||
        (!this.#isBefore(earliest, this.at[entry], this.gateName(entry)) && ticket < this.ticket[earliest]);
      if (isEarlier) earliest = entry;
    }
    return earliest;
  }

  #recount(place: number, sign: 1 | -1): void {
    let isIn = false;
    for (const ticket of this.ticketsAt(place)) {
      const undone = this.undoneTill(ticket);
      for (const entry of this.of(ticket)) {
        if (this.wasVoid[entry] === 1) this.voids += sign;
        else if (this.at[entry] > undone) {
          if (isIn) this.doubles += sign;
          else this.admitted += sign;
          isIn = true;
        }
      }
    }
  }

  #meetGate(name: string): number {
    const known = this.#gateIndex.get(name);
    if (known !== undefined) return known;
    this.#gateIndex.set(name, this.gates.length);
    return this.gates.push(name) - 1;
  }

  #widen(capacity: number): void {
    this.ticket = widened(this.ticket, capacity);
    this.at = widened(this.at, capacity);
    this.gate = widened(this.gate, capacity);
    this.wasVoid = widened(this.wasVoid, capacity);
    this.next = widened(this.next, capacity);
  }
}
