import type { Show } from './show.ts';
import { placeAtDoor } from './validity.ts';

/** The doors in a snapshot's header; the entries stand in four columns behind all others. */
export interface DoorsPart {
  readonly gates: readonly string[];
  readonly undoneUntil: readonly (readonly [ticket: number, until: number])[];
}

export function doorsPart({ doors }: Show): DoorsPart | null {
  if (!doors.isUsed) return null;
  return { gates: doors.gates, undoneUntil: [...doors.undoneUntil].sort(([a], [b]) => a - b) };
}

/** Ticket, time, gate and whether it was void, an entry each. */
export function doorsColumns({ doors }: Show): ArrayBufferView[] {
  const end = doors.count + 1;
  return [
    doors.ticket.subarray(1, end),
    doors.at.subarray(1, end),
    doors.gate.subarray(1, end),
    doors.wasVoid.subarray(1, end),
  ];
}

/** @throws Error when the columns are not of one length, or name what there is not. */
export function restoreDoors(
  show: Show,
  part: DoorsPart,
  ticket: Uint32Array,
  at: Float64Array,
  gate: Uint16Array,
  wasVoid: Uint8Array,
): void {
  const { doors, tickets } = show;
  if (at.length !== ticket.length || gate.length !== ticket.length || wasVoid.length !== ticket.length)
    throw new Error('the snapshot has a part of the ledger');
  for (let i = 0; i < ticket.length; i++) {
    if (!tickets.has(ticket[i])) throw new Error(`the snapshot has a scan of ticket ${ticket[i]}`);
    const name = part.gates[gate[i]];
    if (typeof name !== 'string') throw new Error(`the snapshot has a scan at gate ${gate[i]}`);
    doors.add(ticket[i], at[i], name, wasVoid[i] === 1, placeAtDoor(show, ticket[i]));
  }
  for (const [number, until] of part.undoneUntil) {
    if (!tickets.has(number) || !Number.isFinite(until))
      throw new Error(`the snapshot has an undo of ticket ${number}`);
    doors.undo(number, until);
  }
}
