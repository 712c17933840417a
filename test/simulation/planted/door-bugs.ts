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
  },
];
