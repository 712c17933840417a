import type { Command, Question } from '../allocator/commands.ts';
import { whyNotEntered } from '../allocator/decide-doors.ts';
import type { ShowEvent } from '../allocator/events.ts';
import type { Show } from '../allocator/show.ts';
import { TICKET } from '../allocator/tickets.ts';
import { scopedId } from '../ids.ts';
import { rfc3339 } from '../rfc3339.ts';
import { seatName } from './order-views.ts';
import type {
  AdmissionList,
  AdmissionView,
  LedgerEntry,
  ScanOutcome,
  TicketAtDoor,
  UploadedScan,
  VoidedTickets,
} from './shows.ts';

import { ticketStatus } from './ticket-views.ts';

/** The doors, as gates and organisers see them. */

type Admitted = Extract<ShowEvent, { type: 'admitted' }>;

/** The admission as it was decided, told from its event. */
export function admittedView(show: Show, { ticket, at, gate }: Admitted): AdmissionView {
  return { ...namesOf(show, ticket), admittedAt: rfc3339(at), ...(gate === '' ? {} : { gate }) };
}

/** A ticket and its whole ledger. */
export function ticketAtDoor(show: Show, ticket: number): TicketAtDoor {
  const { doors } = show;
  const admission = doors.admissionOf(ticket);
  return {
    ...namesOf(show, ticket),
    ticketStatus: ticketStatus(show, ticket),
    ...(admission === 0 ? {} : { admittedAt: rfc3339(doors.at[admission]) }),
    ...(admission === 0 || doors.gateName(admission) === '' ? {} : { gate: doors.gateName(admission) }),
    entries: [...doors.of(ticket)].map((entry) => entryView(show, entry)),
  };
}

type MergeScans = Extract<Command, { type: 'merge-scans' }>;

/** What became of each scan of an upload, from the ledger as the upload left it. */
export function uploadedScans(show: Show, { gate, scans }: MergeScans, at: number): { readonly scans: UploadedScan[] } {
  const { doors } = show;
  return {
    scans: scans.map((scan): UploadedScan => {
      const { ticket, scannedAt } = scan;
      const why = whyNotEntered(show, scan, at);
      if (why === 'unknown') return { result: 'unknown', at: rfc3339(scannedAt) };
      const names = { ...namesOf(show, ticket), at: rfc3339(scannedAt) };
      const entry = doors.find(ticket, scannedAt, gate);
      if (entry === 0) return { ...names, result: why ?? 'no_room' };
      const result = doors.kindOf(entry) satisfies ScanOutcome;
      if (result !== 'double') return { ...names, result };
      const admission = doors.admissionBeside(entry);
      const where = doors.gateName(admission);
      return { ...names, result, admittedAt: rfc3339(doors.at[admission]), ...(where === '' ? {} : { gate: where }) };
    }),
  };
}

type ListAdmissions = Extract<Question, { type: 'list-admissions' }>;

export function admissionList(show: Show, { only, offset, limit }: ListAdmissions): AdmissionList {
  const { doors, tickets } = show;
  const items: TicketAtDoor[] = [];
  let total = 0;
  for (const ticket of doors.tickets()) {
    if (!isListed(show, ticket, only)) continue;
    if (total >= offset && items.length < limit) items.push(ticketAtDoor(show, ticket));
    total++;
  }
  let valid = 0;
  for (let ticket = 1; ticket <= tickets.count; ticket++) if (tickets.state[ticket] === TICKET.valid) valid++;
  const { admitted, doubles, voids } = doors;
  return { total, items, counts: { valid, admitted, double: doubles, void: voids } };
}

function isListed({ doors }: Show, ticket: number, only: ListAdmissions['only']): boolean {
  const kind = only === 'admitted' ? 'admission' : only;
  for (const entry of doors.of(ticket)) if (doors.kindOf(entry) === kind) return true;
  return false;
}

/**
 * Tickets that had a code once, and with which nobody is let in now; by number, ascending. One that is offered has had none yet,
 * and the lines of orders that were never paid neither: on a list that gates keep for a while the first would turn away who
 * accepts it, the others who pays late, and all who gave up would make it long.
 */
export function voidedTickets(show: Show): VoidedTickets {
  const { tickets, seq } = show;
  const numbers: number[] = [];
  for (let ticket = 1; ticket <= tickets.count; ticket++) {
    const state = tickets.state[ticket];
    if (state !== TICKET.valid && state !== TICKET.offered && show.isPaid(ticket)) numbers.push(ticket);
  }
  return { version: seq, tickets: numbers };
}

function entryView({ doors }: Show, entry: number): LedgerEntry {
  const gate = doors.gateName(entry);
  return { at: rfc3339(doors.at[entry]), ...(gate === '' ? {} : { gate }), kind: doors.kindOf(entry) };
}

function namesOf(show: Show, ticket: number): Pick<AdmissionView, 'ticketId' | 'showId' | 'seat'> {
  const at = show.orders.at[show.tickets.order[ticket]];
  return {
    ticketId: scopedId('tkt', at, show.id, ticket),
    showId: show.id,
    seat: seatName(show, show.tickets.seat[ticket]),
  };
}
