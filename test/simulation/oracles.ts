import { createReplays } from '../../src/actors/replays.ts';
import type { Hall } from '../../src/allocator/hall.ts';
import { HOLD_GRACE_MS } from '../../src/allocator/show.ts';
import type { JournalRow, Snapshot } from '../../src/journal/journal.ts';
import { type VerifiedJournal, verifyJournal } from '../../src/journal/verify.ts';
import { verifyPayments } from '../../src/payments/verify-payments.ts';
import type { RowLine } from '../judge/history.ts';
import { JournalWitness } from '../judge/journal-witness.ts';
import { Judge } from '../judge/judge.ts';
import { laterHall } from '../support/made-show.ts';
import { LimitsOracle } from './limits-oracle.ts';
import type { Record } from './record.ts';
import type { World } from './world.ts';

/** A turn is decided so long before its row is durable, at most. */
const APPEND_MS = 6_000;
/** So many faults of one kind are told. */
const TOLD_MAX = 5;

/** I9 by the one true clock: however wrong the nodes' clocks are, within the grace, no hold ends before its time. */
class HoldLives {
  readonly #world: World;
  readonly #ends = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
  }

  note({ events, at = 0 }: RowLine, writtenAt: number): void {
    for (const event of events) {
      if (event.event === 'held' || event.event === 'extended')
        this.#ends.set(event.hold, writtenAt + event.until - at);
      if (event.event !== 'expired') continue;
      for (const hold of event.holds) {
        const early = (this.#ends.get(hold) ?? 0) - writtenAt;
        // The append of its making may have taken long: by as much its time was over earlier.
        if (early > APPEND_MS) this.#world.violated('I9', `${hold} ended ${Math.round(early)} ms before its time`);
      }
    }
  }
}

/** Holds what the buyers were told against itself, the journal and the provider's books. */
export function judgeHistory(world: World, { lines }: Record): void {
  const judge = new Judge();
  for (const { id, hall, terms, plans, seatIds } of world.shows) {
    const known = new Set(hall.seatIds);
    const later = seatIds.filter((seat) => !known.has(seat));
    judge.add({
      ...(later.length === 0 ? {} : { blocked: later }),
      ...{ plan: id, seats: seatIds, areas: hall.areas, currency: terms.currency, grace: HOLD_GRACE_MS },
      ...{ onSale: terms.onSaleAt, offSale: terms.offSaleAt },
    });
    const halls = new Map(plans.map((plan) => [plan.id, plan.hall]));
    const hallWith = (ids: readonly string[]): Hall =>
      laterHall(
        hall,
        ids.map((planId) => [planId, halls.get(planId) ?? hall] as const),
      );
    const witness = new JournalWitness(id, hall, hallWith);
    const { rows, writtenAt } = world.database.kept(id);
    const lives = new HoldLives(world);
    const limits = new LimitsOracle(terms, (invariant, what) => world.violated(invariant, what));
    rows.forEach((row, place) => {
      const line = witness.row(row);
      judge.add(line);
      lives.note(line, writtenAt[place]);
      limits.row(line);
    });
    limits.rest();
  }
  for (const line of lines) judge.add(line);
  for (const line of world.provider.bookLines()) judge.add(line);
  judge.add({ end: true, rest: true });
  for (const { invariant, what } of judge.verdict().slice(0, TOLD_MAX)) world.violated(invariant, what);
}

/** Holds a world at rest against the journal, and the journal against the provider's books, as `usher verify` does. */
export async function judgeRest(world: World): Promise<void> {
  const journal = journalOf(world);
  const replays = createReplays(world.source);
  const verified = await verifyJournal(journal, replays);
  for (const { showId, seq, what } of verified.faults.slice(0, TOLD_MAX)) {
    world.violated(/^I\d+/.exec(what)?.[0] ?? 'I2', `row ${seq} of ${showId}: ${what}`);
  }
  if (verified.soldTwice > 0) world.violated('I1', `${verified.soldTwice} seats were sold twice`);
  // Of a journal that cannot be replayed nothing is known of its money.
  if (verified.faults.length > 0) return;
  const money = await verifyPayments({
    journal,
    replays,
    books: world.provider.books,
    clock: { now: () => Number.MAX_SAFE_INTEGER },
  });
  for (const difference of money.differences.slice(0, TOLD_MAX)) world.violated('I11', JSON.stringify(difference));
  if (money.underWay > 0) world.violated('I12', `${money.underWay} orders are still under way`);
  for (const currency of new Set([...Object.keys(money.captured), ...Object.keys(money.valid)])) {
    const { captured, refunded, valid, kept: resold } = money;
    const kept = (captured[currency] ?? 0) - (refunded[currency] ?? 0) - (resold[currency] ?? 0);
    if (kept !== (valid[currency] ?? 0))
      world.violated('I11', `${kept} ${currency} were kept for tickets that cost ${valid[currency] ?? 0}`);
  }
}

function journalOf({ database }: World): VerifiedJournal {
  return {
    async *journaledShows() {
      yield [...database.shows].filter(([, { rows }]) => rows.length > 0).map(([showId]) => showId);
    },
    async *rowsAfter(showId, after): AsyncGenerator<readonly JournalRow[]> {
      yield database.kept(showId).rows.slice(after);
    },
    async readSnapshot(showId): Promise<Snapshot | null> {
      const { snapshot, isTorn } = database.kept(showId);
      return isTorn ? null : snapshot;
    },
  };
}
