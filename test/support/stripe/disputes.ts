import type { Account, ChargeRecord, DisputeRecord } from './account.ts';
import { newDispute } from './objects.ts';

/** The buyer's bank takes back what was captured, until the dispute is decided. */
export function openDispute(account: Account, charge: ChargeRecord): DisputeRecord {
  if (!charge.charge.captured || charge.dispute !== null) {
    throw new Error(`${charge.id} cannot be disputed: it is not captured, or was disputed before`);
  }
  const dispute = newDispute(account.newId('du'), account.seconds(), charge.charge);
  const record: DisputeRecord = { id: dispute.id, created: dispute.created, dispute, payment: charge.payment, charge };
  account.disputes.add(record);
  charge.dispute = record;
  charge.charge.disputed = true;
  account.emit('charge.dispute.created', dispute);
  account.emit('charge.dispute.funds_withdrawn', dispute);
  return record;
}

/** Won: the money comes back. Lost: it is gone. */
export function closeDispute(account: Account, { dispute }: DisputeRecord, outcome: 'won' | 'lost'): void {
  if (dispute.status === 'won' || dispute.status === 'lost')
    throw new Error(`${dispute.id} is ${dispute.status} already`);
  dispute.status = outcome;
  account.emit('charge.dispute.closed', dispute);
  if (outcome === 'won') account.emit('charge.dispute.funds_reinstated', dispute);
}
