import type { ShowEvent } from './events.ts';
import { ensure } from './invariants.ts';
import type { Show } from './show.ts';
import { TICKET } from './tickets.ts';
import { placeAtDoor, standingFor, wasValid } from './validity.ts';

type Admitted = Extract<ShowEvent, { type: 'admitted' }>;
type Scanned = Extract<ShowEvent, { type: 'scanned' }>;

export function applyAdmitted(show: Show, { ticket, at, gate }: Admitted): void {
  const { doors, tickets } = show;
  ensure(
    tickets.has(ticket) && tickets.state[ticket] === TICKET.valid,
    'I15',
    () => `ticket ${ticket} is admitted in state ${tickets.state[ticket]}`,
  );
  ensure(standingFor(show, ticket) === 0, 'I15', () => `ticket ${ticket}, or the one before it, is admitted twice`);
  ensure(at > doors.undoneTill(ticket), 'I15', () => `ticket ${ticket} is admitted before it was undone`);
  enter(show, ticket, at, gate, false);
}

export function applyScanned(show: Show, { gate, scans }: Scanned): void {
  for (const [ticket, at, wasVoid] of scans) {
    ensure(
      show.tickets.has(ticket) && show.tickets.state[ticket] !== TICKET.none,
      'I15',
      () => `ticket ${ticket} was scanned, but never paid`,
    );
    ensure(
      wasVoid === 1 || wasValid(show, ticket, at),
      'I15',
      () =>
        `ticket ${ticket} was scanned as valid at ${at}, when it was not, and is in state ${show.tickets.state[ticket]}`,
    );
    enter(show, ticket, at, gate, wasVoid === 1);
  }
}

export function applyAdmissionUndone(show: Show, ticket: number, until: number): void {
  const { doors } = show;
  ensure(doors.admissionOf(ticket) > 0, 'I15', () => `the admission of ticket ${ticket} is undone, but it has none`);
  doors.undo(ticket, until);
  ensure(doors.admissionOf(ticket) === 0, 'I15', () => `ticket ${ticket} is still admitted after its undo`);
}

function enter(show: Show, ticket: number, at: number, gate: string, wasVoid: boolean): void {
  ensure(show.doors.find(ticket, at, gate) === 0, 'I15', () => `a scan of ticket ${ticket} at ${at} stands twice`);
  show.doors.add(ticket, at, gate, wasVoid, placeAtDoor(show, ticket));
}
