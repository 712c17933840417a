import { scopedId } from '../ids.ts';
import { rfc3339 } from '../rfc3339.ts';
import type { Command, Scan } from './commands.ts';
import { type Decision, done, OUTCOME_DONE, refused } from './decision.ts';
import { LEDGER_MAX, LEDGER_MAX_WITH_ADMISSIONS, SCAN_AHEAD_MS, type ScanRecord } from './doors.ts';
import type { Show } from './show.ts';
import { TICKET, TICKET_NAMES } from './tickets.ts';
import { standingFor, wasValid } from './validity.ts';

const NO_TICKET = refused('NOT_FOUND', 'The show has no such ticket.');
const LEDGER_FULL = refused('SCAN_LIMIT', 'The ledger of this show is full, or has too many gates.');

type Admit = Extract<Command, { type: 'admit' }>;

/** Lets a valid ticket in, once. Its entry is later than any undo, so that no late upload can hide it behind one. */
export function decideAdmit(show: Show, command: Admit, at: number): Decision {
  const { ticket, gate = '' } = command;
  const { doors, tickets, orders } = show;
  if (!isTicket(show, ticket, command.at)) return NO_TICKET;
  const state = tickets.state[ticket];
  const ticketId = scopedId('tkt', command.at, show.id, ticket);
  if (state !== TICKET.valid) {
    const ticketStatus = TICKET_NAMES[state];
    return refused('TICKET_NOT_VALID', `The ticket is ${ticketStatus}: nobody is let in with it.`, {
      ticketId,
      ticketStatus,
    });
  }
  const admission = standingFor(show, ticket);
  if (admission > 0) {
    const where = doors.gateName(admission);
    const used = doors.ticket[admission];
    const admittedAt = rfc3339(doors.at[admission]);
    return refused(
      'ALREADY_ADMITTED',
      `The ${used === ticket ? 'ticket' : 'ticket before this one'} was admitted at ${admittedAt}${where === '' ? '' : ` at gate ${where}`}.`,
      {
        ticketId,
        admittedAt,
        ...(where === '' ? {} : { gate: where }),
        ...(used === ticket
          ? {}
          : { admittedTicketId: scopedId('tkt', orders.at[tickets.order[used]], show.id, used) }),
      },
    );
  }
  const scannedAt = command.scannedAt ?? at;
  if (!isPossible(scannedAt, orders.at[tickets.order[ticket]], at))
    return refused('SCAN_TIME_INVALID', 'A ticket is scanned neither before its order nor in the future.');
  if (doors.count >= LEDGER_MAX_WITH_ADMISSIONS || !doors.hasRoomFor(gate)) return LEDGER_FULL;
  // Not the time of an entry that is undone or was void: then it would be that entry.
  let entryAt = Math.max(scannedAt, doors.undoneTill(ticket) + 1);
  while (doors.find(ticket, entryAt, gate) > 0) entryAt++;
  return done({ type: 'admitted', once: command.once, ticket, at: entryAt, gate });
}

type Undo = Extract<Command, { type: 'undo-admission' }>;

/** The ticket can be used again. Without a standing admission, or if that is another than the named one, nothing is left to do. */
export function decideUndo(show: Show, command: Undo, at: number): Decision {
  const { ticket } = command;
  if (!isTicket(show, ticket, command.at)) return NO_TICKET;
  const { doors } = show;
  const admission = doors.admissionOf(ticket);
  if (admission === 0) return OUTCOME_DONE;
  if (command.admittedAt !== undefined && doors.at[admission] !== command.admittedAt) return OUTCOME_DONE;
  return done({ type: 'admission-undone', ticket, until: Math.max(at, doors.latestOf(ticket)) });
}

type MergeScans = Extract<Command, { type: 'merge-scans' }>;

/** Enters the scans that the ledger does not have; which of them admit anybody follows from the whole ledger. */
export function decideScans(show: Show, { gate, scans }: MergeScans, at: number): Decision {
  if (!show.doors.hasRoomFor(gate)) return LEDGER_FULL;
  const fresh: ScanRecord[] = [];
  const seen = new Set<string>();
  const left = new Map<number, number>();
  for (const scan of scans) {
    const { ticket, scannedAt } = scan;
    if (whyNotEntered(show, scan, at) !== null || show.doors.find(ticket, scannedAt, gate) > 0) continue;
    const key = `${ticket} ${scannedAt}`;
    if (seen.has(key)) continue;
    const room = left.get(ticket) ?? show.doors.roomOf(ticket);
    if (room === 0 || show.doors.count + fresh.length >= LEDGER_MAX) continue;
    left.set(ticket, room - 1);
    seen.add(key);
    fresh.push([ticket, scannedAt, wasValid(show, ticket, scannedAt) ? 0 : 1]);
  }
  return fresh.length === 0 ? OUTCOME_DONE : done({ type: 'scanned', gate, scans: fresh });
}

/** Why a scan does not stand in the ledger: what is wrong with it, or null if at most room was wanting. */
export function whyNotEntered(show: Show, scan: Scan, at: number): 'unknown' | 'bad_time' | null {
  const { ticket, scannedAt } = scan;
  if (!isTicket(show, ticket, scan.at)) return 'unknown';
  return isPossible(scannedAt, scan.at, at) ? null : 'bad_time';
}

/** The ticket of this number, if `orderedAt` is the time in its id and it was ever paid. */
function isTicket(show: Show, ticket: number, orderedAt: number): boolean {
  const { tickets, orders } = show;
  return tickets.has(ticket) && orders.at[tickets.order[ticket]] === orderedAt && show.isPaid(ticket);
}

function isPossible(scannedAt: number, orderedAt: number, at: number): boolean {
  return scannedAt >= orderedAt && scannedAt <= at + SCAN_AHEAD_MS;
}
