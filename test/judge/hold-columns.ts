import { Column } from './columns.ts';
import type { AreaQuantity, HoldOperation } from './history.ts';
import type { HoldFile } from './show-file.ts';

/*
 * Holds that were asked for, as columns of numbers: the judges go through them more than once, and need not fetch the
 * lines for that.
 */

const NONE: readonly AreaQuantity[] = [];

/** Holds that were told to be made; columns by the order in which they were told. */
export class MadeHolds {
  readonly files: HoldFile[] = [];
  readonly n = new Column();
  readonly from = new Column();
  readonly to = new Column();
  readonly until = new Column();
  /** The seats of all, -1 being one that the plan does not have. */
  readonly seats = new Column();
  /** Where the seats of each end; those of the next begin there. */
  readonly seatsTo = new Column();
  readonly areas: (readonly AreaQuantity[])[] = [];

  /** The line must have been answered, and have an end. @returns its place. */
  add(file: HoldFile, line: HoldOperation, n: number, seatIndex: ReadonlyMap<string, number>): number {
    const { from, to = from, until = from, seats, areas } = line;
    this.n.push(n);
    this.from.push(from);
    this.to.push(to);
    this.until.push(until);
    if (seats !== undefined) for (let i = 0; i < seats.length; i++) this.seats.push(seatIndex.get(seats[i]) ?? -1);
    this.seatsTo.push(this.seats.length);
    this.areas.push(areas === undefined || areas.length === 0 ? NONE : areas);
    return this.files.push(file) - 1;
  }

  /** Where the seats of this one begin. */
  seatsFrom(place: number): number {
    return place === 0 ? 0 : this.seatsTo.at(place - 1);
  }
}

/**
 * Refusals that name seats as taken, in a rush most operations; columns by their number. The judges go through
 * them more than once: so they need not fetch the lines, unless one is wrong.
 */
export class RefusedHolds {
  readonly lines: HoldOperation[] = [];
  readonly n = new Column();
  readonly from = new Column();
  readonly to = new Column();
  /** The seats of all, -1 being one that the plan does not have. */
  readonly seats = new Column();
  /** Where the seats of each end; those of the next begin there. */
  readonly seatsTo = new Column();

  add(line: HoldOperation, n: number, seatIndex: ReadonlyMap<string, number>): void {
    const { from, to, taken } = line;
    if (to === undefined || taken === undefined || taken.length === 0) return;
    this.lines.push(line);
    this.n.push(n);
    this.from.push(from);
    this.to.push(to);
    for (let i = 0; i < taken.length; i++) this.seats.push(seatIndex.get(taken[i]) ?? -1);
    this.seatsTo.push(this.seats.length);
  }
}
