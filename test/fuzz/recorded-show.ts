import { apply } from '../../src/allocator/apply.ts';
import type { Command } from '../../src/allocator/commands.ts';
import { decide } from '../../src/allocator/decide.ts';
import type { ShowEvent, ShowTerms } from '../../src/allocator/events.ts';
import type { Hall } from '../../src/allocator/hall.ts';
import { HOLD_GRACE_MS, PAYMENT_WINDOW_MS, Show } from '../../src/allocator/show.ts';
import { encodeShow, stateHash } from '../../src/allocator/snapshot.ts';
import { FORMAT } from '../../src/formats.ts';
import type { JournalRow, Snapshot } from '../../src/journal/journal.ts';
import { FIRST_PREV_HASH, rowHash, WRITER_SINCE } from '../../src/journal/row-hash.ts';
import { laterHall } from '../support/made-show.ts';
import { ON_SALE_AT, onceOf, rowsOfTen, SHOW_ID, termsOf, userOf } from '../support/small-show.ts';

/** A show's journal, and what the show was after each row: `states[seq]`, encoded as in a snapshot. */
export interface RecordedShow {
  readonly hall: Hall;
  readonly terms: ShowTerms;
  /** That replaces the first, by its id. */
  readonly plans: Readonly<Record<string, Hall>>;
  readonly rows: readonly JournalRow[];
  readonly states: readonly Uint8Array[];
}

/** The hash of a row that says this. */
export function sealed(row: Omit<JournalRow, 'hash'>): JournalRow {
  return { ...row, hash: rowHash({ showId: SHOW_ID, ...row }) };
}

export function snapshotAt({ rows, states }: RecordedShow, seq: number): Snapshot {
  const { epoch, hash } = rows[seq - 1];
  return { seq, epoch, rowHash: hash, stateHash: stateHash(states[seq]), state: states[seq] };
}

const PLANS: Readonly<Record<string, Hall>> = { pln_larger: rowsOfTen(4) };

/** Plays turns on a show and writes the rows that a node would write. */
class Recorder {
  readonly #show: Show;
  readonly #hall: Hall;
  readonly #terms: ShowTerms;
  readonly #rows: JournalRow[] = [];
  readonly #states: Uint8Array[] = [];
  at = ON_SALE_AT;
  #once = 0;

  constructor(hall: Hall, terms: ShowTerms) {
    this.#hall = hall;
    this.#terms = terms;
    this.#show = new Show(SHOW_ID, hall, terms);
    this.#states.push(encodeShow(this.#show));
    this.turn();
  }

  recorded(): RecordedShow {
    return { hall: this.#hall, terms: this.#terms, plans: PLANS, rows: this.#rows, states: this.#states };
  }

  get once(): ReturnType<typeof onceOf> {
    return onceOf(++this.#once);
  }

  /** The time of a hold or order that these commands name. */
  heldAt(hold: number): number {
    return this.#show.holds.at[this.#show.holds.place(hold)];
  }

  orderedAt(order: number): number {
    return this.#show.orders.at[order];
  }

  total(order: number): number {
    return this.#show.orders.total[order];
  }

  /** One row of the events of these commands. */
  turn(...commands: readonly Command[]): void {
    const show = this.#show;
    const seq = show.seq + 1;
    const events: ShowEvent[] = seq === 1 ? [{ type: 'opened', terms: this.#terms }] : [];
    for (const command of commands) {
      if (command.type === 'replace-plan')
        show.comingHall = laterHall(show.hall, [[command.planId, PLANS[command.planId]]]);
      const decision = decide(show, command, this.at);
      if (decision.kind === 'replay' || decision.event === null)
        throw new Error(`no event of ${JSON.stringify(command)}`);
      apply(show, decision.event, seq, events.length, this.at);
      events.push(decision.event);
    }
    // Epochs change, and rows of every format follow each other.
    const format = Math.min(FORMAT.newest, 1 + Math.floor(seq / 4));
    this.#rows.push(
      sealed({
        ...{ seq, epoch: 1 + Math.floor(seq / 6), at: this.at, wakeAt: show.wakeAt(), format },
        writer: format < WRITER_SINCE ? null : `nod_${Math.floor(seq / 6)}`,
        prevHash: this.#rows.at(-1)?.hash ?? FIRST_PREV_HASH,
        events: JSON.stringify(events),
      }),
    );
    [show.seq, show.at] = [seq, this.at];
    show.touched.length = 0;
    this.#states.push(encodeShow(show));
    this.at += 1_000;
  }
}

/** Has events of every type there is. */
export function recordShow(): RecordedShow {
  const show = new Recorder(rowsOfTen(3), termsOf({ perBuyer: 8 }));
  const hold = (n: number, what: object) =>
    ({ type: 'hold', once: show.once, buyer: userOf(n), ...what }) as Extract<Command, { type: 'hold' }>;
  const order = (n: number, comp = false): Command => ({
    ...{ type: 'order', once: show.once, buyer: userOf(n), hold: n, at: show.heldAt(n) },
    ...(comp ? { comp: true } : {}),
  });
  const commit = (n: number, late = false): Command => ({
    ...{ type: 'commit', order: n, amount: show.total(n), currency: 'EUR' },
    ...(late ? { late: true } : {}),
  });
  show.turn(
    hold(1, { best: { quantity: 3 } }),
    hold(2, { best: { quantity: 2 }, areas: [{ id: 'floor', quantity: 2 }] }),
  );
  show.turn(hold(3, { seats: ['S-C-1', 'S-C-2'] }), hold(4, { areas: [{ id: 'floor', quantity: 3 }] }));
  show.turn(hold(5, { seats: ['nowhere'] }), hold(5, { best: { quantity: 1 } }), hold(6, { best: { quantity: 4 } }));
  show.turn({ type: 'extend', buyer: userOf(6), hold: 6, at: show.heldAt(6) });
  show.turn({ type: 'release', buyer: userOf(5), hold: 5, at: show.heldAt(5) }, order(1), order(2));
  show.turn(order(3), order(4, true), commit(1), commit(2));
  show.turn({ type: 'captured', order: 1 }, { type: 'captured', order: 2 }, { type: 'pending', order: 3 });
  show.turn({ type: 'refund', once: show.once, order: 1, at: show.orderedAt(1), tickets: [1], reason: 'Asked for' });
  show.turn({ type: 'refunded', refund: 1 }, { type: 'dispute', order: 2, dispute: 'dp_1', status: 'open' });
  show.turn({ type: 'refund-returned', order: 1 }, order(6));
  show.turn(
    { type: 'refund-failed', refund: 1, reason: 'No such card' },
    { type: 'reject', order: 3, reason: 'Declined' },
  );
  show.at += PAYMENT_WINDOW_MS * 2 + HOLD_GRACE_MS;
  show.turn({ type: 'expire' }, hold(7, { best: { quantity: 2 } }), hold(8, { best: { quantity: 1 } }));
  show.turn(commit(5, true), order(7), order(8));
  show.turn(
    { type: 'void', order: 5, reason: 'Denied' },
    { type: 'cancel', buyer: userOf(7), order: 6, at: show.orderedAt(6) },
  );
  show.turn({
    type: 'stock',
    once: show.once,
    add: [{ area: 'floor', count: 3, category: 'A', price: 5_000 }],
    remove: ['S-C-9'],
    block: ['S-C-10', { area: 'floor', count: 1 }],
    reprice: { A: 5_000 },
  });
  show.turn({ type: 'stock', once: show.once, unblock: ['S-C-10'], reprice: { A: 4_550 } });
  show.turn({ type: 'settled', order: 6 }, { type: 'settled', order: 5, reason: 'Let go' });
  show.at += PAYMENT_WINDOW_MS * 2 + HOLD_GRACE_MS;
  show.turn({ type: 'expire' }, { type: 'commit', order: 7, amount: 1, currency: 'EUR', late: true });
  show.turn(hold(9, { best: { quantity: 5 } }), { type: 'dispute', order: 2, dispute: 'dp_1', status: 'won' });
  show.turn({ type: 'replace-plan', once: show.once, planId: 'pln_larger' });
  show.turn({ type: 'stock', once: show.once, block: ['S-D-1'] });
  show.turn({ type: 'cancel-show', reason: 'Rain' });
  show.turn({ type: 'refund-next' });
  return show.recorded();
}
