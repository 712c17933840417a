import type { RowEvent } from './history.ts';
import type { JournalTicket } from './journal-state.ts';
import type { ReplayPlaces } from './replay-places.ts';

type Of<E extends RowEvent['event']> = Extract<RowEvent, { event: E }>;

/** What journal events do to the ledger of the doors, and which of it is not legal where it stands (I15). */
export class ReplayDoors {
  readonly #places: ReplayPlaces;

  constructor(places: ReplayPlaces) {
    this.#places = places;
  }

  admitted({ ticket: id, at, gate }: Of<'admitted'>): void {
    const ticket = this.#ticket(id, 'admitted');
    if (ticket === null) return;
    if (ticket.state !== 'valid') this.#fault(`ticket ${id} is admitted, which is ${ticket.state}`);
    const before = standingFor(ticket);
    if (before !== undefined) this.#fault(`ticket ${id} is admitted, and so was it or the one before it`, before.n);
    if (at <= undoneUntil(ticket)) this.#fault(`ticket ${id} is admitted before its undo`);
    this.#enter(ticket, at, gate, false);
  }

  scanned({ gate, scans }: Of<'scanned'>): void {
    for (const { ticket: id, at, void: wasVoid } of scans) {
      const ticket = this.#ticket(id, 'scanned');
      if (ticket === null) continue;
      const { state, invalidSince = Number.NEGATIVE_INFINITY } = ticket;
      if (wasVoid === (state === 'valid' || at < invalidSince))
        this.#fault(
          `a scan of ticket ${id} at ${at}, which is ${state} since ${invalidSince}, counts as ${wasVoid ? 'void' : 'valid'}`,
        );
      this.#enter(ticket, at, gate, wasVoid);
    }
  }

  undone({ ticket: id, until }: Of<'admission-undone'>): void {
    const ticket = this.#ticket(id, 'undone');
    if (ticket === null) return;
    if (countingOf(ticket).length === 0) this.#fault(`an admission of ticket ${id} is undone, and it has none`);
    ticket.undoneUntil = Math.max(undoneUntil(ticket), until);
    const left = countingOf(ticket)[0];
    if (left !== undefined) this.#fault(`ticket ${id} is still admitted after its undo`, left.n);
  }

  #enter(ticket: JournalTicket, at: number, gate: string, wasVoid: boolean): void {
    const twin = ticket.entries.find((entry) => entry.at === at && entry.gate === gate);
    if (twin !== undefined) this.#fault(`ticket ${ticket.id} has one scan twice in the ledger`, twin.n);
    ticket.entries = [...ticket.entries, { at, gate, wasVoid, n: this.#places.n }];
  }

  #ticket(id: string, what: string): JournalTicket | null {
    const ticket = this.#places.state.ticket(id);
    if (ticket !== undefined && ticket.state !== 'none') return ticket;
    this.#fault(`ticket ${id} is ${what}, and was never paid`);
    return null;
  }

  #fault(what: string, n = 0): void {
    this.#places.fault('I15', what, n);
  }
}

/** With what somebody came in by this ticket, or by one whose right it has; undefined if nobody did. */
function standingFor(ticket: JournalTicket): JournalTicket['entries'][number] | undefined {
  for (let one: JournalTicket | undefined = ticket; one !== undefined; one = one.before) {
    const [entry] = countingOf(one);
    if (entry !== undefined) return entry;
  }
  return undefined;
}

/** The entries of a ticket with which somebody came in, as far as they count; earliest first. */
function countingOf(ticket: JournalTicket): JournalTicket['entries'] {
  const undone = undoneUntil(ticket);
  return ticket.entries.filter(({ at, wasVoid }) => !wasVoid && at > undone).sort((a, b) => a.at - b.at);
}

function undoneUntil(ticket: JournalTicket): number {
  return ticket.undoneUntil ?? Number.NEGATIVE_INFINITY;
}
