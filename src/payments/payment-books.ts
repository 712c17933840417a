import type { DisputeStatus } from '../allocator/commands.ts';

/** One payment as the provider has it in its books. Money in minor units of `currency`. */
export interface BookedPayment {
  /** Ours, `pay_…`, as the provider was told it. */
  readonly paymentId: string;
  /** What the provider itself calls it. */
  readonly reference: string;
  /** What the buyer was to pay; null, as the currency, where the provider was never told. */
  readonly amount: number | null;
  /** As the catalogue writes it, `EUR`. */
  readonly currency: string | null;
  /** Whether the buyer can still pay it, or the bank is still to say. */
  readonly isOpen: boolean;
  /** Held for us and not taken. */
  readonly authorised: number;
  /** Taken from the buyer. */
  readonly captured: number;
  /** Given back or on the way. Never the release of what was only authorised. */
  readonly refunded: number;
  /** Refunds that failed: the money is still ours. */
  readonly failedRefunds: number;
  /** Claims of the buyer's bank. */
  readonly disputes: readonly BookedDispute[];
}

export interface BookedDispute {
  readonly id: string;
  readonly status: DisputeStatus;
  /** Taken back by the bank, for the time being or for good. */
  readonly withdrawn: number;
}

/** What a provider says of the money, for comparison with the journal. */
export interface PaymentBooks {
  /** As in messages to people: `sandbox`. */
  readonly provider: string;
  /** Every payment that is ours, in pages; of a payment that changes meanwhile either state. Rejects when it cannot be read. */
  all(): AsyncIterable<readonly BookedPayment[]>;
}
