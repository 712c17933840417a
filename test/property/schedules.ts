import fc from 'fast-check';
import type { DisputeStatus } from '../../src/allocator/commands.ts';
import type { ShowTerms } from '../../src/allocator/events.ts';
import type { AppendFault, SnapshotFault } from '../support/memory-journal.ts';
import { VARIANTS } from './plan-variants.ts';
import { draftTerms, smallPlan, smallTerms } from './small-halls.ts';

/** So many buyers, known by their place in a list. */
export const BUYERS = 6;
/** Stands for the hold, order or request that is not made yet. */
export const NOT_MADE_YET = 99;
/** Stands for a ticket of the order before. */
export const FOREIGN = 9;

/**
 * A request before it is known what there will be to ask about. Holds, orders and earlier requests are meant by how
 * many came after them, counted round and round, so that a shrunk schedule still means about the same.
 */
export type Ask = { readonly late: boolean } & (
  | {
      readonly ask: 'pick';
      readonly buyer: number;
      readonly seats: readonly number[];
      readonly areas: readonly AreaAsk[];
    }
  | {
      readonly ask: 'best';
      readonly buyer: number;
      readonly quantity: number;
      readonly category: number | null;
      readonly maxPrice: number | null;
      readonly accessible: boolean;
      readonly areas: readonly AreaAsk[];
    }
  | {
      readonly ask: 'extend' | 'release' | 'get-hold';
      readonly back: number;
      readonly stranger: boolean;
      readonly wrongTime: boolean;
    }
  | {
      readonly ask: 'order';
      readonly back: number;
      readonly stranger: boolean;
      readonly wrongTime: boolean;
      readonly comp: boolean;
    }
  | {
      readonly ask: 'cancel' | 'get-order' | 'get-ticket';
      readonly back: number;
      readonly stranger: boolean;
      readonly wrongTime: boolean;
    }
  | {
      readonly ask: 'commit';
      readonly back: number;
      readonly money: 'right' | 'less' | 'currency';
      readonly tooLate: boolean;
    }
  | {
      readonly ask: 'reject' | 'captured' | 'void' | 'pending' | 'get-payment';
      readonly back: number;
    }
  /** All that a sale takes, in one turn. */
  | {
      readonly ask: 'buy';
      /** Null: whoever made the newest order. */
      readonly buyer: number | null;
      readonly quantity: number;
      /** In the first area, if there is one. */
      readonly isStanding: boolean;
      readonly isPaid: boolean;
      /** What somebody resells; if nobody does, the newest ticket is listed first. */
      readonly isResale: boolean;
    }
  /** Whatever settlement would ask next when all goes well. */
  | { readonly ask: 'proceed'; readonly back: number }
  | { readonly ask: 'settled'; readonly back: number; readonly told: boolean }
  | {
      readonly ask: 'refund';
      readonly back: number;
      /** Of any order, not of one that is paid. */
      readonly any: boolean;
      readonly wrongTime: boolean;
      /** By their places in the order; all that are valid if null. */
      readonly tickets: readonly number[] | null;
    }
  | { readonly ask: 'refunded' | 'refund-failed' | 'refund-returned'; readonly back: number }
  | {
      readonly ask: 'dispute';
      readonly back: number;
      readonly any: boolean;
      readonly dispute: number;
      readonly status: DisputeStatus;
    }
  | {
      readonly ask: 'stock';
      readonly list: StockList;
      /** The first place goes into this list instead. */
      readonly other: StockList | null;
      readonly seats: readonly number[];
      readonly areas: readonly AreaAsk[];
      readonly reprice: readonly (readonly [category: number, price: number])[];
      /** Only what the list is meant for. */
      readonly isFitting: boolean;
      readonly isWrong: 'price' | 'category' | null;
    }
  | {
      readonly ask: 'replace-plan';
      /** By its place in a list. */
      readonly variant: number;
      /** First prices, or those in force once more. */
      readonly prices: readonly (readonly [category: string, price: number])[];
    }
  | {
      readonly ask: 'get-inventory';
      readonly seats: boolean;
      readonly are: 'blocked' | 'removed';
      readonly offset: number;
    }
  | {
      readonly ask: 'reschedule';
      /** So many ms from now; as it was if null. */
      readonly onSale: number | null;
      readonly offSale: number | null;
      readonly publish: number | 'now' | null;
    }
  | { readonly ask: 'cancel-show'; readonly reason: number }
  | { readonly ask: 'get-cancellation' }
  | { readonly ask: 'list-orders' | 'list-tickets'; readonly buyer: number; readonly all: boolean }
  | {
      readonly ask: 'admit';
      readonly back: number;
      readonly gate: number | null;
      readonly wrongTime: boolean;
      /** Seconds after the order; by the show's clock if null. */
      readonly scanned: number | null;
    }
  | { readonly ask: 'undo-admission'; readonly back: number; readonly isNamed: boolean; readonly wrongTime: boolean }
  | { readonly ask: 'merge-scans'; readonly gate: number; readonly scans: readonly ScanAsk[] }
  /** A gate tells late of a ticket that has moved since; then somebody comes with the one that took its place. */
  | { readonly ask: 'late-scan'; readonly back: number; readonly gate: number }
  | { readonly ask: 'list-admissions'; readonly only: 'admitted' | 'double' | 'void' }
  | { readonly ask: 'get-voided' }
  | { readonly ask: 'get-summary' }
  | {
      readonly ask: 'transfer';
      /** Of the tickets with which this can be done. */
      readonly back: number;
      /** Of all tickets. */
      readonly any: boolean;
      readonly stranger: boolean;
      readonly wrongTime: boolean;
      readonly to: number;
      /** The receiver accepts in the same turn. */
      readonly isAccepted: boolean;
    }
  | {
      readonly ask: 'resell' | 'withdraw-listing' | 'withdraw-transfer';
      readonly back: number;
      readonly any: boolean;
      readonly stranger: boolean;
      readonly wrongTime: boolean;
      readonly price: 'paid' | 'less' | 'nothing' | 'more';
    }
  | {
      readonly ask: 'accept-transfer' | 'decline-transfer';
      readonly back: number;
      readonly any: boolean;
      readonly stranger: boolean;
    }
  | { readonly ask: 'list-offers' | 'list-listings'; readonly buyer: number }
  | { readonly ask: 'again'; readonly back: number; readonly changed: boolean }
);

interface ScanAsk {
  readonly back: number;
  readonly scanned: number;
  readonly wrongTime: boolean;
}
export type StockList = 'add' | 'remove' | 'block' | 'unblock';

interface AreaAsk {
  readonly area: number;
  readonly quantity: number;
}

/** How long the clock runs before a turn: so many ms, or until so long after the end of the soonest live hold. */
export type Wait = { readonly ms: number } | { readonly afterHold: number };

export interface Step {
  readonly wait: Wait;
  readonly asks: readonly Ask[];
  readonly append: AppendFault | null;
  /** When a late append arrives: before the shard moves on, before the show is read again, or after. */
  readonly arrives: 'before-move' | 'before-recovery' | 'after-recovery';
  /** No read of the journal succeeds during the turn. */
  readonly unreadable: boolean;
  readonly after: 'go on' | 'crash' | 'takeover' | 'snapshot';
  readonly snapshot: SnapshotFault | null;
  /** So many ms the clock of a new owner is behind. */
  readonly behind: number;
}

export interface Trial {
  readonly plan: unknown;
  readonly terms: ShowTerms;
  /** From this row on the whole cluster reads the newest format. */
  readonly upgradedAt: number;
  readonly steps: readonly Step[];
}

/** What a set of trials stresses. */
export interface Stress {
  /** Of 10 turns so many have a faulty append. */
  readonly faults: number;
  /** Of 10 turns so many are followed by a crash or another owner. */
  readonly crashes: number;
  /** Of 10 waits so many are long. */
  readonly jumps: number;
  /** The weight of changes of the stock among all requests; 0 for none. */
  readonly restocks: number;
  /** Of 10 requests so many are repeats. */
  readonly repeats: number;
  /** The weight of changes of the times of sale among all requests; none if absent. */
  readonly reschedules?: number;
  /** The weight of replacements of the plan among all requests; none if absent. */
  readonly replans?: number;
  /** How often tickets move, against 1. */
  readonly moves?: number;
  readonly mostAsks: number;
  readonly mostSteps: number;
}

const back = fc.oneof(
  { weight: 8, arbitrary: fc.nat({ max: 3 }) },
  { weight: 3, arbitrary: fc.nat({ max: 12 }) },
  { weight: 1, arbitrary: fc.constant(NOT_MADE_YET) },
);
const rarely = fc.constantFrom(false, false, false, false, false, false, false, true);
const late = fc.constantFrom(...new Array<boolean>(30).fill(false), true);
const buyer = fc.nat({ max: BUYERS - 1 });
const areas = fc.oneof(
  { weight: 3, arbitrary: fc.constant([]) },
  {
    weight: 1,
    arbitrary: fc.array(
      fc.record({ area: fc.constantFrom(0, 0, 0, 1, 1, 2), quantity: fc.integer({ min: 1, max: 5 }) }),
      { maxLength: 2 },
    ),
  },
);

/** Neighbours now and then: a place to begin, and how many from there. */
const picks = fc.oneof(
  {
    weight: 2,
    arbitrary: fc
      .record({ first: fc.nat({ max: 27 }), count: fc.constantFrom(1, 1, 2, 2, 3, 4) })
      .map(({ first, count }) => Array.from({ length: count }, (_, i) => first + i)),
  },
  { weight: 1, arbitrary: fc.array(fc.nat({ max: 28 }), { maxLength: 4 }) },
);

/** Seconds from an order to a scan: some before it, some in the future. */
const SCANNED = [-1, 0, 1, 2, 30, 60, 119, 600, 90_000] as const;

/** From now to an end of the sale that is past, soon, or beyond the trial. */
const OFF_SALE = [null, null, -1, 0, 1, 30_000, 700_000, 400 * 86_400_000, 400 * 86_400_000] as const;
const ON_SALE = [null, null, null, -1_000, -1_000, 0, 1, 60_000] as const;

const stockList = fc.constantFrom<StockList>('add', 'remove', 'block', 'unblock');

function asksOf({ repeats, restocks, replans = 0, reschedules = 0, moves = 1 }: Stress): fc.Arbitrary<Ask> {
  const onHold = { back, stranger: rarely, wrongTime: rarely, late };
  const onTicket = { back, any: rarely, stranger: rarely, wrongTime: rarely };
  return fc.oneof(
    { weight: 5, arbitrary: fc.record({ ask: fc.constant('pick' as const), buyer, seats: picks, areas, late }) },
    {
      weight: 4,
      arbitrary: fc.record({
        ask: fc.constant('best' as const),
        buyer,
        quantity: fc.integer({ min: 1, max: 4 }),
        category: fc.constantFrom(null, null, null, 0, 0, 1, 1, 2),
        maxPrice: fc.constantFrom(null, null, null, null, 2_000),
        accessible: rarely,
        areas,
        late,
      }),
    },
    { weight: 4, arbitrary: fc.record({ ask: fc.constant('order' as const), ...onHold, comp: rarely }) },
    {
      weight: 3,
      arbitrary: fc.record({
        ask: fc.constantFrom('extend' as const, 'release' as const, 'get-hold' as const),
        ...onHold,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        ask: fc.constantFrom('cancel' as const, 'get-order' as const, 'get-ticket' as const),
        ...onHold,
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        ask: fc.constant('commit' as const),
        back,
        money: fc.constantFrom(
          'right' as const,
          'right' as const,
          'right' as const,
          'right' as const,
          'less' as const,
          'currency' as const,
        ),
        tooLate: fc.boolean(),
        late,
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        ask: fc.constantFrom(
          'reject' as const,
          'captured' as const,
          'captured' as const,
          'void' as const,
          'pending' as const,
          'pending' as const,
          'get-payment' as const,
        ),
        back,
        late,
      }),
    },
    {
      weight: 2 + 3 * moves,
      arbitrary: fc.record({
        ask: fc.constant('buy' as const),
        buyer: fc.option(buyer, { freq: 1 }),
        quantity: fc.integer({ min: 1, max: 3 }),
        isStanding: fc.boolean(),
        isPaid: fc.constantFrom(true, true, false),
        isResale: fc.boolean(),
        late,
      }),
    },
    { weight: 4, arbitrary: fc.record({ ask: fc.constant('proceed' as const), back, late }) },
    { weight: 1, arbitrary: fc.record({ ask: fc.constant('settled' as const), back, told: fc.boolean(), late }) },
    {
      weight: 2,
      arbitrary: fc.record({
        ask: fc.constant('refund' as const),
        back,
        any: rarely,
        wrongTime: rarely,
        tickets: fc.constantFrom(null, null, null, [0], [0], [1], [1, 0], [0, 2], [0, 0], [FOREIGN], []),
        late,
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        ask: fc.constantFrom(
          'refunded' as const,
          'refunded' as const,
          'refund-failed' as const,
          'refund-returned' as const,
        ),
        back,
        late,
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        ask: fc.constant('dispute' as const),
        back,
        any: rarely,
        dispute: fc.constantFrom(0, 0, 0, 1),
        status: fc.constantFrom('open', 'open', 'won', 'lost'),
        late,
      }),
    },
    {
      weight: restocks,
      arbitrary: fc.record({
        ask: fc.constant('stock' as const),
        list: stockList,
        other: fc.option(stockList, { freq: 1 }),
        seats: picks,
        areas,
        reprice: fc.oneof(
          { weight: 2, arbitrary: fc.constant([]) },
          {
            weight: 1,
            arbitrary: fc.array(
              fc.tuple(fc.constantFrom(0, 0, 0, 1, 1, 1, 2, 3), fc.constantFrom(0, 1_000, 3_000, 6_000)),
              { maxLength: 2 },
            ),
          },
        ),
        isFitting: fc.constantFrom(true, true, true, true, false),
        isWrong: fc.constantFrom(...new Array<null>(12).fill(null), 'price' as const, 'category' as const),
        late,
      }),
    },
    {
      weight: replans,
      arbitrary: fc.record({
        ask: fc.constant('replace-plan' as const),
        variant: fc.nat({ max: VARIANTS.length - 1 }),
        prices: fc.array(
          fc.tuple(
            fc.constantFrom('Box', 'Box', 'Box', 'Closed', 'Front', 'Nowhere'),
            fc.constantFrom(0, 3_000, 4_550),
          ),
          { maxLength: 2 },
        ),
        late,
      }),
    },
    {
      weight: Math.min(1, restocks),
      arbitrary: fc.record({
        ask: fc.constant('get-inventory' as const),
        seats: fc.boolean(),
        are: fc.constantFrom('blocked' as const, 'removed' as const),
        offset: fc.constantFrom(0, 0, 2),
        late,
      }),
    },
    {
      weight: reschedules,
      arbitrary: fc.record({
        ask: fc.constant('reschedule' as const),
        onSale: fc.constantFrom(...ON_SALE),
        offSale: fc.constantFrom(...OFF_SALE),
        publish: fc.constantFrom(null, null, 'now' as const, 'now' as const, -1, 60_000),
        late,
      }),
    },
    {
      weight: 1,
      arbitrary: some<Ask>(
        3,
        fc.record({ ask: fc.constant('cancel-show' as const), reason: fc.nat({ max: 2 }), late }),
        fc.record({ ask: fc.constant('get-cancellation' as const), late }),
      ),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        ask: fc.constantFrom('list-orders' as const, 'list-tickets' as const),
        buyer,
        all: fc.boolean(),
        late,
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        ask: fc.constant('admit' as const),
        back,
        gate: fc.constantFrom(null, 0, 1),
        wrongTime: rarely,
        scanned: fc.constantFrom(null, null, null, ...SCANNED),
        late,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        ask: fc.constant('undo-admission' as const),
        back,
        isNamed: fc.boolean(),
        wrongTime: rarely,
        late,
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        ask: fc.constant('merge-scans' as const),
        gate: fc.constantFrom(0, 1, 2),
        scans: fc.array(fc.record({ back, scanned: fc.constantFrom(...SCANNED), wrongTime: rarely }), {
          minLength: 1,
          maxLength: 4,
        }),
        late,
      }),
    },
    {
      weight: 1,
      arbitrary: some<Ask>(
        3,
        fc.record({ ask: fc.constant('get-voided' as const), late }),
        fc.record({
          ask: fc.constant('list-admissions' as const),
          only: fc.constantFrom('admitted', 'double', 'void'),
          late,
        }),
      ),
    },
    {
      weight: moves > 1 ? moves : 0,
      arbitrary: fc.record({ ask: fc.constant('late-scan' as const), back, gate: fc.constantFrom(0, 1, 2), late }),
    },
    { weight: 1, arbitrary: fc.record({ ask: fc.constant('get-summary' as const), late }) },
    {
      weight: 2 * moves,
      arbitrary: fc.record({
        ask: fc.constant('transfer' as const),
        ...onTicket,
        to: buyer,
        isAccepted: fc.boolean(),
        late,
      }),
    },
    {
      weight: 3 * moves,
      arbitrary: fc.record({
        ask: fc.constantFrom(
          'resell' as const,
          'resell' as const,
          'withdraw-listing' as const,
          'withdraw-transfer' as const,
        ),
        ...onTicket,
        price: fc.constantFrom('paid', 'paid', 'less', 'less', 'nothing', 'more'),
        late,
      }),
    },
    {
      weight: 3 * moves,
      arbitrary: fc.record({
        ask: fc.constantFrom('accept-transfer' as const, 'accept-transfer' as const, 'decline-transfer' as const),
        back,
        any: rarely,
        stranger: rarely,
        late,
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        ask: fc.constantFrom('list-offers' as const, 'list-listings' as const),
        buyer,
        late,
      }),
    },
    { weight: 3 * repeats, arbitrary: fc.record({ ask: fc.constant('again' as const), back, changed: rarely, late }) },
  );
}

const SHORT: readonly Wait[] = [{ ms: 0 }, { ms: 0 }, { ms: 1 }, { ms: 1_000 }, { ms: 30_000 }];
const LONG: readonly Wait[] = [
  { afterHold: -1 },
  { afterHold: 0 },
  { afterHold: 59_999 },
  { afterHold: 60_000 },
  { afterHold: 90_000 },
  { ms: 60_000 },
  { ms: 600_000 },
  { ms: 26 * 3_600_000 },
];

/** `share` of 10 of `often`, else `rest`. */
function some<T>(share: number, often: fc.Arbitrary<T>, rest: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof({ weight: 10 - share, arbitrary: rest }, { weight: share, arbitrary: often });
}

export function trialsOf(stress: Stress): fc.Arbitrary<Trial> {
  const step: fc.Arbitrary<Step> = fc.record({
    wait: some<Wait>(stress.jumps, fc.constantFrom(...LONG), fc.constantFrom(...SHORT)),
    asks: fc.array(asksOf(stress), { maxLength: stress.mostAsks }),
    append: some<AppendFault | null>(
      stress.faults,
      fc.constantFrom('fenced', 'lost', 'written', 'late', 'late', 'crash-lost', 'crash-written'),
      fc.constant(null),
    ),
    arrives: fc.constantFrom('before-move', 'before-recovery', 'after-recovery'),
    unreadable: some(Math.min(1, stress.faults), fc.constant(true), fc.constant(false)),
    behind: fc.constantFrom(0, 0, 0, 1_000, 120_000),
    after: some<Step['after']>(
      stress.crashes,
      fc.constantFrom('crash', 'takeover'),
      fc.constantFrom('go on', 'go on', 'snapshot'),
    ),
    snapshot: some<SnapshotFault | null>(
      stress.faults,
      fc.constantFrom('torn', 'fenced', 'rejects'),
      fc.constant(null),
    ),
  });
  return fc.record({
    plan: smallPlan,
    terms: stress.reschedules === undefined ? smallTerms : draftTerms,
    upgradedAt: fc.constantFrom(0, 0, 0, 0, 6, 40),
    steps: fc.array(step, { minLength: 1, maxLength: stress.mostSteps, size: 'max' }),
  });
}
