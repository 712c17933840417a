import type { Hall } from '../../src/allocator/hall.ts';
import { hallOf, line, planOf, row, zone } from '../support/plan-fixtures.ts';
import { rowsOfTen } from '../support/small-show.ts';

/** A plan that may take the place of the one that a simulated show is made with. */
export interface ReplacingPlan {
  readonly id: string;
  readonly hall: Hall;
}

const known = new Map<number, readonly ReplacingPlan[]>();

/** For a show that is made in {@link rowsOfTen}: with more seats, with fewer, and as it was. */
export function replacingPlans(rows: number): readonly ReplacingPlan[] {
  let plans = known.get(rows);
  if (plans === undefined) {
    plans = [
      { id: 'pln_longer', hall: rowsOf(rows, 12, 20) },
      { id: 'pln_more', hall: rowsOf(rows + 1, 10, 25) },
      { id: 'pln_shorter', hall: rowsOf(rows, 9, 16) },
      { id: 'pln_fewer', hall: rowsOf(Math.max(1, rows - 1), 10, 20) },
      { id: 'pln_as_before', hall: rowsOfTen(rows) },
    ];
    known.set(rows, plans);
  }
  return plans;
}

/** The seats of a plan. */
export function inDocumentOrder({ planSeats, seatCount, seatIds, documentOrder }: Hall): string[] {
  const ids = new Array<string>(planSeats);
  for (let seat = 0; seat < seatCount; seat++)
    if (documentOrder[seat] < planSeats) ids[documentOrder[seat]] = seatIds[seat];
  return ids;
}

function rowsOf(rows: number, seats: number, capacity: number): Hall {
  const places = Array.from({ length: seats }, (_, i) => 10 * i);
  const names = Array.from({ length: rows }, (_, i) => String.fromCharCode(65 + i));
  const zoned = zone('Stalls', ...names.map((name, i) => row('S', name, line(10 * i, ...places))));
  const areas = [{ id: 'floor', name: 'Floor', category: 'A', capacity }];
  return hallOf({ ...planOf(zoned), usher: { focal: { x: 45, y: 0 }, areas } });
}
