/** Where a payment stands at the provider. */
export type PaymentState =
  /** Nothing happened yet, or the last card was declined. */
  | 'open'
  /** The buyer must pass a challenge. */
  | 'challenge'
  /** The buyer has paid by a method that takes days; the bank has not decided yet. */
  | 'pending'
  | 'authorised'
  | 'captured'
  | 'cancelled'
  /** Authorised, but its capture has failed for good. */
  | 'failed';

export interface Payment {
  readonly id: string;
  readonly state: PaymentState;
  readonly amount: number;
  readonly currency: string;
}

/** What the provider is to know of an order. Money in minor units. */
export interface PaymentOrder {
  readonly paymentId: string;
  readonly orderId: string;
  readonly showId: string;
  readonly amount: number;
  readonly currency: string;
}

/** Money that is to go back to the buyer of a captured payment. */
export interface RefundOrder {
  /** Names it: the same is given back once, however often it is asked for. */
  readonly refundId: string;
  readonly paymentId: string;
  readonly amount: number;
  readonly currency: string;
  /** When it was decided, ms since the epoch. */
  readonly at: number;
}

/** `pending`: the provider has taken it on. `failed`: it never can. */
export type RefundState = 'pending' | 'done' | 'failed';

/**
 * What settlement needs of a payment provider. Payments are named by our own ids. Every call may be repeated with the same
 * arguments to the same effect, at any time and by any node.
 *
 * Calls reject with a `RefusedError` when they are not to be had now (`UNAVAILABLE`, `OVERLOADED`), or the provider will
 * never do this (`ORDER_NOT_PAYABLE`); with whatever else when nobody knows.
 */
export interface PaymentGateway {
  readonly provider: 'sandbox' | 'stripe';
  /** Makes the order payable. @returns what the buyer's browser needs to pay it. */
  open(order: PaymentOrder): Promise<{ readonly clientSecret: string }>;
  /** The same of a payment that was opened; null where it cannot be paid. */
  clientSecret(paymentId: string): Promise<string | null>;
  /** That secret if this node knows it without asking anybody: for lists, which must not wait on the provider. */
  rememberedSecret(paymentId: string): string | null;
  /** Null for a payment that was never opened. */
  get(paymentId: string): Promise<Payment | null>;
  /** Takes the authorised money; `failed` when it never can. */
  capture(paymentId: string): Promise<Payment>;
  /**
   * Lets an authorisation go, and no later confirmation succeeds. A payment never heard of counts as cancelled; one that
   * cannot be cancelled any more stays as it is, `captured` or `pending`.
   */
  cancel(paymentId: string): Promise<Payment>;
  refund(refund: RefundOrder): Promise<RefundState>;
  /** Why no order of this amount could be paid, for a person; null if it can. */
  amountFault(amount: number, currency: string): string | null;
}
