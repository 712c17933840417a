import { readFileSync } from 'node:fs';
import type { Hall } from '../../src/allocator/hall.ts';
import { compileHall } from '../../src/allocator/hall-compile.ts';
import type { PlanPoint, PlanRow, PlanSeat, PlanZone, SeatingPlan } from '../../src/allocator/plan.ts';
import { importPlan } from '../../src/allocator/plan-import.ts';

/** A row whose seats stand at the given places, numbered from 1; guids are made of the prefix. */
export function row(prefix: string, name: string, places: readonly PlanPoint[], category = 'A'): PlanRow {
  const seats = places.map(
    (position, i): PlanSeat => ({
      seat_guid: `${prefix}-${name}-${i + 1}`,
      seat_number: String(i + 1),
      position,
      category,
    }),
  );
  return { row_number: name, seats };
}

/** Places on a line from (0, y), one for each x. */
export function line(y: number, ...xs: readonly number[]): PlanPoint[] {
  return xs.map((x) => ({ x, y }));
}

/** A plan of one category "A" with the given zones, large enough for positions of 0 to 1,000. */
export function planOf(...zones: readonly PlanZone[]): SeatingPlan {
  return { name: 'Test hall', size: { width: 1000, height: 1000 }, categories: [{ name: 'A' }], zones };
}

export function zone(name: string, ...rows: readonly PlanRow[]): PlanZone {
  return { name, position: { x: 0, y: 0 }, rows };
}

/** The guids of each block of a hall, in order. */
export function blocksOf(hall: Hall): string[][] {
  return Array.from({ length: hall.blockStart.length - 1 }, (_, b) =>
    hall.seatIds.slice(hall.blockStart[b], hall.blockStart[b + 1]),
  );
}

/** Imports and compiles; throws with the faults if the plan is refused. */
export function hallOf(document: unknown): Hall {
  const imported = importPlan(document);
  if (!imported.ok) throw new Error(JSON.stringify(imported.faults.slice(0, 5)));
  return compileHall(imported.plan);
}

/** The value at a JSON pointer, or an error if there is none. */
export function resolvePointer(document: unknown, pointer: string): unknown {
  let value = document;
  for (const token of pointer.split('/').slice(1)) {
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) {
      throw new Error(`${pointer} leads nowhere`);
    }
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

export function exampleHall(): unknown {
  return JSON.parse(readFileSync(new URL('../../examples/la-laguna-auditorium.json', import.meta.url), 'utf8'));
}
