import type { Pool, PoolClient } from 'pg';
import { RefusedError } from '../errors.ts';
import type { Timer, Timers } from '../ports.ts';

/** How large and how patient a batcher may get. */
export interface BatchLimits {
  /** Items in one statement. */
  readonly perStatement: number;
  /** Items that may wait for the next statement; more are refused `OVERLOADED`. */
  readonly waiting: number;
  /**
   * How long an item waits to be sent; then it is refused `UNAVAILABLE`. As long may its statement take, from asking for
   * a connection to the last row; then the connection is destroyed.
   */
  readonly deadlineMs: number;
}

/** One named statement over many items, each answered by the row that carries its key. */
interface BatchedStatement<Item, Row> {
  readonly name: string;
  readonly text: string;
  /** The statement's parameters, as a rule one array a column. */
  values(items: readonly Item[]): unknown[];
  keyOf(item: Item): string;
  rowKeyOf(row: Row): string;
}

interface Waiting<Item, Row> {
  readonly item: Item;
  readonly key: string;
  readonly resolve: (row: Row | null) => void;
  readonly reject: (error: Error) => void;
  /** Runs until the item is sent. */
  readonly patience: Timer;
}

/** SQLSTATE classes after which the same statement may well succeed: connection, rollback, resources, operator, system. */
const PASSING_CLASSES = new Set(['08', '40', '53', '57', '58']);

/** What a failed statement means to those who wait for it. */
function failureOf(error: unknown, sent: boolean): Error {
  const sqlState = (error as { code?: unknown }).code;
  const answered = typeof sqlState === 'string' && /^[0-9A-Z]{5}$/.test(sqlState);
  if (answered && !PASSING_CLASSES.has(sqlState.slice(0, 2))) return error as Error;
  const code = sent && !answered ? 'OUTCOME_UNKNOWN' : 'UNAVAILABLE';
  const refused = new RefusedError({ code, detail: 'The database did not answer in time. Try again.', retryAfter: 1 });
  refused.cause = error;
  return refused;
}

function notSent(): Error {
  return new RefusedError({ code: 'UNAVAILABLE', detail: 'The database is too slow now. Try again.', retryAfter: 1 });
}

/**
 * Merges concurrent callers of one statement into few round trips: one statement is in flight, what arrives meanwhile
 * goes with the next. Guarantees: items of one key run one after another in the order of their calls, never two in
 * one statement; every call is answered within twice the deadline: once to be sent, once by the statement that carries it.
 */
export class StatementBatcher<Item, Row> {
  readonly #pool: Pool;
  readonly #timers: Timers;
  readonly #statement: BatchedStatement<Item, Row>;
  readonly #limits: BatchLimits;
  /** Oldest first. */
  readonly #waiting = new Set<Waiting<Item, Row>>();
  #inFlight = false;

  constructor(pool: Pool, timers: Timers, statement: BatchedStatement<Item, Row>, limits: BatchLimits) {
    this.#pool = pool;
    this.#timers = timers;
    this.#statement = statement;
    this.#limits = limits;
  }

  /**
   * The row that answers this item, or `null` if the statement returned none for it. Rejects with a `RefusedError`:
   * `OVERLOADED` or `UNAVAILABLE` (not done), `OUTCOME_UNKNOWN` (perhaps done); with the database's own error if it
   * will not pass by itself.
   */
  run(item: Item): Promise<Row | null> {
    if (this.#waiting.size >= this.#limits.waiting) {
      return Promise.reject(
        new RefusedError({ code: 'OVERLOADED', detail: 'Too many payments wait for the database.', retryAfter: 1 }),
      );
    }
    return new Promise((resolve, reject) => {
      const patience = this.#timers.after(this.#limits.deadlineMs, () => {
        this.#waiting.delete(waiting);
        reject(notSent());
      });
      const waiting = { item, key: this.#statement.keyOf(item), resolve, reject, patience };
      this.#waiting.add(waiting);
      if (this.#inFlight) return;
      this.#inFlight = true;
      // Callers of the same tick still get into the first statement.
      queueMicrotask(() => void this.#drain());
    });
  }

  async #drain(): Promise<void> {
    while (this.#waiting.size > 0) {
      const batch = this.#takeBatch();
      let sent = false;
      try {
        const rows = await this.#execute(
          [...batch.values()].map((waiting) => waiting.item),
          () => {
            sent = true;
          },
        );
        const byKey = new Map(rows.map((row) => [this.#statement.rowKeyOf(row), row]));
        for (const [key, waiting] of batch) waiting.resolve(byKey.get(key) ?? null);
      } catch (error) {
        const failure = failureOf(error, sent);
        for (const waiting of batch.values()) waiting.reject(failure);
      }
    }
    this.#inFlight = false;
  }

  /** The longest-waiting items of different keys; the others stay, in order. */
  #takeBatch(): Map<string, Waiting<Item, Row>> {
    const batch = new Map<string, Waiting<Item, Row>>();
    for (const waiting of this.#waiting) {
      if (batch.size === this.#limits.perStatement) break;
      if (batch.has(waiting.key)) continue;
      batch.set(waiting.key, waiting);
      this.#waiting.delete(waiting);
      waiting.patience.cancel();
    }
    return batch;
  }

  #execute(items: readonly Item[], onSent: () => void): Promise<Row[]> {
    return new Promise((resolve, reject) => {
      let client: PoolClient | null = null;
      let over = false;
      const finish = (error: unknown): void => {
        over = true;
        timer.cancel();
        // A client released with an error is destroyed: a statement without an answer must not hold its locks.
        client?.release(error instanceof Error ? error : undefined);
        client = null;
      };
      const timer = this.#timers.after(this.#limits.deadlineMs, () => {
        const error = new Error(`no answer to ${this.#statement.name} within ${this.#limits.deadlineMs} ms`);
        finish(error);
        reject(error);
      });
      const work = async (): Promise<void> => {
        const connected = await this.#pool.connect();
        if (over) return connected.release();
        client = connected;
        onSent();
        const { name, text } = this.#statement;
        const result = await connected.query({ name, text, values: this.#statement.values(items) });
        if (over) return;
        finish(null);
        resolve(result.rows as Row[]);
      };
      work().catch((error: unknown) => {
        if (over) return;
        finish(error);
        reject(error);
      });
    });
  }
}
