import { Socket } from 'node:net';
import { Client, type ClientConfig, DatabaseError, type QueryArrayConfig } from 'pg';
import type { Clock, Timer, Timers } from '../ports.ts';
import type { Log } from '../system/log.ts';
import { appendStatement, appendValues, canaryStatement, canaryValues } from './append-statement.ts';
import type { AppendOutcome, Turn } from './journal.ts';
import { LanePulse } from './lane-pulse.ts';
import { openSession, type SessionLimits } from './session.ts';

/** Turns in one statement, at most. More only makes the slowest wait longer. */
const LANE_CAP = 256;
/** Characters of events in one statement, after the first turn's. */
const LANE_CHARACTERS = 4 * 1024 * 1024;
/** Turns that may wait; each is of another show, so this is far above what one node keeps awake on one lane. */
const LANE_QUEUE = 32_768;
/** From sending a statement to its answer; then the connection is destroyed. */
const LANE_DEADLINE_MS = 5_000;
/** From opening a connection to its readiness. */
const LANE_CONNECT_MS = 5_000;
/** How long turns wait, unsent, for a connection. */
const LANE_OFFLINE_MS = 3_000;
/** How often an idle lane proves itself: well within the time for which a node's proof counts (`PROVEN_MS` of its watch). */
export const CANARY_MS = 2_000;
/** Pause before connecting again: doubles from the first to the second value. */
const LANE_BACKOFF_MS = [50, 2_000] as const;
/** The server gives up before the client does, so that a slow statement ends in a clear error. */
const LANE_SESSION: SessionLimits = { lockMs: 3_000, statementMs: 4_000, transactionMs: 6_000 };

const UNIQUE_VIOLATION = '23505';

/** Forgets the server processes that are gone, and records this connection's. */
const FORGET_BACKENDS = `
  delete from lane_backend b
  where not exists (select from pg_stat_activity a where a.pid = b.pid and a.backend_start = b.started_at)`;
const RECORD_BACKEND = `
  insert into lane_backend (pid, started_at, owner, lane)
  select pid, backend_start, $1, $2::int2 from pg_stat_activity where pid = pg_backend_pid()`;

export interface LaneOptions {
  readonly connection: ClientConfig;
  readonly number: number;
  /** The incarnation under whose leases this lane writes. */
  readonly owner: string;
  /** The SELECT that guards the statement; the real one is `FENCE`. */
  readonly fence: string;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
}

/** Counted since the lane was made, except `waiting`, `stalledMs` and `answeredMsAgo`, which are of now. */
export interface LaneFigures {
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
 * The connection: connecting → ready ⇄ in flight; lost (error, deadline, end) → pause → connecting; closed at the end.
 */
export class Lane {
  readonly #options: LaneOptions;
  readonly #statement: { readonly name: string; readonly text: string; readonly rowMode: 'array' };
  readonly #canary: { readonly name: string; readonly text: string; readonly rowMode: 'array' };
  readonly #canaries: Timer;
  /** One waits to be sent. */
  #canaryIsDue = false;
  #waiting: Pending[] = [];
  /** Parts of a batch that one of its turns made fail; they go before what waits. */
  readonly #parts: Pending[][] = [];
  /** Ready for statements, else null. */
  #client: Client | null = null;
  #socket: Socket | null = null;
  #inFlight = false;
  #pumpDue = false;
  #offline: Timer | null = null;
  #pause: Timer | null = null;
  #failures = 0;
  #closing: (() => void) | null = null;
  #closed: Promise<void> | null = null;
  readonly #pulse: LanePulse;
  #statements = 0;
  #connections = 0;
  readonly #outcomes: Record<AppendOutcome, number> = { durable: 0, fenced: 0, unknown: 0, conflict: 0 };

  constructor(options: LaneOptions) {
    this.#options = options;
    this.#pulse = new LanePulse(options.clock);
    this.#statement = { name: 'append', text: appendStatement(options.fence), rowMode: 'array' };
    this.#canary = { name: 'canary', text: canaryStatement(options.fence), rowMode: 'array' };
    this.#canaries = options.timers.every(CANARY_MS, () => this.#proveItself());
    void this.#connect();
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
      if (this.#client === null) this.#boundOfflineWait();
      else this.#pumpSoon();
    });
  }

  figures(): LaneFigures {
    return {
      statements: this.#statements,
      connections: this.#connections,
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
    if (this.#client !== null) {
      const batch = this.#parts.pop() ?? this.#take();
      if (batch.length > 0) this.#send(this.#client, batch);
      else if (this.#closing !== null) this.#finish();
      else if (this.#canaryIsDue) this.#sendCanary(this.#client);
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

  #send(client: Client, batch: readonly Pending[]): void {
    let values: (string | Buffer)[];
    try {
      values = appendValues(
        this.#options.owner,
        batch.map((pending) => pending.turn),
      );
    } catch (error) {
      this.#failed(client, batch, error as Error);
      this.#pumpSoon();
      return;
    }
    this.#statements++;
    this.#exchange<[number, number[]]>(client, { ...this.#statement, values }, (error, row) => {
      if (row === undefined) this.#failed(client, batch, error as Error);
      else this.#written(batch, row[0], row[1]);
    });
  }

  /** Sends a statement; `answered` is called once, with its first row or with an error, by the deadline. */
  #exchange<Row extends unknown[]>(
    client: Client,
    statement: QueryArrayConfig,
    answered: (error: Error | null, row?: Row) => void,
  ): void {
    this.#inFlight = true;
    let isOver = false;
    const answer = (error: Error | null, row?: Row): void => {
      if (isOver) return;
      isOver = true;
      deadline.cancel();
      this.#inFlight = false;
      answered(error, row);
      this.#pump();
    };
    const deadline = this.#options.timers.after(LANE_DEADLINE_MS, () => {
      const error = new Error(`no answer within ${LANE_DEADLINE_MS} ms`);
      this.#lost(client, error);
      answer(error);
    });
    // pg calls back with a result only at ReadyForQuery, that is after the commit.
    client.query<Row>(statement, (error, result) => answer(error, error ? undefined : result.rows[0]));
  }

  #proveItself(): void {
    if (!this.#pulse.isIdle) return;
    this.#pulse.began();
    this.#canaryIsDue = true;
    this.#pump();
  }

  #sendCanary(client: Client): void {
    this.#canaryIsDue = false;
    const { owner, number } = this.#options;
    this.#exchange(client, { ...this.#canary, values: canaryValues(owner, number) }, (error, row) => {
      this.#pulse.ended(row !== undefined);
      // Without its record nobody could end this connection, should it hang: the next one gets a new record.
      if (row === undefined) this.#lost(client, error ?? new Error('the record of the lane is gone'));
    });
  }

  #written(batch: readonly Pending[], written: number, fenced: readonly number[]): void {
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

  #failed(client: Client, batch: readonly Pending[], error: Error): void {
    if (!isFaultOfATurn(error)) {
      this.#options.log.warn({ err: error, turns: batch.length }, 'journal: an append has an unknown outcome');
      this.#lost(client, error);
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
    this.#options.log.error({ err: error, showId, seq, epoch }, 'journal: a turn was refused by the database');
    const conflict = error instanceof DatabaseError && error.code === UNIQUE_VIOLATION;
    this.#settle(batch, conflict ? 'conflict' : 'unknown');
  }

  #settle(batch: readonly Pending[], outcome: AppendOutcome): void {
    for (const pending of batch) this.#settleOne(pending, outcome);
  }

  #settleOne(pending: Pending, outcome: AppendOutcome): void {
    this.#outcomes[outcome]++;
    this.#pulse.ended(outcome !== 'unknown');
    pending.resolve(outcome);
  }

  // ---- the connection

  async #connect(): Promise<void> {
    const { connection, number, owner, timers, log } = this.#options;
    const socket = new Socket();
    const client = new Client({
      ...connection,
      application_name: `usher lane ${number}`,
      keepAlive: true,
      keepAliveInitialDelayMillis: 5_000,
      // Our own socket, so that it can be destroyed: a polite goodbye would wait behind what hangs.
      stream: () => socket,
    });
    this.#socket = socket;
    client.on('error', (error) => this.#lost(client, error));
    client.on('end', () => this.#lost(client, new Error('the connection ended')));
    const deadline = timers.after(LANE_CONNECT_MS, () => socket.destroy());
    try {
      await client.connect();
      await openSession(client, LANE_SESSION);
      await client.query(FORGET_BACKENDS);
      await client.query(RECORD_BACKEND, [owner, number]);
      if (socket.destroyed) throw new Error('the connection was lost while it was opened');
    } catch (error) {
      socket.destroy();
      log.warn({ err: error, lane: number }, 'journal: cannot connect');
      this.#connectLater();
      return;
    } finally {
      deadline.cancel();
    }
    this.#client = client;
    this.#connections++;
    this.#failures = 0;
    this.#offline?.cancel();
    this.#offline = null;
    this.#pump();
  }

  #lost(client: Client, error: Error): void {
    if (this.#client !== client) return;
    this.#client = null;
    this.#socket?.destroy();
    this.#options.log.warn({ err: error, lane: this.#options.number }, 'journal: a lane lost its connection');
    this.#connectLater();
  }

  #connectLater(): void {
    if (this.#closed !== null) {
      this.#pump();
      return;
    }
    const [first, last] = LANE_BACKOFF_MS;
    const pause = Math.min(last, first * 2 ** Math.min(this.#failures, 10));
    this.#failures++;
    if (this.#waiting.length + this.#parts.length > 0) this.#boundOfflineWait();
    this.#pause = this.#options.timers.after(pause, () => {
      this.#pause = null;
      void this.#connect();
    });
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
    const client = this.#client;
    if (done === null) return;
    this.#closing = null;
    this.#client = null;
    this.#offline?.cancel();
    this.#pause?.cancel();
    if (client === null) {
      this.#socket?.destroy();
      done();
      return;
    }
    const deadline = this.#options.timers.after(LANE_CONNECT_MS, () => this.#socket?.destroy());
    void client.end().finally(() => {
      deadline.cancel();
      done();
    });
  }
}

/** Whether the statement was refused, and rolled back, because of what one of its turns says. */
function isFaultOfATurn(error: Error): boolean {
  // Its numbers, texts or hashes cannot be encoded: it was never sent.
  if (error instanceof RangeError || error instanceof TypeError) return true;
  return error instanceof DatabaseError && /^2[23]/.test(error.code ?? '');
}
