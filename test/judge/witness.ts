import { Askers } from './askers.ts';
import type { Findings } from './findings.ts';
import type { SeatsOperation } from './history.ts';
import { BLOCKED, FREE, HELD, IN_PAYMENT, JournalState, LISTED, SOLD } from './journal-state.ts';
import { Replay } from './replay.ts';
import type { Cases, Entry, ShowFile } from './show-file.ts';
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
export function witnessOf(show: ShowFile, findings: Findings): Witness {
  const { plan, cases, rows, rowsN } = show;
  const state = new JournalState(show);
  const timeline = new Timeline(show.events);
  const replay = new Replay(state, findings);
  const reads = readsByVersion(cases);
  const askers = new Askers(plan, cases, timeline, findings);
  const judgeReads = (version: number): void => {
    const now = reads.get(version);
    if (now === undefined) return;
    reads.delete(version);
    for (const read of now) {
      judgeRead(state, read, findings);
      const to = read.line.to ?? Number.POSITIVE_INFINITY;
      // One that is marked may be old, or show a row of which its owner has not yet heard that it is durable.
      if (read.line.stale === true) {
        timeline.showedLast(to, read.n);
        continue;
      }
      timeline.sawLast(to, read.n);
      // What comes next was still to come when it was sent.
      timeline.wasLast(read.line.from, read.n);
    }
  };
  let seq = 0;
  let epoch = 0;
  judgeReads(seq);
  for (let i = 0; i < rows.length; i++) {
    const line = rows[i];
    const n = rowsN.at(i);
    if (line.seq !== seq + 1) findings.add('I2', `row ${line.seq} of show ${plan.plan} follows row ${seq}`, n);
    if (line.epoch < epoch) findings.add('I2', `row ${line.seq} has epoch ${line.epoch}, the one before ${epoch}`, n);
    seq = line.seq;
    epoch = line.epoch;
    for (const event of line.events) {
      replay.apply(event, n, line.at);
      askers.note(event, n, line.at);
    }
    judgeReads(seq);
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
  [LISTED]: 'l',
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
