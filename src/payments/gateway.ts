/** What settlement needs of a payment provider. Every call may be repeated with the same arguments to the same effect. */
export type PaymentState =
  /** Nothing happened yet, or the last card was declined. */
  | 'open'
  /** The buyer must pass a challenge. */
  | 'challenge'
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

export interface PaymentGateway {
  readonly provider: 'sandbox' | 'stripe';
  /** What the buyer's browser needs to pay this payment. */
  clientSecret(paymentId: string): string;
  get(paymentId: string): Promise<Payment | null>;
  /** Takes the authorised money; `failed` when it never can. */
  capture(paymentId: string): Promise<Payment>;
  /** Lets an authorisation go, and no later confirmation succeeds. A payment never heard of counts as cancelled. */
  cancel(paymentId: string): Promise<void>;
}
