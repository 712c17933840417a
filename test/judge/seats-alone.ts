import type { Claims } from './claims.ts';
import type { Findings } from './findings.ts';
import type { SeatsOperation } from './history.ts';
import { type Lists, TimeLists } from './lists.ts';
import type { Cases, Entry } from './show-file.ts';
import { countBelow, countUpTo } from './sorted-times.ts';

/*
 * Each seat as a register with hold, release and sell, judged from what clients were told alone, without a journal: the
 * claims on a seat that must have been true never overlap (I1), and what refusals and seat maps say of it can have been
 * so at some moment between question and answer (I7). The places of an area likewise, as a sum (I5).
 */

/** Nobody but a fault sells a seat so often that telling of each would help. */
const TOLD_OF_EACH_SEAT = 3;

export function judgeSeatsAlone(claims: Claims, cases: Cases, findings: Findings): void {
  judgeOwners(claims, findings);
  for (const [id, capacity] of claims.capacities) judgeArea(claims, id, capacity, findings);
  const registers = new Registers(claims);
  judgeTaken(claims, registers, cases, findings);
  const takenPlaces = new Map(claims.plan.areas.map(({ id }) => [id, new TakenPlaces(claims, id)]));
  for (const read of cases.seatReads) {
    if (read.line.stale === true || read.line.to === undefined || read.line.outcome !== 'ok') continue;
    judgeRead(claims, registers, read, findings);
    judgeReadOfAreas(claims, takenPlaces, read, findings);
  }
}

function judgeOwners(claims: Claims, findings: Findings): void {
  const { table } = claims;
  const { places, begins, items } = claims.bySeat.sortedBy(table.mustFrom);
  for (let seat = 0; seat < places; seat++) {
    let last = -1;
    let told = 0;
    for (let i = begins[seat]; i < begins[seat + 1]; i++) {
      const claim = items[i];
      if (!table.isSure(claim)) continue;
      if (last >= 0 && table.mustFrom[claim] < table.mustTo[last] && told++ < TOLD_OF_EACH_SEAT) {
        const names = `${table.owner(last)} and to ${table.owner(claim)}`;
        findings.add(
          'I1',
          `seat ${claims.plan.seats[seat]} belongs to ${names} at ${table.mustFrom[claim]}`,
          table.n[last],
          table.n[claim],
        );
      }
      if (last < 0 || table.mustTo[claim] > table.mustTo[last]) last = claim;
    }
  }
}

/** The claims on single seats, searchable by time; sorted when first asked about. */
class Registers {
  readonly #claims: Claims;
  #sure: ClaimTimes | null = null;
  #possible: ClaimTimes | null = null;

  constructor(claims: Claims) {
    this.#claims = claims;
  }

  /** The claim that has the seat surely all the time from `from` to `to`, or -1. */
  ownerAllThrough(seat: number, from: number, to: number): number {
    const { table, bySeat } = this.#claims;
    const { mustFrom, mustTo } = table;
    this.#sure ??= timesOf(bySeat.filter((claim) => table.isSure(claim)).sortedBy(mustFrom), mustFrom, mustTo);
    const { claims, begins } = this.#sure;
    // They do not overlap, or that was told already: the last that began before is the one.
    const end = begins.endBelow(seat, from);
    return end > claims.begins[seat] && to < mustTo[claims.items[end - 1]] ? claims.items[end - 1] : -1;
  }

  /** Whether anybody may have had the seat at some moment from `from` to `to`. */
  mayBeOwned(seat: number, from: number, to: number): boolean {
    const { mayFrom, mayTo } = this.#claims.table;
    this.#possible ??= timesOf(this.#claims.bySeat.sortedBy(mayFrom), mayFrom, mayTo);
    const { claims, begins, latest } = this.#possible;
    const end = begins.endUpTo(seat, to);
    return end > claims.begins[seat] && latest[end - 1] >= from;
  }
}

/** Claims by seat in the order of their beginnings, and by when all up to each of them have ended. */
interface ClaimTimes {
  readonly claims: Lists;
  readonly begins: TimeLists;
  /** As the items of `claims`. */
  readonly latest: Float64Array;
}

function timesOf(claims: Lists, begin: readonly number[], end: readonly number[]): ClaimTimes {
  const begins = new Float64Array(claims.items.length);
  const latest = new Float64Array(claims.items.length);
  for (let seat = 0; seat < claims.places; seat++) {
    let most = Number.NEGATIVE_INFINITY;
    for (let i = claims.begins[seat]; i < claims.begins[seat + 1]; i++) {
      begins[i] = begin[claims.items[i]];
      most = Math.max(most, end[claims.items[i]]);
      latest[i] = most;
    }
  }
  return { claims, begins: new TimeLists(claims.begins, begins), latest };
}

function judgeTaken(claims: Claims, registers: Registers, cases: Cases, findings: Findings): void {
  const { plan } = claims;
  if (plan.partial === true) return;
  const blocked = new Set(plan.blocked);
  const { lines, n, from, to, seats, seatsTo } = cases.refusedHolds;
  let next = 0;
  for (let i = 0; i < n.length; i++) {
    const first = next;
    next = seatsTo.at(i);
    if (claims.anySeatFrom <= to.at(i)) continue;
    for (let j = first; j < next; j++) {
      const seat = seats.at(j);
      if (seat >= 0 && registers.mayBeOwned(seat, from.at(i), to.at(i))) continue;
      const { client, taken = [] } = lines[i];
      const id = taken[j - first];
      if (seat < 0) findings.add('I7', `${client} was refused seat ${id}, which the plan does not have`, n.at(i));
      else if (!blocked.has(id))
        findings.add('I7', `${client} was refused seat ${id} as taken while nobody can have had it`, n.at(i));
    }
  }
}

function judgeRead(claims: Claims, registers: Registers, { n, line }: Entry<SeatsOperation>, findings: Findings): void {
  const { letters, from, to = from } = line;
  const { plan } = claims;
  if (letters !== undefined && letters.length !== plan.seats.length) {
    findings.add('I5', `a seat map has ${letters.length} seats, the plan ${plan.seats.length}`, n);
  } else if (letters !== undefined) {
    const mayConclude = plan.partial !== true && claims.anySeatFrom > to;
    for (let seat = 0; seat < letters.length; seat++) {
      const letter = letters[seat];
      if (letter === 'b') continue;
      if (letter === 'a') {
        const claim = registers.ownerAllThrough(seat, from, to);
        if (claim >= 0)
          findings.add(
            'I7',
            `a seat map shows seat ${plan.seats[seat]} free while ${claims.table.owner(claim)} has it`,
            n,
            claims.table.n[claim],
          );
      } else if (mayConclude && !registers.mayBeOwned(seat, from, to)) {
        findings.add('I7', `a seat map shows seat ${plan.seats[seat]} taken (${letter}) while nobody can have it`, n);
      }
    }
  }
}

/** How many places of an area are surely taken at a time. */
class TakenPlaces {
  readonly #begins: Sums;
  readonly #ends: Sums;

  constructor(claims: Claims, area: string) {
    const { table } = claims;
    const sure = (claims.byArea.get(area) ?? []).filter(({ claim }) => table.isSure(claim));
    this.#begins = summed(sure.map(({ claim, quantity }) => ({ at: table.mustFrom[claim], quantity })));
    this.#ends = summed(sure.map(({ claim, quantity }) => ({ at: table.mustTo[claim], quantity })));
  }

  /** At least so many all the time from `from` to `to`: what began before, less what may have ended by then. */
  allThrough(from: number, to: number): number {
    const begun = this.#begins.sums[countBelow(this.#begins.times, from)];
    const ended = this.#ends.sums[countUpTo(this.#ends.times, to)];
    return Math.max(0, begun - ended);
  }
}

/** `sums[i]`: of the quantities of the first `i` times. */
interface Sums {
  readonly times: Float64Array;
  readonly sums: Float64Array;
}

function summed(changes: { readonly at: number; readonly quantity: number }[]): Sums {
  changes.sort((a, b) => a.at - b.at);
  const sums = new Float64Array(changes.length + 1);
  for (const [i, { quantity }] of changes.entries()) sums[i + 1] = sums[i] + quantity;
  return { times: Float64Array.from(changes, ({ at }) => at), sums };
}

function judgeReadOfAreas(
  claims: Claims,
  takenPlaces: ReadonlyMap<string, TakenPlaces>,
  { n, line }: Entry<SeatsOperation>,
  findings: Findings,
): void {
  for (const { id, available } of line.areas ?? []) {
    const capacity = claims.capacities.get(id) ?? 0;
    const taken = takenPlaces.get(id)?.allThrough(line.from, line.to ?? line.from) ?? 0;
    if (available < 0 || available > capacity)
      findings.add('I5', `a seat map shows ${available} of ${capacity} places free in area ${id}`, n);
    else if (available > capacity - taken)
      findings.add(
        'I7',
        `a seat map shows ${available} of ${capacity} places free in area ${id}, ${taken} are taken`,
        n,
      );
  }
}

function judgeArea(claims: Claims, id: string, capacity: number, findings: Findings): void {
  const { table } = claims;
  const sure = (claims.byArea.get(id) ?? []).filter(({ claim }) => table.isSure(claim));
  const changes = sure.flatMap(({ claim, quantity }) => [
    { at: table.mustFrom[claim], by: quantity, n: table.n[claim] },
    { at: table.mustTo[claim], by: -quantity, n: 0 },
  ]);
  // At one moment those that end come first.
  changes.sort((a, b) => a.at - b.at || a.by - b.by);
  let taken = 0;
  let isTold = false;
  for (const { at, by, n } of changes) {
    taken += by;
    if (taken <= capacity) isTold = false;
    else if (!isTold) {
      findings.add('I5', `area ${id} has ${capacity} places, of which ${taken} are taken at ${at}`, n);
      isTold = true;
    }
  }
}
