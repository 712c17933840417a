import type { Folds } from './fold.ts';
import type { TicketRow } from './rows.ts';
import type { ShowModel } from './show-model.ts';

/** Who came in. Of the ledger of the doors the model keeps what an admission follows from, see `allocator/doors.ts`. */
export const DOORS: Pick<Folds, 'admitted' | 'scanned' | 'admission-undone'> = {
  admitted(model, { ticket, at }) {
    enter(model, ticket, at);
  },
  scanned(model, { scans }) {
    for (const [ticket, at, wasVoid] of scans) if (wasVoid === 0) enter(model, ticket, at);
  },
  'admission-undone'(model, event) {
    const [ticket, order] = model.ticket(event.ticket);
    ticket.undone_until = Math.max(event.until, ticket.undone_until ?? event.until);
    settle(ticket);
    model.changed(order);
  },
};

function enter(model: ShowModel, number: number, at: number): void {
  const [ticket, order] = model.ticket(number);
  ticket.entries.push(at);
  settle(ticket);
  model.changed(order);
}

/** Scans come in any order: the admission is the earliest entry that is not undone. */
function settle(ticket: TicketRow): void {
  const { entries, undone_until: undoneUntil } = ticket;
  const standing = entries.filter((at) => undoneUntil === null || at > undoneUntil);
  ticket.admitted_at = standing.length === 0 ? null : Math.min(...standing);
}
