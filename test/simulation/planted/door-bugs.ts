import type { PlantedBug } from './planted-bug.ts';

/** Mistakes at the doors. */
export const DOOR_BUGS: readonly PlantedBug[] = [
  {
    name: 'double admission after an offline merge',
    does: 'At the door only what was admitted at the door counts: a ticket that a gate let in while it was offline gets in again.',
    file: 'allocator/apply-doors.ts',
    find: 'enter(show, ticket, at, gate, wasVoid === 1);',
    replace: 'enter(show, ticket, at, gate, wasVoid >= 0);',
    breaks: ['I15'],
    worlds: 'brief',
  },
  {
    name: 'undo forgotten on recovery',
    does: 'A snapshot does not bring back which admissions were undone.',
    file: 'allocator/snapshot-doors.ts',
    find: 'doors.undo(number, until);',
    replace: 'if (number < 0) doors.undo(number, until);',
    breaks: ['I6', 'I15'],
    worlds: 'any',
  },
  {
    name: 'undo of the latest entry only',
    does: 'An undo reaches only as far as its own time: a scan by a clock that is ahead still counts.',
    file: 'allocator/decide-doors.ts',
    find: 'until: Math.max(at, doors.latestOf(ticket))',
    replace: 'until: at',
    breaks: ['I15'],
    worlds: 'any',
    firstSeed: 56,
  },
  {
    name: 'scan judged by what the ticket is now',
    does: 'Of a scan that is told late it does not count that the ticket was valid then, if it was transferred or listed since.',
    file: 'allocator/validity.ts',
    find: 'return since !== undefined && at < since;',
    replace: 'return refund !== undefined && since !== undefined && at < since;',
    breaks: ['I15'],
    worlds: 'brief',
  },
  {
    name: 'old code and new code both admitted',
    does: 'Somebody who came in before giving the ticket away does not keep whoever has it now out.',
    file: 'allocator/validity.ts',
    find: 'const entry = wasPassedOn(show, other) ? doors.admissionOf(other) : 0;',
    replace: 'const entry = wasPassedOn(show, other) ? 0 : 0;',
    breaks: ['I15'],
    worlds: 'any',
  },
];
