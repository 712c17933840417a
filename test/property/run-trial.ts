import { isDeepStrictEqual } from 'node:util';
import { Inbox } from '../../src/actors/inbox.ts';
import { recover } from '../../src/actors/recovery.ts';
import type { Answer } from '../../src/actors/shows.ts';
import { RULES, type Rules, TurnLost, Turns } from '../../src/actors/turns.ts';
import type { Command, Question } from '../../src/allocator/commands.ts';
import type { ShowEvent } from '../../src/allocator/events.ts';
import type { Hall } from '../../src/allocator/hall.ts';
import { assertWhole, InvariantViolation } from '../../src/allocator/invariants.ts';
import { PENDING_WINDOW_MS, type Show } from '../../src/allocator/show.ts';
import { encodeShow } from '../../src/allocator/snapshot.ts';
import { FORMAT } from '../../src/formats.ts';
import type { Journal, Turn } from '../../src/journal/journal.ts';
import { FIRST_PREV_HASH, rowHash } from '../../src/journal/row-hash.ts';
import { laterHall, madeOf } from '../support/made-show.ts';
import { MemoryJournal } from '../support/memory-journal.ts';
import { hallOf } from '../support/plan-fixtures.ts';
import { comparePublished, compareShow } from './compare-show.ts';
import { variantsOf } from './plan-variants.ts';
import { LONGEST_GRACE_MS, type PlayedTurn, ReferenceShow } from './reference-show.ts';
import type { Asked, ReferenceState } from './reference-state.ts';
import type { Step, Trial, Wait } from './schedules.ts';
import { START } from './small-halls.ts';
import { TrialRequests, USERS } from './trial-requests.ts';
import { must, Violation } from './violation.ts';

export const SHOW_ID = 'shw_01k9zxh3m4q8r2v6w7y0t5b1cd';
const SHARD = 7;
const DEADLINE_MS = 10_000;
/** An answer that is read from the journal comes some promises later. */
const TICKS_TO_ANSWER = 50;

/** What a trial runs on: the real parts, or ones with a planted bug. Made anew for each trial. */
export interface Parts {
  readonly rules: Rules;
  readonly journal: MemoryJournal;
}

export function realParts(): Parts {
  return { rules: RULES, journal: new MemoryJournal() };
}

/** Runs the trial on the real turns and recovery; throws the first {@link Violation} that it sees. */
export async function runTrial(trial: Trial, parts: Parts = realParts()): Promise<void> {
  const run = new TrialRun(trial, parts);
  await run.begin();
  for (const step of trial.steps) await run.step(step);
  await run.finish();
}

/** A turn whose fate is not known yet. */
interface OpenTurn {
  readonly asked: readonly Asked[];
  readonly answers: readonly (readonly Answer[])[];
  readonly attempt: Turn;
  readonly fenced: boolean;
  /** What the clock of the turn's owner said. */
  readonly now: number;
}

interface Owner {
  readonly turns: Turns;
  readonly show: Show;
  readonly inbox: Inbox;
  readonly epoch: number;
}

class TrialRun {
  readonly #hall: Hall;
  readonly #trial: Trial;
  readonly #rules: Rules;
  readonly #journal: MemoryJournal;
  readonly #model: ReferenceShow;
  /** The model's. */
  readonly #state: ReferenceState;
  readonly #requests: TrialRequests;
  #now = START;
  #at = 0;
  /** The rows that were acknowledged or found at a recovery: what may never be lost again. */
  readonly #rows: Turn[] = [];
  #open: OpenTurn | null = null;
  /** Replays the rows one by one from the first; no snapshot, no recovery. */
  #replayed!: Show;
  #owner!: Owner;
  #zombie: Owner | null = null;
  #unsettled: number[] = [];

  constructor(trial: Trial, parts: Parts) {
    this.#trial = trial;
    this.#hall = hallOf(trial.plan);
    this.#rules = parts.rules;
    this.#journal = parts.journal;
    this.#model = new ReferenceShow(SHOW_ID, this.#hall, trial.terms, variantsOf(trial.plan));
    this.#state = this.#model.state;
    this.#requests = new TrialRequests(this.#state);
  }

  async begin(): Promise<void> {
    await this.#recover();
  }

  async step(step: Step): Promise<void> {
    this.#wait(step.wait);
    this.#checkDue();
    const asked = this.#asked(step);
    if (step.append !== null) this.#journal.appendFaults.push(step.append);
    this.#journal.unreadable = step.unreadable;
    const ended = await this.#turn(asked, step.unreadable);
    this.#journal.unreadable = false;
    this.#journal.appendFaults.length = 0;
    await this.#runZombie();
    if (ended !== 'done') {
      if (step.arrives === 'before-move') this.#journal.landLate();
      await this.#journal.leases.advance(SHARD);
      if (step.arrives === 'before-recovery') this.#journal.landLate();
      await this.#recover();
      this.#now -= step.behind;
      const landed = this.#journal.landLate();
      must(
        landed === null || landed === 'fenced',
        'I2',
        () => `an append of an earlier epoch arrived after the show was read: ${landed}`,
      );
    } else if (step.after === 'snapshot') {
      if (step.snapshot !== null) this.#journal.snapshotFaults.push(step.snapshot);
      await this.#owner.turns.keepSnapshot().catch(() => {});
      this.#journal.snapshotFaults.length = 0;
    } else if (step.after !== 'go on') {
      if (step.after === 'takeover') this.#zombie = this.#owner;
      this.#journal.leases.move(SHARD, true);
      await this.#recover();
      this.#now -= step.behind;
    }
  }

  /** Faults stop and time passes: everything unpaid ends, and what is kept is whole. */
  async finish(): Promise<void> {
    this.#now = Math.max(this.#at, this.#now) + PENDING_WINDOW_MS + 3 * 3_600_000;
    for (let turns = 0; turns === 0 || this.#owner.turns.isDue(); turns++) {
      must(turns < 10, 'I9', () => 'there is always something due');
      must((await this.#turn([], false)) === 'done', 'I3', () => 'a turn was lost without a fault');
    }
    must(this.#state.live.length === 0, 'I9', () => `hold ${this.#state.live[0].number} never ends`);
    must(this.#state.toRefund.length === 0, 'I12', () => 'there is always a refund of the cancelled show to begin');
    await this.#owner.turns.keepSnapshot();
    this.#journal.leases.move(SHARD, true);
    await this.#recover();
    this.#checkRows();
  }

  // ---- One turn ----

  #wait(wait: Wait): void {
    if ('ms' in wait) {
      this.#now += wait.ms;
      return;
    }
    const soonest = Math.min(...this.#state.live.map((hold) => hold.until));
    if (Number.isFinite(soonest)) this.#now = Math.max(this.#now, soonest + wait.afterHold);
  }

  #checkDue(): void {
    const overdue = this.#state.live.find((hold) => this.#now >= hold.until + LONGEST_GRACE_MS);
    must(
      overdue === undefined || this.#owner.turns.isDue(),
      'I9',
      () => `no turn is due, though hold ${overdue?.number} is over`,
    );
    must(
      this.#state.toRefund.length === 0 || this.#owner.turns.isDue(),
      'I12',
      () => 'no turn is due, though refunds of the cancelled show are to begin',
    );
  }

  #asked(step: Step): Asked[] {
    const at = Math.max(this.#at, this.#now);
    const first = step.asks.find((ask) => ask.ask === 'pick' || ask.ask === 'best');
    const firstBuyer = USERS[first !== undefined && 'buyer' in first ? first.buyer : 0];
    const asked: Asked[] = [];
    for (const ask of step.asks) {
      const deadline = ask.late ? this.#now - 1 : this.#now + DEADLINE_MS;
      for (const message of this.#requests.resolve(ask, at, firstBuyer)) asked.push({ message, deadline });
    }
    return asked;
  }

  async #turn(asked: readonly Asked[], unreadable: boolean): Promise<'done' | 'lost' | 'crashed'> {
    const { inbox, turns } = this.#owner;
    const answers = offer(inbox, asked, (message) => this.#comingHall(message));
    const attempts = this.#journal.attempts.length;
    this.#unsettled = [];
    const ended = await this.#ended(turns, answers);
    const attempt = this.#journal.attempts[attempts] ?? null;
    if (ended === 'done') {
      const at = Math.max(this.#at, this.#now);
      if (attempt !== null) this.#checkAttempt(attempt);
      const played = this.#play(asked, attempt, at, this.#now);
      this.#check();
      this.#checkAnswers(asked, answers, played, unreadable);
      must(
        isDeepStrictEqual([...this.#unsettled].sort(), [...played.toSettle].sort()),
        'I10',
        () => `orders ${this.#unsettled} are to be settled, not ${played.toSettle}`,
      );
      return ended;
    }
    must(attempt !== null, 'I3', () => 'a turn without a row was lost');
    this.#open = { asked, answers, attempt, fenced: ended === 'fenced', now: this.#now };
    if (ended === 'crashed')
      must(answers.flat().length === 0, 'I3', () => 'an answer was given before its turn was durable');
    else this.#checkLostAnswers(asked, answers, ended);
    return ended === 'crashed' ? ended : 'lost';
  }

  /** As an owner makes it before it offers the message to the show. */
  #comingHall(message: Command | Question): Hall | null {
    const { planId, hall } = this.#owner.turns.seats;
    if (message.type !== 'replace-plan' || message.planId === planId) return null;
    return this.#laterHall(message.planId, hall);
  }

  #laterHall(planId: string, hall: Hall): Hall {
    return laterHall(hall, [[planId, variantsOf(this.#trial.plan)[planId]]]);
  }

  /** How the turn ended, once its answers are there. */
  async #ended(
    turns: Turns,
    answers: readonly (readonly Answer[])[],
  ): Promise<'done' | 'unknown' | 'fenced' | 'crashed'> {
    const crashed = new Promise<'crashed'>((resolve) => {
      this.#journal.onCrash = () => resolve('crashed');
    });
    try {
      const ended = await Promise.race([turns.run().then(() => 'done' as const), crashed]);
      if (ended === 'crashed') return ended;
      await answered(answers);
      return ended;
    } catch (error) {
      if (error instanceof InvariantViolation)
        throw new Violation(error.invariant, `the show itself saw: ${error.message}`);
      if (!(error instanceof TurnLost)) throw new Violation('crash', (error as Error).stack ?? String(error));
      must(error.outcome !== 'conflict', 'I2', () => `another writer wrote row ${this.#rows.length + 1}`);
      await answered(answers);
      return error.outcome;
    }
  }

  /** The row is the next of its chain, and says when to wake. */
  #checkAttempt(row: Turn): void {
    const last = this.#rows.at(-1);
    must(row.seq === this.#rows.length + 1, 'I2', () => `row ${row.seq} follows row ${this.#rows.length}`);
    must(row.at === Math.max(this.#at, this.#now), 'I2', () => `row ${row.seq} is of another time`);
    must(
      row.epoch === this.#owner.epoch,
      'I2',
      () => `row ${row.seq} is of epoch ${row.epoch}, not ${this.#owner.epoch}`,
    );
    must(
      row.prevHash === (last?.hash ?? FIRST_PREV_HASH) && row.hash === rowHash(row),
      'I2',
      () => `row ${row.seq} does not chain`,
    );
    must(row.events !== '[]', 'I2', () => `row ${row.seq} is empty`);
  }

  #play(asked: readonly Asked[], row: Turn | null, at: number, now: number): PlayedTurn {
    const events = row === null ? [] : (JSON.parse(row.events) as ShowEvent[]);
    const seq = this.#rows.length + 1;
    const played = this.#model.play(asked, events, { seq, at, now, format: this.#formatOf(seq) });
    if (row === null) return played;
    this.#rows.push(row);
    this.#at = at;
    for (const event of events) {
      if (event.type === 'plan-replaced')
        this.#replayed.comingHall = this.#laterHall(event.planId, this.#replayed.hall);
    }
    for (const [ordinal, event] of events.entries()) this.#rules.apply(this.#replayed, event, row.seq, ordinal, at);
    this.#replayed.seq = row.seq;
    this.#replayed.at = at;
    must(
      isDeepStrictEqual([...row.newBuyers], [...played.newBuyers]),
      'I3',
      () => `row ${row.seq} notes new buyers ${row.newBuyers}, not ${played.newBuyers}`,
    );
    must(
      isDeepStrictEqual([...row.offeredTo], [...played.offeredTo]),
      'I3',
      () => `row ${row.seq} notes offers to ${row.offeredTo}, not ${played.offeredTo}`,
    );
    must(
      isDeepStrictEqual(row.notices, played.notices),
      'I3',
      () => `row ${row.seq} tells ${JSON.stringify(row.notices)}, not ${JSON.stringify(played.notices)}`,
    );
    this.#checkWake(row);
    return played;
  }

  /** The form of row `seq`: at first both, as while the nodes of a cluster are replaced. */
  #formatOf(seq: number): number {
    if (seq >= this.#trial.upgradedAt) return FORMAT.newest;
    return seq % 2 === 0 ? FORMAT.oldest : FORMAT.oldest + 1;
  }

  #checkWake(row: Turn): void {
    const ends = this.#state.live.map((hold) => hold.until + LONGEST_GRACE_MS);
    must(this.#state.isPending === (row.wakeAt !== null), 'I9', () => `row ${row.seq} says to wake at ${row.wakeAt}`);
    must(row.wakeAt === null || row.wakeAt <= Math.min(...ends), 'I9', () => `row ${row.seq} says to wake too late`);
  }

  // ---- Answers ----

  #checkAnswers(
    asked: readonly Asked[],
    answers: readonly (readonly Answer[])[],
    played: PlayedTurn,
    unreadable: boolean,
  ): void {
    for (const [i, { message }] of asked.entries()) {
      const [answer] = answers[i];
      must(answers[i].length === 1, 'I13', () => `${message.type} was answered ${answers[i].length} times`);
      const { answer: exact, codes = [] } = played.expected[i];
      const isExact = exact !== undefined && isDeepStrictEqual(answer, exact);
      const isAllowed = !answer.ok && codes.includes(answer.refusal.code);
      const isUnreadable =
        unreadable && exact?.replayed === true && !answer.ok && answer.refusal.code === 'UNAVAILABLE';
      must(isExact || isAllowed || isUnreadable, exact?.replayed === true ? 'I4' : 'I3', () => {
        const expected = exact === undefined ? codes.join(' or ') : JSON.stringify(exact);
        return `${JSON.stringify(message)} was answered ${JSON.stringify(answer)}, not ${expected}`;
      });
    }
  }

  /** Nobody hears of success or of a lasting refusal; a retry of what an earlier turn answered may hear that. */
  #checkLostAnswers(
    asked: readonly Asked[],
    answers: readonly (readonly Answer[])[],
    outcome: 'unknown' | 'fenced',
  ): void {
    for (const [i, { message }] of asked.entries()) {
      const [answer] = answers[i];
      must(
        answers[i].length === 1,
        'I13',
        () => `${message.type} was answered ${answers[i].length} times in a lost turn`,
      );
      const first = 'once' in message ? this.#model.answers.get(message.once.id)?.answer : undefined;
      if (first !== undefined && isDeepStrictEqual(answer, { ...first, replayed: true })) continue;
      const code = answer.ok ? 'success' : answer.refusal.code;
      const isRight =
        code === 'UNAVAILABLE' || code === 'OVERLOADED' || (code === 'OUTCOME_UNKNOWN' && outcome === 'unknown');
      must(isRight, 'I3', () => `${message.type} was answered ${code} in a turn that was lost (${outcome})`);
    }
  }

  // ---- Recovery ----

  /** A new owner: reads the journal, and everything acknowledged is there. */
  async #recover(): Promise<void> {
    this.#closeOpenTurn();
    this.#checkKept();
    const epoch = this.#journal.leases.epochOf(SHARD);
    must(epoch !== null, 'I2', () => 'the shard has no owner');
    const made = madeOf(this.#hall, this.#trial.terms, variantsOf(this.#trial.plan));
    const replayed = await recovery(() => recover(SHOW_ID, made, withoutSnapshot(this.#journal), this.#rules));
    // Whatever does not fit now is the snapshot's fault.
    const recovered = await recovery(() => recover(SHOW_ID, made, this.#journal, this.#rules), 'I6');
    this.#replayed = replayed.show;
    const inbox = new Inbox();
    const turns = new Turns({
      ...recovered,
      shard: SHARD,
      epoch,
      inbox,
      journal: this.#journal,
      format: () => this.#formatOf(this.#journal.rows(SHOW_ID).length + 1),
      writer: 'nod_trial',
      clock: { now: () => this.#now },
      rules: this.#rules,
      onUnsettled: (_, orders) => this.#unsettled.push(...orders),
      onTurn: () => {},
    });
    this.#owner = { turns, show: recovered.show, inbox, epoch };
    this.#check();
  }

  /** A turn whose fate was open: the journal says now whether it happened. */
  #closeOpenTurn(): void {
    const open = this.#open;
    this.#open = null;
    if (open === null) return;
    const row = this.#journal.rows(SHOW_ID).find((one) => one.seq === open.attempt.seq);
    if (row === undefined) return;
    must(row.hash === open.attempt.hash, 'I2', () => `row ${row.seq} is of another writer`);
    must(!open.fenced, 'I3', () => `row ${row.seq} was said not to be written, and is in the journal`);
    const played = this.#play(open.asked, open.attempt, open.attempt.at, open.now);
    for (const [i, { message }] of open.asked.entries()) {
      const [answer] = open.answers[i];
      if (!played.expected[i].inTurn || answer === undefined) continue;
      const code = answer.ok ? 'success' : answer.refusal.code;
      must(code === 'OUTCOME_UNKNOWN', 'I3', () => `${message.type} was told ${code}, and happened`);
    }
  }

  #checkKept(): void {
    const rows = this.#journal.rows(SHOW_ID);
    for (const row of this.#rows) {
      must(
        rows[row.seq - 1]?.hash === row.hash,
        'I3',
        () => `row ${row.seq} was acknowledged, and is not in the journal`,
      );
    }
    must(
      rows.length === this.#rows.length,
      'I3',
      () => `row ${this.#rows.length + 1} is in the journal, and nobody knows of it`,
    );
  }

  /** An owner that does not know that it was replaced: nothing of what it does may last. */
  async #runZombie(): Promise<void> {
    const zombie = this.#zombie;
    if (zombie === null) return;
    this.#zombie = null;
    const rows = this.#journal.rows(SHOW_ID).length;
    const snapshot = this.#journal.snapshot(SHOW_ID);
    await zombie.turns.keepSnapshot();
    must(this.#journal.snapshot(SHOW_ID) === snapshot, 'I2', () => 'a former owner kept a snapshot');
    const asked: Asked[] = [
      {
        message: { type: 'hold', once: this.#requests.nextOnce(), buyer: USERS[0], best: { quantity: 1 } },
        deadline: this.#now + DEADLINE_MS,
      },
    ];
    const answers = offer(zombie.inbox, asked);
    const unsettled = this.#unsettled;
    const ended = await this.#ended(zombie.turns, answers);
    this.#unsettled = unsettled;
    must(ended === 'fenced', 'I2', () => `a former owner's turn is ${ended}`);
    this.#checkLostAnswers(asked, answers, 'fenced');
    must(this.#journal.rows(SHOW_ID).length === rows, 'I2', () => 'a former owner wrote a row');
  }

  // ---- What must hold at all times ----

  #check(): void {
    const { show, turns, inbox } = this.#owner;
    try {
      assertWhole(show);
    } catch (error) {
      if (error instanceof InvariantViolation) throw new Violation(error.invariant, `the whole show: ${error.message}`);
      throw error;
    }
    const isSame = Buffer.compare(encodeShow(show), encodeShow(this.#replayed)) === 0;
    must(isSame, 'I6', () => 'the live state is not that of a full replay');
    compareShow(show, this.#state, USERS);
    comparePublished(turns.seats, this.#state, this.#rows.length);
    const isAtRest = this.#rows.length > 0 && inbox.size === 0 && !this.#state.isPending;
    must(turns.isAtRest() === isAtRest, 'I9', () => `the show is ${isAtRest ? '' : 'not '}at rest and says otherwise`);
  }

  /** The journal by itself: gapless, chained, epochs and times never going back. */
  #checkRows(): void {
    let prevHash = FIRST_PREV_HASH;
    let epoch = 0;
    let at = 0;
    for (const [i, row] of this.#journal.rows(SHOW_ID).entries()) {
      must(row.seq === i + 1, 'I2', () => `row ${row.seq} stands at ${i + 1}`);
      must(row.epoch >= epoch && row.at >= at, 'I2', () => `row ${row.seq} goes back in epoch or time`);
      must(
        row.prevHash === prevHash && rowHash({ showId: SHOW_ID, ...row }) === row.hash,
        'I2',
        () => `row ${row.seq} does not chain`,
      );
      ({ epoch, at } = row);
      prevHash = row.hash;
    }
  }
}

function offer(
  inbox: Inbox,
  asked: readonly Asked[],
  comingHall: (message: Command | Question) => Hall | null = () => null,
): Answer[][] {
  return asked.map(({ message, deadline }) => {
    const answers: Answer[] = [];
    const coming = comingHall(message);
    inbox.offer({
      message,
      deadline,
      answer: (answer) => void answers.push(answer),
      ...(coming === null ? {} : { comingHall: coming }),
    });
    return answers;
  });
}

async function answered(answers: readonly (readonly Answer[])[]): Promise<void> {
  for (let tick = 0; tick < TICKS_TO_ANSWER && answers.some((one) => one.length === 0); tick++) await null;
  await null;
}

/** @param invariant that is broken when the recovery fails; the one that the show names if absent. */
async function recovery<T>(run: () => Promise<T>, invariant?: string): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof InvariantViolation)
      throw new Violation(invariant ?? error.invariant, `the recovery saw: ${error.message}`);
    throw new Violation('I6', `the recovery failed: ${(error as Error).stack ?? error}`);
  }
}

function withoutSnapshot(journal: Journal): Journal {
  return {
    append: (turn) => journal.append(turn),
    keepSnapshot: async () => false,
    readSnapshot: async () => null,
    rowsAfter: (showId, after) => journal.rowsAfter(showId, after),
    readRow: (showId, seq) => journal.readRow(showId, seq),
  };
}
