import type { AdmissionView, Answer, TicketAtDoor, UploadedScan } from '../../src/actors/shows.ts';
import type { Command, Question, Scan } from '../../src/allocator/commands.ts';
import type { ErrorCode } from '../../src/errors.ts';
import { scopedId } from '../../src/ids.ts';
import { rfc3339 } from '../../src/rfc3339.ts';
import type { ModelEntry } from './model-doors.ts';
import {
  allTickets,
  type EventOf,
  type Expected,
  type ModelOrder,
  type ModelTicket,
  type ReferenceState,
  refusedBy,
  told,
} from './reference-state.ts';
import { seatName } from './reference-views.ts';
import { must } from './violation.ts';

/** So far may the clock of a gate be ahead. */
const AHEAD_MS = 120_000;

interface Found {
  readonly order: ModelOrder;
  readonly ticket: ModelTicket;
}

function findTicket(state: ReferenceState, { ticket: number, at }: { ticket: number; at: number }): Found | null {
  for (const order of state.orders) {
    const ticket = allTickets(order).find((one) => one.number === number);
    if (ticket !== undefined) return order.at === at && order.state === 'paid' ? { order, ticket } : null;
  }
  return null;
}

// ---- Admissions ----

type CommandOf<T extends Command['type']> = Extract<Command, { type: T }>;
type Admit = CommandOf<'admit'>;

export function reasonsAgainstAdmission(state: ReferenceState, command: Admit): ErrorCode[] {
  const found = findTicket(state, command);
  if (found === null) return ['NOT_FOUND'];
  if (found.ticket.state !== 'valid') return ['TICKET_NOT_VALID'];
  if (standingFor(state, found.ticket) !== undefined) return ['ALREADY_ADMITTED'];
  return isPossible(state, found, command.scannedAt ?? state.at) ? [] : ['SCAN_TIME_INVALID'];
}

export function admitTicket(state: ReferenceState, command: Admit, event: EventOf<'admitted'>): Answer {
  const name = `admission of ${command.ticket}`;
  const reasons = reasonsAgainstAdmission(state, command);
  must(reasons.length === 0, 'I15', () => `${name} should be refused: ${reasons}`);
  const { ticket, at, gate } = event;
  must(ticket === command.ticket && gate === (command.gate ?? ''), 'I15', () => `${name} became that of ${ticket}`);
  // Later than any undo, and no entry that stands already.
  let due = Math.max(command.scannedAt ?? state.at, (state.doors.undone.get(ticket) ?? 0) + 1);
  while (state.doors.has({ ticket, at: due, gate })) due++;
  must(at === due, 'I15', () => `${name} stands at ${at}, not ${due}`);
  state.doors.entries.push({ ticket, place: placeOf(state, ticket), at, gate, wasVoid: false });
  const counting = state.doors.counting(ticket);
  must(counting.length === 1, 'I15', () => `${name} leaves it with ${counting.length} entries that count`);
  const view: AdmissionView = {
    ...namesOf(state, ticket),
    admittedAt: rfc3339(at),
    ...(gate === '' ? {} : { gate }),
  };
  return told(view);
}

export function undoAdmission(state: ReferenceState, command: CommandOf<'undo-admission'>): Expected {
  const { ticket } = command;
  if (findTicket(state, command) === null) return refusedBy('NOT_FOUND');
  const [admission] = state.doors.counting(ticket);
  const isThat = command.admittedAt === undefined || admission?.at === command.admittedAt;
  if (admission === undefined || !isThat) return { answer: told(ticketAtDoor(state, ticket)), inTurn: false };
  const event = state.take('admission-undone', (undone) => undone.ticket === ticket);
  state.doors.undone.set(ticket, event.until);
  must(event.until >= state.at, 'I15', () => `an undo of ticket ${ticket} reaches back to ${event.until} only`);
  const left = state.doors.counting(ticket).length;
  must(left === 0, 'I15', () => `ticket ${ticket} has ${left} entries that count after its undo`);
  return { answer: told(ticketAtDoor(state, ticket)), inTurn: true };
}

// ---- Uploads ----

export function mergeScans(state: ReferenceState, { gate, scans }: CommandOf<'merge-scans'>): Expected {
  const { doors } = state;
  const fresh: ModelEntry[] = [];
  for (const scan of scans) {
    const found = findTicket(state, scan);
    if (found === null || !isPossible(state, found, scan.scannedAt)) continue;
    const entry = { ticket: scan.ticket, place: placeOf(state, scan.ticket), at: scan.scannedAt, gate };
    if (doors.has(entry)) continue;
    fresh.push({ ...entry, wasVoid: !wasValid(found, scan.scannedAt) });
    doors.entries.push(fresh[fresh.length - 1]);
  }
  if (fresh.length > 0) {
    state.take('scanned', (event) => {
      const written = event.scans.map(([ticket, at, wasVoid]) => `${ticket} ${at} ${wasVoid}`);
      const due = fresh.map(({ ticket, at, wasVoid }) => `${ticket} ${at} ${wasVoid ? 1 : 0}`);
      return event.gate === gate && written.sort().join() === due.sort().join();
    });
  }
  return { answer: told({ scans: scans.map((scan) => outcome(state, gate, scan)) }), inTurn: fresh.length > 0 };
}

function outcome(state: ReferenceState, gate: string, scan: Scan): UploadedScan {
  const { doors } = state;
  const at = rfc3339(scan.scannedAt);
  const found = findTicket(state, scan);
  if (found === null) return { at, result: 'unknown' };
  const names = { ...namesOf(state, scan.ticket), at };
  const entry = doors.of(scan.ticket).find((one) => one.at === scan.scannedAt && one.gate === gate);
  if (entry === undefined)
    return { ...names, result: isPossible(state, found, scan.scannedAt) ? 'no_room' : 'bad_time' };
  const result = doors.kindOf(entry);
  const [admission] = doors.countingAt(entry.place);
  if (result !== 'double') return { ...names, result };
  return {
    ...names,
    result,
    admittedAt: rfc3339(admission.at),
    ...(admission.gate === '' ? {} : { gate: admission.gate }),
  };
}

function isPossible(state: ReferenceState, { order }: Found, scannedAt: number): boolean {
  return scannedAt >= order.at && scannedAt <= state.at + AHEAD_MS;
}

function wasValid({ order, ticket }: Found, scannedAt: number): boolean {
  if (ticket.state === 'valid') return true;
  if (ticket.state === 'refunded')
    return order.refunds.some((refund) => refund.tickets.includes(ticket) && scannedAt < refund.at);
  return ticket.invalidSince !== undefined && scannedAt < ticket.invalidSince;
}

function placeOf(state: ReferenceState, number: number): string {
  const { order, ticket } = ticketOf(state, number);
  if (ticket.seat >= 0) return `seat ${ticket.seat}`;
  const line = order.tickets.find((one) => allTickets({ ...order, tickets: [one] }).includes(ticket));
  return `line ${line?.number}`;
}

/** With what somebody came in who has this right to the place, or had it and passed it on. */
export function standingFor(state: ReferenceState, ticket: ModelTicket): ModelEntry | undefined {
  const place = placeOf(state, ticket.number);
  return state.doors.countingAt(place).find(({ ticket: number }) => {
    if (number === ticket.number) return true;
    const other = ticketOf(state, number);
    const isResold =
      other.ticket.state === 'void' && other.order.refunds.some((one) => one.tickets.includes(other.ticket));
    return other.ticket.state === 'transferred' || isResold;
  });
}

// ---- Views ----

type ListAdmissions = Extract<Question, { type: 'list-admissions' }>;

export function admissionList(state: ReferenceState, { only, offset, limit }: ListAdmissions): unknown {
  const { doors } = state;
  const kind = only === 'admitted' ? 'admission' : only;
  const listed = [
    ...new Set(doors.entries.filter((entry) => doors.kindOf(entry) === kind).map(({ ticket }) => ticket)),
  ];
  const items = listed.sort((a, b) => a - b).map((ticket) => ticketAtDoor(state, ticket));
  const valid = state.orders.flatMap(allTickets).filter((ticket) => ticket.state === 'valid').length;
  return {
    total: items.length,
    items: items.slice(offset, offset + limit),
    counts: { valid, admitted: doors.count('admission'), double: doors.count('double'), void: doors.count('void') },
  };
}

/** The list says nothing of the turn that it is asked in. */
export function voidedTickets(state: ReferenceState): unknown {
  const paid = state.orders.filter((order) => order.state === 'paid');
  const voided = paid.flatMap(allTickets).filter(({ state: now }) => now !== 'valid' && now !== 'offered');
  return { version: state.seq - 1, tickets: voided.map(({ number }) => number).sort((a, b) => a - b) };
}

export function ticketAtDoor(state: ReferenceState, number: number): TicketAtDoor {
  const { doors } = state;
  const ticket = ticketOf(state, number).ticket.state;
  if (ticket === 'none') throw new Error(`ticket ${number} was never paid`);
  const [admission] = doors.counting(number);
  return {
    ...namesOf(state, number),
    ticketStatus: ticket === 'valid' && admission !== undefined ? 'used' : ticket,
    ...(admission === undefined ? {} : whereAndWhen(admission)),
    entries: doors.of(number).map((entry) => ({
      at: rfc3339(entry.at),
      ...(entry.gate === '' ? {} : { gate: entry.gate }),
      kind: doors.kindOf(entry),
    })),
  };
}

export function whereAndWhen({ at, gate }: ModelEntry): { admittedAt: string; gate?: string } {
  return { admittedAt: rfc3339(at), ...(gate === '' ? {} : { gate }) };
}

function ticketOf(state: ReferenceState, number: number): Found {
  for (const order of state.orders) {
    const ticket = allTickets(order).find((one) => one.number === number);
    if (ticket !== undefined) return { order, ticket };
  }
  throw new Error(`there is no ticket ${number}`);
}

function namesOf(state: ReferenceState, number: number): Pick<AdmissionView, 'ticketId' | 'showId' | 'seat'> {
  const { order, ticket } = ticketOf(state, number);
  return {
    ticketId: scopedId('tkt', order.at, state.id, number),
    showId: state.id,
    seat: seatName(state, ticket.seat),
  };
}
