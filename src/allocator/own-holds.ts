import { scopedId } from '../ids.ts';
import { type Decision, refused } from './decision.ts';
import type { Show } from './show.ts';

/** The place of the buyer's own hold with this number and time, or -1. */
export function ownHold(show: Show, userId: string, hold: number, madeAt: number): number {
  const place = show.holds.place(hold);
  if (place < 0 || show.holds.at[place] !== madeAt) return -1;
  return show.holds.buyer[place] === show.buyers.find(userId) ? place : -1;
}

export const NO_HOLD: Decision = {
  kind: 'refused',
  refusal: { code: 'NOT_FOUND', detail: 'There is no such hold of yours.' },
  event: null,
};
export const HOLD_OVER: Decision = {
  kind: 'refused',
  refusal: { code: 'HOLD_EXPIRED', detail: 'The hold has ended; make a new one.' },
  event: null,
};

/** A hold that has an order is changed through that. */
export function inPayment(show: Show, place: number): Decision {
  const order = show.holds.order[place];
  const orderId = scopedId('ord', show.orders.at[order], show.id, order);
  return refused('HOLD_IN_PAYMENT', 'The hold has an order; pay or cancel that.', { orderId });
}
