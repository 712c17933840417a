import { parseScopedId } from '../../ids.ts';

/** What is kept of an event: which thing to look at. What it claims about that thing is not. */
export interface WebhookEvent {
  /** The provider's, unique. */
  readonly id: string;
  readonly type: string;
  /** Null: nothing is to be done. */
  readonly about: 'payment' | 'dispute' | null;
  /** The provider's id of what it tells of. */
  readonly objectId: string | null;
  /** The provider's id of the payment. */
  readonly intentId: string | null;
  /** Ours of the payment, if the event names it. */
  readonly paymentId: string | null;
}

/** Types of events that tell of orders which are final: nothing else would bring these news. */
export const FINAL_ORDER_TYPES: readonly string[] = [
  'charge.dispute.created',
  'charge.dispute.updated',
  'charge.dispute.closed',
  'charge.dispute.funds_withdrawn',
  'charge.dispute.funds_reinstated',
  'charge.refund.updated',
  'refund.updated',
  'refund.failed',
];

const PROVIDER_ID = /^\w{1,255}$/;
const TYPE = /^[a-z0-9_.]{1,100}$/;
const OF_PAYMENTS = /^(payment_intent|charge|refund)\./;
const OF_DISPUTES = /^charge\.dispute\./;

type Json = Readonly<Record<string, unknown>>;

const objectOf = (value: unknown): Json | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : null;

const providerId = (value: unknown): string | null =>
  typeof value === 'string' && PROVIDER_ID.test(value) ? value : null;

/**
 * Reads an event of the provider; null if it is none.
 * @param livemode of our key: what tells of the other mode's payments does not concern us, nor do other accounts' events
 */
export function readEvent(value: unknown, livemode: boolean): WebhookEvent | null {
  const event = objectOf(value);
  const id = providerId(event?.id);
  const type = event?.type;
  const object = objectOf(objectOf(event?.data)?.object);
  if (event === null || event.object !== 'event' || id === null || object === null) return null;
  if (typeof type !== 'string' || !TYPE.test(type)) return null;

  const isOurs = event.livemode === livemode && (event.account === undefined || event.account === null);
  const objectId = providerId(object.id);
  const intent = object.payment_intent;
  const intentId = type.startsWith('payment_intent.') ? objectId : providerId(objectOf(intent)?.id ?? intent);
  const named = objectOf(object.metadata)?.usher_payment;
  const paymentId = typeof named === 'string' && parseScopedId('pay', named) !== null ? named : null;
  const read = { id, type, objectId, intentId, paymentId };
  if (isOurs && OF_DISPUTES.test(type)) return { ...read, about: objectId === null ? null : 'dispute' };
  const isKnown = paymentId !== null || intentId !== null;
  return { ...read, about: isOurs && isKnown && OF_PAYMENTS.test(type) ? 'payment' : null };
}
