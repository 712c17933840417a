import type { Findings } from './findings.ts';
import type { AreaQuantity, HoldOperation } from './history.ts';
import type { HoldFile } from './show-file.ts';

/** As many are compared each with each: up to then that is faster than a set. */
const FEW = 16;

/** Whether a hold that was made is of seats alone, the very ones that were asked for, in the same order: most are. */
export function isAsAsked({ asked, seats, areas }: HoldOperation): boolean {
  const wish = asked?.seats;
  if (wish === undefined || seats === undefined || seats.length > FEW || seats.length !== wish.length) return false;
  if ((areas?.length ?? 0) + (asked?.areas?.length ?? 0) > 0) return false;
  for (let i = 0; i < seats.length; i++) if (seats[i] !== wish[i]) return false;
  return !hasOneTwice(seats);
}

/** The hold is what was asked for, whole. */
export function judgeMade({ id, made }: HoldFile, findings: Findings): void {
  if (made === null) return;
  const { asked, seats = [], areas = [] } = made.line;
  if (hasOneTwice(seats)) findings.add('I8', `hold ${id} has a seat twice: ${seats.join(', ')}`, made.n);
  if (asked === undefined) return;
  if (asked.seats !== undefined && !isSameSet(asked.seats, seats))
    findings.add('I8', `hold ${id} has ${told(made.line)}; asked for was ${asked.seats.join(', ')}`, made.n);
  if (asked.seats === undefined && seats.length !== (asked.best ?? 0))
    findings.add('I8', `hold ${id} has ${told(made.line)}; asked for were ${asked.best ?? 0} seats`, made.n);
  if (areas.length + (asked.areas?.length ?? 0) > 0 && !isSameSet((asked.areas ?? []).map(textOf), areas.map(textOf)))
    findings.add(
      'I8',
      `hold ${id} has ${told(made.line)}; asked for was ${(asked.areas ?? []).map(textOf).join(', ')}`,
      made.n,
    );
}

const textOf = ({ id, quantity }: AreaQuantity): string => `${quantity} of ${id}`;

function hasOneTwice(seats: readonly string[]): boolean {
  if (seats.length > FEW) return new Set(seats).size < seats.length;
  for (let i = 1; i < seats.length; i++) if (seats.indexOf(seats[i]) < i) return true;
  return false;
}

function told({ seats = [], areas = [] }: HoldOperation): string {
  return [...seats, ...areas.map(textOf)].join(', ') || 'nothing';
}

export function isSameSet(some: readonly string[], others: readonly string[]): boolean {
  if (some.length !== others.length) return false;
  // Most often they are in the same order.
  for (let i = 0; i < some.length; i++) {
    if (some[i] !== others[i]) {
      const sorted = others.toSorted();
      return some.toSorted().every((each, j) => each === sorted[j]);
    }
  }
  return true;
}
