import { SEAT, type Show } from './show.ts';

/** Best windows are remembered for parties of up to so many; larger ones are looked up anew each time. */
const REMEMBERED_PARTY = 8;
/** A single seat left at the end of a block costs this share of the hall's spread of costs. */
const EDGE_SEAT_PENALTY = 0.02;

/** The best windows of one bank for one size of party. */
export interface BankWindows {
  /** First seat of the best window that leaves no single seat between taken ones, or -1, and its cost. */
  first: number;
  cost: number;
  /** The same of those that leave one. */
  orphaningFirst: number;
  orphaningCost: number;
}

interface Remembered {
  /** `changes` of the bank when it was looked at, plus one; 0 for never. */
  readonly seen: Uint32Array;
  readonly first: Int32Array;
  readonly cost: Float64Array;
  readonly orphaningFirst: Int32Array;
  readonly orphaningCost: Float64Array;
}

/**
 * The best window of each bank for each size of party. A bank is looked at again only after a change in or beside it:
 * between two searches only few banks change, and each search visits dozens.
 */
export class Windows {
  readonly #show: Show;
  readonly #remembered: (Remembered | undefined)[] = [];
  readonly #answer: BankWindows = { first: -1, cost: 0, orphaningFirst: -1, orphaningCost: 0 };

  constructor(show: Show) {
    this.#show = show;
  }

  /** The bank's best windows of `quantity` seats; the object is reused by the next call. */
  best(bank: number, quantity: number): BankWindows {
    const answer = this.#answer;
    if (quantity > REMEMBERED_PARTY) {
      lookAt(this.#show, bank, quantity, null, answer);
      return answer;
    }
    let kept = this.#remembered[quantity];
    if (kept === undefined) {
      kept = remember(this.#show.banks.count);
      this.#remembered[quantity] = kept;
    }
    const changes = this.#show.freeRuns.changes[bank] + 1;
    if (kept.seen[bank] !== changes) {
      lookAt(this.#show, bank, quantity, null, answer);
      kept.seen[bank] = changes;
      kept.first[bank] = answer.first;
      kept.cost[bank] = answer.cost;
      kept.orphaningFirst[bank] = answer.orphaningFirst;
      kept.orphaningCost[bank] = answer.orphaningCost;
      return answer;
    }
    answer.first = kept.first[bank];
    answer.cost = kept.cost[bank];
    answer.orphaningFirst = kept.orphaningFirst[bank];
    answer.orphaningCost = kept.orphaningCost[bank];
    return answer;
  }

  /** The same with a cost added for being apart from others of the party; not remembered. */
  bestNear(bank: number, quantity: number, apart: (first: number) => number): BankWindows {
    lookAt(this.#show, bank, quantity, apart, this.#answer);
    return this.#answer;
  }
}

function remember(banks: number): Remembered {
  return {
    seen: new Uint32Array(banks),
    first: new Int32Array(banks),
    cost: new Float64Array(banks),
    orphaningFirst: new Int32Array(banks),
    orphaningCost: new Float64Array(banks),
  };
}

function lookAt(
  show: Show,
  bank: number,
  quantity: number,
  apart: ((first: number) => number) | null,
  answer: BankWindows,
): void {
  const { status, hall, banks } = show;
  const end = banks.end[bank];
  answer.first = -1;
  answer.cost = Number.POSITIVE_INFINITY;
  answer.orphaningFirst = -1;
  answer.orphaningCost = Number.POSITIVE_INFINITY;
  let run = 0;
  let sum = 0;
  for (let seat = banks.start[bank]; seat < end; seat++) {
    if (status[seat] !== SEAT.free) {
      run = 0;
      sum = 0;
      continue;
    }
    run++;
    sum += hall.cost[seat];
    if (run > quantity) sum -= hall.cost[seat - quantity];
    if (run < quantity) continue;
    const first = seat - quantity + 1;
    const cost = sum / quantity + (apart === null ? 0 : apart(first));
    if (cost >= answer.cost && cost >= answer.orphaningCost) continue;
    if (leavesOrphan(show, first, quantity)) {
      if (cost < answer.orphaningCost) {
        answer.orphaningCost = cost;
        answer.orphaningFirst = first;
      }
    } else {
      const penalised = cost + edgePenalty(show, first, quantity);
      if (penalised < answer.cost) {
        answer.cost = penalised;
        answer.first = first;
      }
    }
  }
}

/** Whether taking the window leaves one free seat next to it with a taken one on its other side. */
export function leavesOrphan(show: Show, first: number, quantity: number): boolean {
  const block = show.hall.blockOf[first];
  const start = show.hall.blockStart[block];
  const end = show.hall.blockStart[block + 1];
  const last = first + quantity - 1;
  return (
    (first - 2 >= start && show.status[first - 1] === SEAT.free && show.status[first - 2] !== SEAT.free) ||
    (last + 2 < end && show.status[last + 1] === SEAT.free && show.status[last + 2] !== SEAT.free)
  );
}

/** A single seat between the window and the end of its block is no orphan by the rule, yet hard to sell. */
function edgePenalty(show: Show, first: number, quantity: number): number {
  const block = show.hall.blockOf[first];
  const start = show.hall.blockStart[block];
  const end = show.hall.blockStart[block + 1];
  const last = first + quantity - 1;
  const penalty = EDGE_SEAT_PENALTY * show.banks.costSpread;
  return (
    (first - 1 === start && show.status[start] === SEAT.free ? penalty : 0) +
    (last + 2 === end && show.status[last + 1] === SEAT.free ? penalty : 0)
  );
}
