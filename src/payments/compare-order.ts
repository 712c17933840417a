import type { OrderState } from '../actors/shows.ts';
import type { DisputeStatus } from '../allocator/commands.ts';
import type { BookedPayment } from './payment-books.ts';

/** What the journal says of an order's money, in minor units. */
export interface OrderMoney {
  readonly state: OrderState;
  /** Whether settlement, or the buyer, has still to act: then the two sides may differ for the time being. */
  readonly isUnderWay: boolean;
  readonly total: number;
  readonly currency: string;
  /** Sum of the refunds that are done. */
  readonly refunded: number;
  /** Sum of those that the provider could not carry out. */
  readonly failedRefunds: number;
  readonly disputes: readonly { readonly id: string; readonly status: DisputeStatus }[];
}

/**
 * How journal and provider can differ.
 *
 * - `captured-without-sale`: money was taken for an order that was never paid.
 * - `not-given-back`: the same, and the order's end owes it back: it was declined, or giving it back failed or stopped short.
 * - `paid-without-capture`: the tickets are valid, and no money was taken for them.
 * - `captured-twice`: more than one payment of the order was taken, or more than the order's total.
 * - `amount-differs`, `currency-differs`: the payment is not of what the order costs.
 * - `refunded-more`, `refunded-less`: against the refunds that are journaled as done.
 * - `refund-failed`: the provider cannot give it back; people have to see to it.
 * - `authorisation-left`: money is still held for an order that is settled.
 * - `dispute-not-recorded`, `dispute-differs`: what the journal has of a dispute is not what the provider has.
 * - `unknown-payment`: the provider has, or may yet get, money for an order that the journal does not have.
 */
export type DifferenceKind =
  | 'captured-without-sale'
  | 'not-given-back'
  | 'paid-without-capture'
  | 'captured-twice'
  | 'amount-differs'
  | 'currency-differs'
  | 'refunded-more'
  | 'refunded-less'
  | 'refund-failed'
  | 'authorisation-left'
  | 'dispute-not-recorded'
  | 'dispute-differs'
  | 'unknown-payment';

export interface Difference {
  readonly kind: DifferenceKind;
  /** As the provider names the payment; null where it has none. */
  readonly reference: string | null;
  /** By the journal, and at the provider: amounts in minor units, else what differs. */
  readonly journal: number | string | null;
  readonly provider: number | string | null;
}

/** Every difference between an order and the payments that the provider has for it: none, one, or by mistake several. */
export function compareOrder(order: OrderMoney, payments: readonly BookedPayment[]): Difference[] {
  const found: Difference[] = [];
  const note = (
    kind: DifferenceKind,
    journal: Difference['journal'],
    provider: Difference['provider'],
    payment: BookedPayment | undefined = payments[0],
  ): void => {
    found.push({ kind, reference: payment?.reference ?? null, journal, provider });
  };

  // An order and its payment are made of the same amount, and neither changes: true at any time.
  for (const payment of payments) {
    if (payment.amount !== null && payment.amount !== order.total) {
      note('amount-differs', order.total, payment.amount, payment);
    }
    if (payment.currency !== null && payment.currency !== order.currency) {
      note('currency-differs', order.currency, payment.currency, payment);
    }
  }

  const captured = sum(payments, (payment) => payment.captured);
  const refunded = sum(payments, (payment) => payment.refunded);
  const isCapturedAgain = captured > order.total && refunded < captured - order.total;
  if (order.state === 'paid' && payments.filter((payment) => payment.captured > 0).length > 1 && isCapturedAgain) {
    note(
      'captured-twice',
      order.total,
      captured,
      payments.findLast((payment) => payment.captured > 0),
    );
  }
  if (order.isUnderWay) return found;

  for (const payment of payments) {
    if (payment.authorised > 0) note('authorisation-left', 0, payment.authorised, payment);
  }
  if (order.state !== 'paid' || order.total === 0) {
    if (captured > refunded) {
      const isOwed = order.state === 'declined' || refunded > 0 || payments.some((each) => each.failedRefunds > 0);
      note(isOwed ? 'not-given-back' : 'captured-without-sale', 0, captured - refunded, capturedOf(payments));
    }
    return found;
  }

  if (captured === 0) note('paid-without-capture', order.total, 0);
  else comparePaid(order, captured, refunded, payments, note);
  compareDisputes(order, payments, note);
  return found;
}

type Note = (
  kind: DifferenceKind,
  journal: Difference['journal'],
  provider: Difference['provider'],
  payment?: BookedPayment,
) => void;

function comparePaid(
  order: OrderMoney,
  captured: number,
  refunded: number,
  payments: readonly BookedPayment[],
  note: Note,
): void {
  const payment = capturedOf(payments);
  const isOfOtherAmount = payments.some(({ amount }) => amount !== null && amount !== order.total);
  if (captured < order.total && !isOfOtherAmount) note('amount-differs', order.total, captured, payment);
  // What was taken too much and given back again is nobody's loss.
  const returned = refunded - Math.min(refunded, Math.max(0, captured - order.total));
  if (returned < order.refunded) note('refunded-less', order.refunded, returned, payment);
  // A failed refund may have been made good by people, at the provider itself.
  else if (returned > order.refunded + order.failedRefunds) note('refunded-more', order.refunded, returned, payment);
  if (returned < order.refunded + order.failedRefunds && order.failedRefunds > 0) {
    note('refund-failed', order.refunded + order.failedRefunds, returned, payment);
  }
}

function compareDisputes(order: OrderMoney, payments: readonly BookedPayment[], note: Note): void {
  const ours = new Map(order.disputes.map((dispute) => [dispute.id, dispute]));
  for (const payment of payments) {
    for (const dispute of payment.disputes) {
      const known = ours.get(dispute.id);
      ours.delete(dispute.id);
      if (known === undefined) note('dispute-not-recorded', null, told(dispute), payment);
      else if (known.status !== dispute.status) note('dispute-differs', told(known), told(dispute), payment);
    }
  }
  for (const dispute of ours.values()) note('dispute-differs', told(dispute), null);
}

function told({ id, status }: { readonly id: string; readonly status: string }): string {
  return `${id} ${status}`;
}

function capturedOf(payments: readonly BookedPayment[]): BookedPayment | undefined {
  return payments.find((payment) => payment.captured > 0);
}

function sum(payments: readonly BookedPayment[], of: (payment: BookedPayment) => number): number {
  return payments.reduce((total, payment) => total + of(payment), 0);
}
