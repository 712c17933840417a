import type { Clock, Timer, Timers } from '../ports.ts';
import type { Log } from '../system/log.ts';
import type { AppendOutcome, Turn } from './journal.ts';
import { type Appended, type DialLane, type LaneConnection, TurnFault } from './lane-connection.ts';
import { LaneLink } from './lane-link.ts';
import { LanePulse } from './lane-pulse.ts';

/** Turns in one statement, at most. More only makes the slowest wait longer. */
const LANE_CAP = 256;
/** Characters of events in one statement, after the first turn's. */
const LANE_CHARACTERS = 4 * 1024 * 1024;
/** Turns that may wait; each is of another show, so this is far above what one node keeps awake on one lane. */
const LANE_QUEUE = 32_768;
/** From sending a statement to its answer; then the connection is destroyed. */
const LANE_DEADLINE_MS = 5_000;
/** How long turns wait, unsent, for a connection. */
const LANE_OFFLINE_MS = 3_000;
/** How often an idle lane proves itself: well within the time for which a node's proof counts (`PROVEN_MS` of its watch). */
export const CANARY_MS = 2_000;

export interface LaneOptions {
  readonly number: number;
  /** The incarnation under whose leases this lane writes. */
  readonly owner: string;
  /** Opens its connections; the real one is of `postgresLanes`. */
  readonly dial: DialLane;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
}

/** Counted since the lane was made, except `waiting`, `stalledMs` and `answeredMsAgo`, which are of now. */
export interface LaneFigures {
  /** Handed to a connection. */
  readonly statements: number;
  readonly connections: number;
  readonly waiting: number;
  /** For how long turns, or canaries, have waited without one becoming durable, ms; 0 while all is well. */
  readonly stalledMs: number;
  /** Since the database last said what became of a turn or a canary, ms; infinite if it never did. */
  readonly answeredMsAgo: number;
  readonly outcomes: Readonly<Record<AppendOutcome, number>>;
}

interface Pending {
  readonly turn: Turn;
  readonly resolve: (outcome: AppendOutcome) => void;
}

/**
 * One connection that appends turns, many shows' in one statement, one statement in flight (group commit). Guarantees:
 * `durable` is said only after the commit was acknowledged, `fenced` and `conflict` only when nothing of the turn was
 * or will be written; whatever is in doubt is `unknown`, by the deadline. One turn's fault never stops another's.
 *
 * When it is idle it commits a canary now and then, so that its figures tell also of a node that sells nothing whether
 * it could. One that finds no connection waits for it, as a turn would.
 *
 * The connection, as its `LaneLink` keeps it: connecting → ready ⇄ in flight; lost (error, deadline, end) → pause →
 * connecting; closed at the end.
 */
export class Lane {
  readonly #options: LaneOptions;
  readonly #link: LaneLink;
  readonly #canaries: Timer;
  /** One waits to be sent. */
  #canaryIsDue = false;
  #waiting: Pending[] = [];
  /** Parts of a batch that one of its turns made fail; they go before what waits. */
  readonly #parts: Pending[][] = [];
  #inFlight = false;
  #pumpDue = false;
  #offline: Timer | null = null;
  #closing: (() => void) | null = null;
  #closed: Promise<void> | null = null;
  readonly #pulse: LanePulse;
  #statements = 0;
  readonly #outcomes: Record<AppendOutcome, number> = { durable: 0, fenced: 0, unknown: 0, conflict: 0 };

  constructor(options: LaneOptions) {
    this.#options = options;
    this.#pulse = new LanePulse(options.clock);
    this.#canaries = options.timers.every(CANARY_MS, () => this.#proveItself());
    const { number, owner, dial, timers, log } = options;
    this.#link = new LaneLink({
      ...{ number, owner, dial, timers, log },
      onReady: () => this.#connected(),
      onDown: () => this.#disconnected(),
    });
  }

  /** Never rejects. At most one turn of a show may be under way. */
  append(turn: Turn): Promise<AppendOutcome> {
    return new Promise((resolve) => {
      if (this.#closed !== null || this.#waiting.length >= LANE_QUEUE) {
        this.#outcomes.unknown++;
        resolve('unknown');
        return;
      }
      this.#pulse.began();
      this.#waiting.push({ turn, resolve });
      if (this.#link.connection === null) this.#boundOfflineWait();
      else this.#pumpSoon();
    });
  }

  figures(): LaneFigures {
    return {
      statements: this.#statements,
      connections: this.#link.connections,
      waiting: this.#waiting.length,
      stalledMs: this.#pulse.stalledMs,
      answeredMsAgo: this.#pulse.answeredMsAgo,
      outcomes: { ...this.#outcomes },
    };
  }

  /** Takes no more turns, answers those that wait, then ends the connection. */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      this.#closing = resolve;
      this.#canaries.cancel();
      this.#link.stop();
      this.#pump();
    });
    return this.#closed;
  }

  // ---- statements

  /** Turns that arrive in the same run of JavaScript go together. */
  #pumpSoon(): void {
    if (this.#inFlight || this.#pumpDue) return;
    this.#pumpDue = true;
    queueMicrotask(() => {
      this.#pumpDue = false;
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#inFlight) return;
    const { connection } = this.#link;
    if (connection !== null) {
      const batch = this.#parts.pop() ?? this.#take();
      if (batch.length > 0) this.#send(connection, batch);
      else if (this.#closing !== null) this.#finish();
      else if (this.#canaryIsDue) this.#sendCanary(connection);
    } else if (this.#closing !== null) {
      this.#giveUpWaiting('the journal is closing without a connection');
      this.#finish();
    }
  }

  #take(): Pending[] {
    let count = 0;
    let characters = 0;
    for (const { turn } of this.#waiting) {
      characters += turn.events.length;
      if (count === LANE_CAP || (count > 0 && characters > LANE_CHARACTERS)) break;
      count++;
    }
    if (count < this.#waiting.length) return this.#waiting.splice(0, count);
    const all = this.#waiting;
    this.#waiting = [];
    return all;
  }

  #send(connection: LaneConnection, batch: readonly Pending[]): void {
    this.#statements++;
    const turns = batch.map((pending) => pending.turn);
    this.#exchange(
      () => connection.append(turns),
      (appended) => this.#appended(batch, appended),
      (error) => this.#failed(connection, batch, error),
    );
  }

  /** Begins an exchange; `answered` or `failed` is called, once, by the deadline. What comes later changes nothing. */
  #exchange<Answer>(
    begin: () => Promise<Answer>,
    answered: (answer: Answer) => void,
    failed: (error: Error) => void,
  ): void {
    this.#inFlight = true;
    let isOver = false;
    const over = <Word>(tell: (word: Word) => void, word: Word): void => {
      if (isOver) return;
      isOver = true;
      deadline.cancel();
      this.#inFlight = false;
      tell(word);
      this.#pump();
    };
    const deadline = this.#options.timers.after(LANE_DEADLINE_MS, () => {
      over(failed, new Error(`no answer within ${LANE_DEADLINE_MS} ms`));
    });
    void begin().then(
      (answer) => over(answered, answer),
      (error: Error) => over(failed, error),
    );
  }

  #proveItself(): void {
    if (!this.#pulse.isIdle) return;
    this.#pulse.began();
    this.#canaryIsDue = true;
    this.#pump();
  }

  #sendCanary(connection: LaneConnection): void {
    this.#canaryIsDue = false;
    const failed = (error: Error): void => {
      this.#pulse.ended(false);
      this.#link.lost(connection, error);
    };
    this.#exchange(
      () => connection.canary(),
      (isRecorded) => {
        // Without its record nobody could end this connection, should it hang: the next one gets a new record.
        if (isRecorded) this.#pulse.ended(true);
        else failed(new Error('the record of the lane is gone'));
      },
      failed,
    );
  }

  #appended(batch: readonly Pending[], { written, fenced }: Appended): void {
    if (written + fenced.length !== batch.length) {
      this.#options.log.error(
        { turns: batch.length, written, fenced: fenced.length },
        'journal: an append did not add up',
      );
      this.#settle(batch, 'unknown');
      return;
    }
    if (fenced.length === 0) {
      this.#settle(batch, 'durable');
      return;
    }
    const places = new Set(fenced);
    batch.forEach((pending, index) => {
      this.#settleOne(pending, places.has(index + 1) ? 'fenced' : 'durable');
    });
  }

  #failed(connection: LaneConnection, batch: readonly Pending[], error: Error): void {
    if (!(error instanceof TurnFault)) {
      this.#options.log.warn({ err: error, turns: batch.length }, 'journal: an append has an unknown outcome');
      this.#link.lost(connection, error);
      this.#settle(batch, 'unknown');
      return;
    }
    if (batch.length > 1) {
      // Nothing was written. Halving finds the culprit in few statements, and its neighbours commit.
      const half = batch.length >> 1;
      this.#parts.push(batch.slice(half), batch.slice(0, half));
      return;
    }
    const { showId, seq, epoch } = batch[0].turn;
    this.#options.log.error({ err: error.cause, showId, seq, epoch }, 'journal: a turn was refused by the database');
    this.#settle(batch, error.isConflict ? 'conflict' : 'unknown');
  }

  #settle(batch: readonly Pending[], outcome: AppendOutcome): void {
    for (const pending of batch) this.#settleOne(pending, outcome);
  }

  #settleOne(pending: Pending, outcome: AppendOutcome): void {
    this.#outcomes[outcome]++;
    this.#pulse.ended(outcome !== 'unknown');
    pending.resolve(outcome);
  }

  // ---- with and without a connection

  #connected(): void {
    this.#offline?.cancel();
    this.#offline = null;
    this.#pump();
  }

  #disconnected(): void {
    if (this.#waiting.length + this.#parts.length > 0) this.#boundOfflineWait();
  }

  /** They were never sent; `unknown` is the safe word for it. */
  #boundOfflineWait(): void {
    this.#offline ??= this.#options.timers.after(LANE_OFFLINE_MS, () => {
      this.#offline = null;
      this.#giveUpWaiting(`no connection within ${LANE_OFFLINE_MS} ms`);
    });
  }

  #giveUpWaiting(why: string): void {
    const batches = [...this.#parts.splice(0), this.#waiting];
    this.#waiting = [];
    const turns = batches.reduce((sum, batch) => sum + batch.length, 0);
    if (turns > 0) this.#options.log.warn({ turns, why }, 'journal: turns could not be sent');
    for (const batch of batches) this.#settle(batch, 'unknown');
  }

  #finish(): void {
    const done = this.#closing;
    if (done === null) return;
    this.#closing = null;
    this.#offline?.cancel();
    void this.#link.end().then(done);
  }
}
