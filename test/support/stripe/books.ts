import type Stripe from 'stripe';
import type { Account, PaymentRecord } from './account.ts';

/** The money of one payment, in minor units. */
export interface PaymentBook {
  readonly id: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly currency: string;
  readonly status: Stripe.PaymentIntent.Status;
  /** Held on the buyer's card, and not taken. */
  readonly authorised: number;
  /** Taken from the buyer. */
  readonly captured: number;
  /** Given back, by refunds that succeeded or pend: Stripe has taken it from the seller's balance. */
  readonly refunded: number;
  /** The part of `refunded` that pends. */
  readonly pendingRefunds: number;
  /** Refunds that failed: the money is with the seller again. Not in `refunded`. */
  readonly failedRefunds: number;
  /** How many times money was taken; never more than once, or Stripe itself is wrong. */
  readonly captures: number;
  /** Without those that only let go of an authorisation. */
  readonly refunds: readonly {
    readonly id: string;
    readonly amount: number;
    readonly status: string | null;
    readonly metadata: Readonly<Record<string, string>> | null;
  }[];
  readonly disputed: 'open' | 'won' | 'lost' | null;
  /** Taken back by the buyer's bank, for the time being or for good. Not in `refunded`. */
  readonly withdrawn: number;
}

export interface Totals {
  readonly payments: number;
  readonly authorised: number;
  readonly captured: number;
  readonly refunded: number;
  readonly pendingRefunds: number;
  readonly failedRefunds: number;
  readonly withdrawn: number;
  /** The most captures that a payment has. */
  readonly mostCaptures: number;
}

type Select = (metadata: Readonly<Record<string, string>>) => boolean;

/** What money has moved, for comparison with what was sold. */
export class Books {
  readonly #account: Account;

  constructor(account: Account) {
    this.#account = account;
  }

  /** `null` if Stripe has never heard of it. */
  payment(id: string): PaymentBook | null {
    this.#account.tick();
    const payment = this.#account.payments.get(id);
    return payment === undefined ? null : bookOf(payment);
  }

  /** In the order in which they were created. Goes through all payments. */
  payments(select: Select = () => true): PaymentBook[] {
    this.#account.tick();
    return [...this.#account.payments].filter(({ intent }) => select(intent.metadata)).map(bookOf);
  }

  /** By currency. Goes through all payments. */
  totals(select?: Select): Record<string, Totals> {
    const totals: Record<string, Totals> = {};
    for (const book of this.payments(select)) {
      const sum = totals[book.currency];
      totals[book.currency] = {
        payments: (sum?.payments ?? 0) + 1,
        authorised: (sum?.authorised ?? 0) + book.authorised,
        captured: (sum?.captured ?? 0) + book.captured,
        refunded: (sum?.refunded ?? 0) + book.refunded,
        pendingRefunds: (sum?.pendingRefunds ?? 0) + book.pendingRefunds,
        failedRefunds: (sum?.failedRefunds ?? 0) + book.failedRefunds,
        withdrawn: (sum?.withdrawn ?? 0) + book.withdrawn,
        mostCaptures: Math.max(sum?.mostCaptures ?? 0, book.captures),
      };
    }
    return totals;
  }
}

function bookOf({ id, intent, charge, captures, refunds }: PaymentRecord): PaymentBook {
  const real = [...refunds].filter(({ isRelease }) => !isRelease).map(({ refund }) => refund);
  const sumOf = (...statuses: string[]): number =>
    real.reduce((sum, { amount, status }) => sum + (statuses.includes(status ?? '') ? amount : 0), 0);
  const dispute = charge?.dispute?.dispute;
  const disputed = dispute === undefined ? null : dispute.status === 'needs_response' ? 'open' : dispute.status;
  return {
    id,
    metadata: { ...intent.metadata },
    currency: intent.currency,
    status: intent.status,
    authorised: intent.amount_capturable,
    captured: intent.amount_received,
    refunded: sumOf('succeeded', 'pending'),
    pendingRefunds: sumOf('pending'),
    failedRefunds: sumOf('failed'),
    captures,
    refunds: real.map(({ id, amount, status, metadata }) => ({ id, amount, status, metadata })),
    disputed: disputed as PaymentBook['disputed'],
    withdrawn: dispute === undefined || dispute.status === 'won' ? 0 : dispute.amount,
  };
}
