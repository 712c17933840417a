import { ORDER_STATES } from '../actors/order-views.ts';
import type { ShowReplays } from '../actors/replays.ts';
import type { ShowEvent } from '../allocator/events.ts';
import { REFUND } from '../allocator/refunds.ts';
import { keptFromResales } from '../allocator/resales.ts';
import type { Show } from '../allocator/show.ts';
import { OWNED } from '../allocator/tickets.ts';
import { parseScopedId, scopedId } from '../ids.ts';
import type { VerifiedJournal } from '../journal/verify.ts';
import type { Clock } from '../ports.ts';
import { compareOrder, type Difference, type OrderMoney } from './compare-order.ts';
import type { BookedPayment, PaymentBooks } from './payment-books.ts';

/** Differences that are named, at most; the others are only counted. */
const DIFFERENCE_LIMIT = 1_000;
/** How far the clocks of nodes, and of whoever verifies, may be apart. */
const CLOCK_MARGIN_MS = 2_000;

export interface NamedDifference extends Difference {
  readonly showId: string | null;
  readonly orderId: string | null;
  readonly paymentId: string;
}

/** Money in minor units by currency. */
export type Amounts = Record<string, number>;

export interface PaymentReport {
  shows: number;
  orders: number;
  /** Orders with a move still to come, of the buyer, the provider or settlement: they may differ for the time being. */
  underWay: number;
  /** At the provider. */
  payments: number;
  captured: Amounts;
  refunded: Amounts;
  /** Taken back by buyers' banks, for the time being or for good. */
  disputed: Amounts;
  /** What the tickets that are somebody's cost; with `kept`: captured less refunded and disputed, once nothing is under way (I11). */
  valid: Amounts;
  /** What sellers had paid above what they resold for: it stays with the organiser. */
  kept: Amounts;
  differences: NamedDifference[];
  /** Differences beyond {@link DIFFERENCE_LIMIT}. */
  unnamed: number;
}

/** The journal of a show cannot be replayed: what it says of money is not to be had. */
export class ShowNotReplayed extends Error {
  constructor(showId: string, options?: ErrorOptions) {
    super(`The journal of show ${showId} cannot be replayed`, options);
    this.name = 'ShowNotReplayed';
  }
}

/**
 * Compares what the journal says of every order's money with the provider's books, beside running nodes if need be: the
 * books are read first, and an order that moved on since then counts as under way. Memory: the totals of each payment, and
 * one show's state. Rejects with {@link ShowNotReplayed}, and when either side cannot be read.
 */
export async function verifyPayments(deps: {
  readonly journal: Pick<VerifiedJournal, 'journaledShows' | 'rowsAfter'>;
  readonly replays: Pick<ShowReplays, 'open'>;
  readonly books: PaymentBooks;
  readonly clock: Clock;
}): Promise<PaymentReport> {
  const { journal, replays, books, clock } = deps;
  const report: PaymentReport = {
    ...{ shows: 0, orders: 0, underWay: 0, payments: 0 },
    ...{ captured: {}, refunded: {}, disputed: {}, valid: {}, kept: {} },
    ...{ differences: [], unnamed: 0 },
  };
  const since = clock.now() - CLOCK_MARGIN_MS;
  const booked = await read(books, report);
  for await (const page of journal.journaledShows()) {
    for (const showId of page) {
      report.shows++;
      const { show, moved } = await replayed(journal, replays, showId, since);
      compareShow(show, moved, booked, report);
    }
  }
  // Every show of the journal has taken out its own.
  for (const payments of booked.values()) for (const payment of payments) nameUnknown(payment, report);
  return report;
}

type Booked = Map<string, readonly BookedPayment[]>;

async function read(books: PaymentBooks, report: PaymentReport): Promise<Booked> {
  const booked: Booked = new Map();
  for await (const page of books.all()) {
    for (const payment of page) {
      const { paymentId, currency } = payment;
      booked.set(paymentId, [...(booked.get(paymentId) ?? []), payment]);
      report.payments++;
      if (currency === null) continue;
      add(report.captured, currency, payment.captured);
      add(report.refunded, currency, payment.refunded);
      for (const { withdrawn } of payment.disputes) add(report.disputed, currency, withdrawn);
    }
  }
  return booked;
}

function add(amounts: Amounts, currency: string, amount: number): void {
  if (amount !== 0) amounts[currency] = (amounts[currency] ?? 0) + amount;
}

/** The show as its journal has it, and the orders whose money moved since then. */
async function replayed(
  journal: Pick<VerifiedJournal, 'rowsAfter'>,
  replays: Pick<ShowReplays, 'open'>,
  showId: string,
  since: number,
): Promise<{ show: Show; moved: ReadonlySet<number> }> {
  try {
    const replay = await replays.open(showId);
    const moved = new Set<number>();
    for await (const page of journal.rowsAfter(showId, 0)) {
      for (const row of page) {
        const events = JSON.parse(row.events) as readonly ShowEvent[];
        await replay?.apply(events, row.at, row.seq);
        if (row.at < since || !replay?.show) continue;
        for (const event of events) for (const order of ordersMovedBy(event, replay.show)) moved.add(order);
      }
    }
    if (!replay?.show) throw new Error('the show, its hall or its first row is missing');
    return { show: replay.show, moved };
  } catch (error) {
    throw new ShowNotReplayed(showId, { cause: error });
  }
}

/** The orders that such an event brings to rest, or moves on at rest. What is not at rest is under way anyhow. */
function ordersMovedBy(event: ShowEvent, show: Show): readonly number[] {
  switch (event.type) {
    case 'captured':
      return [event.order, ...(event.resold ?? []).map(({ ticket }) => show.tickets.order[ticket])];
    case 'ordered':
      return (event.resold ?? []).map(({ ticket }) => show.tickets.order[ticket]);
    case 'rejected':
    case 'settled':
    case 'refunding':
    case 'disputed':
    case 'refund-returned':
      return [event.order];
    case 'refunding-all':
      return event.orders;
    case 'refunded':
    case 'refund-failed':
      return [show.refunds.order[event.refund]];
    default:
      return [];
  }
}

function compareShow(show: Show, moved: ReadonlySet<number>, booked: Booked, report: PaymentReport): void {
  const { orders, tickets, terms } = show;
  for (let order = 1; order <= orders.count; order++) {
    const money = moneyOf(show, order, moved);
    const paymentId = scopedId('pay', orders.at[order], show.id, order);
    report.orders++;
    if (money.isUnderWay) report.underWay++;
    for (const difference of compareOrder(money, booked.get(paymentId) ?? [])) {
      const orderId = scopedId('ord', orders.at[order], show.id, order);
      name({ ...difference, showId: show.id, orderId, paymentId }, report);
    }
    booked.delete(paymentId);
  }
  let valid = 0;
  for (let ticket = 1; ticket <= tickets.count; ticket++) {
    if (OWNED.includes(tickets.state[ticket])) valid += tickets.price[ticket];
  }
  add(report.valid, terms.currency, valid);
  add(report.kept, terms.currency, keptFromResales(show));
}

function moneyOf(show: Show, order: number, moved: ReadonlySet<number>): OrderMoney {
  const { orders, refunds } = show;
  const sums = { [REFUND.due]: 0, [REFUND.done]: 0, [REFUND.failed]: 0 };
  for (const refund of refunds.of(order)) sums[refunds.state[refund] as 1 | 2 | 3] += refunds.amount[refund];
  return {
    state: ORDER_STATES[orders.state[order]],
    isUnderWay: orders.unsettled[order] === 1 || sums[REFUND.due] > 0 || show.toRefund.has(order) || moved.has(order),
    total: orders.total[order],
    currency: show.terms.currency,
    refunded: sums[REFUND.done],
    failedRefunds: sums[REFUND.failed],
    disputes: show.disputes.get(order) ?? [],
  };
}

/** What is over without money, of an order that nobody knows, is nobody's concern. */
function nameUnknown(payment: BookedPayment, report: PaymentReport): void {
  const { paymentId, reference, authorised, captured, refunded, isOpen } = payment;
  if (!isOpen && authorised === 0 && captured <= refunded) return;
  const id = parseScopedId('pay', paymentId);
  const orderId = id === null ? null : scopedId('ord', id.at, id.showId, id.number);
  const provider = authorised + captured - refunded;
  name(
    { kind: 'unknown-payment', reference, journal: null, provider, showId: id?.showId ?? null, orderId, paymentId },
    report,
  );
}

function name(difference: NamedDifference, report: PaymentReport): void {
  if (report.differences.length < DIFFERENCE_LIMIT) report.differences.push(difference);
  else report.unnamed++;
}
