import type { Pool } from 'pg';
import type { Timers } from '../ports.ts';
import type { JournalRow } from './journal.ts';
import { type RowForms, readRow } from './rows.ts';

/** How many rows are read or wait to be at once; more are refused. */
const ROW_READS_MAX = 4_096;
/** From asking for a row to its answer. */
const ROW_DEADLINE_MS = 5_000;

/**
 * Reads single rows for those who wait for a first answer to be told again. Guarantee: every read ends by its deadline,
 * with the row or by rejecting, however the database hangs.
 */
export class RowReader {
  readonly #pool: Pool;
  readonly #timers: Timers;
  readonly #forms: RowForms;
  #reading = 0;

  /** @param pool its own, so that nobody waits here for a recovery; its limits end what the deadline gave up. */
  constructor(pool: Pool, timers: Timers, forms: RowForms) {
    this.#pool = pool;
    this.#timers = timers;
    this.#forms = forms;
  }

  read(showId: string, seq: number): Promise<JournalRow | null> {
    if (this.#reading >= ROW_READS_MAX) return Promise.reject(new Error('too many rows are being read'));
    this.#reading++;
    return new Promise((resolve, reject) => {
      const timer = this.#timers.after(ROW_DEADLINE_MS, () => {
        reject(new Error(`row ${seq} of ${showId} was not read within ${ROW_DEADLINE_MS} ms`));
      });
      readRow(this.#pool, showId, seq, this.#forms)
        .then(resolve, reject)
        .finally(() => {
          this.#reading--;
          timer.cancel();
        });
    });
  }

  close(): Promise<void> {
    return this.#pool.end();
  }
}
