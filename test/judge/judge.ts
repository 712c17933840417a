import { judgeAcknowledged } from './acknowledged.ts';
import { judgeAnswers } from './answers.ts';
import { claimsOf } from './claims.ts';
import { judgeDoorsAcknowledged, judgeDoorsAlone } from './doors.ts';
import { Findings } from './findings.ts';
import type { BookLine, EndLine, HistoryLine, Violation } from './history.ts';
import type { JournalState } from './journal-state.ts';
import { type Account, accountOf, judgeBook, judgeRest } from './money.ts';
import { judgeSeatsAlone } from './seats-alone.ts';
import { type Cases, type Entry, ShowFile } from './show-file.ts';
import { type Witness, witnessOf } from './witness.ts';

/** A history that cannot be judged. `line`: from 1. */
export class HistoryFault extends Error {
  readonly line: number;

  constructor(line: number, message: string) {
    super(`line ${line}: ${message}`);
    this.name = 'HistoryFault';
    this.line = line;
  }
}

/**
 * Judges a history. Lines are added in any order, but a show's plan before all else of it and its rows in the order of
 * `seq`; they are kept as they are and must not change afterwards. Their fields are trusted to be of the types that they
 * say: what comes from outside goes through `read-history.ts` first.
 */
export class Judge {
  readonly #shows = new Map<string, ShowFile>();
  readonly #books: Entry<BookLine>[] = [];
  #end: Entry<EndLine> | null = null;
  /** The show of the line before: most often also that of the next. */
  #last: ShowFile | null = null;
  #lines = 0;

  /** How many lines were added. */
  get lines(): number {
    return this.#lines;
  }

  /** @throws HistoryFault for a line about a show without a plan, a second plan or end, or an answer without its time. */
  add(line: HistoryLine): void {
    const n = ++this.#lines;
    if ('op' in line) {
      if (line.outcome !== 'unknown' && !(line.to !== undefined && line.to >= line.from))
        throw new HistoryFault(n, 'what was answered has a time `to`, not before `from`');
      if (line.op === 'hold' && line.outcome === 'ok' && (line.hold === undefined || line.until === undefined))
        throw new HistoryFault(n, 'a hold that was made has an id, `hold`, and an end, `until`');
      this.#show(line.show, n).cases.file(line, n);
    } else if ('row' in line) {
      this.#show(line.row, n).fileRow(line, n);
    } else if ('plan' in line) {
      if (this.#shows.has(line.plan)) throw new HistoryFault(n, `show ${line.plan} has a second plan`);
      this.#shows.set(line.plan, new ShowFile(line));
    } else if ('book' in line) {
      this.#books.push({ n, line });
    } else {
      if (this.#end !== null) throw new HistoryFault(n, 'the history has a second end');
      this.#end = { n, line };
    }
  }

  #show(id: string, n: number): ShowFile {
    if (this.#last?.plan.plan === id) return this.#last;
    const show = this.#shows.get(id);
    if (show === undefined) throw new HistoryFault(n, `show ${id} has no plan before this line`);
    this.#last = show;
    return show;
  }

  /** What is wrong with the history so far; empty if nothing is. May be asked again after more was added. */
  verdict(): Violation[] {
    const findings = new Findings();
    const isAtRest = this.#end?.line.rest === true;
    const booked = new Set(isAtRest ? this.#books.map(({ line }) => line.book) : []);
    const witnesses: { readonly cases: Cases; readonly state: JournalState | null }[] = [];
    for (const show of this.#shows.values()) {
      const { cases } = show;
      const claims = claimsOf(show);
      judgeAnswers(cases, claims.lives, findings);
      judgeDoorsAlone(cases, findings);
      judgeSeatsAlone(claims, cases, findings);
      let witness: Witness | null = null;
      if (show.rows.length > 0) {
        witness = witnessOf(show, findings);
        judgeAcknowledged(witness, cases, findings);
        judgeDoorsAcknowledged(witness.state, cases, findings);
        if (isAtRest) judgeRest(witness.state, booked, this.#end?.n ?? 0, findings);
      }
      // The show that came last is asked first.
      witnesses.unshift({ cases, state: witness?.state ?? null });
    }
    for (const book of this.#books) {
      let account: Account | null = null;
      for (let i = 0; i < witnesses.length && account === null; i++)
        account = accountOf(book.line.book, witnesses[i].state, witnesses[i].cases);
      judgeBook(book, account, isAtRest, findings);
    }
    return findings.violations;
  }
}
