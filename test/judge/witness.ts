import type { Findings } from './findings.ts';
import type { Operation, PlanLine, RowEvent, RowLine, SeatsOperation } from './history.ts';
import { BLOCKED, FREE, HELD, IN_PAYMENT, JournalState, SOLD } from './journal-state.ts';
import { Replay } from './replay.ts';
import type { Cases, Entry } from './show-file.ts';
import { Timeline } from './timeline.ts';

/*
 * The journal as a witness: replayed, it must be legal by itself (`replay.ts`), have every event's asker before and its
 * answer after it in real time (`timeline.ts`), and look at each version as seat maps showed it (I7).
 */

export interface Witness {
  readonly state: JournalState;
  readonly timeline: Timeline;
}

/** Replays the rows of a show. They must be in the order of `seq`, from 1. */
export function witnessOf(plan: PlanLine, rows: readonly Entry<RowLine>[], cases: Cases, findings: Findings): Witness {
  const state = new JournalState(plan);
  const timeline = new Timeline();
  const replay = new Replay(state, findings);
  const reads = readsByVersion(cases);
  const askers = new Askers(plan, cases, findings);
  let seq = 0;
  let epoch = 0;
  for (const { n, line } of rows) {
    if (line.seq !== seq + 1) findings.add('I2', `row ${line.seq} of show ${plan.plan} follows row ${seq}`, n);
    if (line.epoch < epoch) findings.add('I2', `row ${line.seq} has epoch ${line.epoch}, the one before ${epoch}`, n);
    seq = line.seq;
    epoch = line.epoch;
    for (const event of line.events) {
      replay.apply(event, n, line.at);
      askers.note(event, n, timeline);
    }
    const now = reads.get(line.seq);
    if (now === undefined) continue;
    reads.delete(line.seq);
    for (const read of now) {
      judgeRead(state, read, findings);
      timeline.sawLast(read.line.to ?? Number.POSITIVE_INFINITY, read.n);
    }
    for (const { n: by, line: read } of now) if (read.stale !== true) timeline.wasLast(read.from, by);
  }
  for (const [version, left] of reads) {
    for (const { n } of left)
      findings.add('I7', `a seat map of version ${version}, which the journal does not have`, n);
  }
  timeline.close(findings);
  return { state, timeline };
}

function readsByVersion(cases: Cases): Map<number, Entry<SeatsOperation>[]> {
  const reads = new Map<number, Entry<SeatsOperation>[]>();
  for (const entry of cases.seatReads) {
    const { version, outcome, to } = entry.line;
    if (version === undefined || outcome !== 'ok' || to === undefined) continue;
    const others = reads.get(version);
    if (others === undefined) reads.set(version, [entry]);
    else others.push(entry);
  }
  return reads;
}

const LETTERS: Readonly<Record<number, string>> = {
  [FREE]: 'a',
  [HELD]: 'h',
  [IN_PAYMENT]: 'hp',
  [SOLD]: 's',
  [BLOCKED]: 'b',
};

/** A seat map is the replayed state at its version, seat by seat. */
function judgeRead(state: JournalState, { n, line }: Entry<SeatsOperation>, findings: Findings): void {
  const { letters, version } = line;
  if (letters !== undefined) {
    const { seats } = state;
    let wrong = letters.length === seats.length ? -1 : 0;
    for (let seat = 0; seat < seats.length && wrong < 0; seat++) {
      if (!LETTERS[seats[seat]].includes(letters[seat])) wrong = seat;
    }
    if (wrong >= 0)
      findings.add(
        'I7',
        `the seat map of version ${version} shows seat ${state.plan.seats[wrong]} as ${letters[wrong]}, the journal has ${LETTERS[seats[wrong]]}`,
        n,
      );
  }
  for (const { id, available } of line.areas ?? []) {
    const area = state.areas.get(id);
    const free = area === undefined ? 0 : area.capacity - area.taken[0] - area.taken[1] - area.taken[2];
    if (available !== free)
      findings.add(
        'I5',
        `the seat map of version ${version} has ${available} places in area ${id}, the journal ${free}`,
        n,
      );
  }
}

/** Who asked for each event of the journal, and when it was answered. */
class Askers {
  readonly #plan: PlanLine;
  readonly #cases: Cases;
  readonly #findings: Findings;

  constructor(plan: PlanLine, cases: Cases, findings: Findings) {
    this.#plan = plan;
    this.#cases = cases;
    this.#findings = findings;
  }

  /** Adds the position of an event to the timeline. */
  note(event: RowEvent, n: number, timeline: Timeline): void {
    const cases = this.#cases;
    switch (event.event) {
      case 'held':
        this.#noteMade(cases.holds.get(event.hold)?.made ?? null, event, n, timeline);
        return;
      case 'ordered':
        this.#noteMade(cases.orders.get(event.order)?.made ?? null, event, n, timeline);
        return;
      case 'refunding':
        // Without a key it was the show's own doing.
        if (event.key === undefined) {
          this.#noteNobody(timeline);
          return;
        }
        this.#noteMade(null, event, n, timeline);
        return;
      case 'extended': {
        const entries = cases.holds.get(event.hold)?.extends ?? [];
        const told = entries.filter(
          ({ line }) => line.outcome !== 'ok' || (line.expires ?? event.until) === event.until,
        );
        this.#noteAsked(told, event.event, event.hold, n, timeline);
        return;
      }
      case 'released':
        this.#noteAsked(cases.holds.get(event.hold)?.releases ?? [], event.event, event.hold, n, timeline);
        return;
      case 'cancelled':
        this.#noteAsked(cases.orders.get(event.order)?.cancels ?? [], event.event, event.order, n, timeline);
        return;
      case 'show-cancelled':
        this.#noteAsked(cases.showCancels, event.event, this.#plan.plan, n, timeline);
        return;
      case 'captured': {
        this.#noteNobody(timeline);
        const order = cases.orders.get(event.order);
        for (const pay of order?.pays ?? []) {
          if (pay.line.outcome === 'ok' && pay.line.to !== undefined) timeline.sawLast(pay.line.to, pay.n);
        }
        return;
      }
      default:
        this.#noteNobody(timeline);
        return;
    }
  }

  #noteNobody(timeline: Timeline): void {
    timeline.add(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, 0);
  }

  /** An event that one intention made: known by what it was told, or by its key. */
  #noteMade(
    made: Entry<Operation> | null,
    event: Extract<RowEvent, { event: 'held' | 'ordered' | 'refunding' }>,
    n: number,
    timeline: Timeline,
  ): void {
    const { key } = event;
    const asker = made ?? (key === undefined ? undefined : this.#cases.keyed.get(key));
    if (asker === undefined) {
      if (key !== undefined && this.#cases.keyed.size > 0 && this.#plan.partial !== true)
        this.#findings.add('I4', `journal: ${event.event} under key ${key}, which nobody used`, n);
      this.#noteNobody(timeline);
      return;
    }
    const { line } = asker;
    if (line.outcome === 'refused' && line.code !== 'IDEMPOTENCY_KEY_REUSED')
      this.#findings.add(
        'I3',
        `${line.client} was refused (${line.code ?? line.op}), and it took effect: ${event.event}`,
        asker.n,
        n,
      );
    timeline.add(
      line.from,
      line.outcome === 'ok' ? (line.to ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY,
      asker.n,
    );
  }

  /** An event that any of these may have asked for; it was there when the first of them was told so. */
  #noteAsked(entries: readonly Entry<Operation>[], what: string, id: string, n: number, timeline: Timeline): void {
    let asked = Number.POSITIVE_INFINITY;
    let askedBy = 0;
    let seen = Number.POSITIVE_INFINITY;
    let seenBy = 0;
    for (const { n: by, line } of entries) {
      if (line.outcome === 'refused') continue;
      if (line.from < asked) {
        asked = line.from;
        askedBy = by;
      }
      if (line.outcome === 'ok' && line.to !== undefined && line.to < seen) {
        seen = line.to;
        seenBy = by;
      }
    }
    this.#noteNobody(timeline);
    if (askedBy > 0) timeline.askedLast(asked, askedBy);
    else if (this.#plan.partial !== true)
      this.#findings.add(
        'I3',
        `journal: ${id} is ${what}, though nobody asked for it or was told so`,
        entries[0]?.n ?? 0,
        n,
      );
    if (seenBy > 0) timeline.sawLast(seen, seenBy);
  }
}
