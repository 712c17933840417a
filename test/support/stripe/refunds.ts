import type Stripe from 'stripe';
import type { Account, ChargeRecord, PaymentRecord, RefundRecord } from './account.ts';
import { checkDigits } from './currencies.ts';
import { invalid } from './errors.ts';
import { newRefund } from './objects.ts';
import { changed, type MetadataChange } from './parameters.ts';

export interface RefundParams {
  readonly amount?: number | undefined;
  readonly reason?: 'duplicate' | 'fraudulent' | 'requested_by_customer' | undefined;
  readonly metadata?: MetadataChange | undefined;
}

/** Gives money back, all that is left if no amount is named. */
export function createRefund(account: Account, charge: ChargeRecord, params: RefundParams): RefundRecord {
  const { payment } = charge;
  const left = charge.charge.amount - charge.charge.amount_refunded;
  const amount = params.amount ?? left;
  // Not documented for one that was won: the money is the seller's again.
  if (charge.charge.disputed && charge.dispute?.dispute.status !== 'won') {
    throw invalid(`Charge ${charge.id} has been charged back; cannot issue a refund.`, 'charge', 'charge_disputed');
  }
  if (left === 0) {
    throw invalid(`Charge ${charge.id} has already been refunded.`, 'charge', 'charge_already_refunded');
  }
  checkDigits(amount, charge.charge.currency, 'amount');
  if (amount > left) {
    throw invalid(`Refund amount (${amount}) is greater than unrefunded amount on charge (${left})`, 'amount');
  }
  const behaviour = payment.method?.behaviour;
  const fate = behaviour?.does === 'authorise' ? behaviour.later : undefined;
  const record = add(account, charge, {
    amount,
    balance_transaction: account.newId('txn'),
    metadata: changed({}, params.metadata),
    reason: params.reason ?? null,
    status: fate === 'refund-pends' ? 'pending' : 'succeeded',
  });
  if (record.refund.status === 'pending') record.refund.pending_reason = 'processing';
  account.emit('refund.created', record.refund);
  account.emit('charge.refunded', charge.charge);
  const { refundMs } = account.settings;
  if (refundMs !== null && (fate === 'refund-pends' || fate === 'refund-fails')) {
    const outcome = fate === 'refund-pends' ? 'succeed' : 'fail';
    account.agenda.add(account.now() + refundMs, () => {
      const isOpen = record.refund.status === (fate === 'refund-pends' ? 'pending' : 'succeeded');
      if (isOpen) finishRefund(account, record, outcome);
    });
  }
  return record;
}

export type RefundEnd = 'succeed' | 'fail' | 'cancel';

const ENDED = { succeed: 'succeeded', fail: 'failed', cancel: 'canceled' } as const;

/**
 * The bank pays out a refund, or sends it back: also one that had succeeded (docs.stripe.com/refunds#failed-refunds); or the
 * seller cancels it.
 */
export function finishRefund(account: Account, { refund, charge }: RefundRecord, outcome: RefundEnd): void {
  if (refund.status === 'failed' || refund.status === 'canceled') throw new Error(`${refund.id} has failed already`);
  delete refund.pending_reason;
  refund.status = ENDED[outcome];
  if (outcome !== 'succeed') {
    if (outcome === 'fail') refund.failure_reason = 'expired_or_canceled_card';
    refund.failure_balance_transaction = account.newId('txn');
    charge.charge.amount_refunded -= refund.amount;
    charge.charge.refunded = false;
  }
  account.emit('refund.updated', refund);
  account.emit('charge.refund.updated', refund);
  if (outcome === 'fail') account.emit('refund.failed', refund);
}

/** Lets go of money that was authorised and not taken: a refund by name, though no money moves. */
export function release(
  account: Account,
  payment: PaymentRecord,
  amount: number,
  reason: Stripe.Refund['reason'],
): void {
  if (payment.charge === null) throw new Error(`${payment.id} has nothing to let go`);
  add(account, payment.charge, { amount, balance_transaction: null, metadata: {}, reason, status: 'succeeded' });
}

function add(
  account: Account,
  charge: ChargeRecord,
  details: Pick<Stripe.Refund, 'amount' | 'balance_transaction' | 'metadata' | 'reason' | 'status'>,
): RefundRecord {
  const { payment } = charge;
  const refund = newRefund(account.newId('re'), account.seconds(), charge.charge, details);
  const isRelease = details.balance_transaction === null;
  const record: RefundRecord = { id: refund.id, created: refund.created, refund, payment, charge, isRelease };
  account.refunds.add(record);
  payment.refunds.add(record);
  charge.charge.amount_refunded += refund.amount;
  charge.charge.refunded = charge.charge.amount_refunded === charge.charge.amount;
  return record;
}
