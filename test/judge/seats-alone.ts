import type { Claim, Claims } from './claims.ts';
import { countWhile } from './count-while.ts';
import type { Findings } from './findings.ts';
import type { SeatsOperation } from './history.ts';
import type { Cases, Entry } from './show-file.ts';

/*
 * Each seat as a register with hold, release and sell, judged from what clients were told alone, without a journal: the
 * claims on a seat that must have been true never overlap (I1), and what refusals and seat maps say of it can have been
 * so at some moment between question and answer (I7). The places of an area likewise, as a sum (I5).
 */

/** Nobody but a fault sells a seat so often that telling of each would help. */
const TOLD_OF_EACH_SEAT = 3;

export function judgeSeatsAlone(claims: Claims, cases: Cases, findings: Findings): void {
  for (let seat = 0; seat < claims.bySeat.length; seat++) judgeOwners(claims, seat, findings);
  for (const { id, capacity } of claims.plan.areas) judgeArea(claims, id, capacity, findings);
  const registers = new Registers(claims);
  judgeTaken(claims, registers, cases, findings);
  const takenPlaces = new Map(claims.plan.areas.map(({ id }) => [id, new TakenPlaces(claims, id)]));
  for (const read of cases.seatReads) {
    if (read.line.stale === true || read.line.to === undefined || read.line.outcome !== 'ok') continue;
    judgeRead(claims, registers, read, findings);
    judgeReadOfAreas(claims, takenPlaces, read, findings);
  }
}

const isSure = ({ mustFrom, mustTo }: Claim): boolean => mustFrom < mustTo;

function judgeOwners(claims: Claims, seat: number, findings: Findings): void {
  const sure = claims.bySeat[seat];
  if (sure.length < 2) return;
  let last: Claim | null = null;
  let told = 0;
  for (const claim of sortedBy(sure.filter(isSure), 'mustFrom')) {
    if (last !== null && claim.mustFrom < last.mustTo && told++ < TOLD_OF_EACH_SEAT) {
      findings.add(
        'I1',
        `seat ${claims.plan.seats[seat]} belongs to ${last.owner} and to ${claim.owner} at ${claim.mustFrom}`,
        last.n,
        claim.n,
      );
    }
    if (last === null || claim.mustTo > last.mustTo) last = claim;
  }
}

/** The same array if it is in order already, as most are. */
function sortedBy(claims: Claim[], field: 'mustFrom' | 'mayFrom'): Claim[] {
  for (let i = 1; i < claims.length; i++) {
    if (claims[i][field] < claims[i - 1][field]) return claims.sort((a, b) => a[field] - b[field]);
  }
  return claims;
}

/** The claims on single seats, searchable by time; sorted when first asked about. */
class Registers {
  readonly #claims: Claims;
  readonly #sure: (Claim[] | undefined)[] = [];
  readonly #possible: ({ sorted: Claim[]; latest: Float64Array } | undefined)[] = [];

  constructor(claims: Claims) {
    this.#claims = claims;
  }

  /** A claim that has the seat surely all the time from `from` to `to`. */
  ownerAllThrough(seat: number, from: number, to: number): Claim | null {
    this.#sure[seat] ??= sortedBy(this.#claims.bySeat[seat].filter(isSure), 'mustFrom');
    const sure = this.#sure[seat];
    // They do not overlap, or that was told already: the last that began before is the one.
    const claim = sure[countWhile(sure, (each) => each.mustFrom < from) - 1];
    return claim !== undefined && to < claim.mustTo ? claim : null;
  }

  /** Whether anybody may have had the seat at some moment from `from` to `to`. */
  mayBeOwned(seat: number, from: number, to: number): boolean {
    let possible = this.#possible[seat];
    if (possible === undefined) {
      const sorted = sortedBy([...this.#claims.bySeat[seat]], 'mayFrom');
      const latest = new Float64Array(sorted.length);
      let most = Number.NEGATIVE_INFINITY;
      for (let i = 0; i < sorted.length; i++) {
        most = Math.max(most, sorted[i].mayTo);
        latest[i] = most;
      }
      possible = { sorted, latest };
      this.#possible[seat] = possible;
    }
    const begun = countWhile(possible.sorted, (each) => each.mayFrom <= to);
    return begun > 0 && possible.latest[begun - 1] >= from;
  }
}

function judgeTaken(claims: Claims, registers: Registers, cases: Cases, findings: Findings): void {
  const { plan } = claims;
  if (plan.partial === true) return;
  const blocked = new Set(plan.blocked);
  for (const { n, line } of cases.refusedHolds) {
    if (line.taken === undefined || line.to === undefined || claims.anySeatFrom <= line.to) continue;
    for (const id of line.taken) {
      const seat = claims.seatIndex.get(id);
      if (seat === undefined)
        findings.add('I7', `${line.client} was refused seat ${id}, which the plan does not have`, n);
      else if (!blocked.has(id) && !registers.mayBeOwned(seat, line.from, line.to))
        findings.add('I7', `${line.client} was refused seat ${id} as taken while nobody can have had it`, n);
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
        const claim = claims.bySeat[seat].length === 0 ? null : registers.ownerAllThrough(seat, from, to);
        if (claim !== null)
          findings.add('I7', `a seat map shows seat ${plan.seats[seat]} free while ${claim.owner} has it`, n, claim.n);
      } else if (mayConclude && !registers.mayBeOwned(seat, from, to)) {
        findings.add('I7', `a seat map shows seat ${plan.seats[seat]} taken (${letter}) while nobody can have it`, n);
      }
    }
  }
}

/** How many places of an area are surely taken at a time. */
class TakenPlaces {
  readonly #begins: { at: number; sum: number }[];
  readonly #ends: { at: number; sum: number }[];

  constructor(claims: Claims, area: string) {
    const sure = (claims.byArea.get(area) ?? []).filter(({ claim }) => isSure(claim));
    this.#begins = summed(sure.map(({ claim, quantity }) => ({ at: claim.mustFrom, sum: quantity })));
    this.#ends = summed(sure.map(({ claim, quantity }) => ({ at: claim.mustTo, sum: quantity })));
  }

  /** At least so many all the time from `from` to `to`: what began before, less what may have ended by then. */
  allThrough(from: number, to: number): number {
    const begun = countWhile(this.#begins, ({ at }) => at < from);
    const ended = countWhile(this.#ends, ({ at }) => at <= to);
    return Math.max(0, (this.#begins[begun - 1]?.sum ?? 0) - (this.#ends[ended - 1]?.sum ?? 0));
  }
}

function summed(changes: { at: number; sum: number }[]): { at: number; sum: number }[] {
  changes.sort((a, b) => a.at - b.at);
  for (let i = 1; i < changes.length; i++) changes[i].sum += changes[i - 1].sum;
  return changes;
}

function judgeReadOfAreas(
  claims: Claims,
  takenPlaces: ReadonlyMap<string, TakenPlaces>,
  { n, line }: Entry<SeatsOperation>,
  findings: Findings,
): void {
  for (const { id, available } of line.areas ?? []) {
    const capacity = claims.plan.areas.find((area) => area.id === id)?.capacity ?? 0;
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
  const sure = (claims.byArea.get(id) ?? []).filter(({ claim }) => isSure(claim));
  const changes = sure.flatMap(({ claim, quantity }) => [
    { at: claim.mustFrom, by: quantity, n: claim.n },
    { at: claim.mustTo, by: -quantity, n: 0 },
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
